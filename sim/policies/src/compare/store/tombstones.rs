//! The age of tombstones: the oldest tombstone of all live segments, at any time.
//!
//! A segment is in the set as long as it is live and has a tombstone.

use super::Store;
use crate::policies::segment::{Segment, SegmentId};

impl Segment {
    /// Counts a tombstone of this commit.
    pub(super) fn add_tombstone(&mut self, commit: u64, bytes: u32) {
        self.tombstones += 1;
        self.tombstone_bytes += u64::from(bytes);
        let oldest = self.oldest_tombstone.unwrap_or(commit);
        self.oldest_tombstone = Some(oldest.min(commit));
    }
}

impl Store {
    /// Adds a segment that is live now, or that has got its first tombstone.
    pub(super) fn tombstones_came(&mut self, id: SegmentId) {
        let oldest = self.segments[id as usize].oldest_tombstone;
        self.tombstones.extend(oldest.map(|commit| (commit, id)));
    }

    /// Removes a segment that is no longer live.
    pub(super) fn tombstones_went(&mut self, id: SegmentId) {
        if let Some(commit) = self.segments[id as usize].oldest_tombstone {
            self.tombstones.remove(&(commit, id));
        }
    }

    /// The distance of the oldest live tombstone from the watermark, in commits.
    pub(in crate::compare) fn tombstone_age(&self) -> u64 {
        let oldest = self.tombstones.first();
        oldest.map_or(0, |&(commit, _)| {
            self.moment.watermark.saturating_sub(commit)
        })
    }
}
