//! Every disk call fails once, at every place, in every way in which it can fail.
//!
//! For every system, with its default settings and with buffered commits: nothing is
//! lost, no answer is wrong, and no error is swallowed. Planted bugs that swallow an
//! error on one path only are found, so the enumeration reaches these paths.

use lithify_cli::systems::SYSTEMS;
use lithify_sim::disk::Model;
use lithify_sim::judge::oracle::Oracle;
use lithify_sim::search::single_faults::{Faulted, enumerate};
use lithify_sim::system::{Settings, System, planted_in};
use lithify_sim::systems::lithify::Lithify;
use rayon::prelude::*;

fn faulted(system: &'static dyn System, durability: Option<&str>) -> Faulted {
    let chosen = durability.map(|value| ("durability".to_owned(), value.to_owned()));
    let settings = chosen.into_iter().collect::<Settings>();
    enumerate(system, &settings, Model::DEFAULT)
}

/// Every system with the durabilities that it has.
fn systems() -> Vec<(&'static dyn System, Option<&'static str>)> {
    let durabilities = |system: &'static dyn System| -> &[Option<&str>] {
        let has_durability = (system.settings().iter()).any(|it| it.name == "durability");
        match has_durability {
            true => &[Some("synced"), Some("buffered")],
            false => &[None],
        }
    };
    let systems = SYSTEMS
        .iter()
        .map(|system| (*system, durabilities(*system)));
    let each = |(system, durabilities): (_, &'static [_])| {
        durabilities.iter().map(move |it| (system, *it))
    };
    systems.flat_map(each).collect()
}

#[test]
fn no_single_fault_does_harm() {
    systems().into_par_iter().for_each(|(system, durability)| {
        let found = faulted(system, durability);
        if let Some((finding, plan)) = found.finding {
            panic!("{}: {finding}\n{plan}", system.name());
        }
        // There are nineteen kinds of faults, and many more operations.
        assert!(found.runs > 100, "{}: {} runs", system.name(), found.runs);
    });
}

#[test]
fn errors_that_are_swallowed_on_one_path_are_found() {
    for bug in [
        "failed-write-repeated",
        "directory-sync-error-ignored",
        "remove-error-ignored",
        "list-error-is-empty",
    ] {
        let found = planted_in(&Lithify, bug, || faulted(&Lithify, Some("synced")));
        let finding = found
            .finding
            .unwrap_or_else(|| panic!("{bug} is not found"))
            .0;
        assert_ne!(finding.oracle, Oracle::Determinism, "{bug}: {finding}");
    }
}
