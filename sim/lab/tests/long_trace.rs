//! A failing trace of a thousand lines is shrunk to a few lines.
//!
//! The failure is a missing barrier: the log is never synced, and a crash at the end
//! loses acknowledged commits. The benchmark of the laboratory measures the time; this
//! test only checks the size.

use std::time::Duration;

use lithify_sim::disk::{Model, SkippedBarrier};
use lithify_sim::finding::replay::replay;
use lithify_sim::finding::shrink::shrink;
use lithify_sim::keyed::Seed;
use lithify_sim::run::generate::{Recipe, generate};
use lithify_sim::run::plan::{Action, Crash, Survivors};
use lithify_sim::run::workload::{WORKLOADS, Workload};
use lithify_sim::stop::Stop;
use lithify_sim::system::Settings;
use lithify_sim::systems::lithify::Lithify;

const LINES: usize = 1000;

static LONG: Workload = Workload {
    name: "long",
    operations: 600,
    ..WORKLOADS[1]
};

#[test]
fn a_thousand_lines_become_a_dozen_at_most() {
    let recipe = Recipe {
        system: &Lithify,
        model: Model::DEFAULT,
        workload: &LONG,
        faults: Vec::new(),
        order: None,
        fixed: Settings::from([("durability".to_owned(), "synced".to_owned())]),
        skipped: vec![SkippedBarrier {
            verb: "sync_data".to_owned(),
            file: "wal-".to_owned(),
            after: String::new(),
        }],
    };
    let mut plan = generate(&recipe, Seed(1));
    assert!(plan.actions.len() >= LINES, "{}", plan.actions.len());
    plan.actions.truncate(LINES - 1);
    plan.actions.push(Action::Crash(Crash {
        before: None,
        survivors: Survivors::Only(Vec::new()),
        fill: "zero".to_owned(),
    }));
    let finding = replay(&plan, false).expect("no bug is named").finding;
    assert!(
        finding.is_some(),
        "a log that is never synced loses commits"
    );
    let shrunk = shrink(&plan, Stop::after(Duration::from_secs(600))).expect("it fails");
    assert!(shrunk.plan.actions.len() <= 12, "{}", shrunk.plan);
}
