//! The store: an append-only file, an index in memory, and commits.
//!
//! A commit appends its records and its end, makes them durable, and only then changes the
//! index ([`super::append`]). A read looks up the place in the index and reads the file.
//! [`super::compaction`] replaces the file; [`super::recover`] opens the store.
//!
//! After a failed write or sync, the content of the disk is unknown (Rebello et al., USENIX
//! ATC 2020). So the first failure of a commit or a swap stops the instance: every later
//! change fails with the same reason. A compaction that fails before its first rename is
//! abandoned, and the store continues.
//!
//! This code reads no clock and starts no thread: [`super::shared`] does both, and the
//! laboratory has virtual time.

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

/// How a store is run. No option is part of the format on disk.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When to compact.
    pub policy: Policy,
    /// Where its commits come from.
    pub role: Role,
    /// Whether a primary with commits may become a replica.
    pub may_demote: bool,
    /// Whether a commit returns only after it is durable.
    pub syncs_commits: bool,
    /// The bytes after which a step of a copy ends.
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
    /// Records of commits after the snapshot, which the swap has carried over.
    pub entries_caught_up: u64,
    /// The time during which nobody could read or write.
    pub pause: Duration,
    /// The time from the begin of the compaction to its end.
    pub duration: Duration,
}

/// The data file in use.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) file: Arc<dyn File>,
    pub(super) header: Header,
    pub(super) index: Index,
    /// The end of each commit after the base.
    pub(super) ends: Vec<CommitEnd>,
    /// The number of the opening in the seals of this incarnation.
    pub(super) opening: u64,
    /// Whether the file contains this number, or this incarnation has created the file: see
    /// [`super::append`].
    pub(super) is_announced: bool,
    pub(super) chain: u64,
    /// The position of the next commit, counted from the end of the header.
    pub(super) end: u64,
    /// The newest durable commit.
    pub(super) durable_head: u64,
}

impl Data {
    pub(super) fn head(&self) -> u64 {
        self.header.base_commit + self.ends.len() as u64
    }

    /// The end of the newest commit. An opening without commits may follow it.
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
    /// Opens the store on `fs`, or creates one. Everything that the open store serves is
    /// durable. Reads the whole file.
    ///
    /// # Errors
    /// `Damage` if commits are missing that must exist. `Other` if the store is locked, if
    /// the directory belongs to another system, or if the role contradicts the role on disk.
    /// `Disk` if the disk fails.
    pub fn open(fs: Arc<dyn Fs>, options: &Options) -> Result<Self, Failure> {
        recover::open(Disk::new(fs), options)
    }

    /// Commits batches in order and returns the number of the last one. The batches become
    /// durable with one sync. A crash before that sync can keep a prefix of the batches.
    ///
    /// # Errors
    /// `Other` for a replica and for a record that is too long; nothing has changed then.
    /// `Disk` if the disk fails: it is unknown whether the batches are stored, and the
    /// instance stops.
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
    /// Errors of the disk. The instance stops then.
    pub fn sync(&mut self) -> Result<(), Failure> {
        self.guarded(|store| {
            if !store.is_synced() {
                store.sync_data()?;
                store.data.durable_head = store.head();
            }
            Ok(())
        })
    }

    /// Runs a change, unless an earlier change has failed.
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

    /// Returns an error if an earlier change has failed.
    pub(super) fn check_running(&self) -> Result<(), Failure> {
        match &self.poison {
            None => Ok(()),
            Some(reason) => Err(Failure::Disk(format!(
                "the store stopped when this happened: {reason}; open it again"
            ))),
        }
    }

    /// The newest value of a key. Does one read.
    ///
    /// # Errors
    /// Errors of the disk, and `Damage`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        self.find(key).map(|found| found.value(key)).transpose()
    }

    /// The place of the newest value of a key. The result keeps the file open, so the value
    /// can be read without the store.
    pub(super) fn find(&self, key: &[u8]) -> Option<Found> {
        let data = &self.data;
        data.index.get(key).map(|place| Found {
            file: data.file.clone(),
            salt: data.header.salt(),
            place,
        })
    }

    /// A reader of the newest commit. Later commits and compactions do not change what it
    /// sees. Copies the index.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader {
            file: self.data.file.clone(),
            salt: self.data.header.salt(),
            index: self.data.index.clone(),
            commit: self.head(),
        }
    }

    /// Runs the first phase of a compaction: copies the index. `now` is the time since any
    /// fixed moment. At most one compaction may be running.
    ///
    /// # Errors
    /// `Disk` if the store has stopped. A failed swap may have left the copy as the only
    /// file of the new generation, and a new compaction would begin by removing it.
    pub fn begin_compaction(&self, now: Duration) -> Result<Compaction, Failure> {
        self.check_running()?;
        Ok(Compaction::new(self, now))
    }

    /// The newest commit.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.data.head()
    }

    /// The commit whose state is in the copied part of the file. The file does not contain
    /// the single commits up to this one.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.data.header.base_commit
    }

    /// The chain of the newest commit. Equal histories have equal chains.
    #[must_use]
    pub fn chain(&self) -> u64 {
        self.data.chain
    }

    /// The number of keys.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.data.index.len()
    }

    /// The sizes of the data file.
    #[must_use]
    pub fn space(&self) -> Space {
        Space {
            live_bytes: HEADER_BYTES + self.data.index.live_bytes(),
            total_bytes: HEADER_BYTES + self.data.end,
        }
    }

    /// The options of the opening. A promotion changes the role.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether every commit is durable.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.data.durable_head == self.head()
    }

    /// The files of the store, without the file of a running compaction.
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
