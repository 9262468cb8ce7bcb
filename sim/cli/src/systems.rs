//! The systems that the binary passes to the laboratory.

use lithify_sim::finding::traces::{self, ParseError};
use lithify_sim::run::plan::Plan;
use lithify_sim::system::System;

/// Every system; the first is the default.
pub static SYSTEMS: &[&dyn System] = &[
    &lithify_sim::systems::lithify::Lithify,
    &lithify_specimens::snapshot_log::SnapshotLogSystem,
    &lithify_specimens::data_file::DataFileSystem,
    &lithify_sim::systems::replica::ReplicaSystem,
    &lithify_specimens::wal_ratio::WalRatioSystem,
    &lithify_sim::systems::lithify_db::LithifyDb,
    &lithify_sim::systems::backup::BackupSystem,
];

/// Reads a trace of one of these systems.
///
/// # Errors
/// As [`traces::parse`].
pub fn parse(text: &str) -> Result<Plan, ParseError> {
    traces::parse(SYSTEMS, text)
}
