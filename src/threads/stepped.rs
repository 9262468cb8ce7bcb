//! A store that several clients share, driven by one thread that gives turns.
//!
//! This is the driver of the laboratory: the programs of `Db` and the states that they visit, run
//! by a schedule instead of by threads. A *task* stands for a thread: a client with one call, the
//! standby thread, the compactor. A turn runs a task up to the next place where another task could
//! come in between, or where the task waits. A waiting task gets no turn before its bell was rung.
//!
//! Invariant: a task that is not finished and may not have a turn waits for other tasks. When no
//! task may have a turn, these waits never end.
//!
//! This driver gives no turns by itself. One step of the compactor is one turn, so no other task
//! comes in between two loans of the storage inside a step. The states that a compactor could find
//! between two such loans are states that it can find between two steps as well.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::Pressure;
use super::queue::Limits;
use super::shared::{self, Compacting, answer, answer_of};
use super::turns::Turns;
use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::compactor::Compactor;
use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::group::Job;
use crate::layout::Layout;
use crate::options::Options;
use crate::read::Snapshot;
use crate::recover::{self, Mode};
use crate::stats::Stats;
use crate::transaction::Draft;

type Shared = shared::Shared<Turns>;

/// Limits that are constants in a [`Db`](crate::Db). They have to be small here, so that a small
/// history reaches them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Commits that the compactor's inbox has room for.
    pub inbox_commits: usize,
    /// A group ends before the job that would make it larger than this in bytes.
    pub group_bytes: usize,
    /// A submitter that does not wait for its commit waits while this many bytes or more are
    /// waiting.
    pub waiting_bytes: usize,
    /// More keyspaces are refused.
    pub max_keyspaces: usize,
}

/// The identity of a task: its place in the order of starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(u64);

/// A call of a client, named after the methods of [`Db`](crate::Db).
#[derive(Debug)]
pub enum Request<'batch> {
    /// [`Db::commit`](crate::Db::commit); of several batches, which are taken or refused
    /// together, [`Store::commit_group`](crate::Store::commit_group).
    Commit(&'batch [WriteBatch]),
    /// [`Db::commit_async`](crate::Db::commit_async), and then
    /// [`PendingCommit::wait`](crate::PendingCommit::wait).
    CommitAsync(&'batch WriteBatch),
    /// The same, awaited by a task that has polled once for another one.
    CommitAwaited(&'batch WriteBatch),
    /// [`Transaction::commit`](crate::Transaction::commit).
    Transaction(Draft),
    /// [`Db::sync`](crate::Db::sync).
    Sync,
    /// [`Db::settle`](crate::Db::settle).
    Settle,
    /// The first part of [`Db::close`](crate::Db::close), up to the point where the threads were
    /// told to end. When both tasks have ended, [`SteppedDb::close`] does the rest.
    Stop,
}

/// The result of a task; a commit number if its call has one.
type Output = Result<Commit>;

struct Task {
    program: Pin<Box<dyn Future<Output = Output>>>,
    woken: Arc<Woken>,
    /// Whether the task has to wait for room before its job is in the queue.
    waits_for_room: Rc<Cell<bool>>,
}

/// Whether a task may have a turn.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A store that several clients share, one turn after the other.
pub struct SteppedDb {
    /// Dropped before the shared state, like threads that die.
    tasks: BTreeMap<TaskId, Task>,
    shared: Rc<Shared>,
    next: u64,
}

impl fmt::Debug for SteppedDb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = self.tasks.keys();
        formatter.debug_set().entries(tasks).finish()
    }
}

impl SteppedDb {
    /// The task of the standby thread.
    pub const STANDBY: TaskId = TaskId(0);
    /// The task of the compactor thread.
    pub const COMPACTOR: TaskId = TaskId(1);

    /// Opens the store at the root of `fs` as [`Db::open`](crate::Db::open) does.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open(fs: Arc<dyn Fs>, options: Options, sizes: Sizes) -> Result<Self> {
        let mut storage = recover::open(fs, options, Mode::ReadWrite)?;
        storage.max_keyspaces = sizes.max_keyspaces;
        let compactor = Compactor::new(&storage);
        let sizes = shared::Sizes {
            inbox_commits: sizes.inbox_commits,
            queue: Limits {
                group_bytes: sizes.group_bytes,
                waiting_bytes: sizes.waiting_bytes,
            },
        };
        let mut db = Self {
            tasks: BTreeMap::new(),
            shared: Rc::new(Shared::new(storage, sizes)),
            next: 0,
        };
        db.spawn(async |shared| {
            shared.queue.stand_by(&*shared).await;
            Ok(Commit::ZERO)
        });
        db.spawn(async |shared| {
            Compacting::new(&shared, compactor).work().await;
            Ok(Commit::ZERO)
        });
        Ok(db)
    }

    /// Starts a call of a client. Nothing happens before its task has a turn.
    ///
    /// # Errors
    /// [`Error::Limit`], for the limits that a batch alone can exceed.
    pub fn start(&mut self, request: Request<'_>) -> Result<TaskId> {
        Ok(match request {
            Request::Commit(batches) => {
                let bytes = batches.iter().map(WriteBatch::bytes).sum();
                let job = Job::commit(batches)?;
                self.spawn(async move |shared| shared.run(job, bytes).await)
            }
            Request::CommitAsync(batch) | Request::CommitAwaited(batch) => {
                let is_awaited = matches!(request, Request::CommitAwaited(_));
                let (job, bytes) = (Job::commit(slice::from_ref(batch))?, batch.bytes());
                let waits_for_room = Rc::new(Cell::new(true));
                let waits = Rc::clone(&waits_for_room);
                let task = self.spawn(async move |shared| {
                    let pending = shared.hand_in(job, bytes).await?;
                    waits.set(false);
                    if !is_awaited {
                        return answer_of(&pending).await;
                    }
                    let polled = pending.poll(&Context::from_waker(Waker::noop()));
                    match polled.map(answer) {
                        Poll::Ready(answer) => answer,
                        Poll::Pending => poll_fn(|context| pending.poll(context).map(answer)).await,
                    }
                });
                let started = self.tasks.get_mut(&task).expect("it was just started");
                started.waits_for_room = waits_for_room;
                task
            }
            Request::Transaction(draft) => {
                self.spawn(async move |shared| shared.commit_draft(draft).await)
            }
            Request::Sync => self.spawn(async |shared| shared.run(Job::Sync, 0).await),
            Request::Settle => {
                self.spawn(async |shared| shared.settle().await.map(|()| Commit::ZERO))
            }
            Request::Stop => self.spawn(async |shared| {
                shared.stop().await;
                Ok(Commit::ZERO)
            }),
        })
    }

    fn spawn<P: Future<Output = Output> + 'static>(
        &mut self,
        program: impl FnOnce(Rc<Shared>) -> P,
    ) -> TaskId {
        let id = TaskId(self.next);
        self.next += 1;
        let task = Task {
            program: Box::pin(program(Rc::clone(&self.shared))),
            woken: Arc::new(Woken(AtomicBool::new(true))),
            waits_for_room: Rc::default(),
        };
        self.tasks.insert(id, task);
        id
    }

    /// Whether a task has not ended.
    #[must_use]
    pub fn is_under_way(&self, task: TaskId) -> bool {
        self.tasks.contains_key(&task)
    }

    /// Whether the job of a task that has had its first turn is in the queue, or done. False while
    /// the task waits for room.
    #[must_use]
    pub fn has_handed_in(&self, task: TaskId) -> bool {
        let task = self.tasks.get(&task);
        task.is_none_or(|task| !task.waits_for_room.get())
    }

    /// Whether a task may have a turn: it has not ended and does not wait for others.
    #[must_use]
    pub fn may_go(&self, task: TaskId) -> bool {
        let task = self.tasks.get(&task);
        task.is_some_and(|task| task.woken.0.load(Ordering::Relaxed))
    }

    /// Gives a task its turn, if it may have one. When the task ends, returns the result of its
    /// call: a commit number, or any number for other calls.
    pub fn turn(&mut self, id: TaskId) -> Option<Result<Commit>> {
        let task = self.tasks.get_mut(&id)?;
        if !task.woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
        let waker = Waker::from(Arc::clone(&task.woken));
        match task.program.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => None,
            Poll::Ready(output) => {
                self.tasks.remove(&id);
                Some(output)
            }
        }
    }

    /// The second part of [`Db::close`](crate::Db::close), after [`Request::Stop`] was answered and
    /// the standby task and the compactor task have ended. Clients may have turns left.
    ///
    /// # Errors
    /// Any error of the disk, and the cause that has poisoned the store.
    pub fn close(&self) -> Result<()> {
        self.shared.close()
    }

    /// The cause that has poisoned the store.
    #[must_use]
    pub fn poison(&self) -> Option<Error> {
        let health = self.shared.lend(|storage| storage.check_healthy());
        health.err()
    }

    /// The newest commit that is visible.
    #[must_use]
    pub fn head(&self) -> Commit {
        self.shared.version().head()
    }

    /// As [`Db::snapshot`](crate::Db::snapshot).
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// As [`Db::snapshot_at`](crate::Db::snapshot_at).
    ///
    /// # Errors
    /// [`Error::BeyondHead`].
    pub fn snapshot_at(&self, commit: Commit) -> Result<Snapshot> {
        self.shared.snapshot_at(commit)
    }

    /// The live segments.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.snapshot().layout()
    }

    /// The commits that can be read in every keyspace, ascending.
    #[must_use]
    pub fn readable_commits(&self) -> Vec<std::ops::RangeInclusive<Commit>> {
        self.shared.version().readable_commits(None)
    }

    /// As [`Db::pressure`](crate::Db::pressure).
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        self.shared.pressure()
    }

    /// As [`Db::stats`](crate::Db::stats).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// As [`Db::files`](crate::Db::files).
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.shared.lend(|storage| storage.files())
    }
}
