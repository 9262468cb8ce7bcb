//! Counters: exact numbers about the work of an open store.
//!
//! The engine is deterministic, so for the same history and options these numbers are equalities,
//! not estimates. They count since opening and are not persisted.

use serde::Serialize;

pub use crate::histogram::Histogram;

/// The work since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Commits applied, replayed ones included.
    pub commits: u64,
    /// Level-0 segments: one for each keyspace that a commit touches.
    pub level_zero_segments: u64,
    /// Entries in them.
    pub level_zero_entries: u64,
    /// Merge outputs.
    pub merges: u64,
    /// Segments that were inputs of merges.
    pub merge_inputs: u64,
    /// Entries that were read for merges.
    pub merge_entries_read: u64,
    /// Entries that merges have written.
    pub merge_entries_written: u64,
    /// The most entries written by the merges that close at one commit.
    pub longest_pause_entries: u64,
    /// Entries of segments that were copied to another place without a merge.
    pub moved_entries: u64,
    /// Segment files published.
    pub segment_files: u64,
    /// Bytes of these files.
    pub segment_file_bytes: u64,
    /// Manifest records made durable.
    pub edits: u64,
    /// Steps in which the compactor had work.
    pub steps: u64,
}

/// The sizes of what was written since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Histograms {
    /// Bytes of each commit in the log, without the header of its record.
    pub commit_bytes: Histogram,
    /// Commits that were written together, and synced together where a sync was promised.
    pub group_commits: Histogram,
    /// Entries of each merge output.
    pub merge_entries: Histogram,
}

/// The state of an open store, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The newest commit.
    pub head: u64,
    /// Every commit up to here is in segment files.
    pub flushed_through: u64,
    /// Commits that the compactor does not know of yet.
    pub lag: u64,
    /// Live segments.
    pub live_segments: u64,
    /// Inputs of merges that retention keeps.
    pub kept_inputs: u64,
    /// Entries of live segments.
    pub live_entries: u64,
    /// Bytes of segments in memory.
    pub memory_bytes: u64,
    /// Segment files that the store refers to.
    pub segment_files: u64,
    /// Bytes of these files.
    pub segment_file_bytes: u64,
    /// Bytes of records written to WAL files since opening.
    pub wal_bytes_written: u64,
    /// Bytes of zeros written ahead of records since opening: see [`Durability::Synced`].
    ///
    /// [`Durability::Synced`]: crate::Durability::Synced
    pub wal_room_bytes_written: u64,
    /// The work since opening.
    pub counters: Counters,
    /// The sizes of what was written since opening.
    pub histograms: Histograms,
}
