//! Counts of work, for tests that say what a cost grows with: with the work itself, and not
//! with what lies around it. Such a test counts and never measures time.
//!
//! Invariants: a count changes nothing, and outside of unit tests it is no code at all.
//! Counts belong to the thread that did the work.

/// Counts one piece of work.
#[cfg(test)]
macro_rules! work {
    ($work:ident) => {
        $crate::work::add($crate::work::Work::$work)
    };
}

/// Counts one piece of work: nothing, outside of unit tests.
#[cfg(not(test))]
macro_rules! work {
    ($work:ident) => {{}};
}

#[cfg(test)]
pub(crate) use counted::{Work, add, count};

#[cfg(test)]
mod counted {
    use std::cell::Cell;

    /// What is counted.
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Work {
        /// Two names of keyspaces were compared.
        NameCompared,
        /// A keyspace was looked at, to see what is to be merged or written there.
        KeyspaceVisited,
        /// A segment of the forest was looked at.
        SegmentVisited,
        /// A file was looked at to see whether something still lives in it.
        FileLookedAt,
        /// A segment that a manifest or a table of contents lists was looked at.
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

    /// How much of this work is done while `run` runs, on this thread.
    pub(crate) fn count(work: Work, run: impl FnOnce()) -> u64 {
        let so_far = || COUNTS.with(|counts| counts[work as usize].get());
        let before = so_far();
        run();
        so_far() - before
    }
}
