//! The commits at which a store can still be read exactly, from live segments and kept
//! inputs.
//!
//! Let a segment contain the commits `first..=last`. A read at `last` or later uses the whole
//! segment, and a read before `first` does not use it. A read between them can use the
//! segment unless merges have dropped versions for that commit (its gaps). For a commit in a
//! gap, the read can use the inputs of the segment instead, if each input that begins early
//! enough is still on disk and can be read itself. The rule considers ranges and not keys: a
//! merge that dropped no record counts as any other merge.

use super::intervals::{Intervals, intersection, union};
use super::store::Store;
use crate::policies::segment::{SegmentId, Stage};

/// The commits up to the head at which some stream cannot be read. O(all segments that ever
/// existed and their gaps).
pub(super) fn unreadable(store: &Store) -> Intervals {
    let head = store.moment.head;
    let gaps = Gaps::of(store);
    let live = store.streams.iter().flatten();
    let live = live.flat_map(|&id| clipped(&gaps.0[id as usize], head));
    let lost = store.tally.lost.iter().map(|gap| (gap.0, gap.1.min(head)));
    union(live.chain(lost).collect())
}

/// For each segment that ever existed, the commits at which its content cannot be read from
/// the segment or its inputs. Inputs are older than outputs, so one pass over the segments is
/// enough. The pass is a loop and not a recursion, because a log that is rewritten at each
/// commit makes a chain of as many segments as commits.
struct Gaps(Vec<Intervals>);

impl Gaps {
    fn of(store: &Store) -> Self {
        let mut gaps = Self(Vec::with_capacity(store.segments.len()));
        for id in 0..store.segments.len() {
            let found = gaps.next(store, id as SegmentId);
            gaps.0.push(found);
        }
        gaps
    }

    fn next(&self, store: &Store, id: SegmentId) -> Intervals {
        let segment = &store.segments[id as usize];
        let contents = &store.contents[id as usize];
        let from_inputs = |limit: u64| {
            let inputs = contents.inputs.iter();
            union(
                inputs
                    .flat_map(|&input| clipped(&self.0[input as usize], limit))
                    .collect(),
            )
        };
        match (segment.stage, contents.gaps.is_empty()) {
            (Stage::Gone, _) if contents.inputs.is_empty() => vec![(segment.first, u64::MAX)],
            (Stage::Gone, _) => from_inputs(u64::MAX),
            (_, true) => Vec::new(),
            (_, false) if contents.inputs.is_empty() => contents.gaps.clone(),
            (_, false) => intersection(&contents.gaps, &from_inputs(segment.last - 1)),
        }
    }
}

/// The parts of the gaps up to a limit.
fn clipped(gaps: &[(u64, u64)], limit: u64) -> impl Iterator<Item = (u64, u64)> {
    let gaps = gaps.iter().map(move |gap| (gap.0, gap.1.min(limit)));
    gaps.filter(|gap| gap.0 <= gap.1)
}
