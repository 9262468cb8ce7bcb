//! A compaction. It has four phases; each phase is a sequence of steps, and each step does
//! at most one durability-relevant operation on the disk.
//!
//! 1. *Snapshot* ([`Compaction::new`]): records the index and the end of the file. Needs a
//!    read lock of the store.
//! 2. *Copy*: writes the live records to a new file, syncs it, and makes its name durable.
//!    Needs no lock: the old file only grows, and the compaction keeps it open.
//! 3. *Swap*: appends the records of the commits since the snapshot *unchanged, deletions
//!    included*. Then writes the header, which makes the copy valid, syncs the file, and
//!    does two renames with a directory sync after each. Needs the write lock of the store
//!    for the whole phase: no commit may happen between the two renames.
//! 4. *Clean-up*: keeps the old file as a backup, and writes a durable mark into it. The
//!    mark says that the file must not be served from any more.
//!
//! The order of the steps is defined in [`super::order`], their bytes in [`super::copy`].
//! Between the two renames no file has the name of the data. If a crash happens there,
//! [`super::recover`] finishes the swap.

use std::sync::Arc;
use std::time::Duration;

use lithify::fs::File;
use lithify::fs::whole::write_all_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::contents::CommitEnd;
use super::header::{HEADER_BYTES, Header};
use super::index::{Index, Place};
use super::names;
use super::order::{Phase, Step, order};
use super::record;
use super::store::{Data, Report, Store};
use crate::parts::disk::{Disk, failed};
use crate::parts::entry::{self, Before};

/// A compaction in progress.
#[derive(Debug)]
pub struct Compaction {
    disk: Disk,
    /// The remaining steps. The next step is the last item.
    steps: Vec<Step>,
    pub(super) old: Arc<dyn File>,
    pub(super) old_header: Header,
    /// The position where the commits after the snapshot begin.
    pub(super) old_end: u64,
    /// The live records that are not copied yet. The next record is the last item.
    pub(super) queue: Vec<(Vec<u8>, Place)>,
    pub(super) copy_bytes: u64,
    file: Option<Arc<dyn File>>,
    pub(super) header: Header,
    pub(super) index: Index,
    pub(super) ends: Vec<CommitEnd>,
    pub(super) end: u64,
    began: Duration,
    /// The time when the swap began, and the newest commit at that time.
    paused: Option<(Duration, u64)>,
    pub(super) report: Report,
}

impl Compaction {
    /// Runs the first phase: takes the snapshot.
    pub(super) fn new(store: &Store, now: Duration) -> Self {
        let data = &store.data;
        let places = data.index.iter();
        let mut queue: Vec<_> = places.map(|(key, place)| (key.clone(), place)).collect();
        // `copy` takes records from the end of the queue, so the descending order makes it
        // read the old file from its beginning to its end.
        queue.sort_unstable_by_key(|(_, place)| std::cmp::Reverse(place.position));
        Self {
            disk: store.disk.clone(),
            steps: order(),
            old: data.file.clone(),
            old_header: data.header,
            old_end: data.end,
            queue,
            copy_bytes: store.options.copy_bytes,
            file: None,
            header: Header {
                generation: data.header.generation + 1,
                base_commit: data.head(),
                base_chain: data.chain,
                copied_end: 0,
                certain_end: 0,
                // The number of the file is drawn when the file is created.
                identity: data.header.identity,
            },
            index: Index::default(),
            ends: Vec::new(),
            end: 0,
            began: now,
            paused: None,
            report: Report::default(),
        }
    }

    /// The phase of the next step. `None` when the compaction is complete.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.steps.last().map(|step| step.phase())
    }

    /// The commit whose state is copied.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.header.base_commit
    }

    /// Whether the rename of the old file is done. From then on, a failure leaves this
    /// process without a data file, so the store must stop.
    fn has_touched_names(&self) -> bool {
        !self.steps.contains(&Step::RenameOld)
    }

    /// Whether a swap has begun and not ended. Writers wait for its end.
    #[must_use]
    pub fn holds_store(&self) -> bool {
        self.phase() == Some(Phase::Swap) && self.paused.is_some()
    }

    /// The progress as text. Two compactions with equal texts continue equally.
    #[must_use]
    pub fn progress(&self) -> String {
        let (steps, left) = (self.steps.len(), self.queue.len());
        format!("{steps} steps, {left} values, base {}", self.base())
    }

    /// The report up to this time.
    #[must_use]
    pub fn report(&self, now: Duration) -> Report {
        Report {
            duration: now.saturating_sub(self.began),
            ..self.report
        }
    }

    /// Whether the new file exists under its temporary name.
    #[must_use]
    pub fn has_temporary(&self) -> bool {
        self.file.is_some() && self.steps.contains(&Step::RenameNew)
    }

    /// Does one step of the phase *copy* or *clean-up*.
    ///
    /// # Errors
    /// Errors of the disk, and `Damage`. The caller must drop the compaction then; the
    /// store has not changed.
    ///
    /// # Panics
    /// In the phase *swap*.
    pub fn step(&mut self) -> Result<(), Failure> {
        assert!(self.phase() != Some(Phase::Swap), "a swap needs the store");
        let is_done = match self.steps.last() {
            Some(Step::Create) => self.create()?,
            Some(Step::Copy) => self.copy()?,
            // The copy is empty, so there is nothing to sync.
            Some(Step::SyncCopy) if self.end == 0 => true,
            Some(Step::SyncCopy | Step::SyncBackup) => self.sync()?,
            Some(Step::SyncTemporaryName) => self.sync_names()?,
            Some(Step::MarkBackup) => self.mark_backup()?,
            _ => true,
        };
        self.advance(is_done);
        Ok(())
    }

    /// Does one step of the phase *swap*. Nothing else may use the store between the first
    /// and the last of these steps. `now` is read from the clock that also gave the time
    /// of the beginning.
    ///
    /// # Errors
    /// Errors of the disk. Before the first rename, the caller must drop the compaction,
    /// and the store has not changed. From the first rename on, the store stops.
    ///
    /// # Panics
    /// In another phase, and if a commit happened since the first step of the swap.
    pub fn swap_step(&mut self, store: &mut Store, now: Duration) -> Result<(), Failure> {
        assert!(self.phase() == Some(Phase::Swap), "the store is not needed");
        store.check_running()?;
        let (paused, head) = *self.paused.get_or_insert((now, store.head()));
        assert_eq!(
            store.head(),
            head,
            "nothing is committed in a swap: it would go into a file that is being replaced"
        );
        let is_fatal = self.has_touched_names() || self.steps.last() == Some(&Step::RenameOld);
        let result = match is_fatal {
            true => store.guarded(|store| self.perform_swap(store)),
            false => self.perform_swap(store),
        };
        self.advance(result?);
        if self.phase() == Some(Phase::CleanUp) {
            self.report.pause = now.saturating_sub(paused);
        }
        Ok(())
    }

    fn perform_swap(&mut self, store: &mut Store) -> Result<bool, Failure> {
        match self.steps.last() {
            Some(Step::CatchUp) => self.catch_up(store),
            Some(Step::WriteHeader) => self.write_header(store),
            Some(Step::SyncFile) => self.sync(),
            Some(Step::RenameOld) => self.disk.rename(names::DATA, names::BACKUP).map(|()| true),
            Some(Step::RenameNew) => self
                .disk
                .rename(names::TEMPORARY, names::DATA)
                .map(|()| true),
            Some(Step::SyncOldName | Step::SyncNewName) => self.sync_names(),
            Some(Step::Install) => Ok(self.install(store)),
            Some(Step::RemoveOld) => self.disk.remove(names::DATA).map(|()| true),
            Some(Step::RemoveBackup) => self.disk.remove(names::BACKUP).map(|()| true),
            _ => Ok(true),
        }
    }

    fn advance(&mut self, is_done: bool) {
        if is_done {
            self.steps.pop();
        }
    }

    /// Creates the new file. First removes the file of an earlier compaction that was
    /// abandoned.
    fn create(&mut self) -> Result<bool, Failure> {
        let is_left = self
            .disk
            .list()?
            .iter()
            .any(|name| name == names::TEMPORARY);
        if is_left && planted::is_active("temporary-file-reused") {
            self.file = Some(self.disk.open(names::TEMPORARY)?);
        } else if is_left {
            self.disk.remove(names::TEMPORARY)?;
            return Ok(false);
        } else {
            let identity = self.old_header.identity;
            self.header.identity = identity.of_next(&self.disk, names::TEMPORARY)?;
            self.file = Some(self.disk.create(names::TEMPORARY)?);
        }
        Ok(true)
    }

    pub(super) fn file(&self) -> &dyn File {
        &**self.file.as_ref().expect("the new file was created")
    }

    /// Writes the header, which makes the copy valid. All bytes below its `certain_end`
    /// are already in the file.
    fn write_header(&mut self, store: &Store) -> Result<bool, Failure> {
        self.header.certain_end = self.end;
        if planted::is_active("commit-number-reused") {
            self.header.base_commit = self.index.len() as u64;
        }
        if planted::is_active("chain-begins-again") {
            self.header.base_chain = 0;
        }
        write_all_at(self.file(), 0, &self.header.encode())
            .map_err(failed("write to", names::TEMPORARY))?;
        self.report.bytes_before = HEADER_BYTES + store.data.end;
        self.report.bytes_after = HEADER_BYTES + self.end;
        Ok(true)
    }

    /// Syncs the new file, or in the clean-up the old file.
    fn sync(&self) -> Result<bool, Failure> {
        match self.phase() {
            Some(Phase::CleanUp) => self
                .old
                .sync_data()
                .map_err(failed("sync", names::BACKUP))?,
            _ => self
                .file()
                .sync()
                .map_err(failed("sync", names::TEMPORARY))?,
        }
        Ok(true)
    }

    fn sync_names(&self) -> Result<bool, Failure> {
        self.disk.sync_directory()?;
        Ok(true)
    }

    /// Makes the store use the new file.
    fn install(&mut self, store: &mut Store) -> bool {
        store.has_backup |= !planted::is_active("no-backup");
        if planted::is_active("old-removed-before-swap-durable") {
            store.has_backup = false;
        }
        if planted::is_active("old-handle-kept") {
            return true;
        }
        let (old_index, old_chain) = (store.data.index.clone(), store.data.chain);
        let head = store.head();
        store.data = Data {
            file: self.file.clone().expect("the new file was created"),
            header: self.header,
            index: std::mem::take(&mut self.index),
            ends: std::mem::take(&mut self.ends),
            // This incarnation has created the file, so it needs no opening entry.
            opening: 0,
            is_announced: true,
            chain: old_chain,
            end: self.end,
            durable_head: head,
        };
        if planted::is_active("old-offsets-kept") {
            store.data.index = old_index;
        }
        true
    }

    /// Writes the mark into the old file.
    fn mark_backup(&mut self) -> Result<bool, Failure> {
        let end = self.report.bytes_before - HEADER_BYTES;
        let mark = mark(self.old_header.salt(), end);
        write_all_at(&*self.old, HEADER_BYTES + end, &mark)
            .map_err(failed("write to", names::BACKUP))?;
        Ok(true)
    }
}

/// The mark of a backup, as an entry at the position `end`.
pub(super) fn mark(salt: u64, end: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry::encode(&mut bytes, salt, end, Before::Pending, &record::of_mark());
    bytes
}
