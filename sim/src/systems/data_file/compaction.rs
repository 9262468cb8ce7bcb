//! A compaction: four phases, each of them steps, each step at most one operation on
//! the disk that matters for durability.
//!
//! 1. *Snapshot* ([`Compaction::new`]): the index and the end of the file are taken down.
//!    Needs the store as a reader does.
//! 2. *Copy*: the live records go into a new file, which is synced, and its name is made
//!    durable. Needs no store: the old file only grows, and is held open.
//! 3. *Swap*: what was committed meanwhile is carried over *verbatim, deletions included*;
//!    the header, which makes the copy a copy, is written; the file is synced; then two
//!    renames with a directory sync behind each. Needs the store alone, from the first
//!    step to the last: nothing may be committed between the two renames.
//! 4. *Clean-up*: the old file stays as a backup, and a durable mark in it says that it
//!    must not be served from any more.
//!
//! The order is a value, so that a planted bug is another order. Between the renames no
//! file has the name of the data; [`super::recover`] finishes what was begun.

use std::sync::Arc;
use std::time::Duration;

use lithify::fs::File;
use lithify::fs::whole::{read_exact_at, write_all_at};

use super::header::{HEADER_BYTES, Header};
use super::index::{Index, Place};
use super::record::{self, Record};
use super::store::{Data, Report, Store};
use super::{names, reader};
use crate::planted;
use crate::system::Failure;
use crate::systems::parts::disk::{Disk, failed};
use crate::systems::parts::entry::{self, Before};

/// The phases of the document; the first, the snapshot, is the beginning itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Live records are copied while the store is used.
    Copy,
    /// The store waits.
    Swap,
    /// The store goes on.
    CleanUp,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Copy,
    SyncCopy,
    SyncTemporaryName,
    CatchUp,
    WriteHeader,
    SyncFile,
    RenameOld,
    SyncOldName,
    RenameNew,
    SyncNewName,
    Install,
    MarkBackup,
    SyncBackup,
    /// Only with a planted bug.
    RemoveOld,
    RemoveBackup,
}

impl Step {
    fn phase(self) -> Phase {
        match self {
            Self::Create | Self::Copy | Self::SyncCopy | Self::SyncTemporaryName => Phase::Copy,
            Self::MarkBackup | Self::SyncBackup => Phase::CleanUp,
            _ => Phase::Swap,
        }
    }
}

/// The order, which is what all of this is about.
fn order() -> Vec<Step> {
    use Step::{
        CatchUp, Copy, Create, Install, MarkBackup, RemoveBackup, RemoveOld, RenameNew, RenameOld,
        SyncBackup, SyncCopy, SyncFile, SyncNewName, SyncOldName, SyncTemporaryName, WriteHeader,
    };
    let mut steps = vec![
        Create,
        Copy,
        SyncCopy,
        SyncTemporaryName,
        CatchUp,
        WriteHeader,
        SyncFile,
        RenameOld,
        SyncOldName,
        RenameNew,
        SyncNewName,
        Install,
        MarkBackup,
        SyncBackup,
    ];
    let mut without = |unwanted: &[Step]| steps.retain(|step| !unwanted.contains(step));
    if planted::is_active("copy-not-synced") {
        without(&[SyncCopy, SyncFile]);
    } else if planted::is_active("caught-up-not-synced") {
        without(&[SyncFile]);
    } else if planted::is_active("no-directory-sync") {
        without(&[SyncTemporaryName, SyncOldName, SyncNewName]);
    } else if planted::is_active("one-directory-sync-for-both-renames") {
        without(&[SyncTemporaryName, SyncOldName]);
    } else if planted::is_active("appended-during-copy-lost") {
        without(&[CatchUp]);
    } else if planted::is_active("no-backup") {
        without(&[MarkBackup, SyncBackup, SyncOldName]);
        steps = replaced(steps, RenameOld, &[RemoveOld]);
    } else if planted::is_active("old-removed-before-swap-durable") {
        without(&[MarkBackup, SyncBackup, SyncOldName]);
        steps = replaced(steps, SyncNewName, &[RemoveBackup, SyncNewName]);
    } else if planted::is_active("renamed-before-sync") {
        without(&[SyncCopy, SyncFile]);
        steps = replaced(steps, SyncNewName, &[SyncNewName, SyncFile]);
    }
    steps.reverse();
    steps
}

/// The steps with others in the place of one.
fn replaced(steps: Vec<Step>, one: Step, others: &[Step]) -> Vec<Step> {
    let with = |step: Step| match step == one {
        true => others.to_vec(),
        false => vec![step],
    };
    steps.into_iter().flat_map(with).collect()
}

/// What is under way.
#[derive(Debug)]
pub struct Compaction {
    disk: Disk,
    /// The steps that are left, the next one last.
    steps: Vec<Step>,
    old: Arc<dyn File>,
    old_header: Header,
    /// Where commits that the snapshot does not know begin.
    old_end: u64,
    /// Live records that are not copied yet, the next one last.
    queue: Vec<(Vec<u8>, Place)>,
    copy_bytes: u64,
    file: Option<Arc<dyn File>>,
    header: Header,
    index: Index,
    starts: Vec<u64>,
    end: u64,
    began: Duration,
    paused: Option<Duration>,
    report: Report,
}

impl Compaction {
    /// The first phase.
    pub(super) fn new(store: &Store, now: Duration) -> Self {
        let data = &store.data;
        let places = data.index.iter();
        let mut queue: Vec<_> = places.map(|(key, place)| (key.clone(), place)).collect();
        // The old file is read from its beginning to its end.
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
            },
            index: Index::default(),
            starts: Vec::new(),
            end: 0,
            began: now,
            paused: None,
            report: Report::default(),
        }
    }

    /// The phase of the next step; `None` when all is done.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.steps.last().map(|step| step.phase())
    }

    /// The commit whose state is copied.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.header.base_commit
    }

    /// Whether a failure now leaves the store without a file that can be served from by
    /// this process.
    fn has_touched_names(&self) -> bool {
        !self.steps.contains(&Step::RenameOld)
    }

    /// Whether a swap has begun and not ended: whoever wants to write waits for it.
    #[must_use]
    pub fn holds_store(&self) -> bool {
        self.phase() == Some(Phase::Swap) && self.paused.is_some()
    }

    /// How far it has come, in words that are equal when it goes on alike.
    #[must_use]
    pub fn progress(&self) -> String {
        let (steps, left) = (self.steps.len(), self.queue.len());
        format!("{steps} steps, {left} values, base {}", self.base())
    }

    /// What was done so far, at this time.
    #[must_use]
    pub fn report(&self, now: Duration) -> Report {
        Report {
            duration: now.saturating_sub(self.began),
            ..self.report
        }
    }

    /// Whether the new file has a name of its own at the moment.
    #[must_use]
    pub fn has_temporary(&self) -> bool {
        self.file.is_some() && self.steps.contains(&Step::RenameNew)
    }

    /// A step of the phase *copy* or *clean-up*.
    ///
    /// # Errors
    /// Whatever the disk says, and `Damage`. The compaction is to be dropped then; the
    /// store is as it was.
    ///
    /// # Panics
    /// In the phase *swap*.
    pub fn step(&mut self) -> Result<(), Failure> {
        assert!(self.phase() != Some(Phase::Swap), "a swap needs the store");
        let is_done = match self.steps.last() {
            Some(Step::Create) => self.create()?,
            Some(Step::Copy) => self.copy()?,
            // An empty copy has nothing to sync yet.
            Some(Step::SyncCopy) if self.end == 0 => true,
            Some(Step::SyncCopy | Step::SyncBackup) => self.sync()?,
            Some(Step::SyncTemporaryName) => self.sync_names()?,
            Some(Step::MarkBackup) => self.mark_backup()?,
            _ => true,
        };
        self.advance(is_done);
        Ok(())
    }

    /// A step of the phase *swap*. Between the first and the last nothing may happen to
    /// the store. `now` is the time on the clock that began the compaction.
    ///
    /// # Errors
    /// Whatever the disk says. Before the first rename the compaction is to be dropped and
    /// the store is as it was; from then on the store stops.
    ///
    /// # Panics
    /// In another phase.
    pub fn swap_step(&mut self, store: &mut Store, now: Duration) -> Result<(), Failure> {
        assert!(self.phase() == Some(Phase::Swap), "the store is not needed");
        store.check_running()?;
        let paused = *self.paused.get_or_insert(now);
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

    /// Creates the new file. A leftover of a compaction that was given up goes first.
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
            self.file = Some(self.disk.create(names::TEMPORARY)?);
        }
        Ok(true)
    }

    fn file(&self) -> &dyn File {
        &**self.file.as_ref().expect("the new file was created")
    }

    /// Copies some live records, in one write.
    fn copy(&mut self) -> Result<bool, Failure> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < self.copy_bytes
            && let Some((key, place)) = self.queue.pop()
        {
            let payload = reader::payload(&*self.old, self.old_header.generation, place)?;
            let place = self.add(&mut bytes, &payload);
            self.index.put(&key, place);
            self.report.entries_copied += 1;
        }
        self.write(&bytes)?;
        self.header.copied_end = self.end;
        Ok(self.queue.is_empty())
    }

    /// Encodes a record for the new file, behind those in `bytes`.
    fn add(&self, bytes: &mut Vec<u8>, payload: &[u8]) -> Place {
        let position = self.end + bytes.len() as u64;
        let generation = self.header.generation;
        entry::encode(bytes, generation, self.end, Before::Pending, payload);
        Place {
            position,
            length_bytes: self.end + bytes.len() as u64 - position,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        write_all_at(self.file(), HEADER_BYTES + self.end, bytes)
            .map_err(failed("write to", names::TEMPORARY))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Carries over all commits that the snapshot does not know, in one write.
    fn catch_up(&mut self, store: &Store) -> Result<bool, Failure> {
        let length = usize::try_from(store.data.end - self.old_end).expect("it fits into memory");
        let mut old = vec![0; length];
        read_exact_at(&*self.old, HEADER_BYTES + self.old_end, &mut old)
            .map_err(failed("read", names::DATA))?;
        let mut bytes = Vec::new();
        let mut start = self.end;
        let mut position = 0;
        while position < length {
            let at = self.old_end + position as u64;
            let checked = entry::check(&old[position..], self.old_header.generation, at);
            let (payload, _) = checked.ok_or_else(|| unreadable(at))?;
            let payload = &old[position + payload.start..position + payload.end];
            position += payload.len() + entry::HEADER_BYTES;
            if self.carry_over(store, &mut bytes, payload)? {
                self.starts.push(start);
                start = self.end + bytes.len() as u64;
            }
        }
        self.write(&bytes)?;
        Ok(true)
    }

    /// Carries over one record; true at the end of a commit.
    fn carry_over(
        &mut self,
        store: &Store,
        bytes: &mut Vec<u8>,
        payload: &[u8],
    ) -> Result<bool, Failure> {
        let record = record::decode(payload).map_err(Failure::Damage)?;
        match record {
            Record::Put { key, .. } => {
                let is_known = self.index.get(key).is_some();
                if is_known && planted::is_active("overwrites-not-carried-over") {
                    return Ok(false);
                }
                let place = self.add(bytes, payload);
                self.index.put(key, place);
            }
            Record::Delete { key } => {
                if planted::is_active("deletes-not-carried-over") {
                    return Ok(false);
                }
                let is_gone = store.data.index.get(key).is_none();
                if !(is_gone && planted::is_active("tombstone-dropped-with-its-key")) {
                    self.add(bytes, payload);
                }
                self.index.remove(key);
            }
            Record::End { .. } => {
                self.add(bytes, payload);
                return Ok(true);
            }
            Record::Superseded => {}
        }
        self.report.entries_caught_up += 1;
        Ok(false)
    }

    /// The header makes the copy a copy: what it vouches for is in the file.
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

    /// Syncs the new file, or in the last phase the old one.
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

    /// From here on the store reads and writes the new file.
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
            starts: std::mem::take(&mut self.starts),
            chain: old_chain,
            end: self.end,
            durable_head: head,
        };
        if planted::is_active("old-offsets-kept") {
            store.data.index = old_index;
        }
        true
    }

    /// Says in the old file that it is out of date.
    fn mark_backup(&mut self) -> Result<bool, Failure> {
        let end = self.report.bytes_before - HEADER_BYTES;
        let mark = mark(self.old_header.generation, end);
        write_all_at(&*self.old, HEADER_BYTES + end, &mark)
            .map_err(failed("write to", names::BACKUP))?;
        Ok(true)
    }
}

/// The mark of a backup, for the end of its file.
pub(super) fn mark(generation: u64, end: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry::encode(
        &mut bytes,
        generation,
        end,
        Before::Pending,
        &record::of_mark(),
    );
    bytes
}

fn unreadable(position: u64) -> Failure {
    Failure::Damage(format!(
        "{}: the entry at byte {} was written by this process and cannot be read: the compaction is given up",
        names::DATA,
        HEADER_BYTES + position
    ))
}
