//! Plants each bug and records which checks find it.
//!
//! The table is a snapshot, so a check that stops finding bugs, or a bug that becomes
//! harmless, shows as a changed line.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lithify_sim::disk::FaultKind;
use lithify_sim::planted;
use lithify_sim::run::workload::mixed;
use lithify_sim::search::campaign::Campaign;
use lithify_sim::system::System;
use lithify_specimens::snapshot_log::SnapshotLogSystem;
use rayon::prelude::*;

use crate::bits::flip;
use crate::crashes::{FIRST_LIFE, Search, search};
use crate::faults::strike;
use crate::script::{Script, scripts};
use crate::verdict::Finding;

/// The models under which bugs are searched. `prefix-only` shows what the comparison misses.
const MODELS: [&str; 5] = [
    "posix-min",
    "paranoid",
    "ext4-ordered",
    "strict-ordered",
    "prefix-only",
];

/// One crash is enough: the image is opened, written to and opened again.
fn hunt_crashes(model: &str) -> Result<(), Finding> {
    for script in scripts() {
        let script = Script {
            crashes: 1,
            ..script
        };
        search(&script, Search::new(model, FIRST_LIFE))
            .map_err(|Finding(text)| Finding(format!("{}: {text}", script.name)))?;
    }
    Ok(())
}

fn hunt_faults() -> Result<(), Finding> {
    for kind in FaultKind::ALL {
        for script in scripts() {
            strike(&script, *kind)
                .map_err(|Finding(text)| Finding(format!("{}: {text}", script.name)))?;
        }
    }
    Ok(())
}

fn hunt_bits() -> Result<(), Finding> {
    for script in scripts() {
        flip(&script).map_err(|Finding(text)| Finding(format!("{}: {text}", script.name)))?;
    }
    Ok(())
}

/// Drawn histories without a crash. Settings change at reopening, and the bytes and syncs on
/// the disk are compared with the costs of the history.
fn hunt_drawn() -> Result<(), Finding> {
    for workload in mixed() {
        let mut campaign = Campaign::new(&SnapshotLogSystem);
        campaign.reach.max_images = 0;
        campaign.recipe.workload = workload;
        if let (_, Some(found)) = campaign.run(0..150) {
            return Err(Finding(found.finding.to_string()));
        }
    }
    Ok(())
}

/// Whether a hunt finds the bug. A panic is also a finding.
fn finds(bug: &'static str, hunt: impl FnOnce() -> Result<(), Finding>) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(|| planted::with(Some(bug), hunt)));
    !matches!(outcome, Ok(Ok(())))
}

/// These bugs need bytes of an earlier file, or a name, that come back after two crashes with
/// a client between them. The scripts are too short for that, and the drawn histories have no
/// crash images. `sim mutants` finds these bugs. The traces
/// `tests/traces/segment-that-lost-its-name.sim`, `identity-outlives-its-segment.sim` and
/// `leftover-passes-in-the-next-file.sim` show such histories.
const OF_SEARCHES: &[&str] = &[
    "name-synced-late",
    "salt-without-file-number",
    "salt-without-identity",
    "identity-removed-early",
];

/// The checks that find a bug. The cheapest ones come first.
fn hunts_that_find(bug: &'static str) -> Vec<&'static str> {
    let mut by: Vec<&str> = MODELS
        .into_iter()
        .filter(|model| finds(bug, || hunt_crashes(model)))
        .collect();
    if finds(bug, hunt_faults) {
        by.push("faults");
    }
    if finds(bug, hunt_bits) {
        by.push("bits");
    }
    // Drawn histories cost the most and change with every workload, so they are used only for
    // bugs that no other check finds.
    if by.is_empty() && OF_SEARCHES.contains(&bug) {
        by.push("searches");
    } else if by.is_empty() && finds(bug, hunt_drawn) {
        by.push("drawn");
    }
    by
}

/// A bug is planted for one thread, so each thread searches for one bug after another.
#[test]
fn every_planted_bug_is_found() {
    let bugs = SnapshotLogSystem.bugs();
    let rows: Vec<_> = bugs
        .par_iter()
        .map(|bug| hunts_that_find(bug.name))
        .collect();
    let mut table = String::new();
    let mut missed = Vec::new();
    for (bug, by) in bugs.iter().zip(&rows) {
        if by.is_empty() {
            missed.push(bug.name);
        }
        table += &format!("{} {}: {}\n", bug.pattern, bug.name, by.join(", "));
    }
    insta::assert_snapshot!(table);
    assert_eq!(missed, Vec::<&str>::new(), "nothing finds these");
}
