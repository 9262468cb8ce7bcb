//! The page `design/tutorial.md`, played.

use std::process::Command;

use super::blocks::{Block, Content, blocks};
use super::play::Place;
use super::{read, root};

/// The blocks of the page below these headings.
fn sections(headings: &[&str]) -> Vec<Block> {
    let mut blocks = blocks(&read("design/tutorial.md")).unwrap_or_else(|why| panic!("{why}"));
    blocks.retain(|block| headings.contains(&block.section.as_str()));
    // Headings that were written in another way must not pass for a page without blocks.
    let commands = blocks.iter().filter_map(|block| match &block.content {
        Content::Commands(commands) => Some(commands.len()),
        _ => None,
    });
    assert!(commands.sum::<usize>() > 4, "the page has other sections");
    blocks
}

/// `PATH` with the binary under test in front.
pub(crate) fn path() -> String {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_lithify"));
    let cargo = std::path::Path::new(env!("CARGO"));
    let first = [binary, cargo].map(|program| program.parent().expect("it is in a directory"));
    let [binary, cargo] = first.map(|directory| directory.display().to_string());
    let rest = std::env::var("PATH").expect("there are programs");
    format!("{binary}:{cargo}:{rest}")
}

/// Whether `strace` can be used here. If not, says that a test was skipped.
pub(crate) fn records() -> bool {
    let scratch = tempfile::tempdir().expect("there is room");
    std::fs::create_dir(scratch.path().join("data")).expect("there is room");
    let mut record = Command::new(env!("CARGO_BIN_EXE_lithify"));
    let record = record.current_dir(scratch.path());
    let output = record
        .args(["record", "--dir", "data", "--out", "run.rec", "--", "true"])
        .output();
    let output = output.expect("the binary runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    let lacks = output.status.code() == Some(6) && errors.contains("strace");
    if lacks {
        eprintln!("skipped: {errors}");
    }
    !lacks
}

#[test]
fn a_program_in_any_language() {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: the program of the page is in Python");
        return;
    }
    if !records() {
        return;
    }
    let directory = tempfile::tempdir().expect("there is room");
    let mut place = Place::new(directory.path());
    place.environment = vec![("PATH", path())];
    let played = place.play(&sections(&["A program in any language"]));
    played.unwrap_or_else(|why| panic!("{why}"));
}

#[test]
#[ignore = "compiles a crate and its dependencies, which takes minutes: .ci/documented runs it"]
fn an_engine_of_your_own() {
    let directory = tempfile::tempdir().expect("there is room");
    let beside = directory.path().join("lithify");
    std::os::unix::fs::symlink(root(), beside).expect("the name is free");
    // Kept builds would grow with each run: an engine at another path is another engine for cargo.
    let built = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room");
    let mut place = Place::new(directory.path());
    place.environment = vec![
        ("PATH", path()),
        ("CARGO_NET_OFFLINE", "true".to_owned()),
        ("CARGO_INCREMENTAL", "0".to_owned()),
        ("CARGO_TARGET_DIR", built.path().display().to_string()),
    ];
    place.lock = Some(root().join("Cargo.lock"));
    let played = place.play(&sections(&["Your own engine"]));
    played.unwrap_or_else(|why| panic!("{why}"));
}
