//! A failing trace of a thousand lines becomes a few.
//!
//! The failure is one that a missing barrier makes: the store's directory is never
//! synced, and a crash loses a name. How long it takes is in the benchmark; here only the
//! size is checked.

use std::time::Duration;

use lithify_sim::campaign::{Campaign, Ledger};
use lithify_sim::crashes::Reach;
use lithify_sim::generate::Recipe;
use lithify_sim::judge::Enabled;
use lithify_sim::shrink::shrink;
use lithify_sim::simfs::{Model, SkippedBarrier};
use lithify_sim::system::Settings;
use lithify_sim::systems::SYSTEMS;
use lithify_sim::workload::{WORKLOADS, Workload};

static LONG: Workload = Workload {
    name: "long",
    operations: 400,
    ..WORKLOADS[1]
};

#[test]
fn a_thousand_lines_become_a_dozen_at_most() {
    let campaign = Campaign {
        recipe: Recipe {
            system: SYSTEMS[0],
            model: Model::DEFAULT,
            workload: &LONG,
            faults: Vec::new(),
            order: None,
            fixed: Settings::new(),
            // The manifest is not synced where a publication writes it.
            skipped: vec![SkippedBarrier {
                verb: "sync_data".to_owned(),
                file: "manifest-".to_owned(),
                after: String::new(),
            }],
        },
        models: vec![Model::DEFAULT],
        reach: Reach {
            recoveries_one_in: 0,
            most_images: 100_000,
            ..Reach::SMALL
        },
        enabled: Enabled::default(),
        bug: None,
        determinism_one_in: 0,
    };
    let mut ledger = Ledger::default();
    let found = (0..8)
        .find_map(|seed| campaign.seed(seed, &mut ledger))
        .expect("a missing barrier is found");
    // What comes before the damage is long too: other commits, callbacks and steps.
    let mut plan = found.plan.clone();
    let filler: Vec<_> =
        lithify_sim::generate::generate(&campaign.recipe, lithify_sim::keyed::Seed(99))
            .actions
            .into_iter()
            .filter(|action| !matches!(action, lithify_sim::plan::Action::Set(..)))
            .collect();
    let mut padded = plan.clone();
    padded.actions.splice(0..0, filler);
    if padded.actions.len() > plan.actions.len()
        && lithify_sim::replay::replay(&padded, false)
            .is_ok_and(|replay| replay.holds(padded.expectation))
    {
        plan = padded;
    }
    let shrunk = shrink(&plan, Duration::from_secs(600)).expect("it fails");
    println!(
        "{} lines became {} in {} runs",
        plan.actions.len(),
        shrunk.plan.actions.len(),
        shrunk.runs
    );
    assert!(shrunk.plan.actions.len() <= 12, "{}", shrunk.plan);
}
