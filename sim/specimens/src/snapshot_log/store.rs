//! The store: a machine, its log, and its snapshots.
//!
//! A payload is written to the log, made durable, and only then applied. A snapshot is
//! the machine's state after so many entries; once it is durable, the segments before
//! it may go. See [`super::job`] for the order, [`super::steps`] for what is done, and
//! [`super::recover`] for the way back.
//!
//! After a failed write or sync nobody knows what the disk holds, and a later sync that
//! succeeds proves nothing (Rebello et al., USENIX ATC 2020). So the first failure
//! poisons the instance: it answers every later change with that failure, and only a
//! new opening, which reads what is there, goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use lithify::fs::{Fs, Lock};
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::job::Job;
use super::log::{Log, Segment};
use super::lookup::Stored;
use super::{names, recover};
use crate::parts::disk::Disk;
use crate::parts::entry::MAX_PAYLOAD_BYTES;
use crate::parts::machine::Machine;

/// How a store is run. Nothing of it is part of the format.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A segment ends when the next group would make it longer than this many bytes;
    /// a longer group gets a segment of its own.
    pub segment_bytes: u64,
    /// Whether an append returns only when it is durable.
    pub syncs_appends: bool,
    /// Whether segments get an index beside them.
    pub keeps_index: bool,
}

/// A durable snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// How many entries it covers: those at offsets below this.
    pub offset: u64,
    /// The length of its file in bytes.
    pub bytes: u64,
}

/// A machine behind a log with snapshots. See the module.
#[derive(Debug)]
pub struct SnapshotLog<M> {
    pub(super) disk: Disk,
    pub(super) machine: M,
    pub(super) log: Log,
    /// Those with a final name; all but the newest may go.
    pub(super) snapshots: Vec<SnapshotFile>,
    pub(super) syncs_appends: bool,
    pub(super) job: Option<Job>,
    pub(super) poison: Option<String>,
    pub(super) _lock: Box<dyn Lock>,
}

impl<M: Machine> SnapshotLog<M> {
    /// Opens the store on `fs`, or creates one. Everything that it then serves is
    /// durable.
    ///
    /// # Errors
    /// `Damage` when entries or snapshots that must be there are not; `Disk` when
    /// the store is locked or the disk fails.
    pub fn open(fs: Arc<dyn Fs>, options: &Options) -> Result<Self, Failure> {
        recover::open(Disk::new(fs), options)
    }

    /// Appends a group of payloads, which becomes durable together or, after a crash,
    /// is there up to some payload. Returns the offset behind the last.
    ///
    /// # Errors
    /// `Other` for a payload that is too long, and nothing has happened; `Disk` when
    /// the disk fails: the group is in doubt and the instance stops.
    pub fn append(&mut self, payloads: &[Vec<u8>]) -> Result<u64, Failure> {
        if let Some(payload) = payloads
            .iter()
            .find(|payload| payload.len() > MAX_PAYLOAD_BYTES)
        {
            return Err(Failure::Other(format!(
                "a payload of {} bytes is longer than {MAX_PAYLOAD_BYTES}; nothing was written",
                payload.len()
            )));
        }
        let acknowledges_early = planted::is_active("acknowledged-before-sync");
        self.guarded(|store| {
            if acknowledges_early {
                store.log.sync()?;
            }
            if planted::is_active("group-synced-apart") {
                for payload in payloads {
                    store.log.append(std::slice::from_ref(payload))?;
                    if store.syncs_appends {
                        store.log.sync()?;
                    }
                }
            } else {
                store.log.append(payloads)?;
            }
            if store.syncs_appends && !acknowledges_early {
                store.log.sync()?;
            }
            for payload in payloads {
                store.machine.apply(payload).map_err(Failure::Other)?;
            }
            Ok(store.log.next_offset())
        })
    }

    /// Makes every entry durable.
    ///
    /// # Errors
    /// Whatever the disk says; the instance stops then.
    pub fn sync(&mut self) -> Result<(), Failure> {
        self.guarded(|store| store.log.sync())
    }

    /// Runs a change, unless an earlier one has failed.
    pub(super) fn guarded<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Some(reason) = &self.poison {
            return Err(Failure::Disk(format!(
                "the store stopped when this happened: {reason}; open it again"
            )));
        }
        let result = change(self);
        if let Err(failure) = &result
            && !planted::is_active("appends-after-failed-write")
        {
            self.poison = Some(failure.to_string());
        }
        result
    }

    /// Begins a snapshot of what is there when its first step has ended, and the
    /// truncation that it allows if `truncates`. Does nothing while a job is under way.
    pub fn begin_snapshot(&mut self, truncates: bool) {
        if self.job.is_none() {
            self.job = Some(Job::snapshot(truncates));
        }
    }

    /// Begins the removal of the segments that end at or before `offset`, which no
    /// truncation leads beyond the newest snapshot, and of the older snapshots. Does
    /// nothing while a job is under way.
    pub fn begin_truncation(&mut self, offset: u64) {
        if self.job.is_none() {
            let covered = self.snapshot().map_or(0, |snapshot| snapshot.offset);
            self.job = Some(Job::truncation(offset.min(covered)));
        }
    }

    /// Whether a job is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Does one operation of the job; false when none is under way any more.
    ///
    /// # Errors
    /// Whatever the disk says; the instance stops then.
    pub fn step(&mut self) -> Result<bool, Failure> {
        let Some(mut job) = self.job.take() else {
            return Ok(false);
        };
        let result = self.guarded(|store| store.perform(&mut job));
        if job.phase().is_some() {
            self.job = Some(job);
        }
        result.map(|()| self.is_busy())
    }

    /// The state.
    #[must_use]
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The offset that the next entry gets: how many were ever appended.
    #[must_use]
    pub fn next_offset(&self) -> u64 {
        self.log.next_offset()
    }

    /// The segments in order, the last of which is written.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment> {
        self.log.segments().collect()
    }

    /// The newest snapshot with a final name.
    #[must_use]
    pub fn snapshot(&self) -> Option<SnapshotFile> {
        self.snapshots.last().copied()
    }

    /// Whether a truncation to the newest snapshot would remove something.
    #[must_use]
    pub fn can_truncate(&self) -> bool {
        let covered = self.snapshot().map_or(0, |snapshot| snapshot.offset);
        let first = self.log.sealed.first();
        self.snapshots.len() > 1 || first.is_some_and(|first| first.end() <= covered)
    }

    /// Whether every entry is durable. The name of a segment that has none yet need not be.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let is_named = !self.log.has_unsynced_name || self.log.active.segment.entries == 0;
        is_named && !self.log.has_unsynced_bytes
    }

    /// The entry at `offset`, or `None` when the log does not hold it (any more, or
    /// yet). Reads the entry, or without an index its segment.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn read(&self, offset: u64) -> Result<Option<Stored>, Failure> {
        self.log.read(offset)
    }

    /// Changes when segments end from now on. Bytes, as in [`Options`].
    pub fn set_segment_bytes(&mut self, bytes: u64) {
        self.log.segment_bytes = bytes;
    }

    /// How far it has come, in words that are equal when it goes on alike from the same
    /// machine and the same disk: what only memory knows of job, log and snapshots.
    #[must_use]
    pub fn progress(&self) -> String {
        let job = self.job.as_ref().map(Job::progress);
        let log = self.log.progress();
        format!("{job:?} {log} {:?} {:?}", self.snapshots, self.poison)
    }

    /// The files that the store needs, or is writing.
    #[must_use]
    pub fn files(&self) -> BTreeSet<String> {
        let mut files: BTreeSet<String> = self.log.files().collect();
        files.insert(names::LOCK.to_owned());
        for file in &self.snapshots {
            files.insert(names::snapshot(identity(file.offset)));
        }
        if let Some(name) = self.job.as_ref().and_then(|job| job.file.name()) {
            files.insert(name.to_owned());
        }
        files
    }

    /// Makes everything durable and closes the store. A job that is under way is left;
    /// the next opening sweeps what it has written.
    ///
    /// # Errors
    /// As [`SnapshotLog::sync`].
    pub fn close(mut self) -> Result<(), Failure> {
        self.sync()
    }
}

/// The number in the name of a snapshot of so many entries: that number. A name of its
/// own for each is what survives a rename that is lost in parts.
pub(super) fn identity(offset: u64) -> u64 {
    if planted::is_active("one-snapshot-name") {
        0
    } else {
        offset
    }
}
