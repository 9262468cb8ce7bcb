//! The dependencies of a crate that uses the laboratory: no planted bug in its engine,
//! no command line unless requested, and nothing that depends on the laboratory.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "asks cargo what a dependent builds"
)]

use std::path::Path;
use std::process::Command;

/// The packages and features of a crate that depends on the engine and, with
/// `laboratory`, on the laboratory.
fn tree(laboratory: &str) -> String {
    let sim = Path::new(env!("CARGO_MANIFEST_DIR"));
    let engine = sim.ancestors().nth(2).expect("it is in the repository");
    let user = tempfile::tempdir().expect("there is room");
    let manifest = format!(
        "[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nlithify = {{ path = {engine:?} }}\n\
         lithify-sim = {{ path = {sim:?}, {laboratory} }}\n"
    );
    let write = |name: &str, text: &[u8]| {
        std::fs::write(user.path().join(name), text).expect("there is room");
    };
    write("Cargo.toml", manifest.as_bytes());
    // The versions of this repository, so that nothing is downloaded.
    let lock = std::fs::read(engine.join("Cargo.lock")).expect("it is part of the repository");
    write("Cargo.lock", &lock);
    std::fs::create_dir(user.path().join("src")).expect("there is room");
    write("src/lib.rs", b"");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal,features"])
        .current_dir(user.path())
        .output()
        .expect("cargo runs this test");
    let text = String::from_utf8(output.stdout).expect("it is text");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    text
}

#[test]
fn depending_on_the_laboratory_plants_no_bug() {
    let usual = tree("features = []");
    assert!(usual.contains("lithify-sim"), "{usual}");
    assert!(!usual.contains("planted-bugs"), "{usual}");
    // This shows that the check above can fail.
    let asked = tree("features = [\"planted-bugs\"]");
    assert!(
        asked.contains("lithify feature \"planted-bugs\""),
        "{asked}"
    );
}

#[test]
fn the_laboratory_alone_builds_no_parser_and_no_package_above_it() {
    let with_commands = tree("features = [\"cli\"]");
    assert!(with_commands.contains("clap v") && with_commands.contains("maud v"));
    let above = ["cli", "policies", "specimens"].map(|name| format!("lithify-{name} v"));
    let packages = [
        "clap v",
        "ctrlc v",
        "humantime v",
        "indicatif v",
        "maud v",
        "mimalloc v",
        "quick-xml v",
    ];
    for laboratory in ["features = []", "default-features = false"] {
        let bare = tree(laboratory);
        for package in packages.into_iter().chain(above.iter().map(String::as_str)) {
            assert!(!bare.contains(package), "{package}: {bare}");
        }
    }
}
