//! A run in memory with its filter.

use std::sync::Arc;

use crate::commit::Commit;
use crate::segment::Found;
use crate::segment::filter::{Filter, hash_key};
use crate::segment::run::Run;

/// Which runs have a filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterRule {
    /// 0: none.
    pub(crate) bits_per_key: u32,
    /// The fewest entries of a run that has one.
    pub(crate) least_entries: usize,
}

/// The entries of a segment in memory.
#[derive(Debug)]
pub(crate) struct InMemory {
    run: Arc<Run>,
    keys: u64,
    filter: Option<Filter>,
}

impl InMemory {
    /// `keys`: how many distinct keys the run has.
    pub(crate) fn new(run: Arc<Run>, keys: u64, rule: FilterRule) -> Self {
        let is_filtered = rule.bits_per_key > 0 && run.len() >= rule.least_entries;
        let filter = is_filtered.then(|| {
            mark!(RunFiltered);
            let mut filter = Filter::for_keys(keys, rule.bits_per_key);
            let left_out = usize::from(planted!(RunFilterLacksLast));
            for entry in run.iter().take(run.len() - left_out) {
                filter.insert(hash_key(entry.key));
            }
            filter
        });
        Self { run, keys, filter }
    }

    pub(crate) fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// How many distinct keys there are.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// The newest version of `key` at or before `at`. `hash` is the key's [`hash_key`].
    pub(crate) fn get(&self, key: &[u8], hash: u64, at: Commit) -> Option<Found> {
        let filter = self.filter.as_ref();
        if filter.is_some_and(|filter| !filter.may_contain(hash)) {
            return None;
        }
        self.run.get(key, at)
    }
}
