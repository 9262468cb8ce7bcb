//! The gate: the progress of the compactor, and the threads that wait for it.
//!
//! Leaders of group commits wait here while compaction is too far behind (back-pressure). Callers
//! of settle wait here until no work is left. The compactor never waits here: it only reports.
//!
//! Long before the limit of memory is reached, groups begin to pay: each group waits until the
//! compactor has read a number of entries in proportion to the entries of the group. So one long
//! wait for a large merge becomes many short waits. The gate does not use time.
//!
//! Invariant: when the compactor stops, for any reason, every wait at the gate ends, and each
//! waiter gets the cause.

use super::shell::{Bells, Monitor, Shell};

/// The progress of a compactor. Commits are counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Every commit up to here is known to the compactor.
    pub(crate) known_through: u64,
    /// Every closing up to here is due, in a lane, or done.
    pub(crate) closed_through: u64,
    /// Bytes of segments in memory, as of the last report or request.
    pub(crate) memory_bytes: usize,
    /// Entries that the compactor has read so far.
    pub(crate) read_entries: u64,
}

/// How far the compactor may fall behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// The most commits between `closed_through` and the head.
    pub(crate) backlog_commits: u64,
    /// Up to this number of bytes of segments in memory, writing is free.
    pub(crate) free_memory_bytes: usize,
    /// The most bytes of segments in memory.
    pub(crate) memory_bytes: usize,
}

/// A group that waits to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// The commit before the group.
    pub(crate) head: u64,
    /// Bytes of segments in memory.
    pub(crate) memory_bytes: usize,
    /// Entries that the compactor has to read for the group when memory is not free.
    pub(crate) price_entries: u64,
}

#[derive(Debug, Default)]
struct GateState {
    progress: Progress,
    /// No work was left for the commits up to here.
    idle_through: Option<u64>,
    /// The number of the last look request after which no work was left.
    answered: u64,
    /// The number of read entries that pay for no further group: the entries that groups have paid
    /// with, and the entries that were read while writing was free.
    spent_entries: u64,
    /// The reason why the compactor has stopped.
    stopped: Option<String>,
    /// The number of groups that had to wait for room.
    waits: u64,
}

/// All threads that wait for the compactor sleep at this bell.
const MOVED: usize = 0;

impl GateState {
    /// Whether commits may follow on `head`, once the compactor has read `due_entries`.
    fn has_room(&self, head: u64, due_entries: u64, allowance: Allowance) -> bool {
        let progress = &self.progress;
        let backlog = head.saturating_sub(progress.closed_through);
        let is_free = progress.memory_bytes <= allowance.free_memory_bytes;
        // An idle compactor makes no more room, so waiting for it would never end.
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

    /// A group has arrived. Returns the number of entries that must have been read before the group
    /// may go on.
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
        planted!(NobodyWaitsForRoom)
            || self.stopped.is_some()
            || self.has_room(request.head, due_entries, allowance)
    }

    /// Lets the group through, if it may go on.
    fn pass(&mut self, request: Request, due: u64, allowance: Allowance) -> Option<()> {
        if !self.may_pass(request, due, allowance) {
            return None;
        }
        // A group owes no more than an idle compactor could read.
        self.spent_entries = due.min(self.progress.read_entries);
        Some(())
    }

    /// Whether no work was left after look request number `asked`; `None` when that is not known
    /// yet.
    fn idle_since(&self, asked: u64) -> Option<Result<(), String>> {
        match &self.stopped {
            Some(_) if planted!(SettledThoughStopped) => Some(Ok(())),
            Some(cause) => Some(Err(cause.clone())),
            None => (self.answered >= asked || planted!(SettledBeforeTheLook)).then_some(Ok(())),
        }
    }
}

/// The gate between writers and the compactor.
#[derive(Debug)]
pub(crate) struct Gate<K: Shell> {
    state: K::Monitor<GateState, 1>,
}

impl<K: Shell> Gate<K> {
    pub(crate) fn new() -> Self {
        Self {
            state: Monitor::new(GateState::default()),
        }
    }

    /// Takes a report of the compactor. When no work is left, `idle_after` is the number of look
    /// requests that the report covers.
    pub(crate) fn report(&self, progress: Progress, idle_after: Option<u64>) {
        self.state
            .visit(|state, bells| state.report(progress, idle_after, bells));
    }

    /// Records that the compactor has stopped. The first cause stays.
    pub(crate) fn stop(&self, cause: &str) {
        self.state.visit(|state, bells| state.stop(cause, bells));
    }

    /// Waits until the compactor is not too far behind and the group is paid for, or until the
    /// compactor has stopped. The caller passes the current head and memory: the last report may be
    /// older, by as much as one long wait for the disk.
    pub(crate) async fn wait_for_room(&self, request: Request, allowance: Allowance) {
        let mut due = None;
        let attempt = |state: &mut GateState, _: &mut Bells| {
            // The price is fixed at the arrival: it must not grow while the group waits.
            let due = *due.get_or_insert_with(|| state.arrive(request, allowance));
            state.pass(request, due, allowance)
        };
        self.state.wait(MOVED, attempt).await;
    }

    /// Waits until the compactor has reported, after look request number `asked`, that no work is
    /// left.
    ///
    /// # Errors
    /// The reason why the compactor has stopped.
    pub(crate) async fn wait_until_idle(&self, asked: u64) -> Result<(), String> {
        self.state
            .wait(MOVED, |state, _| state.idle_since(asked))
            .await
    }

    /// The last report, and the number of groups that had to wait for room.
    pub(crate) fn progress(&self) -> (Progress, u64) {
        self.state.visit(|state, _| (state.progress, state.waits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance {
        backlog_commits: u64::MAX,
        free_memory_bytes: 1000,
        memory_bytes: 2000,
    };

    /// Lets a group of this size and price through. Returns false if the group has to wait.
    fn goes_on(state: &mut GateState, memory_bytes: usize, price_entries: u64) -> bool {
        let request = Request {
            head: 1,
            memory_bytes,
            price_entries,
        };
        let due = state.arrive(request, ALLOWANCE);
        state.pass(request, due, ALLOWANCE).is_some()
    }

    /// Nothing that was read while writing was free pays for anything later. After that, each group
    /// pays once.
    #[test]
    fn what_was_read_since_writing_is_not_free_pays_for_groups() {
        let mut state = GateState::default();
        state.progress.read_entries = 500;
        assert!(goes_on(&mut state, 1000, 16), "writing is free");
        assert!(!goes_on(&mut state, 1001, 16), "nothing was read since");
        state.progress.read_entries = 550;
        let paid = (0..10).take_while(|_| goes_on(&mut state, 1001, 16));
        assert_eq!(paid.count(), 50 / 16);
        assert_eq!(state.waits, 2);
        assert!(
            !goes_on(&mut state, 2001, 0),
            "the limit holds at any price"
        );
        state.idle_through = Some(1);
        assert!(
            goes_on(&mut state, 2001, 16),
            "an idle compactor makes no room"
        );
    }
}
