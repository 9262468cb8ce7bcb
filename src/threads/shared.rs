//! What the threads of one store share, and how they take turns at it.
//!
//! One lock guards the storage. It is held for moments: to number and stage a group, to
//! make it visible, to plan a merge, to install one. It is not held while anybody writes
//! or syncs a commit or a segment file, or merges. Beginning a new WAL or manifest file
//! is the exception: it is rare, and it would have to be waited for in any case.
//!
//! Whoever gives the lock back publishes the version first. Readers take the published
//! version and no lock.
//!
//! Lock order: the storage, then nothing. Queue, inbox, gate and tickets have locks of
//! their own, under which nobody takes another lock or calls anybody.

use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;

use super::gate::{Allowance, Gate, Progress, Request};
use super::inbox::Inbox;
use super::queue::{Limits, Queue};
use super::worker::Worker;
use crate::commit::Commit;
use crate::compactor::{Compactor, PACED_ENTRIES, Step};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::group::{Group, Job};
use crate::storage::{Lend, Storage};
use crate::version::Version;

/// Commits that the compactor's inbox has room for.
const INBOX_COMMITS: usize = 4096;

/// A larger group would make its first commit wait for the last one's bytes.
const LIMITS: Limits = Limits {
    group_bytes: 1024 * 1024,
    waiting_bytes: 16 * 1024 * 1024,
};

const PANICKED: &str = "a thread panicked while it worked on the store";

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    storage: Mutex<Storage>,
    published: ArcSwap<Version>,
    pub(super) queue: Queue<Job, Result<Commit>>,
    pub(super) inbox: Inbox<Commit>,
    pub(super) gate: Gate,
    pub(super) allowance: Allowance,
}

impl Shared {
    pub(super) fn new(storage: Storage) -> Self {
        let options = &storage.options;
        Self {
            published: ArcSwap::new(Arc::clone(&storage.version)),
            queue: Queue::new(LIMITS),
            inbox: Inbox::new(INBOX_COMMITS),
            gate: Gate::default(),
            allowance: Allowance {
                backlog_commits: options.most_backlog_commits,
                free_memory_bytes: options.memory_budget_bytes,
                memory_bytes: options.memory_budget_bytes.saturating_mul(2),
            },
            storage: Mutex::new(storage),
        }
    }

    /// The newest version that is visible. Takes no lock.
    pub(super) fn version(&self) -> Arc<Version> {
        self.published.load_full()
    }

    /// Lends the storage out, publishes what has changed, and tells the compactor.
    pub(super) fn lend<T>(&self, work: impl FnOnce(&mut Storage) -> T) -> T {
        let mut storage = self.lock();
        let result = work(&mut storage);
        let old = self.publish(&storage);
        let events = std::mem::take(&mut storage.events);
        drop(storage);
        let committed = events.into_iter().filter_map(|event| match event {
            Event::Committed { commit } => Some(commit),
            _ => None,
        });
        let mut committed = committed.peekable();
        if committed.peek().is_some() {
            self.inbox.send(committed);
        }
        // Letting go of a version can free many segments, so nobody waits for it.
        drop(old);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(|poisoned| {
            let mut storage = poisoned.into_inner();
            storage.poison.get_or_insert_with(|| PANICKED.to_owned());
            storage
        })
    }

    /// Publishes the version if it has changed, and returns the one before. What a panic
    /// has left half done is never published. A failed disk leaves nothing half done, and
    /// a commit that was under way when the compactor failed is acknowledged.
    fn publish(&self, storage: &Storage) -> Option<Arc<Version>> {
        let is_new = !Arc::ptr_eq(&self.published.load(), &storage.version);
        let publishes = is_new && !self.storage.is_poisoned();
        publishes.then(|| self.published.swap(Arc::clone(&storage.version)))
    }

    /// Refuses commits from now on. The first cause stays, and is returned.
    pub(super) fn poison(&self, cause: String) -> String {
        self.lend(|storage| storage.poison.get_or_insert(cause).clone())
    }

    /// Performs a group: what a leader does.
    pub(super) fn perform(&self, jobs: Vec<Job>) -> Vec<Result<Commit>> {
        let guard = PoisonOnPanic(self);
        self.wait_for_room(&jobs);
        let count = jobs.len();
        let results = match self.lend(|storage| Group::begin(storage, jobs)) {
            Ok(group) => {
                let outcome = group.perform();
                self.lend(|storage| group.finish(storage, outcome))
            }
            Err(error) => (0..count).map(|_| Err(error.for_another())).collect(),
        };
        std::mem::forget(guard);
        results
    }

    fn wait_for_room(&self, jobs: &[Job]) {
        let entries: usize = jobs.iter().map(Job::entries).sum();
        let request = {
            let storage = self.lock();
            Request {
                head: storage.version.head().get(),
                memory_bytes: storage.memory_bytes,
                price_entries: (entries * PACED_ENTRIES) as u64,
            }
        };
        self.gate.wait_for_room(request, self.allowance);
    }

    /// What the caller of a job is told.
    pub(super) fn answer(result: Option<Result<Commit>>) -> Result<Commit> {
        result.unwrap_or_else(|| {
            Err(Error::Poisoned {
                cause: PANICKED.to_owned(),
            })
        })
    }
}

impl Lend for &Shared {
    fn lend<T>(&mut self, work: impl FnOnce(&mut Storage) -> T) -> T {
        Shared::lend(self, work)
    }
}

/// A leader that panics between its two loans leaves a log that nobody knows the end of.
struct PoisonOnPanic<'a>(&'a Shared);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        self.0.poison(PANICKED.to_owned());
    }
}

/// The compactor, as the worker thread drives it.
#[derive(Debug)]
pub(super) struct Compacting<'a> {
    shared: &'a Shared,
    compactor: Compactor,
    memory_bytes: usize,
    read_entries: u64,
}

impl<'a> Compacting<'a> {
    pub(super) fn new(shared: &'a Shared, compactor: Compactor) -> Self {
        Self {
            shared,
            compactor,
            memory_bytes: 0,
            read_entries: 0,
        }
    }
}

impl Worker for Compacting<'_> {
    type Hint = Commit;

    fn hear(&mut self, commit: Commit) {
        self.compactor.receive(&Event::Committed { commit });
    }

    fn look(&mut self) {
        let compactor = &mut self.compactor;
        self.shared.lend(|storage| compactor.reconcile(storage));
    }

    fn step(&mut self) -> Result<bool, String> {
        let step = self.compactor.step(&mut self.shared);
        let step = step.map_err(|error| self.shared.poison(error.to_string()))?;
        let has_worked = step != Step::Idle;
        if let Step::Worked { entries } = step {
            self.read_entries += entries as u64;
        }
        self.memory_bytes = self.shared.lend(|storage| {
            storage.counters.steps += u64::from(has_worked);
            storage.memory_bytes
        });
        Ok(has_worked)
    }

    fn progress(&self) -> Progress {
        Progress {
            known_through: self.compactor.known_through().get(),
            closed_through: self.compactor.closed_through().get(),
            memory_bytes: self.memory_bytes,
            read_entries: self.read_entries,
        }
    }
}
