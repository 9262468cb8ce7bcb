//! The laboratory of lithify.

pub mod campaign;
pub mod conformance;
pub mod crashes;
pub mod economy;
pub mod execute;
pub mod explain;
pub mod forecast;
pub mod generate;
pub mod git;
pub mod history;
pub mod judge;
pub mod keyed;
pub mod mutants;
pub mod observed;
pub mod oracle;
pub mod plan;
pub mod planted;
pub mod power_loss;
pub mod replay;
pub mod schedule;
pub mod scope;
pub mod shrink;
pub mod simfs;
pub mod system;
pub mod systems;
pub mod workload;
