//! Counts of work, for tests that state what a cost depends on. Such a test counts and never
//! measures time.
//!
//! Invariants: a count changes no behaviour, and outside of unit tests the macro `work!` expands to
//! nothing. Counts are kept per thread.

/// Counts one piece of work.
#[cfg(test)]
macro_rules! work {
    ($work:ident) => {
        $crate::work::add($crate::work::Work::$work)
    };
}

/// Does nothing outside of unit tests.
#[cfg(not(test))]
macro_rules! work {
    ($work:ident) => {{}};
}

#[cfg(test)]
pub(crate) use counted::{Work, add, count};

#[cfg(test)]
mod counted {
    use std::cell::Cell;

    /// The kinds of counted work.
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Work {
        /// Two names of keyspaces were compared.
        NameCompared,
        /// A keyspace was examined for something to merge or to write.
        KeyspaceVisited,
        /// A segment of the forest was examined.
        SegmentVisited,
        /// A file was examined for live segments.
        FileLookedAt,
        /// A segment in the list of a manifest or a table of contents was examined.
        ListedLookedAt,
        /// A lock of the threaded driver was taken.
        LockTaken,
        /// A thread of the threaded driver was woken.
        ThreadWoken,
        /// A group of commits was written to the log, and synced where that was promised.
        GroupPerformed,
    }

    const KINDS: usize = Work::GroupPerformed as usize + 1;

    thread_local! {
        static COUNTS: [Cell<u64>; KINDS] = const { [const { Cell::new(0) }; KINDS] };
    }

    pub(crate) fn add(work: Work) {
        COUNTS.with(|counts| {
            let count = &counts[work as usize];
            count.set(count.get() + 1);
        });
    }

    /// The amount of this work that `run` does on this thread.
    pub(crate) fn count(work: Work, run: impl FnOnce()) -> u64 {
        let so_far = || COUNTS.with(|counts| counts[work as usize].get());
        let before = so_far();
        run();
        so_far() - before
    }
}
