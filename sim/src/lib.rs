//! The laboratory of lithify.

pub mod conformance;
pub mod forecast;
pub mod git;
pub mod history;
pub mod keyed;
pub mod observed;
pub mod planted;
pub mod power_loss;
pub mod simfs;
pub mod system;
pub mod systems;
