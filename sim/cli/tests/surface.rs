//! Every public call of the engine must have a judge.
//!
//! The table in `design/lab.md` names for each call the oracle that judges it and a
//! planted bug that this oracle finds, or the test that checks a law about it. This
//! test reads the public calls from the engine's sources and compares them with the
//! table. It fails if a call is missing, named twice or removed, and if an oracle, bug
//! or test does not exist. `sim mutants` shows that each bug is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lithify_cli::systems::SYSTEMS;
use lithify_sim::judge::oracle::Oracle;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every source file of the engine with public calls for users.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    // Planted bugs are not shipped; file systems have conformance cases.
    const LEFT_OUT: [&str; 5] = ["planted", "planted.rs", "marks.rs", "fs", "fuzzing.rs"];
    let entries = fs::read_dir(directory).expect("the sources are there");
    let mut paths: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("");
        if LEFT_OUT.contains(&name) || name == "fs.rs" {
            continue;
        }
        match path.is_dir() {
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

/// The public calls of a file, as `Type::call` or `module::call`. A lint forbids `pub`
/// for items that are not reachable from outside.
fn public_calls(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a source is text");
    let module = path.file_stem().and_then(|it| it.to_str()).unwrap_or("");
    let mut of = String::new();
    let mut calls = Vec::new();
    // A module for tests may be above the calls; the tests of a file are at its end.
    for line in text.lines().take_while(|line| *line != "mod tests {") {
        if let Some(rest) = line.strip_prefix("impl") {
            let rest = rest.rsplit(" for ").next().unwrap_or(rest);
            let name = rest.trim_start_matches(|it: char| it != ' ').trim_start();
            let is_of_name = |it: &char| it.is_alphanumeric();
            of = name.chars().take_while(is_of_name).collect();
        }
        let is_inside = line.starts_with("    ");
        let text = line.trim_start().replacen("pub const fn ", "pub fn ", 1);
        let Some(rest) = text.strip_prefix("pub fn ") else {
            continue;
        };
        let call: String = rest
            .chars()
            .take_while(|it| it.is_alphanumeric() || *it == '_')
            .collect();
        let of = if is_inside { of.as_str() } else { module };
        calls.push(format!("{of}::{call}"));
    }
    calls
}

struct Row {
    calls: Vec<String>,
    judge: String,
    bug: String,
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(root().join("design/lab.md")).expect("the page is there");
    let (_, section) = text
        .split_once("\n## Every public call\n")
        .expect("the page has the section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "a row has three cells: {line}");
        let calls = cells[0]
            .split(", ")
            .map(|it| it.trim_matches('`').to_owned());
        Row {
            calls: calls.collect(),
            judge: cells[1].to_owned(),
            bug: cells[2].to_owned(),
        }
    };
    rows.map(row).collect()
}

#[test]
fn every_public_call_has_one_row() {
    let mut paths = Vec::new();
    sources(&root().join("src"), &mut paths);
    let public: BTreeSet<String> = paths.iter().flat_map(|path| public_calls(path)).collect();
    assert!(
        public.len() > 100,
        "the sources were read: {}",
        public.len()
    );
    let mut listed = BTreeSet::new();
    for call in table().into_iter().flat_map(|row| row.calls) {
        assert!(listed.insert(call.clone()), "{call} has two rows");
    }
    let missing: Vec<_> = public.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&public).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "without a row in design/lab.md: {missing:?}; no public call of the engine: {gone:?}"
    );
}

#[test]
fn every_row_names_a_judge_that_there_is() {
    let bugs: BTreeSet<&str> = (SYSTEMS.iter())
        .flat_map(|system| system.bugs())
        .map(|bug| bug.name)
        .collect();
    for Row { calls, judge, bug } in table() {
        if judge.ends_with(".rs") {
            assert!(root().join(&judge).is_file(), "{calls:?}: no file {judge}");
            assert!(bug.is_empty(), "{calls:?}: a test finds no planted bug");
            continue;
        }
        assert!(
            Oracle::named(&judge).is_some(),
            "{calls:?}: no oracle {judge}"
        );
        assert!(
            bugs.contains(bug.as_str()),
            "{calls:?}: no planted bug {bug}"
        );
    }
}
