//! The counters of a run.

use std::collections::BTreeMap;

use super::super::intervals::Intervals;
use super::Store;

/// The number of written segments, records and bytes for one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// The number of segments.
    pub segments: u64,
    /// The number of records.
    pub records: u64,
    /// The number of bytes.
    pub bytes: u64,
}

/// The counters of a run.
#[derive(Debug, Default)]
pub(in crate::compare) struct Tally {
    pub(in crate::compare) by_cause: BTreeMap<&'static str, Written>,
    pub(in crate::compare) merges: u64,
    pub(in crate::compare) syncs: u64,
    pub(in crate::compare) peak_bytes: u64,
    pub(in crate::compare) peak_records: u64,
    /// The records and bytes that merges wrote while a commit was the head, for each
    /// commit.
    pub(in crate::compare) pauses: Vec<(u64, u64)>,
    pub(in crate::compare) lost_records: u64,
    /// The commits at which records are missing that no segment mentions any more.
    pub(in crate::compare) lost: Intervals,
    pub(in crate::compare) point_reads: u64,
    pub(in crate::compare) scans: u64,
    pub(in crate::compare) segments_read: u64,
}

impl Store {
    /// Counts the work of a merge for the commit that is the head.
    pub(super) fn charge(&mut self, cause: &'static str, records: u64, bytes: u64) {
        let pause = self.tally.pauses.last_mut().expect("there is a commit");
        pause.0 += records;
        pause.1 += bytes;
        let written = self.tally.by_cause.entry(cause).or_default();
        written.records += records;
        written.bytes += bytes;
        self.grow_disk(bytes, records);
    }
}
