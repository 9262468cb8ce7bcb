//! The store as it runs for real: a handle for requests, and a thread with a clock that
//! takes snapshots.
//!
//! The thread takes a snapshot and truncates the log in two cases: the number of entries
//! after the newest snapshot has reached a limit, or an interval has passed and there is
//! at least one such entry. The thread uses the same steps as the laboratory. It holds the
//! store for one step at a time and lets waiting requests run between steps, so a request
//! waits for one step at most.
//!
//! Closing waits for the current step, and for a snapshot that is due by the number of
//! entries. Otherwise a process that always ends before its snapshot would never take one.
//! Closing does not wait for an interval.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the store as it runs for real, with a thread and a clock"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lithify_sim::system::Failure;

use super::store::SnapshotLog;
use crate::parts::machine::Machine;

/// A mutex is poisoned when a thread panics while it holds the mutex, which is a bug.
const POISONED: &str = "no thread panics while it holds the store";

/// When the thread takes snapshots. The default is never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Schedule {
    /// Take a snapshot when this number of entries was added since the newest snapshot.
    pub every: Option<u64>,
    /// Take a snapshot when this time has passed and any entry was added since the newest
    /// snapshot.
    pub interval: Option<Duration>,
}

/// A store that requests and the thread use in turn.
#[derive(Debug)]
pub struct Shared<M: Machine + Send + 'static> {
    inner: Arc<Inner<M>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inner<M> {
    state: Mutex<SharedState<M>>,
    /// Signalled when a request has used the store, or the store closes.
    changed: Condvar,
    /// The number of requests that wait for the store.
    waiting: AtomicUsize,
    schedule: Schedule,
}

#[derive(Debug)]
struct SharedState<M> {
    store: SnapshotLog<M>,
    is_closing: bool,
}

impl<M: Machine + Send + 'static> Shared<M> {
    /// Wraps an open store. Starts the thread if the schedule needs it.
    ///
    /// # Errors
    /// `Other` if the operating system cannot start a thread.
    pub fn new(store: SnapshotLog<M>, schedule: Schedule) -> Result<Self, Failure> {
        let state = SharedState {
            store,
            is_closing: false,
        };
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
            schedule,
        });
        let is_idle = schedule.every.is_none() && schedule.interval.is_none();
        let thread = match is_idle {
            true => None,
            false => Some(start(&inner)?),
        };
        Ok(Self { inner, thread })
    }

    /// Calls `act` with exclusive access to the store. Waits for one step of a snapshot at
    /// most.
    pub fn with<T>(&self, act: impl FnOnce(&mut SnapshotLog<M>) -> T) -> T {
        let inner = &self.inner;
        inner.waiting.fetch_add(1, Ordering::SeqCst);
        let mut state = inner.lock();
        inner.waiting.fetch_sub(1, Ordering::SeqCst);
        let result = act(&mut state.store);
        drop(state);
        inner.changed.notify_one();
        result
    }
}

fn start<M: Machine + Send + 'static>(inner: &Arc<Inner<M>>) -> Result<JoinHandle<()>, Failure> {
    let inner = Arc::clone(inner);
    #[allow(
        clippy::disallowed_methods,
        reason = "the one thread of the store, which its owner joins; no run of the laboratory comes here"
    )]
    std::thread::Builder::new()
        .name("snapshot-log".to_owned())
        .spawn(move || inner.run())
        .map_err(|error| Failure::Other(format!("cannot start a thread: {error}")))
}

impl<M: Machine + Send + 'static> Drop for Shared<M> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.inner.lock().is_closing = true;
            self.inner.changed.notify_one();
            // A panic of the thread was already reported when it happened.
            let _ = thread.join();
        }
    }
}

impl<M: Machine> Inner<M> {
    fn lock(&self) -> MutexGuard<'_, SharedState<M>> {
        self.state.lock().expect(POISONED)
    }

    /// The loop of the thread. It ends when the store closes, or when a step fails: the
    /// store is then poisoned, and the next request gets the reason.
    fn run(&self) {
        let mut due = self.next_due();
        let mut state = self.lock();
        loop {
            if state.store.is_busy() {
                if state.store.step().is_err() {
                    return;
                }
                state = self.let_requests_pass(state);
            } else if self.is_due(&state, due) {
                state.store.begin_snapshot(true);
                due = self.next_due();
            } else if state.is_closing {
                return;
            } else {
                (state, due) = self.wait(state, due);
            }
        }
    }

    /// Releases the store until no request waits for it.
    fn let_requests_pass<'lock>(
        &'lock self,
        state: MutexGuard<'lock, SharedState<M>>,
    ) -> MutexGuard<'lock, SharedState<M>> {
        drop(state);
        while self.waiting.load(Ordering::SeqCst) > 0 {
            std::thread::yield_now();
        }
        self.lock()
    }

    fn next_due(&self) -> Option<Instant> {
        let interval = self.schedule.interval?;
        Instant::now().checked_add(interval)
    }

    fn is_due(&self, state: &SharedState<M>, due: Option<Instant>) -> bool {
        let covered = state.store.snapshot().map_or(0, |newest| newest.offset);
        let behind = state.store.next_offset() - covered;
        let is_enough = self.schedule.every.is_some_and(|every| behind >= every);
        let is_time = due.is_some_and(|due| Instant::now() >= due);
        behind > 0 && (is_enough || (is_time && !state.is_closing))
    }

    /// Waits until something has changed or the interval has passed. If the interval
    /// passes without a new entry, a new interval begins.
    fn wait<'lock>(
        &'lock self,
        state: MutexGuard<'lock, SharedState<M>>,
        due: Option<Instant>,
    ) -> (MutexGuard<'lock, SharedState<M>>, Option<Instant>) {
        let Some(instant) = due else {
            return (self.changed.wait(state).expect(POISONED), None);
        };
        let left = instant.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (state, self.next_due());
        }
        let (state, _) = self.changed.wait_timeout(state, left).expect(POISONED);
        (state, due)
    }
}
