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

/// The commits up to the head at which some stream cannot be read.
pub(super) fn unreadable(store: &Store) -> Intervals {
    let head = store.moment.head;
    let live = store.streams.iter().flatten();
    let gaps = live.flat_map(|&id| gaps(store, id, head));
    let lost = store.tally.lost.iter().map(|gap| (gap.0, gap.1.min(head)));
    union(gaps.chain(lost).collect())
}

/// The commits up to `limit` at which the content of a segment cannot be told from itself or
/// from its inputs.
fn gaps(store: &Store, id: SegmentId, limit: u64) -> Intervals {
    let segment = &store.segments[id as usize];
    let contents = &store.contents[id as usize];
    let from_inputs = |limit: u64| {
        let gaps = contents.inputs.iter();
        union(
            gaps.flat_map(|&input| gaps_of_input(store, input, limit))
                .collect(),
        )
    };
    match (segment.state, contents.gaps.is_empty()) {
        (State::Gone, _) if contents.inputs.is_empty() => vec![(segment.first, limit)],
        (State::Gone, _) => from_inputs(limit),
        (_, true) => Vec::new(),
        (_, false) if contents.inputs.is_empty() => contents.gaps.clone(),
        (_, false) => intersection(&contents.gaps, &from_inputs(segment.last - 1)),
    }
}

fn gaps_of_input(store: &Store, id: SegmentId, limit: u64) -> Intervals {
    let mut gaps = gaps(store, id, limit);
    gaps.retain_mut(|gap| {
        gap.1 = gap.1.min(limit);
        gap.0 <= gap.1
    });
    gaps
}
