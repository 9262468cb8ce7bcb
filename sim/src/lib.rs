//! The laboratory of lithify.

pub mod conformance;
pub mod forecast;
pub mod git;
pub mod observed;
pub mod power_loss;
