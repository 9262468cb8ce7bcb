//! A store with one owner: every call completes its work before it returns.
//!
//! This is the inline driver. It sends the events of the storage layer to the compactor, and runs
//! the compactor after each commit. Reads take `&self`, commits take `&mut self`; snapshots can be
//! sent to other threads.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::backup::{Backup, Cut, Directory};
use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::compactor::{Compactor, PACED_ENTRIES, Step};
use crate::damaged::{self, Loss};
use crate::error::Result;
use crate::event::Event;
use crate::fs::Fs;
use crate::layout::Layout;
use crate::options::{Options, Pacing, Placement};
use crate::read::{Changes, Diff, KeyRange, KeyVersion, Range, Snapshot};
use crate::recover::{self, Mode};
use crate::slice::Slice;
use crate::stats::Stats;
use crate::storage::Storage;

/// The least number of entries that the compactor may merge after a commit, when paced.
const MIN_PACED_ENTRIES: usize = 256;

/// An open store.
///
/// ```
/// use std::sync::Arc;
/// use lithify::{Commit, Options, Store, WriteBatch, fs::MemFs};
///
/// let mut store = Store::open(Arc::new(MemFs::new()), Options::default())?;
/// let mut batch = WriteBatch::new();
/// batch.put("stones", b"granite", b"igneous");
/// let first = store.commit(&batch)?;
///
/// let mut batch = WriteBatch::new();
/// batch.put("stones", b"granite", b"weathered");
/// store.commit(&batch)?;
///
/// assert_eq!(store.get("stones", b"granite")?.as_deref(), Some(&b"weathered"[..]));
/// assert_eq!(store.get_at("stones", b"granite", first)?.as_deref(), Some(&b"igneous"[..]));
/// # Ok::<(), lithify::Error>(())
/// ```
#[derive(Debug)]
pub struct Store {
    storage: Storage,
    compactor: Compactor,
    /// Events that the owner has not taken yet, if the owner wants events.
    events: Option<Vec<Event>>,
    /// Events that are not yet delivered to the compactor, if the owner delivers them.
    held: Option<Vec<Event>>,
    /// The losses, if the store was opened in spite of damage.
    losses: Option<Vec<Loss>>,
}

impl Store {
    /// Opens the store at the root of `fs`. Creates a store there if [`Options::create`] says so.
    ///
    /// # Errors
    /// See [`Error`](crate::Error). A store that cannot be read completely is not changed. In a
    /// directory without a store, a lock file may have been created.
    pub fn open(fs: Arc<dyn Fs>, options: Options) -> Result<Self> {
        Self::open_in_mode(fs, options, Mode::ReadWrite)
    }

    /// Opens an existing store for reading, as of its newest commit. Segments in memory are compacted in
    /// memory, so that the layout equals the layout that a writer would show; the disk is not changed.
    ///
    /// Several readers may have the store open at once. While a reader has the store open, no
    /// writer can open it. But if a writer has the store open already, the readers read beside the
    /// writer: a reader shows every commit that was acknowledged before the reader was opened, and
    /// keeps showing that state. The newest commit of a reader may be a commit that the writer has
    /// not acknowledged yet, and a power failure or a failed sync can take back such a commit. A reader beside a
    /// writer keeps every segment file open, even beyond [`Options::max_open_files`], so the space
    /// of files that the writer removes is free only when the reader is dropped. To see later
    /// commits, open another reader.
    ///
    /// # Errors
    /// See [`Error`](crate::Error). [`Error::Locked`](crate::Error::Locked) if the writer has changed the
    /// store during each of 16 attempts to read it.
    pub fn open_read_only(fs: Arc<dyn Fs>, options: Options) -> Result<Self> {
        let mut store = Self::open_in_mode(fs, options, Mode::ReadOnly)?;
        store.settle()?;
        Ok(store)
    }

    /// Opens an existing store for reading although parts of it are damaged, and reads the intact
    /// parts. Nothing is written, repaired, removed or merged.
    ///
    /// Every answer is right. A read that depends on a damaged part is refused with
    /// [`Error::Damage`](crate::Error::Damage), and [`Store::losses`] lists those parts beforehand.
    /// [`damaged`](crate::damaged) describes the cost of each kind of damage.
    ///
    /// Reads every byte of the store once, and the log twice.
    ///
    /// # Errors
    /// As [`Store::open_read_only`], except for damage.
    pub fn open_damaged(fs: Arc<dyn Fs>, options: Options) -> Result<Self> {
        let (storage, losses) = damaged::open(fs, options)?;
        Ok(Self {
            losses: Some(losses),
            ..Self::over(storage)
        })
    }

    pub(crate) fn open_in_mode(fs: Arc<dyn Fs>, options: Options, mode: Mode) -> Result<Self> {
        recover::open(fs, options, mode).map(Self::over)
    }

    fn over(storage: Storage) -> Self {
        Self {
            compactor: Compactor::new(&storage),
            storage,
            events: None,
            held: None,
            losses: None,
        }
    }

    /// The damaged parts that [`Store::open_damaged`] has found, and the data that each of them
    /// makes unreadable, in the order manifest, log, segments. Empty for an intact store, and for a
    /// store that was opened by another call.
    #[must_use]
    pub fn losses(&self) -> &[Loss] {
        self.losses.as_deref().unwrap_or_default()
    }

    /// Commits a batch and returns its number. When this returns, the batch is as
    /// durable as [`Options::durability`] or the batch says, and visible.
    ///
    /// # Errors
    /// A refused batch ([`Error::Limit`](crate::Error::Limit)) changes nothing. After
    /// any other error it is in doubt whether the batch will be there when the store
    /// is opened again, and this handle refuses further commits.
    pub fn commit(&mut self, batch: &WriteBatch) -> Result<Commit> {
        self.commit_group(std::slice::from_ref(batch))
    }

    /// Commits batches in order, with one append and one sync for all of them, and
    /// returns the number of the last one.
    ///
    /// # Errors
    /// As [`Store::commit`]; one refused batch refuses all.
    pub fn commit_group(&mut self, batches: &[WriteBatch]) -> Result<Commit> {
        let commit = self.storage.commit(batches)?;
        self.announce();
        // Announced before pacing: the compactor closes windows only up to commits that it knows.
        let entries = batches.iter().map(WriteBatch::len).sum();
        // The commit is done, also when the compactor fails now. The failure poisons the
        // storage, and the next commit or settle reports it.
        if let Err(error) = self.pace(entries) {
            self.storage.poison.get_or_insert_with(|| error.to_string());
        }
        Ok(commit)
    }

    pub(crate) fn storage_mut(&mut self) -> &mut Storage {
        &mut self.storage
    }

    /// Runs the compactor in proportion to the entries that were written.
    fn pace(&mut self, entries: usize) -> Result<()> {
        match self.storage.options.pacing {
            Pacing::Manual => return Ok(()),
            Pacing::Settle => return self.settle(),
            Pacing::Bounded => {}
        }
        let mut quota = (entries * PACED_ENTRIES).max(MIN_PACED_ENTRIES);
        let max_memory = self.storage.options.memory_budget_bytes.saturating_mul(2);
        while quota > 0 || self.storage.memory_bytes > max_memory {
            match self.step()? {
                Step::Idle => break,
                Step::Worked { entries } => quota = quota.saturating_sub(entries.max(1)),
            }
        }
        Ok(())
    }

    /// Gives the events of the storage to the compactor, and keeps a copy for the owner.
    fn announce(&mut self) {
        for event in self.storage.events.drain(..) {
            if let Some(events) = &mut self.events {
                events.push(event.clone());
            }
            match &mut self.held {
                Some(held) => held.push(event),
                None => self.compactor.receive(&event),
            }
        }
    }

    /// Does one bounded piece of compaction: at most one operation that matters for
    /// durability.
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn step(&mut self) -> Result<Step> {
        if self.losses.is_some() {
            // A merge would need the lost data.
            return Ok(Step::Idle);
        }
        let step = self.compactor.step(&mut self.storage);
        self.storage.counters.steps += u64::from(matches!(step, Ok(Step::Worked { .. })));
        self.announce();
        step
    }

    /// Compacts until the layout is the settled one:
    /// [`Alignment::layout_of`](crate::align::Alignment::layout_of) the history.
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn settle(&mut self) -> Result<()> {
        while !self.settle_within(u64::MAX)? {}
        Ok(())
    }

    /// Compacts towards the settled layout with at most `steps` steps, and says whether
    /// it is reached.
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn settle_within(&mut self, steps: u64) -> Result<bool> {
        // First the commits whose events were lost: otherwise an idle step would not mean a settled
        // layout.
        self.compactor.reconcile(&self.storage);
        for _ in 0..steps {
            if self.step()? == Step::Idle {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes every commit durable, whatever the durability of each.
    ///
    /// # Errors
    /// Any error of the disk; the handle then refuses further commits.
    pub fn sync(&mut self) -> Result<()> {
        self.storage.check_writable()?;
        let outcome = self.storage.wal.sync();
        self.storage.note(outcome)
    }

    /// Closes the store: every commit is durable, and the log and the manifest record that. A
    /// store that is dropped without being closed loses no commit that was synced.
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn close(mut self) -> Result<()> {
        if self.storage.read_only {
            return self.storage.keep_open_for_readers(None);
        }
        self.storage.close()?;
        // Before the lock goes with the storage: the next writer may remove these files.
        self.storage.keep_open_for_readers(None)
    }

    /// Begins a backup of the newest commit into the root of `to`: a directory that is missing or
    /// empty, or holds a backup of this store. The store can commit between the steps of the
    /// backup. See [`backup`](crate::backup).
    ///
    /// # Errors
    /// [`Error::BackupRefused`](crate::Error::BackupRefused), any error of the two disks, and
    /// [`Error::Locked`](crate::Error::Locked) for a reader beside a writer.
    pub fn begin_backup(&mut self, to: Arc<dyn Fs>) -> Result<Backup> {
        // Before the directory is claimed: a refused backup leaves nothing in it.
        self.must_not_be_beside_writer()?;
        if !self.storage.read_only && !planted!(BackupOfUnsynced) {
            self.sync()?;
        }
        let directory = Directory::claim(to)?;
        Backup::begin(directory, Cut::take(&self.storage)?)
    }

    /// Refuses a reader beside a writer with [`Error::Locked`](crate::Error::Locked). For work that
    /// needs durable commits, as a backup or a stream to a replica does: such a reader may show
    /// commits that the writer can still lose.
    ///
    /// # Errors
    /// [`Error::Locked`](crate::Error::Locked).
    pub fn must_not_be_beside_writer(&self) -> Result<()> {
        self.storage.must_not_be_beside_writer()
    }

    /// The newest commit.
    #[must_use]
    pub fn head(&self) -> Commit {
        self.storage.version.head()
    }

    /// The placement that the store was created with.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.storage.placement
    }

    /// The store as of the newest commit.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut at = self.head();
        if planted!(NewestIsBehind) && self.placement().alignment.closing_level(at) > 0 {
            let before = at.minus(1);
            let readable = self.readable_commits();
            if readable.iter().any(|commits| commits.contains(&before)) {
                at = before;
            }
        }
        Snapshot {
            version: Arc::clone(&self.storage.version),
            at,
        }
    }

    /// The store as of `commit`. [`Commit::ZERO`] is the empty state.
    ///
    /// # Errors
    /// [`Error::BeyondHead`](crate::Error::BeyondHead). When retention has thinned the commit out,
    /// the first read of a keyspace reports that.
    pub fn snapshot_at(&self, commit: Commit) -> Result<Snapshot> {
        self.storage.version.check_exists(commit)?;
        let is_late = planted!(SnapshotOneLate) && commit < self.head();
        Ok(Snapshot {
            version: Arc::clone(&self.storage.version),
            at: if is_late { commit.next() } else { commit },
        })
    }

    /// The value of `key`, or `None` when it has none.
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn get(&self, keyspace: &str, key: &[u8]) -> Result<Option<Slice>> {
        self.snapshot().get(keyspace, key)
    }

    /// The value of `key` as of `commit`.
    ///
    /// # Errors
    /// As [`Snapshot::get`], and [`Error::BeyondHead`](crate::Error::BeyondHead).
    pub fn get_at(&self, keyspace: &str, key: &[u8], commit: Commit) -> Result<Option<Slice>> {
        self.snapshot_at(commit)?.get(keyspace, key)
    }

    /// The keys of `keyspace` inside `range`, in order; can be read both ways.
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn range(&self, keyspace: &str, range: KeyRange) -> Result<Range> {
        self.snapshot().range(keyspace, range)
    }

    /// The same as of `commit`.
    ///
    /// # Errors
    /// As [`Snapshot::range`], and [`Error::BeyondHead`](crate::Error::BeyondHead).
    pub fn range_at(&self, keyspace: &str, range: KeyRange, commit: Commit) -> Result<Range> {
        self.snapshot_at(commit)?.range(keyspace, range)
    }

    /// The versions of `key`, oldest first. See [`Snapshot::history`].
    ///
    /// # Errors
    /// Any error of the disk.
    pub fn history(&self, keyspace: &str, key: &[u8]) -> Result<Vec<KeyVersion>> {
        self.snapshot().history(keyspace, key)
    }

    /// The keys of `keyspace` whose values differ between two commits. See
    /// [`Snapshot::diff`].
    ///
    /// # Errors
    /// As [`Snapshot::diff`].
    pub fn diff(&self, keyspace: &str, from: Commit, to: Commit) -> Result<Diff> {
        self.snapshot_at(to)?.diff(keyspace, from)
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
        self.storage.version.readable_commits(None)
    }

    /// The live segments, whether the layout is settled or not: see [`Store::settle`].
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::of(&self.storage.version)
    }

    /// Commits that the compactor does not know of yet.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.compactor.lag(&self.storage)
    }

    /// The content of the store, and counters of the work since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.storage.stats(self.lag())
    }

    /// The names of the files that the store needs or still has to remove, sorted. Every other
    /// file in the directory is foreign.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.storage.files()
    }

    /// From now on the owner delivers the events to the compactor with [`Store::deliver`], in any
    /// order and at any time, or drops them with [`Store::lose`]. The settled layout does not
    /// depend on either.
    pub fn hold_events(&mut self) {
        self.held.get_or_insert_default();
    }

    /// The events that are not yet delivered to the compactor, oldest first.
    #[must_use]
    pub fn held_events(&self) -> &[Event] {
        self.held.as_deref().unwrap_or_default()
    }

    /// Delivers the held event at `index`.
    ///
    /// # Panics
    /// When there is none.
    pub fn deliver(&mut self, index: usize) {
        let event = self.lose(index);
        self.compactor.receive(&event);
    }

    /// Takes the held event at `index` out; the compactor never receives it.
    ///
    /// # Panics
    /// When there is none.
    pub fn lose(&mut self, index: usize) -> Event {
        let held = self.held.as_mut().expect("events are held");
        held.remove(index)
    }

    /// Begins to keep events for [`Store::take_events`].
    pub fn keep_events(&mut self) {
        self.events.get_or_insert_default();
    }

    /// The events since the last call, if [`Store::keep_events`] was called.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
