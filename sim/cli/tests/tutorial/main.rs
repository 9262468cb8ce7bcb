//! What other projects copy: the page `design/tutorial.md`, the action, and the workflows.
//!
//! Every file of the page is written and every command of it is run; exit codes and lines of output are those that the
//! page shows. The part of the page that compiles an engine takes minutes, so `.ci/documented` runs it. What can be known
//! of workflows without GitHub is checked: their YAML, their pins, their inputs, the flags of their command lines; and
//! the scripts of the action run here, with a `cargo` that starts the laboratory of this binary.
//!
//! Nothing here knows whether GitHub accepts a file. A check of this folder is a function that returns complaints, and
//! each has a test with something wrong.

mod blocks;
mod commands;
mod page;
mod play;
// The action is for Linux: its scripts need a newer bash than macOS has.
#[cfg(target_os = "linux")]
mod scripts;
mod workflows;
mod yaml;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).expect("it is in the repository");
    root.to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
