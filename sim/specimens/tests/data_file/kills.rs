//! Plants each bug and records which check of the laboratory finds it first.
//!
//! The table is a snapshot, so an oracle that stops finding bugs shows as a changed line. Bugs
//! that only the weakest disks reveal are searched there.

use std::time::Duration;

use lithify_sim::disk::Model;
use lithify_sim::finding::replay::replay;
use lithify_sim::finding::traces::parse;
use lithify_sim::search::mutants::{Mutant, Row, Search, hunt, mutants};
use lithify_specimens::data_file::DataFileSystem;
use rayon::prelude::*;

/// Bugs that only a partly lost rename reveals.
const OF_HALF_RENAMES: &[&str] = &["no-backup", "old-removed-before-swap-durable"];

/// Bugs that only bytes of an earlier file of the same generation reveal. Since openings
/// separate the commits within one file, such bytes are too rare for a search as short as
/// this one. So a trace reveals these bugs.
const OF_EARLIER_FILES: &[&str] = &["salt-without-file-number", "file-number-not-fresh"];

/// The trace that reveals them.
const EARLIER_FILE: &str =
    include_str!("../../../../tests/traces/leftover-passes-in-the-next-file.sim");

/// Replays that trace with a bug, and returns the oracle that reports a finding.
fn replayed(name: &str) -> Option<&'static str> {
    let text = EARLIER_FILE.replace("\nseed 0\n", &format!("\nseed 0\nbug {name}\n"));
    let plan = parse(&[&DataFileSystem], &text).expect("it is a trace");
    assert!(plan.bug.is_some(), "the bug is planted");
    let outcome = replay(&plan, false).expect("it can be replayed");
    outcome.finding.map(|finding| finding.oracle.name())
}

/// Limits the work on a very slow machine. On other machines the search ends before.
const LONGEST: Duration = Duration::from_secs(300);

fn look(mutant: &Mutant, model: &str) -> Row {
    let model = Model::named(model).expect("the model exists");
    let search = Search {
        time: LONGEST,
        ..Search::new(&DataFileSystem, model, 5)
    };
    hunt(mutant, &search)
}

/// What finds the bug: a model and an oracle, with the fault that it needs, or the trace of an earlier
/// file.
fn found_by(mutant: &Mutant) -> Option<String> {
    let name = mutant.about.name;
    if OF_EARLIER_FILES.contains(&name) {
        return replayed(name).map(|oracle| format!("its trace, by {oracle}"));
    }
    let model = match OF_HALF_RENAMES.contains(&name) {
        true => "paranoid",
        false => "posix-min",
    };
    let row = look(mutant, model);
    let text = |text: Option<String>| text.unwrap_or_default();
    row.killed
        .then(|| format!("{model}, {} by {}", text(row.fault), text(row.oracle)))
}

#[test]
fn every_planted_bug_is_found() {
    let mutants = mutants(&DataFileSystem);
    let found: Vec<_> = mutants.par_iter().map(found_by).collect();
    let mut table = String::new();
    let mut missed = Vec::new();
    for (mutant, by) in mutants.iter().zip(found) {
        let (pattern, name) = (mutant.about.pattern, mutant.about.name);
        match by {
            Some(by) => table += &format!("{pattern} {name}: {by}\n"),
            None => missed.push(name),
        }
    }
    insta::assert_snapshot!(table);
    assert_eq!(missed, Vec::<&str>::new(), "nothing finds these");
}
