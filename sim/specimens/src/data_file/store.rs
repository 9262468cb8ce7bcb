//! The store: an append-only file, an index in memory, and commits.
//!
//! A commit appends its records and its end, makes them durable, and only then changes
//! the index ([`super::append`]). Reads go to the file by the index.
//! [`super::compaction`] replaces the file; [`super::recover`] is the way back.
//!
//! After a failed write or sync nobody knows what the disk holds (Rebello et al., USENIX
//! ATC 2020), so the first failure of a commit or of a swap stops the instance: it answers
//! every later change with that failure. A compaction that fails before it has touched a
//! name is given up, and the store goes on.
//!
//! Nothing here reads a clock or starts a thread: [`super::shared`] does, and the
//! laboratory has its own time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lithify::fs::{File, Fs, Lock};
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::compaction::Compaction;
use super::contents::CommitEnd;
use super::header::{HEADER_BYTES, Header};
use super::index::Index;
use super::policy::{Policy, Role, Space};
use super::reader::{Found, Reader};
use super::record::Write;
use super::{names, recover};
use crate::parts::disk::{Disk, failed};

/// How a store is run. Nothing of it is part of the format.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When to compact.
    pub policy: Policy,
    /// Whose commits it takes.
    pub role: Role,
    /// Whether a primary with commits may become a replica.
    pub may_demote: bool,
    /// Whether a commit returns only when it is durable.
    pub syncs_commits: bool,
    /// A step of a copy ends when it has so many bytes to write.
    pub copy_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            role: Role::Primary,
            may_demote: false,
            syncs_commits: true,
            copy_bytes: 256 << 10,
        }
    }
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The length of the file that was replaced.
    pub bytes_before: u64,
    /// The length of the file that replaced it.
    pub bytes_after: u64,
    /// Values that were copied.
    pub entries_copied: u64,
    /// Records of commits that were made meanwhile, and copied while nobody could write.
    pub entries_caught_up: u64,
    /// How long nobody could read or write.
    pub pause: Duration,
    /// From its beginning to its end.
    pub duration: Duration,
}

/// The file in use.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) file: Arc<dyn File>,
    pub(super) header: Header,
    pub(super) index: Index,
    /// Of each commit behind the base.
    pub(super) ends: Vec<CommitEnd>,
    /// The number in the seals of this process.
    pub(super) opening: u64,
    /// Whether that number is in the file, or this process has begun the file: see
    /// [`super::append`].
    pub(super) is_announced: bool,
    pub(super) chain: u64,
    /// Where the next commit goes, counted from the end of the header.
    pub(super) end: u64,
    /// The newest commit that is durable.
    pub(super) durable_head: u64,
}

impl Data {
    pub(super) fn head(&self) -> u64 {
        self.header.base_commit + self.ends.len() as u64
    }

    /// Where the newest commit ends. An opening that has committed nothing may lie behind it.
    pub(super) fn commits_end(&self) -> u64 {
        let last = self.ends.last();
        last.map_or(self.header.copied_end, |end| end.position)
    }
}

/// A store on an append-only file. See the module.
#[derive(Debug)]
pub struct Store {
    pub(super) disk: Disk,
    pub(super) options: Options,
    pub(super) data: Data,
    pub(super) has_backup: bool,
    pub(super) poison: Option<String>,
    pub(super) _lock: Box<dyn Lock>,
}

impl Store {
    /// Opens the store on `fs`, or creates one. Everything that it then serves is
    /// durable. Reads the whole file.
    ///
    /// # Errors
    /// `Damage` when commits that must be there are not; `Other` when the role is not the
    /// one that the disk knows; `Disk` when the store is locked or the disk fails.
    pub fn open(fs: Arc<dyn Fs>, options: &Options) -> Result<Self, Failure> {
        recover::open(Disk::new(fs), options)
    }

    /// Commits batches in order and returns the number of the last. They become durable
    /// together or, after a crash, are there up to some batch.
    ///
    /// # Errors
    /// `Other` for a replica and for a record that is too long, and nothing has happened;
    /// `Disk` when the disk fails: the batches are in doubt and the instance stops.
    pub fn commit(&mut self, batches: &[Vec<Write>]) -> Result<u64, Failure> {
        if self.options.role == Role::Replica && !planted::is_active("replica-takes-writes") {
            return Err(Failure::Other(format!(
                "this store is a replica at commit {}: it takes commits from its primary and no writes; promote it first",
                self.head()
            )));
        }
        self.append(batches)
    }

    pub(super) fn sync_data(&mut self) -> Result<(), Failure> {
        let synced = self
            .data
            .file
            .sync_data()
            .map_err(failed("sync", names::DATA));
        if planted::is_active("sync-error-swallowed") {
            return Ok(());
        }
        synced
    }

    /// Makes every commit durable.
    ///
    /// # Errors
    /// Whatever the disk says; the instance stops then.
    pub fn sync(&mut self) -> Result<(), Failure> {
        self.guarded(|store| {
            if !store.is_synced() {
                store.sync_data()?;
                store.data.durable_head = store.head();
            }
            Ok(())
        })
    }

    /// Runs a change, unless an earlier one has failed.
    pub(super) fn guarded<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.check_running()?;
        let result = change(self);
        if let Err(failure) = &result
            && !planted::is_active("appends-after-failed-write")
        {
            self.poison = Some(failure.to_string());
        }
        result
    }

    /// Refuses when an earlier change has failed.
    pub(super) fn check_running(&self) -> Result<(), Failure> {
        match &self.poison {
            None => Ok(()),
            Some(reason) => Err(Failure::Disk(format!(
                "the store stopped when this happened: {reason}; open it again"
            ))),
        }
    }

    /// The newest value of a key. One read.
    ///
    /// # Errors
    /// Whatever the disk says, and `Damage`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        self.find(key).map(|found| found.value(key)).transpose()
    }

    /// Where the newest value of a key lies. The answer holds the file, so it can be read
    /// from without the store.
    pub(super) fn find(&self, key: &[u8]) -> Option<Found> {
        let data = &self.data;
        data.index.get(key).map(|place| Found {
            file: data.file.clone(),
            salt: data.header.salt(),
            place,
        })
    }

    /// A reader of the newest commit, which later commits and compactions do not
    /// disturb. Copies the index.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader {
            file: self.data.file.clone(),
            salt: self.data.header.salt(),
            index: self.data.index.clone(),
            commit: self.head(),
        }
    }

    /// The first phase of a compaction: a copy of the index as it is. `now` is the time
    /// since any fixed moment. At most one compaction may be under way.
    ///
    /// # Errors
    /// `Disk` when the store has stopped: a swap that failed may have left the copy as the
    /// only file of the new generation, and a compaction begins by removing it.
    pub fn begin_compaction(&self, now: Duration) -> Result<Compaction, Failure> {
        self.check_running()?;
        Ok(Compaction::new(self, now))
    }

    /// The newest commit.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.data.head()
    }

    /// The commit that the file's copied part stands for: the commits up to it can not
    /// be told apart any more.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.data.header.base_commit
    }

    /// The chain of the newest commit: equal for equal histories.
    #[must_use]
    pub fn chain(&self) -> u64 {
        self.data.chain
    }

    /// The number of keys.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.data.index.len()
    }

    /// What the file holds.
    #[must_use]
    pub fn space(&self) -> Space {
        Space {
            live_bytes: HEADER_BYTES + self.data.index.live_bytes(),
            total_bytes: HEADER_BYTES + self.data.end,
        }
    }

    /// The options that it was opened with, except for the role after a promotion.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether every commit is durable.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.data.durable_head == self.head()
    }

    /// The files that the store has, without those of a compaction that is under way.
    #[must_use]
    pub fn files(&self) -> BTreeSet<String> {
        let backup = self.has_backup.then_some(names::BACKUP);
        let marker = (self.options.role == Role::Replica).then_some(names::REPLICA);
        let files = [names::DATA, names::LOCK].into_iter();
        let files = files.chain(backup).chain(marker);
        files.map(str::to_owned).collect()
    }

    /// Makes everything durable and closes the store.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn close(mut self) -> Result<(), Failure> {
        self.sync()
    }
}
