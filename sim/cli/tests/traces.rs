//! The corpus: every trace in `tests/traces` does what its last line expects.
//!
//! A fault of the engine that the laboratory finds becomes a trace there before it is
//! fixed, so each file begins with the story of one fault. A trace holds operations,
//! schedule, faults and crash as data; it does not depend on how seeds become plans.

use std::path::{Path, PathBuf};

use lithify_cli::systems::parse;
use lithify_sim::finding::replay::replay;

fn traces() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/traces");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the corpus is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sim"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_trace_does_what_it_says() {
    let traces = traces();
    assert!(!traces.is_empty());
    for path in traces {
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let plan = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let outcome =
            replay(&plan, false).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            outcome.holds(plan.expectation),
            "{} expects {:?} and has {:?}",
            path.display(),
            plan.expectation,
            outcome.finding
        );
    }
}

#[test]
fn every_trace_tells_its_story_and_prints_as_it_was() {
    for path in traces() {
        let text = std::fs::read_to_string(&path).expect("it can be read");
        assert!(text.starts_with("// "), "{} has no story", path.display());
        let lines = text.lines().filter(|line| !line.starts_with("//"));
        let content: String = lines.map(|line| format!("{line}\n")).collect();
        assert_eq!(parse(&text).expect("it is a trace").to_string(), content);
    }
}
