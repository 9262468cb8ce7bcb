//! Explicit limits. Input beyond a limit is refused with [`Error::Limit`], which names the limit,
//! before anything is written.
//!
//! The limits ensure that lengths fit the on-disk fields, and that a damaged length can be told
//! from a real one without reading gigabytes.

use crate::error::{Error, Result};

/// Refuses the first of these rows that exceeds its limit: the limited quantity, the given value,
/// and the highest allowed value.
pub(crate) fn check<const ROWS: usize>(rows: [(&'static str, usize, usize); ROWS]) -> Result<()> {
    match rows.into_iter().find(|(_, given, limit)| given > limit) {
        None => Ok(()),
        Some((what, given, limit)) => Err(Error::Limit {
            what,
            given: given as u64,
            limit: limit as u64,
        }),
    }
}

/// Refuses writes that no batch may contain.
pub(crate) fn check_writes(
    longest_key: usize,
    longest_value: usize,
    bytes: usize,
    operations: usize,
) -> Result<()> {
    check([
        ("the longest key in bytes", longest_key, KEY_BYTES),
        ("the longest value in bytes", longest_value, VALUE_BYTES),
        ("the batch in bytes", bytes, BATCH_BYTES),
        ("the batch in operations", operations, BATCH_OPERATIONS),
    ])
}

/// Longest key, in bytes.
pub const KEY_BYTES: usize = 60 * 1024;
/// Longest value, in bytes.
pub const VALUE_BYTES: usize = 32 * 1024 * 1024;
/// Largest batch: the sum of its keys and values, in bytes.
pub const BATCH_BYTES: usize = 64 * 1024 * 1024;
/// Largest group: the sum of its batches, in bytes. A group is one write into one log file, and an
/// opening reads a log file as a whole.
pub const GROUP_BYTES: u64 = 256 * 1024 * 1024;
/// Most operations in a batch.
pub const BATCH_OPERATIONS: usize = 4 * 1024 * 1024;
/// Most keyspaces in a store.
pub const KEYSPACES: usize = 65_536;
/// Longest keyspace name, in bytes.
pub const KEYSPACE_NAME_BYTES: usize = 255;
/// The most runs of [`Db::transaction`](crate::Db::transaction) before it gives up.
pub const TRANSACTION_ATTEMPTS: u32 = 1000;
/// Largest memory budget, in bytes; offsets inside a run in memory are 32 bits wide.
pub const MEMORY_BUDGET_BYTES: usize = 1024 * 1024 * 1024;
/// Smallest and largest block, in bytes before compression.
pub const BLOCK_BYTES: std::ops::RangeInclusive<usize> = 64..=1024 * 1024;
