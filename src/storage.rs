//! The storage layer: it takes commits, and produces versions.
//!
//! It owns the state that writers, readers and the compactor share: the current version, the WAL,
//! the manifest, the open segment files and the file numbers. It decides nothing about compaction
//! and never waits.
//!
//! Invariants:
//! - the head of the version is the sequencer: the next commit is `head + 1`. The head advances
//!   only after the WAL record was written (and synced, if that was promised), so there are no gaps
//!   to fill;
//! - every commit up to the manifest's `flushed_through` is in segment files; every later commit is
//!   in the WAL and in memory; no segment in memory straddles that line;
//! - a failed write or sync poisons the storage: acknowledged commits stay readable, and no further
//!   commit is acknowledged until the store is opened again.

use std::collections::{BTreeMap, VecDeque};
use std::slice;
use std::sync::Arc;

use crate::align::{Level, Window};
use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::files::{FileKind, IDENTITY, LOCK, REPLICA, file_name};
use crate::fs::{Access, Fs, Lock};
use crate::group::{Group, Job};
use crate::identity::{FileId, StoreId};
use crate::manifest::Manifest;
use crate::options::{Options, Placement};
use crate::recent::Recent;
use crate::role;
use crate::segment::file::{DataFile, Shared};
use crate::segment::run::Run;
use crate::segment::{Segment, SegmentId, SegmentMeta, WriterOptions};
use crate::stats::{Counters, Histograms, Stats};
use crate::version::Version;
use crate::wal::{CommitRecord, Wal};

/// A file on the disk that is no longer needed.
#[derive(Debug)]
pub(crate) enum Obsolete {
    /// A log file: it can be removed at once.
    Log(String),
    /// A segment file: it can be removed when no version names it.
    Data(Arc<DataFile>),
}

/// The storage of one open store.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) store: StoreId,
    pub(crate) options: Options,
    pub(crate) placement: Placement,
    pub(crate) file_level: Level,
    pub(crate) version: Arc<Version>,
    pub(crate) wal: Wal,
    pub(crate) manifest: Manifest,
    /// The state that all segment files of the store share.
    pub(crate) shared: Shared,
    /// The segment files that the manifest names.
    pub(crate) data_files: BTreeMap<u64, Arc<DataFile>>,
    pub(crate) obsolete: VecDeque<Obsolete>,
    /// Segments in files that have left the version since the last edit.
    pub(crate) removed_since_edit: Vec<SegmentId>,
    pub(crate) next_file: u64,
    /// The keyspaces that the last commits wrote to.
    pub(crate) recent: Recent,
    pub(crate) memory_bytes: usize,
    pub(crate) events: Vec<Event>,
    pub(crate) counters: Counters,
    pub(crate) histograms: Histograms,
    /// The latest commit whose closing was installed.
    pub(crate) latest_closing: Commit,
    /// The number of entries written by the merges that close at one commit, and that commit.
    pub(crate) pause: (Commit, u64),
    pub(crate) poison: Option<String>,
    /// [`limits::KEYSPACES`](crate::limits::KEYSPACES), or fewer in tests of the limit.
    pub(crate) max_keyspaces: usize,
    /// Whether a commit since opening was acknowledged before its sync.
    pub(crate) has_buffered: bool,
    pub(crate) read_only: bool,
    /// Whether a writer has the store open: see `beside`.
    pub(crate) is_beside_writer: bool,
    pub(crate) is_replica: bool,
    /// Held until the storage is dropped, or until one of several owners closes it.
    pub(crate) lock: Option<Box<dyn Lock>>,
}

impl Storage {
    /// The identity of a new file. Its number was never used before.
    pub(crate) fn draw_file(&mut self, kind: FileKind) -> Result<FileId> {
        let in_use = self.data_files.keys().next_back().copied();
        assert!(
            in_use.is_none_or(|number| number < self.next_file)
                && self.manifest.number() < self.next_file,
            "file number {} is given again: segment file {in_use:?}, manifest {}",
            self.next_file,
            self.manifest.number()
        );
        let id = FileId::draw(&*self.fs, self.store, kind, self.next_file)?;
        // The number counts as used even if the file is never created.
        self.next_file += 1;
        Ok(id)
    }

    pub(crate) fn wants_manifest_switch(&self) -> bool {
        self.manifest.wants_switch(self.options.manifest_file_bytes)
    }

    /// The names of all files that are needed or still have to be removed, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let obsolete = self.obsolete.iter().map(|obsolete| match obsolete {
            Obsolete::Log(name) => name.clone(),
            Obsolete::Data(data) => file_name(FileKind::Segment, data.number()),
        });
        let mut data: Vec<u64> = self.data_files.keys().copied().collect();
        if planted!(FilesByRange)
            && let (Some(&oldest), Some(&newest)) = (data.first(), data.last())
        {
            data = (oldest..=newest).collect();
        }
        let mut files: Vec<String> = data
            .into_iter()
            .map(|number| file_name(FileKind::Segment, number))
            .chain(obsolete)
            .chain(self.wal.names())
            .chain([self.manifest.name(), LOCK.to_owned(), IDENTITY.to_owned()])
            .chain(self.is_replica.then(|| REPLICA.to_owned()))
            .collect();
        files.sort_unstable();
        files
    }

    pub(crate) fn writer_options(&self) -> WriterOptions {
        WriterOptions {
            block_bytes: self.options.block_bytes,
            compression: self.options.compression,
            filter_bits_per_key: self.options.filter_bits_per_key,
            thresholds: self.options.thresholds,
        }
    }

    /// Ends the role of a replica. When this call returns, a crash cannot bring the role back.
    pub(crate) fn promote(&mut self) -> Result<()> {
        self.check_writable()?;
        assert!(self.is_replica, "only a replica is promoted");
        // Rename first, remove last: if the marker were only removed, a power failure after the
        // first commit as a primary could bring it back.
        let begun = role::begin_promotion(&*self.fs);
        self.note(begun)?;
        self.is_replica = false;
        let ended = role::end_promotion(&*self.fs);
        self.note(ended)
    }

    /// The content of the store, and counters of the work since it was opened.
    pub(crate) fn stats(&self, lag: u64) -> Stats {
        let (mut live_segments, mut live_entries, mut segments) = (0, 0, 0);
        for (_, roots) in self.version.all_roots() {
            live_segments += roots.len() as u64;
            live_entries += roots.iter().map(|node| node.meta().entries).sum::<u64>();
        }
        self.version.for_each_segment(|_| segments += 1);
        Stats {
            head: self.version.head().get(),
            flushed_through: self.manifest.state.flushed_through.get(),
            lag,
            live_segments,
            kept_inputs: segments - live_segments,
            live_entries,
            memory_bytes: self.memory_bytes as u64,
            segment_files: self.data_files.len() as u64,
            segment_file_bytes: self.data_files.values().map(|data| data.length()).sum(),
            wal_bytes_written: self.wal.bytes_written(),
            wal_room_bytes_written: self.wal.room_bytes_written(),
            counters: self.counters,
            histograms: self.histograms,
        }
    }

    /// Makes everything durable, and records that in the log and in the manifest.
    pub(crate) fn close(&mut self) -> Result<()> {
        span!(INFO, "close", head = self.version.head());
        self.check_writable()?;
        // The WAL first: if its sync fails, the manifest must not get a mark behind the failure.
        let outcome = self.wal.close();
        if !planted!(CloseErrorIgnored) {
            self.note(outcome)?;
        }
        let outcome = self.manifest.close();
        self.note(outcome)
    }

    /// Opens the files that readers still need, and keeps them open for as long as there are
    /// readers: after this call, the next process that opens the directory may remove the files.
    /// `published` is the version that the driver holds in addition to the storage.
    pub(crate) fn keep_open_for_readers(&self, published: Option<Arc<Version>>) -> Result<()> {
        // One reference is ours, one is where the driver publishes the version, and one was given
        // here.
        let own = match &published {
            None => 1,
            Some(version) if Arc::ptr_eq(version, &self.version) => 3,
            Some(_) => 0,
        };
        let obsolete = self.obsolete.iter().filter_map(|obsolete| match obsolete {
            Obsolete::Log(_) => None,
            Obsolete::Data(data) => Some(data),
        });
        let has_readers = Arc::strong_count(&self.version) > own || self.version.has_relatives();
        let live = self.data_files.values().filter(|_| has_readers);
        let mut needed = live.chain(obsolete.filter(|data| Arc::strong_count(data) > 1));
        needed.try_for_each(|data| data.keep_open())
    }

    /// Whether memory or the log holds more than its budget.
    ///
    /// The next opening reads the whole log into memory before it merges anything. So the log may
    /// not be longer than memory may be. Otherwise empty commits, and commits that merges have made
    /// small, would stay in the log for ever.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.memory_bytes > self.options.memory_budget_bytes
            || self.wal.live_bytes() > self.options.log_budget_bytes()
    }

    /// Refuses what needs durable commits to a reader beside a writer, which may show others.
    pub(crate) fn must_not_be_beside_writer(&self) -> Result<()> {
        match self.is_beside_writer {
            true => Err(Error::Locked),
            false => Ok(()),
        }
    }

    /// Refuses to write after a failure, or through a read-only handle.
    pub(crate) fn check_writable(&self) -> Result<()> {
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        self.check_healthy()
    }

    /// Refuses further work after a failure.
    pub(crate) fn check_healthy(&self) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(cause) => {
                mark!(RefusedAfterFailure);
                Err(Error::Poisoned {
                    cause: cause.clone(),
                })
            }
        }
    }

    /// Poisons the storage when a write or sync has failed.
    pub(crate) fn note<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(error @ Error::Io { .. }) = &outcome
            && !planted!(WriteErrorNotPoisoned)
        {
            mark!(Poisoned);
            event!(ERROR, "poisoned", error = error);
            self.poison.get_or_insert_with(|| error.to_string());
        }
        outcome
    }

    /// Commits batches in order, with one append and at most one sync for all of them: one job in a
    /// group of its own. Returns the number of the last batch.
    pub(crate) fn commit(&mut self, batches: &[WriteBatch]) -> Result<Commit> {
        self.check_writable()?;
        if planted!(GroupSyncedApart) && batches.len() > 1 {
            let mut apart = batches.iter().map(|one| self.commit(slice::from_ref(one)));
            return apart.try_fold(Commit::ZERO, |_, commit| commit);
        }
        let group = Group::begin(self, [Job::commit(batches)?])?;
        let outcome = group.perform();
        let mut answers = group.finish(self, outcome);
        answers.pop().expect("there is an answer for each job")
    }

    /// Encodes records for the WAL. Begins a new log file first if the current one is full.
    pub(crate) fn stage(&mut self, records: &[CommitRecord]) -> Result<()> {
        // Rotate before staging: one write and one sync cover the whole group, so it must be in one
        // file.
        if self.wal.wants_rotation() {
            mark!(LogRotated);
            let id = self.draw_file(FileKind::Wal)?;
            self.wal.rotate(&*self.fs, id)?;
        }
        for record in records {
            let bytes = self.wal.stage(record);
            self.histograms.commit_bytes.record(bytes);
        }
        #[cfg(feature = "planted-bugs")]
        if planted!(EveryGroupMarked) {
            self.wal.stage_mark();
        }
        Ok(())
    }

    /// Begins a new log file after a log that was read back, unless a commit has done so in the
    /// meantime.
    pub(crate) fn begin_log_anew(&mut self) -> Result<()> {
        if self.wal.read_back_bytes().is_some() {
            mark!(LogBegunAnew);
            let id = self.draw_file(FileKind::Wal)?;
            self.wal.rotate(&*self.fs, id)?;
        }
        Ok(())
    }

    /// Adds a logged commit to the version, and then queues its events.
    pub(crate) fn apply(&mut self, record: CommitRecord) {
        let commit = record.commit;
        let mut segments = Vec::with_capacity(record.runs.len());
        let version = Arc::make_mut(&mut self.version);
        // Names first: the runs refer to their numbers.
        for name in record.new_keyspaces {
            version.add_keyspace(name);
        }
        for (keyspace, run) in record.runs {
            assert!(
                (keyspace as usize) < version.keyspace_names().len(),
                "commit {commit} writes to keyspace {keyspace} of {}",
                version.keyspace_names().len()
            );
            let meta = level_zero_meta(keyspace, commit, &run);
            self.recent.wrote(commit, keyspace);
            self.counters.level_zero_segments += 1;
            self.counters.level_zero_entries += meta.entries;
            let segment = Segment::in_memory(meta, run, self.options.filter_rule());
            self.memory_bytes += segment.memory_bytes();
            self.events.push(Event::SegmentAdded {
                keyspace: Arc::clone(version.keyspace_name(keyspace)),
                commit,
            });
            segments.push(Arc::new(segment));
        }
        version.add_commit(commit, segments);
        self.counters.commits += 1;
        // This event comes last: a compactor that receives it must find the commit in the version.
        self.events.push(Event::Committed { commit });
    }

    /// Records that segments have left the version.
    pub(crate) fn forget(&mut self, segments: impl IntoIterator<Item = Arc<Segment>>) {
        for segment in segments {
            assert!(
                segment.memory_bytes() <= self.memory_bytes,
                "{:?} has {} bytes in memory, and all segments {}",
                segment.meta.id(),
                segment.memory_bytes(),
                self.memory_bytes
            );
            self.memory_bytes -= segment.memory_bytes();
            if segment.file().is_some() {
                self.removed_since_edit.push(segment.meta.id());
            }
        }
    }

    /// Takes out the name of a file that is no longer needed and that no reader holds, if there is
    /// one.
    fn take_obsolete(&mut self) -> Option<String> {
        let position = self.obsolete.iter().position(|obsolete| match obsolete {
            Obsolete::Log(_) => true,
            Obsolete::Data(data) => {
                let is_held = Arc::strong_count(data) > 1;
                if is_held {
                    mark!(FileWaitsForReader);
                }
                !is_held || planted!(PinnedFileCut)
            }
        })?;
        Some(match self.obsolete.remove(position)? {
            Obsolete::Log(name) => name,
            Obsolete::Data(data) => {
                assert!(
                    !self.manifest.state.files.contains_key(&data.number()),
                    "segment file {} goes, and the manifest names it",
                    data.number()
                );
                // Close the cached handle before the file is removed: it would keep the bytes on
                // the disk.
                self.shared.files.forget(data.number());
                file_name(FileKind::Segment, data.number())
            }
        })
    }
}

/// A reader may outlive a store that is dropped without being closed. Nothing is written.
impl Drop for Storage {
    fn drop(&mut self) {
        // An error cannot be reported here. `close` has reported it, and a reader gets an error
        // when the file is missing.
        let _ = self.keep_open_for_readers(None);
    }
}

/// An owner that can lend the storage for a moment.
///
/// Other threads may use the storage between any two loans of the compactor. The compactor holds no
/// loan while it merges or waits for the disk. Between two loans other threads can only add
/// commits; all other changes are made by the compactor itself.
pub(crate) trait Lend {
    fn lend<T>(&mut self, work: impl FnOnce(&mut Storage) -> T) -> T;

    /// See [`Storage::note`].
    fn note<T>(&mut self, outcome: Result<T>) -> Result<T> {
        match outcome {
            Ok(value) => Ok(value),
            Err(error) => self.lend(|storage| storage.note(Err(error))),
        }
    }
}

/// One owner: no other thread waits for the storage.
impl Lend for Storage {
    fn lend<T>(&mut self, work: impl FnOnce(&mut Storage) -> T) -> T {
        work(self)
    }
}

/// Removes at most one file that is no longer needed; false when there is none. A file that a
/// reader holds stays until the reader is gone.
pub(crate) fn remove_one_obsolete(storage: &mut impl Lend) -> Result<bool> {
    let (fs, file) = storage.lend(|storage| (Arc::clone(&storage.fs), storage.take_obsolete()));
    let Some(file) = file else {
        return Ok(false);
    };
    if planted!(PinnedFileCut) {
        let file = fs.open(&file, Access::Write);
        let _ = file.and_then(|file| file.set_len(0));
    }
    // Outside of the loan: no other thread waits for this removal.
    let mut outcome = fs.remove(&file).map_err(Error::io("remove", &file));
    if planted!(RemovalSynced) && outcome.is_ok() {
        outcome = fs.sync_dir("").map_err(Error::io("sync", ""));
    }
    if !planted!(RemoveErrorIgnored) {
        storage.note(outcome)?;
    }
    event!(DEBUG, "removed", file = file);
    storage.lend(|storage| storage.events.push(Event::FileRemoved { file }));
    Ok(true)
}

/// The metadata of the level-0 segment of one commit.
pub(crate) fn level_zero_meta(keyspace: u32, commit: Commit, run: &Run) -> SegmentMeta {
    SegmentMeta {
        keyspace,
        window: Window {
            level: 0,
            start: commit.minus(1),
            end: commit,
        },
        first: commit,
        last: commit,
        floor: commit,
        commits: 1,
        entries: run.len() as u64,
        tombstones: run.tombstones() as u64,
        keys: run.len() as u64,
        bytes: run.bytes().len() as u64,
        inputs: Vec::new(),
    }
}
