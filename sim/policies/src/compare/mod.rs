//! The policy laboratory: the costs of a compaction policy on a history of commits.
//!
//! A simulated store holds segments with real keys, sizes and versions. It performs the jobs
//! of a policy (`crate::policies`) when events arrive, in order or out of order. Merges keep
//! the newest version of a key, and every byte is counted. There is no disk, so the results
//! are amounts of work and not times.
//!
//! Reading order: `history` (the input), `workloads`, `git` (its sources), `store` and
//! `merge` (the simulation), `run` (the order of events), `measured` and `readable` (the
//! results), `schedules` (layouts under reordering), `optimal` (the lowest possible cost of
//! any policy).

pub mod git;
pub mod history;
mod intervals;
pub mod measured;
mod merge;
mod mixgraph;
pub mod optimal;
mod readable;
pub mod run;
pub mod schedules;
mod store;
#[cfg(test)]
mod truth;
pub mod workloads;
mod ycsb;
mod zipfian;

pub use history::{Commit, History, Read, Write};
pub use measured::{Compared, Measured};
pub use run::{Explained, Outcome, RunError, RunOptions, run};
