//! The information about a segment that a policy gets: its position and its sizes, but no
//! records.
//!
//! Invariants: `first <= last`, `commits <= last - first + 1`, `newest_bytes + tombstone_bytes <= bytes`.

/// Identifies a segment of one store, for the whole run.
pub type SegmentId = u32;

/// Where a segment is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Live, and available for a merge.
    Live,
    /// Live, and the input of a running merge.
    Busy,
    /// The input of a finished merge, still on disk for reads of the past.
    Kept,
    /// No longer on disk.
    Gone,
}

/// One segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The identifier.
    pub id: SegmentId,
    /// The stream of the segment.
    pub stream: usize,
    /// 0 for a committed segment, otherwise the level that the merge has set.
    pub level: u8,
    /// The first commit in it.
    pub first: u64,
    /// The last commit in it.
    pub last: u64,
    /// The number of commits in it.
    pub commits: u64,
    /// The number of records.
    pub records: u64,
    /// The bytes of the keys and values.
    pub bytes: u64,
    /// The bytes of the records that no later commit has overwritten, without tombstones.
    pub newest_bytes: u64,
    /// The number of tombstones.
    pub tombstones: u64,
    /// The bytes of the tombstones.
    pub tombstone_bytes: u64,
    /// The commit of the oldest tombstone.
    pub oldest_tombstone: Option<u64>,
    /// The commit clock at `first`.
    pub first_seconds: u64,
    /// The commit clock at `last`.
    pub last_seconds: u64,
    /// The position of the segment in the order of announcements; an output is announced
    /// when it is installed. `None` while only the index contains the segment.
    pub arrival: Option<u64>,
    pub(crate) stage: Stage,
}

impl Segment {
    /// The bytes that a merge with the newer segments would drop. Tombstones do not count,
    /// because a merge drops them only at the bottom.
    #[must_use]
    pub fn dead_bytes(&self) -> u64 {
        self.bytes
            .saturating_sub(self.newest_bytes + self.tombstone_bytes)
    }
}
