//! The policy laboratory: what a compaction policy costs on a history of commits.
//!
//! A simulated store holds segments with real keys, sizes and versions, and performs the jobs
//! of a policy (`crate::policies`) as events reach it, in order or out of order. Merges
//! keep the newest version of a key; every byte is counted. There is no disk, so nothing
//! here says how long anything takes, only how much work it is.
//!
//! Reading order: `history` (the input), `workloads`, `git` (where it comes from),
//! `store` and `merge` (what happens), `run` (the order of events), `measured` and
//! `readable` (what comes out), `schedules` (layouts under reordering), `optimal` (the
//! lowest cost that any policy could have).

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
