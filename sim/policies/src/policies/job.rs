//! What a policy asks for: one merge or one removal, and why.

use super::segment::{Segment, SegmentId};

/// What happens to the inputs of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// They become one segment of this level.
    Merge {
        /// The level of the output.
        level: u8,
    },
    /// They are removed, with all that is in them.
    Drop,
}

/// Which versions of a key the output keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// As the run says (`--history`).
    OfTheRun,
    /// All after this commit, and the newest up to it.
    After(u64),
    /// Only what an index in memory points to: versions that any newer segment has
    /// overwritten go, whether it is an input or not.
    InIndex,
}

/// What becomes of tombstones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tombstones {
    /// They go when the output is the oldest segment of its stream.
    DropAtBottom,
    /// As above, but those of this commit and later ones stay.
    KeepFrom(u64),
}

/// One job: its inputs are segments of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The segments to merge or remove; not empty, without repetition.
    pub inputs: Vec<SegmentId>,
    /// What to do with them.
    pub action: Action,
    /// Which versions survive.
    pub versions: Versions,
    /// Which tombstones survive.
    pub tombstones: Tombstones,
    /// 0: done at once, before anything else happens. Else the work is spread evenly over
    /// the next this many commits, and the output appears at the last of them.
    pub beats: u64,
    /// A word or two for the kind of reason; bytes are added up by it.
    pub cause: &'static str,
    /// Why now, with the numbers that were compared.
    pub reason: String,
}

impl Job {
    /// A merge of these segments, at once, into one of `level`.
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
