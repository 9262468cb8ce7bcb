//! Compaction policies, and their costs on the same history.
//!
//! [`policies`] contains the policies, [`compare`] runs them on the same history,
//! [`forecast`] predicts their costs, and [`git`] reads the histories of repositories. A
//! policy is one file and one line in [`policies::POLICIES`]. The example `own_policy` shows
//! a policy outside of this crate.

pub mod compare;
pub mod forecast;
pub mod git;
pub mod policies;
