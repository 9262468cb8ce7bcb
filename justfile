# Shortcuts; each recipe is one command that can be typed as well.

test:
    cargo test

lint:
    cargo fmt --all --check && cargo clippy --workspace --exclude lithify-bench --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# The benchmarks that need no peers: the floor, single operations, threads, the lab.
bench:
    cargo bench -p lithify

# lithify and its peers in turn: half an hour. `just peers --quick` tries it in a minute or two.
peers *arguments:
    cargo bench -p lithify-bench --features peers -- {{arguments}}

smoke:
    .ci/smoke

simulate:
    .ci/simulate

# Every command of README.md.
documented:
    .ci/documented

# The pages of --report in Chromium; `just browser --pictures` takes those of the README.
browser *arguments:
    .ci/browser {{arguments}}

import-demo:
    cargo run --release -- import-git --repo . --store target/demo

# Every interleaving of the threaded driver's protocols, with more preemptions than
# `cargo test` allows: minutes.
model-threads:
    LOOM_MAX_PREEMPTIONS=4 cargo test --release --test threads_model

# Needs a nightly toolchain and cargo-fuzz; the targets are in fuzz/fuzz_targets.
fuzz target:
    cargo +nightly fuzz run {{target}}

ci:
    .ci/run

# Accept the snapshots as they are now, then read `git diff`.
golden:
    INSTA_UPDATE=always cargo test
