//! What the threads of one store share, how they take turns at it, and what each call does.
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
//!
//! Everything here runs in any shell: `Db` is this with real threads, and `SteppedDb` this
//! with turns.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Pressure;
use super::gate::{Allowance, Gate, Progress, Request};
use super::inbox::Inbox;
use super::queue::{Limits, Perform, Queue};
use super::shell::{Monitor, Shell};
use super::ticket::{Call, Ticket};
use super::worker::{self, Worker};
use crate::commit::Commit;
use crate::compactor::{Compactor, PACED_ENTRIES, Step};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::group::{Group, Job};
use crate::read::Snapshot;
use crate::stats::Stats;
use crate::storage::{Lend, Storage};
use crate::transaction::Draft;
use crate::version::Version;

/// How much may wait, and how much is taken at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Commits that the compactor's inbox has room for.
    pub(crate) inbox_commits: usize,
    pub(crate) queue: Limits,
}

impl Sizes {
    /// Those of every store outside of the laboratory.
    pub(crate) const USUAL: Self = Self {
        inbox_commits: 4096,
        // A larger group would make its first commit wait for the last one's bytes.
        queue: Limits {
            group_bytes: 1024 * 1024,
            waiting_bytes: 16 * 1024 * 1024,
        },
    };
}

const PANICKED: &str = "a thread panicked while it worked on the store";

/// The storage, and whether somebody has it.
#[derive(Debug)]
struct Lent {
    storage: Storage,
    /// Set for good by a panic of whoever had it: what that has left half done is not
    /// gone on with, and never published.
    is_out: bool,
}

impl Lent {
    /// Lends the storage out; says whether it came back whole from all loans before.
    fn lend<T>(&mut self, work: impl FnOnce(&mut Storage, bool) -> T) -> T {
        let is_whole = !std::mem::replace(&mut self.is_out, true);
        if !is_whole {
            let poison = &mut self.storage.poison;
            poison.get_or_insert_with(|| PANICKED.to_owned());
        }
        let result = work(&mut self.storage, is_whole);
        self.is_out = !is_whole;
        result
    }
}

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Shared<K: Shell> {
    /// Before the storage, which takes whoever else holds a version for a reader when it goes.
    published: ArcSwap<Version>,
    storage: K::Monitor<Lent, 0>,
    pub(super) queue: Queue<Job, Result<Commit>, K>,
    pub(super) inbox: Inbox<Commit, K>,
    pub(super) gate: Gate<K>,
    allowance: Allowance,
}

impl<K: Shell> Shared<K> {
    pub(super) fn new(storage: Storage, sizes: Sizes) -> Self {
        let options = &storage.options;
        Self {
            published: ArcSwap::new(Arc::clone(&storage.version)),
            queue: Queue::new(sizes.queue),
            inbox: Inbox::new(sizes.inbox_commits),
            gate: Gate::new(),
            allowance: Allowance {
                backlog_commits: options.most_backlog_commits,
                free_memory_bytes: options.memory_budget_bytes,
                memory_bytes: options.memory_budget_bytes.saturating_mul(2),
            },
            storage: Monitor::new(Lent {
                storage,
                is_out: false,
            }),
        }
    }

    /// The newest version that is visible. Takes no lock.
    pub(super) fn version(&self) -> Arc<Version> {
        self.published.load_full()
    }

    /// Lends the storage out, publishes what has changed, and tells the compactor.
    pub(super) fn lend<T>(&self, work: impl FnOnce(&mut Storage) -> T) -> T {
        let lend = |storage: &mut Storage, is_whole: bool| {
            let result = work(storage);
            let old = self.publish(storage, is_whole);
            let committed = storage.events.drain(..).filter_map(|event| match event {
                Event::Committed { commit } => Some(commit),
                _ => None,
            });
            let committed: Vec<Commit> = committed.collect();
            let wakes = !committed.is_empty() && have_work(storage, &committed);
            (result, old, committed, wakes)
        };
        let (result, old, committed, wakes) = self.storage.visit(|lent, _| lent.lend(lend));
        if !committed.is_empty() {
            self.inbox.send(committed, wakes);
        }
        // Letting go of a version can free many segments, so nobody waits for it.
        drop(old);
        result
    }

    /// Publishes the version if it has changed, and returns the one before. A failed disk
    /// leaves nothing half done, and a commit that was under way when the compactor failed
    /// is acknowledged.
    fn publish(&self, storage: &Storage, is_whole: bool) -> Option<Arc<Version>> {
        let is_new = !Arc::ptr_eq(&self.published.load(), &storage.version);
        let hides = planted!(FailureHidesCommits) && storage.poison.is_some();
        let publishes = is_new && is_whole && !hides;
        publishes.then(|| self.published.swap(Arc::clone(&storage.version)))
    }

    /// Refuses commits from now on. The first cause stays, and is returned.
    pub(super) fn poison(&self, cause: String) -> String {
        self.lend(|storage| storage.poison.get_or_insert(cause).clone())
    }

    /// Hands a job over and waits until it is done, or leads the group that it is in.
    pub(super) async fn run(&self, job: Job, bytes: usize) -> Result<Commit> {
        let outcome = self.queue.run(job, bytes, self).await;
        outcome.map_or(Err(Error::Closed), answer)
    }

    /// Commits the writes of a draft, unless somebody has written what it has read.
    pub(super) async fn commit_draft(&self, draft: Draft) -> Result<Commit> {
        if draft.is_read_only() {
            return Ok(draft.commit());
        }
        let (batch, mut reads) = draft.into_parts();
        // By the one who has read, so that the leader need not do it for everybody.
        reads.check(&self.version())?;
        self.run(Job::transaction(&batch, reads)?, batch.bytes())
            .await
    }

    /// Hands a job over and does not wait for it.
    pub(super) async fn hand_in(&self, job: Job, bytes: usize) -> Result<Pending<K>> {
        let ticket = self.queue.submit(job, bytes).await;
        ticket.map_err(|_| Error::Closed)
    }

    /// Waits until the compactor has nothing left to do.
    pub(super) async fn settle(&self) -> Result<()> {
        let asked = self.inbox.ask_to_look();
        K::turn().await;
        let Err(_) = self.gate.wait_until_idle(asked).await else {
            return Ok(());
        };
        self.lend(|storage| storage.check_healthy())?;
        Err(Error::Closed)
    }

    /// Finishes what was handed over and tells the threads to end: first the queue, while
    /// the compactor still makes room for it.
    pub(super) async fn stop(&self) {
        self.queue.close().await;
        K::turn().await;
        self.inbox.close();
    }

    /// Makes everything durable and frees the directory, when the threads have ended.
    pub(super) fn close(&self) -> Result<()> {
        self.lend(|storage| {
            if storage.lock.is_none() {
                return Ok(());
            }
            let outcome = storage.close();
            let kept = storage.keep_open_for_readers(Some(self.version()));
            storage.lock = None;
            outcome.and(kept)
        })
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let version = self.version();
        Snapshot {
            at: version.head(),
            version,
        }
    }

    pub(super) fn snapshot_at(&self, commit: Commit) -> Result<Snapshot> {
        let version = self.version();
        version.check_exists(commit)?;
        Ok(Snapshot {
            version,
            at: commit,
        })
    }

    pub(super) fn pressure(&self) -> Pressure {
        // In this order, so that the compactor is never ahead of the head.
        let (progress, waits) = self.gate.progress();
        let head = self.version().head().get();
        Pressure {
            lag_commits: head.saturating_sub(progress.known_through),
            backlog_commits: head.saturating_sub(progress.closed_through),
            most_backlog_commits: self.allowance.backlog_commits,
            memory_bytes: progress.memory_bytes as u64,
            free_memory_bytes: self.allowance.free_memory_bytes as u64,
            most_memory_bytes: self.allowance.memory_bytes as u64,
            waits,
            dropped_events: self.inbox.dropped(),
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let lag = self.pressure().lag_commits;
        self.lend(|storage| storage.stats(lag))
    }

    async fn wait_for_room(&self, jobs: &[Job]) {
        let entries: usize = jobs.iter().map(Job::entries).sum();
        let ask = |storage: &mut Storage, _| Request {
            head: storage.version.head().get(),
            memory_bytes: storage.memory_bytes,
            price_entries: (entries * PACED_ENTRIES) as u64,
        };
        let request = self.storage.visit(|lent, _| lent.lend(ask));
        self.gate.wait_for_room(request, self.allowance).await;
    }
}

/// Whether these commits give the compactor something to do, or to say. It learns of others
/// when it looks the next time.
fn have_work(storage: &Storage, committed: &[Commit]) -> bool {
    let alignment = &storage.placement.alignment;
    let closes = |&commit: &Commit| alignment.closing_level(commit) > 0;
    if committed.iter().any(closes) && !planted!(ClosingWakesNobody) {
        return true;
    }
    if storage.is_over_budget() && !planted!(BudgetWakesNobody) {
        return true;
    }
    // Commits wait for a compactor that says that it has nothing to do, where fewer may be
    // unmerged than the narrowest window has, or where none ever closes.
    let most = storage.options.most_backlog_commits;
    alignment.width(1).is_none_or(|width| width > most) && !planted!(BacklogWakesNobody)
}

/// What a leader does.
impl<K: Shell> Perform<Job, Result<Commit>> for Shared<K> {
    async fn perform(&self, mut jobs: Vec<Job>) -> Vec<Result<Commit>> {
        let guard = PoisonOnPanic(self);
        self.wait_for_room(&jobs).await;
        // Nobody but the leader makes commits visible, so there is nothing left of this to do while
        // the storage is held.
        for job in &mut jobs {
            job.check_reads(|| self.version());
        }
        K::turn().await;
        let count = jobs.len();
        let answers = match self.lend(|storage| Group::begin(storage, jobs)) {
            Ok(group) => {
                K::turn().await;
                let outcome = group.perform();
                K::turn().await;
                self.lend(|storage| group.finish(storage, outcome))
            }
            Err(error) => (0..count).map(|_| Err(error.for_another())).collect(),
        };
        std::mem::forget(guard);
        answers
    }
}

/// A job that nobody waits for.
pub(super) type Pending<K> = Arc<Ticket<Result<Commit>, K>>;

/// Waits for the outcome of a job that was handed in.
pub(super) async fn answer_of<K: Shell>(ticket: &Ticket<Result<Commit>, K>) -> Result<Commit> {
    match ticket.wait().await {
        Call::Done(result) => answer(result),
        Call::Lead => unreachable!("the standby thread leads in its place"),
    }
}

/// What the caller of a job is told.
pub(super) fn answer(result: Option<Result<Commit>>) -> Result<Commit> {
    result.unwrap_or_else(|| {
        Err(Error::Poisoned {
            cause: PANICKED.to_owned(),
        })
    })
}

impl<K: Shell> Lend for &Shared<K> {
    fn lend<T>(&mut self, work: impl FnOnce(&mut Storage) -> T) -> T {
        Shared::lend(self, work)
    }
}

/// A leader that panics between its two loans leaves a log that nobody knows the end of.
struct PoisonOnPanic<'a, K: Shell>(&'a Shared<K>);

impl<K: Shell> Drop for PoisonOnPanic<'_, K> {
    fn drop(&mut self) {
        self.0.poison(PANICKED.to_owned());
    }
}

/// The compactor, as the worker thread drives it.
#[derive(Debug)]
pub(super) struct Compacting<'a, K: Shell> {
    shared: &'a Shared<K>,
    compactor: Compactor,
    memory_bytes: usize,
    read_entries: u64,
}

impl<'a, K: Shell> Compacting<'a, K> {
    pub(super) fn new(shared: &'a Shared<K>, compactor: Compactor) -> Self {
        Self {
            shared,
            compactor,
            memory_bytes: 0,
            read_entries: 0,
        }
    }

    /// What the compactor thread does.
    pub(super) async fn work(mut self) {
        let shared = self.shared;
        worker::work(&mut self, &shared.inbox, &shared.gate).await;
    }
}

impl<K: Shell> Worker for Compacting<'_, K> {
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
