//! Which commits a store can still be read at, exactly, from live segments and kept inputs.
//!
//! A segment that holds commits `first..=last` answers for every commit outside of that
//! range's beginning: from `last` on it counts as a whole, before `first` not at all. In
//! between it answers unless it was thinned there (its gaps), and then its inputs may answer,
//! if each that begins early enough is still there and answers itself. The rule looks at
//! ranges, not at keys: a merge that happened to drop nothing is no better.

use super::intervals::{Intervals, intersection, union};
use super::store::Store;
use crate::policies::segment::{SegmentId, State};

/// The commits up to the head at which some stream cannot be read. O(segments that ever
/// were and their gaps).
pub(super) fn unreadable(store: &Store) -> Intervals {
    let head = store.moment.head;
    let gaps = Gaps::of(store);
    let live = store.streams.iter().flatten();
    let live = live.flat_map(|&id| clipped(&gaps.0[id as usize], head));
    let lost = store.tally.lost.iter().map(|gap| (gap.0, gap.1.min(head)));
    union(live.chain(lost).collect())
}

/// For each segment that ever was, the commits at which its content cannot be told from
/// itself or from its inputs. Inputs are older than outputs, so one pass is enough; a log
/// that is rewritten at each commit is a chain of as many segments.
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
        match (segment.state, contents.gaps.is_empty()) {
            (State::Gone, _) if contents.inputs.is_empty() => vec![(segment.first, u64::MAX)],
            (State::Gone, _) => from_inputs(u64::MAX),
            (_, true) => Vec::new(),
            (_, false) if contents.inputs.is_empty() => contents.gaps.clone(),
            (_, false) => intersection(&contents.gaps, &from_inputs(segment.last - 1)),
        }
    }
}

/// The parts up to a limit.
fn clipped(gaps: &[(u64, u64)], limit: u64) -> impl Iterator<Item = (u64, u64)> {
    let gaps = gaps.iter().map(move |gap| (gap.0, gap.1.min(limit)));
    gaps.filter(|gap| gap.0 <= gap.1)
}
