//! The requests of a policy: one merge or one removal, with its reason.

use super::segment::{Segment, SegmentId};

/// What happens to the inputs of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The inputs become one segment of this level.
    Merge {
        /// The level of the output.
        level: u8,
    },
    /// The inputs are removed with their records.
    Drop,
}

/// Which versions of a key the output keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// As the run is configured (`--history`).
    OfTheRun,
    /// All versions after this commit, and the newest version up to this commit.
    After(u64),
    /// Only the versions to which an index in memory points. Versions that any newer
    /// segment has overwritten are dropped, even if that segment is not an input.
    InIndex,
}

/// Which tombstones the output keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tombstones {
    /// None, if the output is the oldest segment of its stream. Otherwise all.
    DropAtBottom,
    /// As above, but tombstones of this commit and of later ones are always kept.
    KeepFrom(u64),
}

/// One job: its inputs are segments of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The segments to merge or remove. Not empty, without duplicates.
    pub inputs: Vec<SegmentId>,
    /// What happens to the inputs.
    pub action: Action,
    /// Which versions survive.
    pub versions: Versions,
    /// Which tombstones survive.
    pub tombstones: Tombstones,
    /// 0: the job is done immediately, before anything else happens. Otherwise the work
    /// is spread evenly over this number of following commits, and the output appears at
    /// the last of them.
    pub beats: u64,
    /// The kind of the reason in one or two words. Statistics sum up the bytes of each
    /// kind.
    pub cause: &'static str,
    /// The reason, with the numbers that were compared.
    pub reason: String,
}

impl Job {
    /// An immediate merge of these segments into one segment of `level`.
    #[must_use]
    pub fn merge(inputs: &[&Segment], level: u8, cause: &'static str, reason: String) -> Self {
        Self {
            inputs: inputs.iter().map(|segment| segment.id).collect(),
            action: Action::Merge { level },
            versions: Versions::OfTheRun,
            tombstones: Tombstones::DropAtBottom,
            beats: 0,
            cause,
            reason,
        }
    }

    /// The removal of one segment.
    #[must_use]
    pub fn drop(input: &Segment, cause: &'static str, reason: String) -> Self {
        Self {
            action: Action::Drop,
            ..Self::merge(&[input], 0, cause, reason)
        }
    }
}
