//! The systems that the laboratory knows.

pub mod data_file;
pub mod lithify;
pub mod lithify_db;
mod parts;
pub mod replica;
pub mod snapshot_log;
pub mod wal_ratio;

use crate::plan::{self, ParseError, Plan};
use crate::system::System;

/// Every system; the first is the default.
pub static SYSTEMS: &[&dyn System] = &[
    &lithify::Lithify,
    &snapshot_log::SnapshotLogSystem,
    &data_file::DataFileSystem,
    &replica::ReplicaSystem,
    &wal_ratio::WalRatioSystem,
    &lithify_db::LithifyDb,
];

/// The system of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn System> {
    SYSTEMS.iter().copied().find(|system| system.name() == name)
}

/// Reads a trace of one of these systems.
///
/// # Errors
/// As [`plan::parse`].
pub fn parse(text: &str) -> Result<Plan, ParseError> {
    plan::parse(SYSTEMS, text)
}
