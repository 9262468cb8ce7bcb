//! The laboratory finds real faults and nothing else.
//!
//! The engine passes: a small scope is enumerated completely under every model, and
//! some seeds of every workload run with every kind of fault. A planted bug is found,
//! shrunk to a few lines and explained; the text is a reviewed snapshot. `sim mutants`
//! does the same for all bugs, which takes too long for this test.

use std::time::Duration;

use lithify_cli::systems::SYSTEMS;
use lithify_sim::disk::FaultKind;
use lithify_sim::disk::model::MODELS;
use lithify_sim::finding::explain::explain;
use lithify_sim::finding::shrink::shrink;
use lithify_sim::judge::Enabled;
use lithify_sim::judge::oracle::Oracle;
use lithify_sim::run::generate::Recipe;
use lithify_sim::run::workload::{WORKLOADS, Workload};
use lithify_sim::search::campaign::Campaign;
use lithify_sim::search::crashes::Reach;
use lithify_sim::search::scope::{Scope, enumerate};
use lithify_sim::stop::Stop;
use lithify_sim::system::Settings;

#[test]
fn three_commits_are_safe_whatever_happens_under_every_model() {
    for model in MODELS {
        let found = enumerate(&Scope {
            system: SYSTEMS[0],
            settings: Settings::from([("divisor".to_owned(), "2".to_owned())]),
            model,
            // Where nothing is ever durable, each commit multiplies the images.
            commits: if model.name == "lying-disk" { 2 } else { 3 },
            keyspaces: 2,
            max_images: 1 << 16,
            stop: Stop::never(),
        });
        assert!(
            found.finding.is_none(),
            "{}: {:?}",
            model.name,
            found.finding
        );
        assert!(found.is_complete(), "{}", model.name);
        assert!(
            found.states > 20 && found.ends > 0,
            "{}: {found:?}",
            model.name
        );
    }
}

fn campaign(workload: &'static Workload, faults: Vec<FaultKind>) -> Campaign {
    let system = SYSTEMS[0];
    Campaign {
        recipe: Recipe {
            workload,
            faults,
            ..Recipe::new(system)
        },
        reach: Reach {
            max_images: 200,
            ..Reach::SMALL
        },
        determinism_one_in: 4,
        ..Campaign::new(system)
    }
}

#[test]
fn some_seeds_of_every_workload_pass() {
    for workload in WORKLOADS {
        let campaign = campaign(workload, Vec::new());
        let (ledger, found) = campaign.run(0..4);
        assert!(found.is_none(), "{}: {found:?}", workload.name);
        assert!(
            ledger.recovered > 100,
            "{}: {}",
            workload.name,
            ledger.recovered
        );
    }
}

/// The special promises of one system must not be demanded of the others.
#[test]
fn some_seeds_of_every_system_pass() {
    for &system in SYSTEMS {
        for faults in [Vec::new(), FaultKind::ALL.to_vec()] {
            let mut campaign = campaign(&WORKLOADS[0], faults);
            campaign.recipe.system = system;
            let (_, found) = campaign.run(0..8);
            assert!(found.is_none(), "{}: {found:?}", system.name());
        }
    }
}

/// Two runs of one seed are equal, including the number of images.
#[test]
fn seeds_repeat() {
    let campaign = campaign(&WORKLOADS[1], FaultKind::ALL.to_vec());
    let count = || {
        let (ledger, found) = campaign.run([5]);
        let found = found.map(|found| found.plan.to_string());
        (found, ledger.recovered, ledger.operations, ledger.distinct)
    };
    assert_eq!(count(), count());
}

/// A correct store with too high costs shows only in the counts of the disk. With the
/// oracle that compares them each of these bugs is found; without it none is found.
#[cfg(feature = "planted-bugs")]
#[test]
fn what_costs_too_much_is_found_by_counting_alone() {
    let bugs = [
        ("lithify", "group-synced-apart"),
        ("lithify", "buffered-commits-synced"),
        ("lithify", "every-group-marked"),
        ("lithify", "rotated-early"),
        ("lithify", "segment-written-twice"),
        ("lithify", "switch-mark-synced"),
        ("lithify", "edits-get-new-manifest"),
        ("lithify", "removal-synced"),
        ("snapshot-log", "group-synced-apart"),
        ("snapshot-log", "snapshot-written-twice"),
        ("wal-ratio", "group-written-twice"),
        ("wal-ratio", "every-piece-synced"),
    ];
    for (system, bug) in bugs {
        let mut campaign = campaign(&WORKLOADS[1], Vec::new());
        let mut systems = SYSTEMS.iter();
        let system = systems.find(|known| known.name() == system);
        campaign.recipe.system = *system.expect("it is a system");
        campaign.reach.max_images = 0;
        campaign.bug = Some(bug);
        let (_, found) = campaign.run(0..60);
        let oracle = found.map(|found| found.finding.oracle);
        assert_eq!(oracle, Some(Oracle::Counters), "{bug}");
        campaign.enabled = Enabled::without([Oracle::Counters]);
        let (_, found) = campaign.run(0..20);
        assert!(found.is_none(), "{bug}: {found:?}");
    }
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_planted_bug_is_found_shrunk_and_explained() {
    let mut campaign = campaign(&WORKLOADS[0], Vec::new());
    campaign.bug = Some("old-manifest-removed-early");
    let (_, found) = campaign.run(0..400);
    let found = found.expect("the bug is found");
    let shrunk = shrink(&found.plan, Stop::after(Duration::from_secs(600))).expect("it fails");
    assert!(!shrunk.is_cut_short);
    let explained = explain(&shrunk.plan, &Stop::never()).expect("it fails");
    let pivots = explained.pivots;
    let pivots: Vec<String> = pivots.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(format!("{}\n{}", shrunk.plan, pivots.join("\n")));
}
