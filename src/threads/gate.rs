//! The gate: how far the compactor is, and whoever waits for it.
//!
//! Leaders of group commits wait here while compaction is too far behind
//! (back-pressure), and callers of settle until nothing is left to do. The compactor
//! never waits here: it only reports.
//!
//! Long before the limit of memory is reached, groups begin to pay: each waits until the
//! compactor has read a number of entries in proportion to those that it writes. So one
//! long wait for a large merge becomes many short ones. Nothing here knows of time.
//!
//! Invariant: when the compactor stops, for whatever reason, nobody waits any longer,
//! and everybody learns why.

use std::sync::PoisonError;

use super::sync::{Condvar, Mutex};

/// How far a compactor is. Commits are counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Every commit up to here is known to it.
    pub(crate) known_through: u64,
    /// Every closing up to here is being worked on, or done.
    pub(crate) closed_through: u64,
    /// Bytes of segments in memory when somebody last looked.
    pub(crate) memory_bytes: usize,
    /// Entries that it has read so far.
    pub(crate) read_entries: u64,
}

/// How far it may fall behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// The most commits between `closed_through` and the head.
    pub(crate) backlog_commits: u64,
    /// Up to so many bytes of segments in memory, writing is free.
    pub(crate) free_memory_bytes: usize,
    /// The most bytes of segments in memory.
    pub(crate) memory_bytes: usize,
}

/// A group that wants to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// The commit that it follows.
    pub(crate) head: u64,
    /// Bytes of segments in memory.
    pub(crate) memory_bytes: usize,
    /// Entries that the compactor has to read for it when memory is not free.
    pub(crate) price_entries: u64,
}

#[derive(Debug, Default)]
struct State {
    progress: Progress,
    /// There was nothing left to do with the commits up to here.
    idle_through: Option<u64>,
    /// There was nothing left to do after so many requests to look.
    answered: u64,
    /// Of the entries read, those that groups have paid with, or that were read while
    /// writing was free.
    spent_entries: u64,
    /// Why the compactor has stopped.
    stopped: Option<String>,
    /// How often somebody had to wait for room.
    waits: u64,
    /// Waking nobody is not free either.
    sleepers: usize,
}

impl State {
    /// Whether commits may follow on `head`, once so many entries were read.
    fn has_room(&self, head: u64, due_entries: u64, allowance: Allowance) -> bool {
        let progress = &self.progress;
        let backlog = head.saturating_sub(progress.closed_through);
        let is_free = progress.memory_bytes <= allowance.free_memory_bytes;
        // A compactor that has nothing left to do makes no more room.
        self.idle_through.is_some_and(|through| through >= head)
            || (backlog <= allowance.backlog_commits
                && progress.memory_bytes <= allowance.memory_bytes
                && (is_free || progress.read_entries >= due_entries))
    }
}

/// The gate between those who write and the compactor.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    moved: Condvar,
}

impl Gate {
    /// The compactor reports. When it has nothing left to do, `idle_after` says how often
    /// it had been asked to look.
    pub(crate) fn report(&self, progress: Progress, idle_after: Option<u64>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.progress = progress;
        if let Some(answered) = idle_after {
            state.idle_through = Some(progress.known_through);
            state.answered = answered;
        }
        if state.sleepers > 0 {
            self.moved.notify_all();
        }
    }

    /// The compactor has stopped. The first cause stays.
    pub(crate) fn stop(&self, cause: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.stopped.get_or_insert_with(|| cause.to_owned());
        self.moved.notify_all();
    }

    /// Waits until the compactor is not too far behind and the group is paid for, or
    /// until it has stopped. Whoever asks knows the head and the memory better than the
    /// last report does, which may be older than a long wait for the disk.
    pub(crate) fn wait_for_room(&self, request: Request, allowance: Allowance) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.progress.memory_bytes = request.memory_bytes;
        if request.memory_bytes <= allowance.free_memory_bytes {
            state.spent_entries = state.progress.read_entries;
        }
        let due = state.spent_entries + request.price_entries;
        let must_wait = |state: &State| {
            state.stopped.is_none() && !state.has_room(request.head, due, allowance)
        };
        state.waits += u64::from(must_wait(&state));
        while must_wait(&state) {
            state.sleepers += 1;
            let woken = self.moved.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.sleepers -= 1;
        }
        // Nobody owes what a compactor without work could not read.
        state.spent_entries = due.min(state.progress.read_entries);
    }

    /// Waits until the compactor had nothing left to do after it was asked to look so
    /// often.
    ///
    /// # Errors
    /// Why the compactor has stopped.
    pub(crate) fn wait_until_idle(&self, asked: u64) -> Result<(), String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(cause) = &state.stopped {
                return Err(cause.clone());
            }
            if state.answered >= asked {
                return Ok(());
            }
            state.sleepers += 1;
            let woken = self.moved.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.sleepers -= 1;
        }
    }

    /// The last report, and how often somebody had to wait for room.
    pub(crate) fn progress(&self) -> (Progress, u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.progress, state.waits)
    }
}
