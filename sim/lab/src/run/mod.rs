//! What happens to a store: from a seed to a plan, and from a plan to an execution.
//!
//! [`plan`] is everything that a run does, as a list that can be printed, read and edited;
//! [`workload`] is what clients do, [`schedule`] whose turn it is, [`generate`] makes a plan of
//! a seed, [`execute`] runs one.

pub mod execute;
pub mod generate;
pub mod plan;
pub mod schedule;
pub mod workload;
