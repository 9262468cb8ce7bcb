//! The systems that the binary hands to the laboratory.

use lithify_sim::plan::{self, ParseError, Plan};
use lithify_sim::system::System;
use lithify_sim::systems::lithify::Lithify;
use lithify_sim::systems::lithify_db::LithifyDb;
use lithify_sim::systems::replica::ReplicaSystem;
use lithify_specimens::data_file::DataFileSystem;
use lithify_specimens::snapshot_log::SnapshotLogSystem;
use lithify_specimens::wal_ratio::WalRatioSystem;

/// Every system; the first is the default.
pub static SYSTEMS: &[&dyn System] = &[
    &Lithify,
    &SnapshotLogSystem,
    &DataFileSystem,
    &ReplicaSystem,
    &WalRatioSystem,
    &LithifyDb,
];

/// Reads a trace of one of these systems.
///
/// # Errors
/// As [`plan::parse`].
pub fn parse(text: &str) -> Result<Plan, ParseError> {
    plan::parse(SYSTEMS, text)
}
