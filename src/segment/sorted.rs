//! The entries of several runs in order, found by one sort.
//!
//! A heap over runs jumps from run to run, and its cost grows with each doubling of their number.
//! One sort goes over numbers that lie side by side, and then each entry is visited once. In
//! counted instructions a sort was faster for two runs as well as for a thousand, up to 64 Ki
//! entries. With more entries, the step that sorts would be long. Long runs are merged by the
//! stable sort of the standard library, which recognises them; many short ones are sorted anew.
//!
//! The sort key is eight bytes of each key, taken behind the bytes that all keys share. Keys that
//! agree in these eight bytes are compared as a whole.
//!
//! Invariant: the order is run order (see [`Run`](crate::segment::run::Run)) over all entries.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::segment::run::{EntryRef, Run, prefix_of};

/// The place of an entry, and its sort key.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Eight bytes of the key, behind the bytes that all keys share.
    prefix: u64,
    run: u32,
    position: u32,
}

/// The average length of runs, in entries, from which a sort that merges runs is the faster one.
const LONG_RUN: usize = 64;

/// The entries of several runs in order, and the number of entries that were taken.
#[derive(Debug)]
pub(crate) struct SortedRuns {
    runs: Vec<Arc<Run>>,
    order: Vec<Place>,
    next: usize,
}

impl SortedRuns {
    /// Sorts the entries of `runs`. O(entries * log entries).
    pub(crate) fn new(runs: Vec<Arc<Run>>) -> Self {
        mark!(RunsSorted);
        let shared = shared_bytes(&runs);
        let mut order = Vec::with_capacity(runs.iter().map(|run| run.len()).sum());
        for (number, run) in (0_u32..).zip(&runs) {
            order.extend((0..run.len()).map(|position| Place {
                prefix: match shared {
                    0 => run.prefix(position),
                    _ => prefix_of(&run.entry(position).key[shared..]),
                },
                run: number,
                position: position as u32,
            }));
        }
        let compare = |a: &Place, b: &Place| {
            let prefixes = a.prefix.cmp(&b.prefix);
            prefixes.then_with(|| compare_whole(&runs, *a, *b))
        };
        // The stable sort finds long runs and merges them; for short runs it is the slower one.
        match order.len() / runs.len().max(1) {
            0..LONG_RUN => order.sort_unstable_by(compare),
            _ => order.sort_by(compare),
        }
        Self {
            runs,
            order,
            next: 0,
        }
    }

    /// The next entry, or `None` behind the last one.
    #[inline]
    pub(crate) fn entry(&self) -> Option<EntryRef<'_>> {
        let place = self.order.get(self.next)?;
        Some(self.runs[place.run as usize].entry(place.position as usize))
    }

    /// Moves past the next entry.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.next += 1;
    }
}

/// The order of two entries whose prefixes are equal.
fn compare_whole(runs: &[Arc<Run>], a: Place, b: Place) -> Ordering {
    let entry = |place: Place| runs[place.run as usize].entry(place.position as usize);
    let (a, b) = (entry(a), entry(b));
    let keys = match planted!(SortedByPrefix) {
        true => Ordering::Equal,
        false => a.key.cmp(b.key),
    };
    keys.then(match planted!(SortedOldestFirst) {
        true => a.commit.cmp(&b.commit),
        false => b.commit.cmp(&a.commit),
    })
}

/// The number of bytes that all keys share at their beginning: those that the lowest and the
/// highest key share.
fn shared_bytes(runs: &[Arc<Run>]) -> usize {
    let filled = || runs.iter().filter(|run| !run.is_empty());
    let lowest = filled().map(|run| run.entry(0).key).min();
    let highest = match planted!(SharedBytesOfNewest) {
        true => filled().map(|run| run.entry(run.len() - 1).key).next_back(),
        false => filled().map(|run| run.entry(run.len() - 1).key).max(),
    };
    let (Some(lowest), Some(highest)) = (lowest, highest) else {
        return 0;
    };
    let pairs = lowest.iter().zip(highest);
    pairs.take_while(|(low, high)| low == high).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Commit;
    use proptest::prelude::*;

    proptest! {
        /// Compares with a sort of copies, for keys that share their beginning and keys that do
        /// not, with some empty runs.
        #[test]
        fn every_entry_comes_once_and_in_run_order(
            shared in 0_usize..12,
            commits in proptest::collection::vec(
                proptest::collection::btree_set(proptest::collection::vec(0_u8..3, 0..11), 0..20),
                1..12,
            ),
        ) {
            let (mut runs, mut expected) = (Vec::new(), Vec::new());
            for (number, keys) in (1_u64..).zip(&commits) {
                let mut run = Run::default();
                for key in keys {
                    let key = [&vec![7; shared][..], key].concat();
                    let commit = Commit::new(number);
                    run.push(EntryRef { key: &key, commit, value: Some(&number.to_be_bytes()) });
                    expected.push((key, std::cmp::Reverse(number)));
                }
                runs.push(Arc::new(run));
            }
            expected.sort();
            let mut sorted = SortedRuns::new(runs);
            for (key, number) in expected {
                let entry = sorted.entry().unwrap();
                prop_assert_eq!(entry.key, &key[..]);
                prop_assert_eq!(entry.commit.get(), number.0);
                prop_assert_eq!(entry.value, Some(&number.0.to_be_bytes()[..]));
                sorted.advance();
            }
            prop_assert!(sorted.entry().is_none());
        }
    }
}
