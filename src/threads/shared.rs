//! The state that the threads of one store share, how they take turns at it, and the program of
//! each call.
//!
//! One lock guards the storage. It is held for moments: to number and stage a group, to make it
//! visible, to plan a merge, to install one. It is not held during the write or sync of a commit or
//! a segment file, nor during a merge. Beginning a new WAL or manifest file is the exception: it is
//! rare, and other threads would have to wait for it in any case.
//!
//! A thread that returns the storage publishes the version first. Readers use the published version
//! and take no lock.
//!
//! Lock order: the storage, then nothing. Queue, inbox, gate and tickets have locks of their own. A
//! thread that holds one of them takes no other lock and calls no foreign code.
//!
//! All programs here run in any shell: `Db` runs them with real threads, `SteppedDb` with turns.

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

/// The most that may wait, and the most that a group takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Commits that the compactor's inbox has room for.
    pub(crate) inbox_commits: usize,
    pub(crate) queue: Limits,
}

impl Sizes {
    /// The sizes of every store outside of the laboratory.
    pub(crate) const USUAL: Self = Self {
        inbox_commits: 4096,
        // In a larger group the first commit would wait for the bytes of the last one.
        queue: Limits {
            group_bytes: 1024 * 1024,
            waiting_bytes: 16 * 1024 * 1024,
        },
    };
}

const PANICKED: &str = "a thread panicked while it worked on the store";

/// The storage, and whether it is lent out.
#[derive(Debug)]
struct Lent {
    storage: Storage,
    /// Stays set after a panic during a loan: the half-done changes of that loan are never
    /// continued and never published.
    is_out: bool,
}

impl Lent {
    /// Lends the storage out. `work` is told whether all earlier loans came back whole.
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

/// The state that the threads share.
#[derive(Debug)]
pub(crate) struct Shared<K: Shell> {
    /// Dropped before the storage: the storage counts the remaining references to a version as
    /// readers.
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
                backlog_commits: options.max_backlog_commits,
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

    /// Lends the storage out, publishes the changed version, and tells the compactor.
    pub(super) fn lend<T>(&self, work: impl FnOnce(&mut Storage) -> T) -> T {
        let lend = |storage: &mut Storage, is_whole: bool| {
            let result = work(storage);
            // Publish under the lock: two threads that publish after unlocking could put the older
            // version last.
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
        // After the unlock: the inbox has a lock of its own, and the lock order allows no second
        // lock.
        if !committed.is_empty() {
            self.inbox.send(committed, wakes);
        }
        // Dropping a version can free many segments, so it happens outside of the lock.
        drop(old);
        result
    }

    /// Publishes the version if it has changed, and returns the version before. A version is also
    /// published after a failed disk: a failed disk leaves nothing half done, and a commit that was
    /// being made when the compactor failed is acknowledged.
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

    /// Submits a job and waits until it is done, or leads the group that contains it.
    pub(super) async fn run(&self, job: Job, bytes: usize) -> Result<Commit> {
        let outcome = self.queue.run(job, bytes, self).await;
        outcome.map_or(Err(Error::Closed), answer)
    }

    /// Commits the writes of a draft, unless another commit has written what the draft has read.
    pub(super) async fn commit_draft(&self, draft: Draft) -> Result<Commit> {
        if draft.is_read_only() && !planted!(ReadOnlyTakesNumber) {
            return Ok(draft.commit());
        }
        let (batch, mut reads) = draft.into_parts();
        // The reading thread checks its own reads first, so that the leader does not check all of
        // them.
        reads.check(&self.version())?;
        self.run(Job::transaction(&batch, reads)?, batch.bytes())
            .await
    }

    /// Submits a job without waiting for it.
    pub(super) async fn hand_in(&self, job: Job, bytes: usize) -> Result<Pending<K>> {
        let ticket = self.queue.submit(job, bytes).await;
        ticket.map_err(|_| Error::Closed)
    }

    /// Waits until the compactor has no work left.
    pub(super) async fn settle(&self) -> Result<()> {
        // Asked before the wait: only an idle report after this request proves a settled layout.
        let asked = self.inbox.ask_to_look();
        K::turn().await;
        let Err(_) = self.gate.wait_until_idle(asked).await else {
            return Ok(());
        };
        self.lend(|storage| storage.check_healthy())?;
        Err(Error::Closed)
    }

    /// Finishes submitted jobs and tells the threads to end. The queue closes first, while the
    /// compactor still makes room for its jobs.
    pub(super) async fn stop(&self) {
        // The queue before the inbox: a leader in the gate waits for the compactor, so the
        // compactor must not end first.
        self.queue.close().await;
        K::turn().await;
        self.inbox.close();
    }

    /// Makes everything durable and frees the directory, after the threads have ended.
    pub(super) fn close(&self) -> Result<()> {
        self.lend(|storage| {
            if storage.lock.is_none() {
                return Ok(());
            }
            let outcome = match storage.read_only {
                true => Ok(()),
                false => storage.close(),
            };
            let kept = storage.keep_open_for_readers(Some(self.version()));
            // The lock last: from then on another process may open the directory and remove files
            // that our readers need.
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
        // In this order, so that the reported progress is never beyond the head.
        let (progress, waits) = self.gate.progress();
        let head = self.version().head().get();
        Pressure {
            lag_commits: head.saturating_sub(progress.known_through),
            backlog_commits: head.saturating_sub(progress.closed_through),
            max_backlog_commits: self.allowance.backlog_commits,
            memory_bytes: progress.memory_bytes as u64,
            free_memory_bytes: self.allowance.free_memory_bytes as u64,
            max_memory_bytes: self.allowance.memory_bytes as u64,
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

/// Whether the compactor has work, or something to report, because of these commits. It learns of
/// other commits at its next look.
fn have_work(storage: &Storage, committed: &[Commit]) -> bool {
    let alignment = &storage.placement.alignment;
    let closes = |&commit: &Commit| alignment.closing_level(commit) > 0;
    if committed.iter().any(closes) && !planted!(ClosingWakesNobody) {
        return true;
    }
    if storage.is_over_budget() && !planted!(BudgetWakesNobody) {
        return true;
    }
    // Two cases in which commits wait for the compactor to report that it is idle: the narrowest
    // window is wider than the allowed backlog, or no window ever closes.
    let most = storage.options.max_backlog_commits;
    alignment.width(1).is_none_or(|width| width > most) && !planted!(BacklogWakesNobody)
}

/// The work of a leader.
impl<K: Shell> Perform<Job, Result<Commit>> for Shared<K> {
    async fn perform(&self, mut jobs: Vec<Job>) -> Vec<Result<Commit>> {
        let guard = PoisonOnPanic(self);
        // Before staging: a group that waits adds nothing to the memory that it waits for.
        self.wait_for_room(&jobs).await;
        // Only the leader makes commits visible. So this check is complete, and no check is left
        // for the time under the storage lock.
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
        // Only here: a panic at any earlier place must poison the storage.
        std::mem::forget(guard);
        answers
    }
}

/// A submitted job whose caller does not wait.
pub(super) type Pending<K> = Arc<Ticket<Result<Commit>, K>>;

/// Waits for the outcome of a submitted job.
pub(super) async fn answer_of<K: Shell>(ticket: &Ticket<Result<Commit>, K>) -> Result<Commit> {
    match ticket.wait().await {
        Call::Done(result) => answer(result),
        Call::Lead => unreachable!("the standby thread leads in its place"),
    }
}

/// The answer to the caller of a job.
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

/// Poisons the storage when a leader panics between its two loans: the end of the log is unknown
/// then.
struct PoisonOnPanic<'a, K: Shell>(&'a Shared<K>);

impl<K: Shell> Drop for PoisonOnPanic<'_, K> {
    fn drop(&mut self) {
        self.0.poison(PANICKED.to_owned());
    }
}

/// The compactor, as its thread drives it.
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

    /// The program of the compactor thread.
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
