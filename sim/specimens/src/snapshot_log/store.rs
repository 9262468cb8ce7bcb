//! The store: a machine, its log, and its snapshots.
//!
//! A payload is written to the log, made durable, and only then applied to the machine. A
//! snapshot holds the state of the machine after a number of entries. Once the snapshot is
//! durable, the segments that it covers may be removed. [`super::job`] has the order,
//! [`super::steps`] the operations, and [`super::recover`] the recovery.
//!
//! After a failed write or sync, the content of the disk is unknown, and a later successful
//! sync proves nothing (Rebello et al., USENIX ATC 2020). So the first failure poisons the
//! instance: every later change fails with the same reason. A new opening reads the files
//! again and continues from what they hold.

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

/// How a store is run. No option is part of the format on disk.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A segment ends when the next group would make it longer than this number of bytes. A
    /// longer group gets a segment of its own.
    pub segment_bytes: u64,
    /// Whether an append returns only after its entries are durable.
    pub syncs_appends: bool,
    /// Whether each segment gets an index.
    pub keeps_index: bool,
}

/// A durable snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// The number of entries that it covers: all entries at offsets below this number.
    pub offset: u64,
    /// The length of its file in bytes.
    pub bytes: u64,
}

/// A machine with a log and snapshots. See the module.
#[derive(Debug)]
pub struct SnapshotLog<M> {
    pub(super) disk: Disk,
    pub(super) machine: M,
    pub(super) log: Log,
    /// The snapshots with a final name. All but the newest may be removed.
    pub(super) snapshots: Vec<SnapshotFile>,
    pub(super) syncs_appends: bool,
    pub(super) job: Option<Job>,
    pub(super) poison: Option<String>,
    pub(super) _lock: Box<dyn Lock>,
}

impl<M: Machine> SnapshotLog<M> {
    /// Opens the store on `fs`, or creates one. Everything that the open store serves is
    /// durable.
    ///
    /// # Errors
    /// `Damage` if entries or snapshots are missing that must exist. `Disk` if the disk
    /// fails. `Other` if the store is locked or the directory belongs to another system.
    pub fn open(fs: Arc<dyn Fs>, options: &Options) -> Result<Self, Failure> {
        recover::open(Disk::new(fs), options)
    }

    /// Appends a group of payloads and returns the offset after the last one. The group
    /// becomes durable with one sync. A crash before that sync can keep a prefix of the
    /// group.
    ///
    /// # Errors
    /// `Other` for a payload that is too long; nothing has changed then. `Disk` if the disk
    /// fails: it is unknown whether the group is stored, and the instance stops.
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
    /// Errors of the disk. The instance stops then.
    pub fn sync(&mut self) -> Result<(), Failure> {
        self.guarded(|store| store.log.sync())
    }

    /// Runs a change, unless an earlier change has failed.
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

    /// Begins a snapshot. The snapshot covers the entries that exist when the job has
    /// sealed the active segment. If `truncates`, the removal of covered files follows. Has
    /// no effect while a job is running.
    pub fn begin_snapshot(&mut self, truncates: bool) {
        if self.job.is_none() {
            self.job = Some(Job::snapshot(truncates));
        }
    }

    /// Begins the removal of the older snapshots and of the segments that end at or before
    /// `offset`. An offset after the newest snapshot is reduced to the end of that
    /// snapshot. Has no effect while a job is running.
    pub fn begin_truncation(&mut self, offset: u64) {
        if self.job.is_none() {
            let covered = self.snapshot().map_or(0, |snapshot| snapshot.offset);
            self.job = Some(Job::truncation(offset.min(covered)));
        }
    }

    /// Whether a job is running.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Does one operation of the job. Returns false when no job is running any more.
    ///
    /// # Errors
    /// Errors of the disk. The instance stops then.
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

    /// The offset of the next entry, which is the number of entries ever appended.
    #[must_use]
    pub fn next_offset(&self) -> u64 {
        self.log.next_offset()
    }

    /// The segments in order. The last one receives new entries.
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

    /// Whether every entry is durable. The name of a segment without entries may be not
    /// durable.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let is_named = !self.log.has_unsynced_name || self.log.active.segment.entries == 0;
        is_named && !self.log.has_unsynced_bytes
    }

    /// The entry at `offset`, or `None` if the log has removed it or never had it. Reads
    /// only the entry if there is an index, otherwise the whole segment.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn read(&self, offset: u64) -> Result<Option<Stored>, Failure> {
        self.log.read(offset)
    }

    /// Changes the length of segments that end from now on. In bytes, as in [`Options`].
    pub fn set_segment_bytes(&mut self, bytes: u64) {
        self.log.segment_bytes = bytes;
    }

    /// The state of job, log and snapshots that only memory holds, as text. Two instances
    /// with equal texts, equal machines and equal disks behave equally from then on.
    #[must_use]
    pub fn progress(&self) -> String {
        let job = self.job.as_ref().map(Job::progress);
        let log = self.log.progress();
        format!("{job:?} {log} {:?} {:?}", self.snapshots, self.poison)
    }

    /// The files that the store needs or is writing.
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

    /// Makes everything durable and closes the store. A running job is abandoned; the next
    /// opening removes the files that it has written.
    ///
    /// # Errors
    /// As [`SnapshotLog::sync`].
    pub fn close(mut self) -> Result<(), Failure> {
        self.sync()
    }
}

/// The number in the name of the snapshot that covers `offset` entries. Each snapshot has
/// its own name, because a rename over an existing file can lose both files when a crash
/// keeps only parts of the rename.
pub(super) fn identity(offset: u64) -> u64 {
    if planted::is_active("one-snapshot-name") {
        0
    } else {
        offset
    }
}
