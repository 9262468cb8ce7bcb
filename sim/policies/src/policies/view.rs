//! A policy's view of a store: the live segments that are not being merged, oldest first, and
//! the progress of commits.

use std::collections::BTreeSet;

use super::segment::{Segment, SegmentId, Stage};

/// The progress of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The newest commit.
    pub head: u64,
    /// Every commit up to this one is known.
    pub watermark: u64,
    /// The commit clock at the watermark, in seconds.
    pub seconds: u64,
}

/// The data that was committed to a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// The number of commits that touched the stream.
    pub commits: u64,
    /// The bytes of these commits.
    pub bytes: u64,
}

/// A store, as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'store> {
    pub(crate) moment: Moment,
    pub(crate) segments: &'store [Segment],
    pub(crate) streams: &'store [Vec<SegmentId>],
    pub(crate) ingested: &'store [Ingested],
    pub(crate) heard: &'store BTreeSet<u64>,
    pub(crate) clock: &'store [u64],
}

impl<'store> View<'store> {
    /// The progress of the store.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// The number of streams.
    #[must_use]
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// The segments of a stream that can be merged, in the order of their last commits: the
    /// segments up to the watermark, which the index confirms, and the segments whose
    /// callback has come.
    pub fn segments(
        &self,
        stream: usize,
    ) -> impl DoubleEndedIterator<Item = &'store Segment> + use<'store> {
        let (all, known) = (self.segments, self.moment.watermark);
        self.streams[stream]
            .iter()
            .map(move |&id| &all[id as usize])
            .filter(move |one| one.stage == Stage::Live)
            .filter(move |one| one.arrival.is_some() || one.last <= known)
    }

    /// The same without segments whose callback has not come, even if the index contains
    /// them.
    pub fn announced(
        &self,
        stream: usize,
    ) -> impl DoubleEndedIterator<Item = &'store Segment> + use<'store> {
        self.segments(stream).filter(|one| one.arrival.is_some())
    }

    /// The data that was committed to a stream.
    #[must_use]
    pub fn ingested(&self, stream: usize) -> Ingested {
        self.ingested[stream]
    }

    /// The first commit at or after a time of the commit clock. If there is none, the number
    /// after the last commit. O(log commits).
    #[must_use]
    pub fn first_commit_from(&self, seconds: u64) -> u64 {
        1 + self.clock.partition_point(|&time| time < seconds) as u64
    }

    /// Whether the callback of this commit has come.
    #[must_use]
    pub fn has_heard_of(&self, commit: u64) -> bool {
        commit <= self.moment.watermark || self.heard.contains(&commit)
    }
}
