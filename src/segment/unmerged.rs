//! The output of a merge in memory whose entries are not merged yet.
//!
//! A narrow window closes often, and a wider window soon takes in its segments. So a small merge
//! that drops nothing is planned, installed and counted like any other merge, but its entries stay
//! in the runs of the inputs. The first reader merges them into one run. If a wider merge comes
//! first, it takes the runs unmerged.
//!
//! Invariants: the runs together hold exactly the entries of the output. The facts about the output
//! that are known without its entries (window, commits, counts) are those after the merge, except
//! the number of distinct keys, which only the merge can tell.
//!
//! The first reader pays for the merge, which is bounded by
//! [`Thresholds::unmerged_entries`](crate::thresholds::Thresholds::unmerged_entries).

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::segment::memory::{FilterRule, InMemory};
use crate::segment::run::Run;
use crate::segment::sorted::SortedRuns;

/// Runs that together form one segment.
#[derive(Debug)]
pub(crate) struct Unmerged {
    /// Empty as soon as the runs are merged.
    runs: Mutex<Vec<Arc<Run>>>,
    merged: OnceLock<InMemory>,
    filter: FilterRule,
    footprint_bytes: usize,
}

impl Unmerged {
    pub(crate) fn new(runs: Vec<Arc<Run>>, filter: FilterRule) -> Self {
        assert!(runs.len() > 1, "{} runs need no merge", runs.len());
        Self {
            footprint_bytes: runs.iter().map(|run| run.footprint_bytes()).sum(),
            runs: Mutex::new(runs),
            merged: OnceLock::new(),
            filter,
        }
    }

    /// Bytes of memory that the entries take, merged or unmerged.
    pub(crate) fn footprint_bytes(&self) -> usize {
        self.footprint_bytes
    }

    /// Adds the current runs: one run after the merge.
    pub(crate) fn add_runs(&self, runs: &mut Vec<Arc<Run>>) {
        let own = self.lock();
        match self.merged.get() {
            Some(merged) => runs.push(Arc::clone(merged.run())),
            None => runs.extend_from_slice(&own),
        }
    }

    pub(crate) fn is_merged(&self) -> bool {
        self.merged.get().is_some()
    }

    /// The merged run. O(entries * log entries) the first time.
    pub(crate) fn merged(&self) -> &InMemory {
        let mut is_new = false;
        let merged = self.merged.get_or_init(|| {
            is_new = true;
            mark!(MergedByReader);
            self.merge()
        });
        if is_new {
            // Cleared after `merged` is set: `add_runs` must find either the runs or the merged
            // run.
            self.lock().clear();
        }
        merged
    }

    fn merge(&self) -> InMemory {
        let runs = self.lock().clone();
        let entries: usize = runs.iter().map(|run| run.len()).sum();
        let bytes = runs.iter().map(|run| run.bytes().len()).sum();
        let mut merged = Run::with_capacity(entries, bytes);
        let mut keys = 0;
        let mut sorted = SortedRuns::new(runs);
        while let Some(entry) = sorted.entry() {
            keys += u64::from(!merged.ends_with(entry.key));
            merged.push(entry);
            sorted.advance();
        }
        assert_eq!(merged.len(), entries, "a merge of runs lost entries");
        InMemory::new(Arc::new(merged), keys, self.filter)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Commit;
    use crate::segment::run::EntryRef;

    const RULE: FilterRule = FilterRule {
        bits_per_key: 10,
        min_entries: 1,
        entries_for_a_search: 8,
    };

    fn run(commit: u64, keys: &[&str]) -> Arc<Run> {
        let mut run = Run::default();
        for key in keys {
            run.push(EntryRef {
                key: key.as_bytes(),
                commit: Commit::new(commit),
                value: Some(b"value"),
            });
        }
        Arc::new(run)
    }

    fn runs_of(unmerged: &Unmerged) -> Vec<Arc<Run>> {
        let mut runs = Vec::new();
        unmerged.add_runs(&mut runs);
        runs
    }

    fn entries(run: &Run) -> Vec<(String, u64)> {
        let name = |entry: EntryRef<'_>| {
            let key = String::from_utf8_lossy(entry.key).into_owned();
            (key, entry.commit.get())
        };
        run.iter().map(name).collect()
    }

    #[test]
    fn the_first_reader_merges_and_the_runs_go() {
        let runs = vec![run(1, &["a", "c"]), run(2, &["a", "b"]), run(3, &["c"])];
        let freed = Arc::downgrade(&runs[0]);
        let unmerged = Unmerged::new(runs, RULE);
        let before = unmerged.footprint_bytes();
        assert_eq!(runs_of(&unmerged).len(), 3);
        let merged = unmerged.merged();
        let expected = [("a", 2), ("a", 1), ("b", 2), ("c", 3), ("c", 1)];
        let expected = expected.map(|(key, commit)| (key.to_owned(), commit));
        assert_eq!(entries(merged.run()), expected);
        assert_eq!(merged.keys(), 3);
        assert!(freed.upgrade().is_none(), "nothing is held twice");
        assert_eq!(runs_of(&unmerged).len(), 1);
        assert_eq!(merged.run().footprint_bytes(), before, "as was counted");
    }

    /// A wider merge is planned while a reader merges a narrow one. In either order the wider merge
    /// has every entry once.
    #[test]
    fn a_wider_merge_takes_what_is_there() {
        let narrow = Unmerged::new(vec![run(1, &["a"]), run(2, &["b"])], RULE);
        let before = runs_of(&narrow);
        narrow.merged();
        let after = runs_of(&narrow);
        let wide = |mut runs: Vec<Arc<Run>>| {
            runs.push(run(3, &["a"]));
            entries(Unmerged::new(runs, RULE).merged().run())
        };
        assert_eq!(wide(before), wide(after));
    }
}
