//! Runs a store: makes a plan from a seed, and executes the plan.
//!
//! - [`plan`]: everything that a run does, as a list that can be printed, read and
//!   edited.
//! - [`workload`]: what clients do.
//! - [`schedule`]: who takes the next turn.
//! - [`generate`]: makes a plan from a seed.
//! - [`execute`]: executes a plan.

pub mod execute;
pub mod generate;
pub mod plan;
pub mod schedule;
pub mod workload;
