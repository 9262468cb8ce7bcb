//! A run in memory with its filter.
//!
//! Most runs in memory are merged away before the first read. So reads build the filter: it is
//! built after as many reads as are needed for it to pay. A read finds the same entries with and
//! without the filter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::commit::Commit;
use crate::segment::Found;
use crate::segment::filter::{Filter, hash_key};
use crate::segment::run::Run;

/// The rule that decides which runs get a filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterRule {
    /// 0: no filter.
    pub(crate) bits_per_key: u32,
    /// The fewest entries of a run that has one.
    pub(crate) min_entries: usize,
    /// A run gets its filter after one search for each of this many entries; at least 1.
    pub(crate) entries_for_a_search: usize,
}

/// The entries of a segment in memory.
#[derive(Debug)]
pub(crate) struct InMemory {
    run: Arc<Run>,
    keys: u64,
    rule: FilterRule,
    /// The number of searches without a filter.
    searches: AtomicUsize,
    filter: OnceLock<Filter>,
}

impl InMemory {
    /// `keys`: an upper bound of the distinct keys of the run.
    pub(crate) fn new(run: Arc<Run>, keys: u64, rule: FilterRule) -> Self {
        Self {
            run,
            keys,
            rule,
            searches: AtomicUsize::new(0),
            filter: OnceLock::new(),
        }
    }

    /// The filter, if the run has one or gets one now.
    fn filter(&self) -> Option<&Filter> {
        if self.rule.bits_per_key == 0 || self.run.len() < self.rule.min_entries {
            return None;
        }
        if let Some(filter) = self.filter.get() {
            return Some(filter);
        }
        // Concurrent readers may count one search twice or not at all. The count decides when the
        // filter is built, and nothing else.
        let searches = self.searches.load(Ordering::Relaxed);
        self.searches.store(searches + 1, Ordering::Relaxed);
        let is_due = searches >= self.run.len() / self.rule.entries_for_a_search;
        is_due.then(|| self.filter.get_or_init(|| self.build_filter()))
    }

    fn build_filter(&self) -> Filter {
        mark!(RunFiltered);
        let mut filter = Filter::for_keys(self.keys, self.rule.bits_per_key);
        let left_out = usize::from(planted!(RunFilterLacksLast));
        for entry in self.run.iter().take(self.run.len() - left_out) {
            filter.insert(hash_key(entry.key));
        }
        filter
    }

    pub(crate) fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// The number of distinct keys that [`InMemory::new`] was given.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// The newest version of `key` at or before `at`. `hash` is the key's [`hash_key`].
    pub(crate) fn get(&self, key: &[u8], hash: u64, at: Commit) -> Option<Found> {
        let filter = self.filter();
        if filter.is_some_and(|filter| !filter.may_contain(hash)) {
            return None;
        }
        self.run.get(key, at)
    }
}
