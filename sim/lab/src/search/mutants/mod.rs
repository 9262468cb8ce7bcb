//! Planted bugs against the laboratory: who finds what, how, and how fast.
//!
//! For each bug, in a fixed order of *arenas* (no fault but crashes, then one kind of
//! fault after the other), seeds are run until something objects. What a bug is found by
//! says which oracle and which arena earn their keep. A bug that nothing finds is a hole
//! in the laboratory, unless it is *proven* to change nothing in everything that can
//! happen to small histories: see `proof`.

mod alone;
mod arena;
mod cpu_time;
mod hunt;
mod proof;

pub use hunt::{Row, Search, hunt};
pub use proof::Proof;

use crate::disk::SkippedBarrier;
use crate::planted::Planted;
use crate::system::System;

/// A bug and how it is planted.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What is known of it.
    pub about: Planted,
    /// A barrier that is taken out by the file system, instead of code that changes.
    pub skipped: Option<SkippedBarrier>,
}

/// The bugs in the code of a system. [`crate::search::economy`] makes others out of its barriers.
#[must_use]
pub fn mutants(system: &'static dyn System) -> Vec<Mutant> {
    let in_code = system.bugs().into_iter().map(|about| Mutant {
        about,
        skipped: None,
    });
    in_code.collect()
}
