//! A test of a store in one line.

use crate::finding::signature::Diagnosis;
use crate::search::campaign::{Ledger, Mixture};
use crate::system::System;

/// The number of seeds: enough for every workload, and for most faults at most places
/// of a small store.
const SEEDS: u64 = 64;

/// Runs a store through workloads, schedules, faults, and crashes at every point, with
/// all oracles. The runs are the same in every test.
///
/// ```
/// # use lithify_sim::systems::lithify::Lithify as MySystem;
/// # fn a_test() {
/// lithify_sim::check(&MySystem);
/// # }
/// ```
///
/// [`Mixture`] has other models, workloads and faults. `cli::main` (feature `cli`) has
/// all of them as a command.
///
/// # Panics
/// With the first finding, a short trace of it, and what had to go wrong.
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
