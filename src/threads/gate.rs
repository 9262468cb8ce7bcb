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

use super::shell::{Bells, Monitor, Shell};

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
}

/// Whoever waits for the compactor sleeps here.
const MOVED: usize = 0;

impl State {
    /// Whether commits may follow on `head`, once so many entries were read.
    fn has_room(&self, head: u64, due_entries: u64, allowance: Allowance) -> bool {
        let progress = &self.progress;
        let backlog = head.saturating_sub(progress.closed_through);
        let is_free = progress.memory_bytes <= allowance.free_memory_bytes;
        // A compactor that has nothing left to do makes no more room.
        (self.idle_through.is_some_and(|through| through >= head) && !planted!(IdleMakesNoRoom))
            || (backlog <= allowance.backlog_commits
                && progress.memory_bytes <= allowance.memory_bytes
                && (is_free || progress.read_entries >= due_entries))
    }

    fn report(&mut self, progress: Progress, idle_after: Option<u64>, bells: &mut Bells) {
        self.progress = progress;
        if let Some(answered) = idle_after {
            self.idle_through = Some(progress.known_through);
            self.answered = answered;
        }
        bells.ring_all(MOVED);
    }

    fn stop(&mut self, cause: &str, bells: &mut Bells) {
        self.stopped.get_or_insert_with(|| cause.to_owned());
        if !planted!(StoppedGateWakesNobody) {
            bells.ring_all(MOVED);
        }
    }

    /// A group has come: how many entries must have been read before it may go on.
    fn arrive(&mut self, request: Request, allowance: Allowance) -> u64 {
        self.progress.memory_bytes = request.memory_bytes;
        if request.memory_bytes <= allowance.free_memory_bytes {
            self.spent_entries = self.progress.read_entries;
        }
        let due = self.spent_entries + request.price_entries;
        if !self.may_pass(request, due, allowance) {
            mark!(LeaderWaits);
            self.waits += 1;
        }
        due
    }

    fn may_pass(&self, request: Request, due_entries: u64, allowance: Allowance) -> bool {
        self.stopped.is_some() || self.has_room(request.head, due_entries, allowance)
    }

    /// Lets a group through, if it may go on.
    fn pass(&mut self, request: Request, due: u64, allowance: Allowance) -> Option<()> {
        if !self.may_pass(request, due, allowance) {
            return None;
        }
        // Nobody owes what a compactor without work could not read.
        self.spent_entries = due.min(self.progress.read_entries);
        Some(())
    }

    /// Whether there was nothing left to do after so many requests to look; `None` when
    /// that is not known yet.
    fn idle_since(&self, asked: u64) -> Option<Result<(), String>> {
        match &self.stopped {
            Some(_) if planted!(SettledThoughStopped) => Some(Ok(())),
            Some(cause) => Some(Err(cause.clone())),
            None => (self.answered >= asked || planted!(SettledBeforeTheLook)).then_some(Ok(())),
        }
    }
}

/// The gate between those who write and the compactor.
#[derive(Debug)]
pub(crate) struct Gate<K: Shell> {
    state: K::Monitor<State, 1>,
}

impl<K: Shell> Gate<K> {
    pub(crate) fn new() -> Self {
        Self {
            state: Monitor::new(State::default()),
        }
    }

    /// The compactor reports. When it has nothing left to do, `idle_after` says how often
    /// it had been asked to look.
    pub(crate) fn report(&self, progress: Progress, idle_after: Option<u64>) {
        self.state
            .visit(|state, bells| state.report(progress, idle_after, bells));
    }

    /// The compactor has stopped. The first cause stays.
    pub(crate) fn stop(&self, cause: &str) {
        self.state.visit(|state, bells| state.stop(cause, bells));
    }

    /// Waits until the compactor is not too far behind and the group is paid for, or
    /// until it has stopped. Whoever asks knows the head and the memory better than the
    /// last report does, which may be older than a long wait for the disk.
    pub(crate) async fn wait_for_room(&self, request: Request, allowance: Allowance) {
        let mut due = None;
        let attempt = |state: &mut State, _: &mut Bells| {
            let due = *due.get_or_insert_with(|| state.arrive(request, allowance));
            state.pass(request, due, allowance)
        };
        self.state.wait(MOVED, attempt).await;
    }

    /// Waits until the compactor had nothing left to do after it was asked to look so
    /// often.
    ///
    /// # Errors
    /// Why the compactor has stopped.
    pub(crate) async fn wait_until_idle(&self, asked: u64) -> Result<(), String> {
        self.state
            .wait(MOVED, |state, _| state.idle_since(asked))
            .await
    }

    /// The last report, and how often somebody had to wait for room.
    pub(crate) fn progress(&self) -> (Progress, u64) {
        self.state.visit(|state, _| (state.progress, state.waits))
    }
}
