//! Compaction policies, and what they cost on one history.
//!
//! [`policies`] has them, [`compare`] plays them against each other, [`forecast`] says what
//! they will cost, and [`git`] reads the histories of repositories. A policy is one file and
//! a line in [`policies::POLICIES`]; the example `own_policy` is one outside of this crate.

pub mod compare;
pub mod forecast;
pub mod git;
pub mod policies;
