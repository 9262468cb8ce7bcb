//! A store of one's own as one line in a test.

use crate::finding::signature::Diagnosis;
use crate::search::campaign::{Ledger, Mixture};
use crate::system::System;

/// How many seeds are run: enough for every workload, and for most faults at most places of
/// a small store.
const SEEDS: u64 = 64;

/// Runs a store through workloads, schedules, faults, and crashes at every point, under all
/// oracles; always the same ones.
///
/// ```
/// # use lithify_sim::systems::lithify::Lithify as MySystem;
/// # fn a_test() {
/// lithify_sim::check(&MySystem);
/// # }
/// ```
///
/// [`Mixture`] has other models, workloads and faults; `cli::main` (feature `cli`) all of
/// that as a command.
///
/// # Panics
/// With the first finding, the shortest trace of it that is soon found, and what had to go
/// wrong.
pub fn check(system: &'static dyn System) {
    let mixture = Mixture::new(system);
    let mut ledger = Ledger::default();
    for seed in 0..SEEDS {
        let Some(found) = mixture.campaign(seed).seed(seed, &mut ledger) else {
            continue;
        };
        let diagnosis = Diagnosis::of_found(&found);
        panic!(
            "{}, seed {seed}: {}\n{}\n{}\n\n{}",
            system.name(),
            found.finding,
            diagnosis.signature,
            diagnosis.why.join("\n"),
            diagnosis.trace,
        );
    }
}
