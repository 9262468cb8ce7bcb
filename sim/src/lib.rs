//! The laboratory of lithify.

pub mod conformance;
pub mod observed;
pub mod power_loss;
