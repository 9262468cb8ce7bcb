//! Planted bugs as a test of the laboratory: which oracle finds which bug, where, and
//! how fast.
//!
//! For each bug, seeds run in a fixed order of *arenas* (first crashes only, then one
//! kind of fault after the other) until an oracle objects. The results show which
//! oracles and arenas are useful. A bug that is not found is a gap in the laboratory,
//! unless it is *proven* to change nothing in everything that can happen to small
//! histories: see `proof`.

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

/// A bug, and how it is planted.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What is known about the bug.
    pub about: Planted,
    /// A barrier that the file system ignores, instead of a change in the code.
    pub skipped: Option<SkippedBarrier>,
}

/// The bugs in the code of a system. [`crate::search::economy`] makes others by
/// removing barriers.
#[must_use]
pub fn mutants(system: &'static dyn System) -> Vec<Mutant> {
    let in_code = system.bugs().into_iter().map(|about| Mutant {
        about,
        skipped: None,
    });
    in_code.collect()
}
