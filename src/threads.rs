//! A store that any number of threads share.
//!
//! This is the threaded driver. It runs the same components as the inline driver: the caller's
//! thread (or a standby thread, for asynchronous commits) leads group commits, one thread steps the
//! compactor, and readers use the published version. For the same history it settles at the same
//! layout as [`Store`](crate::Store).
//!
//! The protocols are in `queue`, `ticket`, `inbox`, `gate` and `worker`, which do not depend on
//! storage; `shared` applies them to the commit protocol of `crate::group`. None of them depends on
//! threads: `shell` declares what they need from a driver, `locks` implements it with real threads,
//! and `turns` with `stepped` implements it with one thread and a schedule. The ban on sleeping and
//! on timed waits holds here too. `design/threads.md` describes which thread waits for which, and
//! why the waits cannot form a circle.

#[cfg(test)]
mod costs;
mod gate;
mod inbox;
mod locks;
mod pending;
mod queue;
mod shared;
mod shell;
pub mod stepped;
mod sync;
mod ticket;
mod turns;
mod worker;

pub use pending::PendingCommit;

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde::Serialize;

use crate::backup::{BackedUp, Backup, Cut, Directory};
use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::compactor::Compactor;
use crate::error::{Error, Result};
use crate::fs::{Fs, OsFs};
use crate::group::Job;
use crate::handle::{Batch, Builder, Keyspace, Transaction};
use crate::layout::Layout;
use crate::limits;
use crate::options::{Options, Pacing, Placement};
use crate::read::{Changes, Snapshot};
use crate::recover::{self, Mode};
use crate::slice::Slice;
use crate::stats::Stats;
use crate::transaction::Draft;

use locks::{Locks, now};
use shared::Compacting;

type Shared = shared::Shared<Locks>;

/// An open store that threads share. Cloning the handle is cheap, and every call may come from any
/// thread.
///
/// Reads wait for no commit and no merge of the compactor; the first read of a small window does its merge. Commits wait for their own durability, and for the compactor when it is too
/// far behind: see [`Options::max_backlog_commits`].
///
/// ```
/// use lithify::Db;
///
/// # fn main() -> lithify::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("stones");
/// let db = Db::open(path)?;
/// let stones = db.keyspace("stones")?;
/// std::thread::scope(|scope| {
///     for stone in ["basalt", "granite", "slate"] {
///         let stones = stones.clone();
///         scope.spawn(move || stones.put(stone, "igneous or not"));
///     }
/// });
/// assert_eq!(db.head().get(), 3);
/// assert_eq!(stones.keys().count(), 3);
/// db.close()
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Db {
    owner: Arc<Owner>,
}

/// How far the compactor is behind, and how far it may fall behind before commits wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pressure {
    /// Commits that the compactor thread does not know of yet.
    pub lag_commits: u64,
    /// Commits with windows to close that the compactor has not begun to close.
    pub backlog_commits: u64,
    /// The limit of `backlog_commits`: above it, commits wait until the number is lower.
    pub max_backlog_commits: u64,
    /// Bytes of segments in memory, as of its last step or the last group of commits.
    pub memory_bytes: u64,
    /// Above this number of bytes, commits wait for a share of the merging that is in proportion to
    /// the size of their writes: see [`Options::memory_budget_bytes`].
    pub free_memory_bytes: u64,
    /// The limit of `memory_bytes`: above it, commits wait until the number is lower.
    pub max_memory_bytes: u64,
    /// The number of groups of commits that have waited since opening.
    pub waits: u64,
    /// Events that were dropped because the compactor's inbox was full. The compactor has read the
    /// version instead.
    pub dropped_events: u64,
}

/// The threads of a store. They run for as long as there is a handle.
#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Db {
    /// Opens the store in a directory with the usual options, or creates one there. Starts two
    /// threads: the compactor, and a standby thread that leads group commits when no caller blocks
    /// for them.
    ///
    /// # Errors
    /// See [`Error`]. A store that cannot be read whole is left as it is; a directory
    /// without one may have got a lock file.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self> {
        Self::builder(directory).open()
    }

    /// Opens the store in a directory for reading, also while another process has it open for writing:
    /// see [`Store::open_read_only`](crate::Store::open_read_only).
    ///
    /// # Errors
    /// As [`Store::open_read_only`](crate::Store::open_read_only).
    pub fn open_read_only(directory: impl AsRef<Path>) -> Result<Self> {
        Self::builder(directory).open_read_only()
    }

    /// Opens a store in a directory, or creates one there, with options of the caller.
    pub fn builder(directory: impl AsRef<Path>) -> Builder {
        Builder::new(directory.as_ref())
    }

    /// Opens a new store in memory. The store is gone when its last handle is dropped.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn open_in_memory() -> Result<Self> {
        Self::builder("").open_in_memory()
    }

    /// Opens the store at the root of `fs`, or creates one there if [`Options::create`] says so.
    ///
    /// # Errors
    /// As [`Db::open`]. [`Options::pacing`] is for [`Store`](crate::Store) and must be
    /// [`Pacing::Bounded`] here.
    pub fn open_in(fs: Arc<dyn Fs>, options: Options) -> Result<Self> {
        Self::open_in_mode(fs, options, Mode::ReadWrite)
    }

    /// Opens the store at the root of `fs` for reading: see
    /// [`Store::open_read_only`](crate::Store::open_read_only). Commits are refused with
    /// [`Error::ReadOnly`].
    ///
    /// # Errors
    /// As [`Store::open_read_only`](crate::Store::open_read_only) and [`Db::open_in`].
    pub fn open_read_only_in(fs: Arc<dyn Fs>, options: Options) -> Result<Self> {
        let db = Self::open_in_mode(fs, options, Mode::ReadOnly)?;
        db.settle()?;
        Ok(db)
    }

    fn open_in_mode(fs: Arc<dyn Fs>, options: Options, mode: Mode) -> Result<Self> {
        if options.pacing != Pacing::Bounded {
            return Err(Error::InvalidOptions(format!(
                "pacing is {:?}, but the compactor of a shared store has a thread of its own: \
                 use Bounded, or a Store",
                options.pacing
            )));
        }
        let storage = recover::open(fs, options, mode)?;
        let compactor = Compactor::new(&storage);
        let owner = Owner {
            shared: Arc::new(Shared::new(storage, shared::Sizes::USUAL)),
            threads: Mutex::default(),
        };
        owner.start("lithify-standby", stand_by)?;
        owner.start("lithify-compactor", |shared| compact(shared, compactor))?;
        Ok(Self {
            owner: Arc::new(owner),
        })
    }

    fn shared(&self) -> &Shared {
        &self.owner.shared
    }

    /// A handle of a keyspace. The keyspace exists from the first commit that writes to it.
    ///
    /// # Errors
    /// [`Error::KeyspaceName`] for an empty name, and [`Error::Limit`] for one that is too long.
    pub fn keyspace(&self, name: &str) -> Result<Keyspace> {
        Keyspace::new(self.clone(), name)
    }

    /// An empty batch of this store.
    pub fn batch(&self) -> Batch {
        Batch::new(self.clone())
    }

    /// Begins a transaction that reads the newest commit.
    pub fn begin(&self) -> Transaction {
        Transaction::new(self.clone())
    }

    /// Runs `work` in a transaction, commits the transaction, and returns the result of `work` and
    /// the number of the commit. When another commit has written what `work` has read, `work` runs
    /// again, at most [`TRANSACTION_ATTEMPTS`](crate::limits::TRANSACTION_ATTEMPTS) times in all.
    /// So `work` should change nothing but the transaction. Reads through a [`Keyspace`] are not
    /// checked, and writes through one are commits of their own that can conflict with this
    /// transaction. A transaction without writes makes no commit; the number is then that of the
    /// commit that it read.
    ///
    /// A caller that wants to end a transaction without a commit uses [`Db::begin`], and drops the
    /// transaction.
    ///
    /// ```
    /// use lithify::Db;
    ///
    /// let db = Db::open_in_memory()?;
    /// let accounts = db.keyspace("accounts")?;
    /// accounts.put("ada", [7])?;
    /// accounts.put("bob", [0])?;
    /// db.transaction(|transaction| {
    ///     let of = |name| Ok(transaction.get(&accounts, name)?.map_or(0, |value| value[0]));
    ///     let (ada, bob): (u8, u8) = (of("ada")?, of("bob")?);
    ///     transaction.put(&accounts, "ada", [ada - 5])?;
    ///     transaction.put(&accounts, "bob", [bob + 5])
    /// })?;
    /// assert_eq!(accounts.get("bob")?.unwrap(), [5]);
    /// # Ok::<(), lithify::Error>(())
    /// ```
    ///
    /// # Errors
    /// The error of `work`, and then nothing is written; the last conflict; and the errors of
    /// [`Transaction::commit`].
    pub fn transaction<T>(
        &self,
        mut work: impl FnMut(&mut Transaction) -> Result<T>,
    ) -> Result<(T, Commit)> {
        let mut attempts = 1;
        loop {
            let mut transaction = self.begin();
            let result = work(&mut transaction)?;
            match transaction.commit() {
                Err(Error::Conflict { .. }) if attempts < limits::TRANSACTION_ATTEMPTS => {
                    attempts += 1;
                }
                outcome => return outcome.map(|commit| (result, commit)),
            }
        }
    }

    pub(crate) fn commit_draft(&self, draft: Draft) -> Result<Commit> {
        now(self.shared().commit_draft(draft))
    }

    /// Whether both are handles of one open store.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.owner, &other.owner)
    }

    /// Commits a batch and returns its number. When this returns, the batch is as durable as
    /// [`Options::durability`] or the batch says, and visible. Concurrent commits share one write and one sync.
    ///
    /// # Errors
    /// A refused batch ([`Error::Limit`]) changes nothing. After any other error but
    /// [`Error::Closed`] it is in doubt whether the batch will be there when the store
    /// is opened again, and every handle refuses further commits, with the cause.
    pub fn commit(&self, batch: &WriteBatch) -> Result<Commit> {
        let job = Job::commit(slice::from_ref(batch))?;
        self.run(job, batch.bytes())
    }

    /// Commits a batch without waiting for it. The caller can wait for the returned handle, ask it,
    /// or await it on any executor; dropping the handle changes nothing. Batches of one thread are
    /// committed in the order of its calls.
    ///
    /// Waits only while 16 MiB of batches are waiting already.
    ///
    /// # Errors
    /// [`Error::Limit`] and [`Error::Closed`]. All others come from the handle, as from
    /// [`Db::commit`].
    pub fn commit_async(&self, batch: &WriteBatch) -> Result<PendingCommit> {
        let job = Job::commit(slice::from_ref(batch))?;
        let pending = now(self.shared().hand_in(job, batch.bytes()));
        pending.map(PendingCommit)
    }

    /// Makes every commit durable whose call has returned, also buffered commits.
    ///
    /// # Errors
    /// Any error of the disk; every handle then refuses further commits.
    pub fn sync(&self) -> Result<()> {
        self.run(Job::Sync, 0).map(|_| ())
    }

    fn run(&self, job: Job, bytes: usize) -> Result<Commit> {
        now(self.shared().run(job, bytes))
    }

    /// Backs up the newest commit into a directory. The directory must be missing or empty, or hold
    /// a backup of this store; then only new segment files are copied. Other threads can commit
    /// meanwhile. See [`backup`](crate::backup).
    ///
    /// ```
    /// use lithify::{Db, Error};
    ///
    /// # fn main() -> lithify::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = |name: &str| directory.path().join(name);
    /// let db = Db::open(path("stones"))?;
    /// let stones = db.keyspace("stones")?;
    /// stones.put("granite", "igneous")?;
    /// let done = db.backup(path("backup"))?;
    /// assert_eq!(done.commit.get(), 1);
    /// assert!(matches!(Db::open(path("backup")), Err(Error::IsBackup)));
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BackupRefused`] for any other directory, [`Error::Damage`] when a file of the store
    /// is damaged, and any error of the two disks.
    pub fn backup(&self, directory: impl AsRef<Path>) -> Result<BackedUp> {
        self.begin_backup(Arc::new(OsFs::new(directory.as_ref())))?
            .finish()
    }

    /// Begins a backup into the root of `to`. The caller does its steps with [`Backup::step`].
    ///
    /// # Errors
    /// As [`Db::backup`]; [`Error::ReadOnly`] for a store that is open for reading:
    /// [`Store::begin_backup`](crate::Store::begin_backup) backs up a closed store.
    pub fn begin_backup(&self, to: Arc<dyn Fs>) -> Result<Backup> {
        if self.shared().lend(|storage| storage.read_only) {
            return Err(Error::ReadOnly);
        }
        let directory = Directory::claim(to)?;
        let cut = self.shared().lend(|storage| Cut::take(storage))?;
        // Every commit in the backup must be durable in the store.
        self.sync()?;
        Backup::begin(directory, cut)
    }

    /// Waits until the compactor has no work left: the layout is then the settled layout of the
    /// history. While other threads keep committing, this can take long.
    ///
    /// # Errors
    /// The error that has stopped the compactor.
    pub fn settle(&self) -> Result<()> {
        now(self.shared().settle())
    }

    /// Closes the store for all clones of the handle: submitted commits are finished, everything is
    /// durable and the files record that, the threads have ended, and the directory is free. Other
    /// clones can still read the commits that they could see; their commits are refused with
    /// [`Error::Closed`]. Closing twice equals closing once. A waker must not call this: closing
    /// waits for the thread that runs the waker.
    ///
    /// A store whose last handle is dropped without `close` finishes the submitted commits as well,
    /// and loses no commit that was synced.
    ///
    /// # Errors
    /// Any error of the disk, and the error that has poisoned the store.
    pub fn close(self) -> Result<()> {
        // The threads end before the storage is closed: after that the directory is free, and this
        // store may not write to it any more.
        self.owner.stop();
        self.shared().close()
    }

    /// The newest commit that is visible.
    #[must_use]
    pub fn head(&self) -> Commit {
        self.shared().version().head()
    }

    /// The store as of the newest commit, for every kind of read. Never waits. Reads that belong
    /// together should use one snapshot, because other threads may commit in between.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared().snapshot()
    }

    /// The store as of `commit`. [`Commit::ZERO`] is the empty state.
    ///
    /// # Errors
    /// [`Error::BeyondHead`]. When retention has thinned the commit out, the first read of a
    /// keyspace reports that.
    pub fn snapshot_at(&self, commit: Commit) -> Result<Snapshot> {
        self.shared().snapshot_at(commit)
    }

    /// The value of `key` as of the newest commit, or `None` when it has none.
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn get(&self, keyspace: &str, key: &[u8]) -> Result<Option<Slice>> {
        self.snapshot().get(keyspace, key)
    }

    /// The names of the keyspaces that a commit has written to, in order of first use.
    #[must_use]
    pub fn keyspaces(&self) -> Vec<String> {
        self.snapshot().keyspaces()
    }

    /// The writes of every commit after `from`. See [`Snapshot::changes_since`].
    ///
    /// # Errors
    /// As [`Snapshot::changes_since`].
    pub fn changes_since(&self, from: Commit) -> Result<Changes> {
        self.snapshot().changes_since(from)
    }

    /// The commits that can be read in every keyspace, ascending.
    #[must_use]
    pub fn readable_commits(&self) -> Vec<RangeInclusive<Commit>> {
        self.snapshot().readable_commits()
    }

    /// The live segments, whether the layout is settled or not: see [`Db::settle`].
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.snapshot().layout()
    }

    /// Commits that the compactor thread does not know of yet.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.pressure().lag_commits
    }

    /// How far the compactor is behind, and how far it may be.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        self.shared().pressure()
    }

    /// The content of the store, and counters of the work since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared().stats()
    }

    /// The placement that the store was created with.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.shared().lend(|storage| storage.placement.clone())
    }

    /// The names of the files that the store needs or still has to remove, sorted. Every other file
    /// in the directory is foreign, or is being removed.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.shared().lend(|storage| storage.files())
    }
}

impl Owner {
    #[allow(
        clippy::disallowed_methods,
        reason = "this driver is where the engine meets threads"
    )]
    fn start(&self, name: &str, work: impl FnOnce(&Shared) + Send + 'static) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&shared))
            .map_err(Error::io("start a thread for", ""))?;
        self.threads().push(thread);
        Ok(())
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finishes submitted jobs and ends the threads. A second caller waits for the first one.
    fn stop(&self) {
        stop(&self.shared, &mut self.threads());
    }
}

impl Drop for Owner {
    #[allow(clippy::disallowed_methods, reason = "see below")]
    fn drop(&mut self) {
        let here = thread::current().id();
        let is_own = |thread: &JoinHandle<()>| thread.thread().id() == here;
        if !self.threads().iter().any(is_own) {
            return self.stop();
        }
        // The standby thread has woken a task whose executor has dropped the task, and the last
        // handle with it. The standby thread cannot wait for itself, so another thread waits for
        // it.
        let shared = Arc::clone(&self.shared);
        let mut threads = std::mem::take(&mut *self.threads());
        let _ = thread::Builder::new().spawn(move || stop(&shared, &mut threads));
    }
}

/// Finishes submitted jobs and waits for the threads to end.
fn stop(shared: &Shared, threads: &mut Vec<JoinHandle<()>>) {
    now(shared.stop());
    for thread in threads.drain(..) {
        // If the thread has panicked, the storage is already poisoned.
        let _ = thread.join();
    }
}

/// The standby thread. It survives a panic, because no other thread finishes the jobs that were
/// submitted asynchronously. The storage is poisoned then, so the thread only refuses jobs.
fn stand_by(shared: &Shared) {
    let serve = || now(shared.queue.stand_by(shared));
    while catch_unwind(AssertUnwindSafe(serve)).is_err() {}
}

/// The compactor thread.
fn compact(shared: &Shared, compactor: Compactor) {
    let work = || now(Compacting::new(shared, compactor).work());
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        let cause = shared.poison("the compactor thread panicked".to_owned());
        shared.gate.stop(&cause);
    }
}
