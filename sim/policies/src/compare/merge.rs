//! Merging the records of segments. Pure.
//!
//! Records can be merged without the state below them: for each key, the version with the
//! highest commit number wins, and a tombstone hides older versions until it reaches the
//! bottom.

/// One version of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) key: u32,
    pub(super) bytes: u32,
    pub(super) commit: u64,
    pub(super) is_tombstone: bool,
}

/// The rule that decides which records a merge keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// All versions after this commit are kept, and the newest version up to it.
    pub(super) all_after: u64,
    /// Whether no older segment exists in which a tombstone would have to hide a version.
    pub(super) is_bottom: bool,
    /// Tombstones from this commit on are kept, even at the bottom.
    pub(super) tombstones_from: u64,
}

/// The records of the output, sorted by key, newest version first.
pub(super) fn merge(mut records: Vec<Record>, keep: Keep) -> Vec<Record> {
    records.sort_unstable_by_key(|record| (record.key, std::cmp::Reverse(record.commit)));
    let mut merged: Vec<Record> = Vec::with_capacity(records.len());
    for versions in records.chunk_by(|left, right| left.key == right.key) {
        let recent = versions.partition_point(|version| version.commit > keep.all_after);
        merged.extend_from_slice(&versions[..recent]);
        let base = versions.get(recent);
        merged.extend(base.filter(|base| {
            let goes = base.is_tombstone && keep.is_bottom && base.commit < keep.tombstones_from;
            !goes
        }));
    }
    merged
}
