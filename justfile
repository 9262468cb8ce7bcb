# Shortcuts; each recipe is one command that can be typed as well.

test:
    cargo test --workspace

lint:
    cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

bench:
    cargo bench --workspace

smoke:
    .ci/smoke

ci:
    .ci/run

# Accept the snapshots as they are now, then read `git diff`.
golden:
    INSTA_UPDATE=always cargo test --workspace
