//! A segment and the inputs that retention still keeps below it.
//!
//! The segments of a keyspace form a forest: the roots are the live segments, and below a merge
//! output are those of its inputs that were not removed. Reads go to the roots. A read at a commit
//! that a root has thinned out goes down to the inputs of that root, if all inputs that the read
//! needs are still there.
//!
//! Invariants: inputs are ordered by commit and disjoint; a removed input has no kept inputs of its
//! own.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::commit::Commit;
use crate::segment::{Segment, SegmentMeta};

/// One segment of the forest.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) segment: Arc<Segment>,
    pub(crate) inputs: Vec<Input>,
}

/// An input that was merged into a segment.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The input still exists.
    Kept(Arc<Node>),
    /// The input was removed. Its first commit tells which reads would need it.
    Removed { first: Commit },
}

impl Input {
    /// The first commit of the input.
    pub(crate) fn first(&self) -> Commit {
        match self {
            Self::Kept(node) => node.meta().first,
            Self::Removed { first } => *first,
        }
    }
}

/// Some of the commits of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) segment: Arc<Segment>,
    /// The commit before the first of them.
    pub(crate) after: Commit,
    /// The last of them.
    pub(crate) until: Commit,
}

impl Part {
    /// Whether the part contains the commit.
    pub(crate) fn holds(&self, commit: Commit) -> bool {
        commit > self.after && commit <= self.until
    }
}

impl Node {
    /// A segment without inputs.
    pub(crate) fn leaf(segment: Arc<Segment>) -> Arc<Self> {
        Arc::new(Self {
            segment,
            inputs: Vec::new(),
        })
    }

    pub(crate) fn meta(&self) -> &SegmentMeta {
        &self.segment.meta
    }

    /// Whether this segment alone answers reads at `at`. `at` is not before its first commit.
    pub(crate) fn is_readable_at(&self, at: Commit) -> bool {
        let floor = self.meta().floor;
        at > floor || at == floor && !planted!(FloorUnreadable)
    }

    /// Adds the segments that a read at `at` needs to `cover`; false when some of them were
    /// removed. `at` is not before the first commit of the segment.
    pub(crate) fn cover(&self, at: Commit, cover: &mut Vec<Arc<Segment>>) -> bool {
        if self.is_readable_at(at) {
            cover.push(Arc::clone(&self.segment));
            return true;
        }
        if self.inputs.is_empty() {
            return false;
        }
        // Newest first, the order of reads.
        self.inputs.iter().rev().all(|input| match input {
            Input::Kept(node) => node.meta().first > at || node.cover(at, cover),
            Input::Removed { first } => *first > at || planted!(RemovedInputPassed),
        })
    }

    /// Adds the ranges of commits that cannot be read to `gaps`, ascending.
    pub(crate) fn gaps(&self, gaps: &mut Vec<RangeInclusive<u64>>) {
        self.gaps_below(self.meta().floor, gaps);
    }

    fn gaps_below(&self, limit: Commit, gaps: &mut Vec<RangeInclusive<u64>>) {
        let (first, floor) = (self.meta().first, self.meta().floor.min(limit));
        if first >= floor {
            return;
        }
        if self.inputs.is_empty() {
            gaps.push(first.get()..=floor.get() - 1);
        }
        for input in &self.inputs {
            match input {
                Input::Kept(node) => node.gaps_below(floor, gaps),
                Input::Removed { first } if *first < floor => {
                    gaps.push(first.get()..=floor.get() - 1);
                    return;
                }
                Input::Removed { .. } => return,
            }
        }
    }

    /// Adds to `parts`, ascending, the segments that state exactly the writes of each commit after
    /// `from` up to `to`.
    ///
    /// # Errors
    /// The first commit whose exact writes are not known.
    pub(crate) fn exact(
        &self,
        from: Commit,
        to: Commit,
        parts: &mut Vec<Part>,
    ) -> Result<(), Commit> {
        let SegmentMeta {
            first, last, floor, ..
        } = *self.meta();
        if last <= from || first > to || from >= to {
            return Ok(());
        }
        let part = |after: Commit| Part {
            segment: Arc::clone(&self.segment),
            after,
            until: to,
        };
        if floor == first || from >= floor {
            parts.push(part(from));
            return Ok(());
        }
        // Above the floor this segment has every version; below the floor its inputs have them.
        let below = to.min(floor);
        if self.inputs.is_empty() && !planted!(ThinnedCalledExact) {
            return Err(first.max(from.next()));
        }
        for (position, input) in self.inputs.iter().enumerate() {
            match input {
                Input::Kept(node) => node.exact(from, below, parts)?,
                Input::Removed { first } => {
                    let next = self.inputs.get(position + 1);
                    let is_before = next.is_some_and(|next| next.first() <= from.next());
                    if *first <= below && !is_before {
                        return Err((*first).max(from.next()));
                    }
                }
            }
        }
        if to > floor {
            parts.push(part(if planted!(StreamRepeatsInputs) {
                from
            } else {
                floor
            }));
        }
        Ok(())
    }

    /// Calls `visit` on this segment and on all kept segments below it.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(&Arc<Segment>)) {
        visit(&self.segment);
        for input in &self.inputs {
            if let Input::Kept(node) = input {
                node.for_each(visit);
            }
        }
    }
}
