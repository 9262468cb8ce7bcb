//! The store for real: a handle for requests, and a thread with a clock that takes
//! snapshots.
//!
//! When enough entries lie behind the newest snapshot, or an interval has passed and any
//! do, the thread takes a snapshot and cuts the log, with the steps that the laboratory
//! takes. It holds the store for one step at a time and lets requests go first, so none of
//! them waits for more than one step.
//!
//! Closing waits for the step and the snapshot that the number of entries makes due,
//! for otherwise a process that lives for less than a snapshot would never take one. It
//! waits for no interval.

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

/// A lock is poisoned when a thread has panicked with it, which is a bug.
const POISONED: &str = "no thread panics while it holds the store";

/// When snapshots are taken without being asked for. By default never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Schedule {
    /// When so many entries lie behind the newest.
    pub every: Option<u64>,
    /// When so much time has passed and any entry lies behind the newest.
    pub interval: Option<Duration>,
}

/// A store that a request and the thread take in turn.
#[derive(Debug)]
pub struct Shared<M: Machine + Send + 'static> {
    inner: Arc<Inner<M>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inner<M> {
    state: Mutex<State<M>>,
    /// Something was appended, or the store is closing.
    changed: Condvar,
    /// Requests that wait for the store.
    waiting: AtomicUsize,
    schedule: Schedule,
}

#[derive(Debug)]
struct State<M> {
    store: SnapshotLog<M>,
    is_closing: bool,
}

impl<M: Machine + Send + 'static> Shared<M> {
    /// Starts the thread of an open store, if the schedule has anything for it to do.
    ///
    /// # Errors
    /// `Other` when the system gives no thread.
    pub fn new(store: SnapshotLog<M>, schedule: Schedule) -> Result<Self, Failure> {
        let state = State {
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

    /// Does something with the store, alone. Waits for one step of a snapshot at most.
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
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl<M: Machine> Inner<M> {
    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().expect(POISONED)
    }

    /// The thread. It ends when the store closes, or has stopped: the next request is
    /// told why.
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

    /// Lets go of the store until no request waits for it.
    fn let_requests_pass<'lock>(
        &'lock self,
        state: MutexGuard<'lock, State<M>>,
    ) -> MutexGuard<'lock, State<M>> {
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

    fn is_due(&self, state: &State<M>, due: Option<Instant>) -> bool {
        let covered = state.store.snapshot().map_or(0, |newest| newest.offset);
        let behind = state.store.next_offset() - covered;
        let is_enough = self.schedule.every.is_some_and(|every| behind >= every);
        let is_time = due.is_some_and(|due| Instant::now() >= due);
        behind > 0 && (is_enough || (is_time && !state.is_closing))
    }

    /// Waits until something has changed or the interval is over. One that is over without
    /// an entry begins anew.
    fn wait<'lock>(
        &'lock self,
        state: MutexGuard<'lock, State<M>>,
        due: Option<Instant>,
    ) -> (MutexGuard<'lock, State<M>>, Option<Instant>) {
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
