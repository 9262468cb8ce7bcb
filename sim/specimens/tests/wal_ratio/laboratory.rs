//! The laboratory passes the system as it is, and finds each planted bug.

use std::time::Duration;

use lithify_sim::disk::model::MODELS;
use lithify_sim::disk::{FaultKind, Model};
use lithify_sim::run::generate::Recipe;
use lithify_sim::run::workload::{WORKLOADS, Workload, mixed};
use lithify_sim::search::campaign::{Campaign, Ledger};
use lithify_sim::search::crashes::Reach;
use lithify_sim::search::mutants::{Mutant, Search, hunt, mutants};
use lithify_sim::system::System;
use lithify_specimens::wal_ratio::WalRatioSystem;
use rayon::prelude::*;

static SYSTEM: WalRatioSystem = WalRatioSystem;

/// Limits the work on a very slow machine. On other machines the search ends before.
const LONGEST: Duration = Duration::from_secs(300);

/// Bugs that only bytes of an earlier file of the same generation reveal. Here such bytes need a
/// disk that lies, which excuses nearly everything. The code is shared with `data_file`, where a
/// trace reveals both.
const OF_EARLIER_FILES: &[&str] = &["salt-without-file-number", "file-number-not-fresh"];

fn campaign(model: &'static Model, workload: &'static Workload, faults: &[FaultKind]) -> Campaign {
    Campaign {
        recipe: Recipe {
            model,
            workload,
            faults: faults.to_vec(),
            ..Recipe::new(&SYSTEM)
        },
        models: vec![model],
        reach: Reach {
            max_images: 200,
            ..Reach::SMALL
        },
        determinism_one_in: 4,
        ..Campaign::new(&SYSTEM)
    }
}

fn pass(campaign: &Campaign, seeds: std::ops::Range<u64>) -> Ledger {
    let (ledger, found) = campaign.run(seeds);
    let name = campaign.recipe.workload.name;
    assert!(found.is_none(), "{name}: {found:?}");
    ledger
}

#[test]
fn every_workload_passes_with_crashes_everywhere() {
    for workload in mixed() {
        let ledger = pass(&campaign(Model::DEFAULT, workload, &[]), 0..12);
        assert!(
            ledger.recovered > 200,
            "{}: {}",
            workload.name,
            ledger.recovered
        );
    }
}

#[test]
fn every_model_of_a_disk_passes() {
    for model in MODELS {
        pass(&campaign(model, &WORKLOADS[0], &[]), 0..6);
    }
}

#[test]
fn every_workload_passes_with_every_kind_of_fault() {
    for workload in mixed() {
        pass(
            &campaign(Model::DEFAULT, workload, FaultKind::ALL),
            100..130,
        );
    }
}

#[test]
fn the_laboratory_finds_the_planted_bugs() {
    let search = Search {
        models: Search::published_models(),
        time: LONGEST,
        ..Search::new(&SYSTEM, Model::DEFAULT, 5)
    };
    let mutants = mutants(&SYSTEM);
    assert_eq!(mutants.len(), SYSTEM.bugs().len());
    let is_searched = |mutant: &&Mutant| !OF_EARLIER_FILES.contains(&mutant.about.name);
    let searched: Vec<&Mutant> = mutants.iter().filter(is_searched).collect();
    assert_eq!(searched.len() + OF_EARLIER_FILES.len(), mutants.len());
    searched.par_iter().for_each(|mutant| {
        let row = hunt(mutant, &search);
        assert!(row.killed, "{} is not found in {} runs", row.name, row.runs);
    });
}
