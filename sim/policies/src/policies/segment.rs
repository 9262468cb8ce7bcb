//! What a policy may know of a segment: its place and its sizes, never its records.
//!
//! Invariants: `first <= last`, `commits <= last - first + 1`, `newest_bytes + tombstone_bytes <= bytes`.

/// Names a segment of one store, for as long as the store lives.
pub type SegmentId = u32;

/// What has become of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Live, and free to be merged.
    Live,
    /// Live, and the input of a merge under way.
    Busy,
    /// The input of a merge that is done; on disk for reads of the past.
    Kept,
    /// No longer on disk.
    Gone,
}

/// One segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub id: SegmentId,
    /// The stream it belongs to.
    pub stream: usize,
    /// 0 as committed, else what its merge said.
    pub level: u8,
    /// The first commit in it.
    pub first: u64,
    /// The last commit in it.
    pub last: u64,
    /// How many commits are in it.
    pub commits: u64,
    /// How many records it has.
    pub records: u64,
    /// The bytes of their keys and values.
    pub bytes: u64,
    /// The bytes of those that no later commit has overwritten, tombstones apart.
    pub newest_bytes: u64,
    /// How many of its records are tombstones.
    pub tombstones: u64,
    /// The bytes of its tombstones.
    pub tombstone_bytes: u64,
    /// The commit of the oldest of them.
    pub oldest_tombstone: Option<u64>,
    /// The commit clock at `first`.
    pub first_seconds: u64,
    /// The commit clock at `last`.
    pub last_seconds: u64,
    /// The place of its announcement among all, outputs when they are installed; `None`
    /// while only the index knows of it.
    pub arrival: Option<u64>,
    pub(crate) state: State,
}

impl Segment {
    /// The bytes that a merge with the newer segments would drop. Tombstones are not among
    /// them, since a merge drops those only at the bottom.
    #[must_use]
    pub fn dead_bytes(&self) -> u64 {
        self.bytes
            .saturating_sub(self.newest_bytes + self.tombstone_bytes)
    }
}
