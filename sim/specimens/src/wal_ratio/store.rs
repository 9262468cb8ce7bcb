//! The store: a table in memory, one log, and the loop that writes both.
//!
//! Commits are accepted into a queue. The loop takes the queued commits as one group, writes
//! it, syncs it, and only then applies and acknowledges it ([`super::group`]). The rewrite of
//! the log is part of the same loop ([`super::rewrite`]). During a rewrite no group is
//! written, so new commits wait in the queue: they are not lost and not acknowledged. An
//! incarnation writes groups only to logs that it has created itself: before its first group
//! it rewrites the log that it has found.
//!
//! This code has no clock and no thread. The caller passes the time and decides when
//! [`RatioStore::step`] is called. A step does at most one durability-relevant operation.
//!
//! The failures, and their effects:
//!
//! - A failure to write or sync a group, or to give the new log its name: the content of the
//!   disk is unknown, and a later successful sync proves nothing (Rebello et al., USENIX ATC
//!   2020). The store stops. Only a new opening, which reads the files again, continues.
//! - A failure to write the new log under its temporary name, for example on a full disk:
//!   nothing has changed. The rewrite is abandoned, the old log stays, commits continue, and
//!   the next check tries again. But if commits wait for the first log of this incarnation,
//!   they cannot continue, and the store stops.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use lithify::fs::{File, Fs, Lock};
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::group::Group;
use super::job::Job;
use super::policy::{Decision, Policy, View};
use super::record::{self, Operation};
use super::table::Table;
use super::{names, recover};
use crate::parts::disk::Disk;
use crate::parts::entry::{HEADER_BYTES, MAX_PAYLOAD_BYTES};
use crate::parts::identity::Identity;

/// How a store is run. No option is part of the format on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// When the log is rewritten.
    pub policy: Policy,
    /// A rewrite writes pieces of about this number of bytes, one in each step. At least 1.
    pub piece_bytes: usize,
}

impl Options {
    /// The published policy, and pieces of a quarter of a mebibyte.
    pub const PUBLISHED: Self = Self {
        policy: Policy::PUBLISHED,
        piece_bytes: 256 << 10,
    };
}

/// The work of a store since the opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes of commits that were written to logs.
    pub commit_bytes: u64,
    /// Bytes of bases that were written to logs: the cost of rewriting.
    pub base_bytes: u64,
    /// Groups that were written.
    pub groups: u64,
    /// Rewrites that are complete.
    pub rewrites: u64,
    /// Rewrites that were abandoned.
    pub given_up: u64,
}

/// The log that receives new groups.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) generation: u64,
    pub(super) identity: Identity,
    pub(super) file: Arc<dyn File>,
    /// The length of the log, and the position of the next group.
    pub(super) bytes: u64,
    /// Whether an earlier incarnation has created the log. Then no group is written to it:
    /// bytes that the earlier incarnation has lost after the end of the log would count as
    /// valid there, because log, position and numbers are the same.
    pub(super) is_found: bool,
}

impl Log {
    pub(super) fn name(&self) -> String {
        names::log(self.generation)
    }

    /// The salt of all checksums except that of the base record.
    pub(super) fn salt(&self) -> u64 {
        self.identity.salt(self.generation)
    }
}

/// A table with a log that rewrites itself. See the module.
#[derive(Debug)]
pub struct RatioStore {
    pub(super) disk: Disk,
    pub(super) options: Options,
    /// Shared with readers, so that they do not wait for the disk.
    pub(super) table: Arc<RwLock<Table>>,
    pub(super) log: Log,
    /// The name of the old log, from the swap until its removal.
    pub(super) old: Option<String>,
    /// Commits that are accepted and not written, in order.
    pub(super) queue: VecDeque<Vec<u8>>,
    pub(super) group: Option<Group>,
    pub(super) accepted: u64,
    pub(super) acknowledged: u64,
    pub(super) job: Option<Job>,
    opened: u64,
    pub(super) last: Option<u64>,
    pub(super) counters: Counters,
    poison: Option<String>,
    _lock: Box<dyn Lock>,
}

impl RatioStore {
    /// Opens the store on `fs`, or creates one. Everything that the open store serves is
    /// durable. `now` is the time in milliseconds; the next opening may use another clock.
    ///
    /// # Errors
    /// `Damage` if durable bytes are lost. `Other` if the store is locked or the directory
    /// belongs to another system. `Disk` if the disk fails.
    pub fn open(fs: Arc<dyn Fs>, options: Options, now: u64) -> Result<Self, Failure> {
        recover::open(Disk::new(fs), options, now)
    }

    pub(super) fn recovered(
        disk: Disk,
        options: Options,
        now: u64,
        (table, log, base_bytes): (Table, Log, u64),
        lock: Box<dyn Lock>,
    ) -> Self {
        Self {
            disk,
            options,
            accepted: table.commits(),
            acknowledged: table.commits(),
            table: Arc::new(RwLock::new(table)),
            log,
            old: None,
            queue: VecDeque::new(),
            group: None,
            job: None,
            opened: now,
            last: None,
            counters: Counters {
                base_bytes,
                ..Counters::default()
            },
            poison: None,
            _lock: lock,
        }
    }

    /// Accepts a commit, which becomes durable as a whole or not at all, and returns its
    /// number. The commit is acknowledged when [`RatioStore::acknowledged`] has reached this
    /// number.
    ///
    /// # Errors
    /// `Other` for a commit that is too long; nothing has changed then. `Disk` if the store
    /// has stopped.
    pub fn accept(&mut self, operations: &[Operation]) -> Result<u64, Failure> {
        self.check_running()?;
        let payload = record::commit(&self.meant(operations));
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Failure::Other(format!(
                "a commit of {} bytes is longer than {MAX_PAYLOAD_BYTES}; nothing was written",
                payload.len()
            )));
        }
        self.queue.push_back(payload);
        self.accepted += 1;
        Ok(self.accepted)
    }

    /// The operations, without those that a planted bug takes for unnecessary.
    fn meant(&self, operations: &[Operation]) -> Vec<Operation> {
        let mut meant = operations.to_vec();
        if planted::is_active("delete-of-absent-key-dropped") {
            let table = self.read_table();
            meant.retain(|operation| match operation {
                Operation::Put(..) => true,
                Operation::Delete(key) => table.pairs().contains_key(key),
            });
        }
        meant
    }

    /// Evaluates the policy. Begins a rewrite if the policy wants one and none is running.
    /// From then until the end of the rewrite, only the pending group is written.
    pub fn check(&mut self, now: u64) -> Decision {
        let decision = self.options.policy.decide(&self.view(now));
        if decision.rewrites() && self.job.is_none() && self.poison.is_none() {
            let mut job = self.rewrite();
            if planted::is_active("snapshot-before-flush") {
                job.copy = Some(self.read_table().clone());
            }
            if planted::is_active("pending-batch-dropped") {
                self.accepted -= self.queue.len() as u64;
                self.queue.clear();
                job.flushed_up_to = self.accepted;
            }
            if planted::is_active("flush-left-to-snapshot") {
                let queue: Vec<_> = self.queue.drain(..).collect();
                // A payload that the store has encoded itself can always be applied.
                let _ = self.acknowledge(&queue);
            }
            if planted::is_active("last-rewrite-noted-early") {
                self.last = Some(now);
            }
            self.job = Some(job);
        }
        decision
    }

    /// A rewrite of the current state.
    fn rewrite(&self) -> Job {
        let Log {
            generation,
            identity,
            is_found,
            ..
        } = self.log;
        let flushed_up_to = match is_found {
            true => self.acknowledged,
            false => self.accepted,
        };
        Job::new(names::next(generation), identity, flushed_up_to)
    }

    /// Whether a check can lead to a rewrite only because time passes.
    #[must_use]
    pub fn may_come_to_rewrite(&self, now: u64) -> bool {
        self.options.policy.may_come(&self.view(now))
    }

    fn view(&self, now: u64) -> View {
        View {
            now,
            opened: self.opened,
            last: self.last,
            log_bytes: self.log.bytes,
            live_bytes: self.read_table().live_bytes(),
        }
    }

    /// Does one operation of the work in progress. Returns false if no work is left. `now` is
    /// the time in milliseconds.
    ///
    /// # Errors
    /// Errors of the disk. Either the store has stopped, or a rewrite was abandoned: see
    /// [`RatioStore::has_stopped`].
    pub fn step(&mut self, now: u64) -> Result<bool, Failure> {
        self.check_running()?;
        if self.log.is_found && self.job.is_none() && self.has_group() {
            self.job = Some(self.rewrite());
        }
        let goes_on = planted::is_active("puts-not-paused") && self.has_group();
        match self.job.take() {
            Some(job) if !goes_on => self.rewrite_step(job, now)?,
            job => {
                self.job = job;
                self.group_step(self.accepted)?;
            }
        }
        Ok(self.is_busy())
    }

    /// Whether there is work in progress.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.job.is_some() || self.has_group()
    }

    /// Whether commits are queued, or a group is written and not synced.
    #[must_use]
    pub fn has_group(&self) -> bool {
        self.group.is_some() || !self.queue.is_empty()
    }

    /// Whether commits are queued and no group is written and not synced.
    #[must_use]
    pub fn has_only_queued(&self) -> bool {
        self.group.is_none() && !self.queue.is_empty()
    }

    /// Whether a rewrite is running, so that commits have to wait.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.job.is_some()
    }

    /// Stops the store until it is opened again. It is unknown whether the commits that were
    /// not acknowledged are stored.
    pub(super) fn stop(&mut self, failure: Failure) -> Failure {
        if !planted::is_active("appends-after-failed-write") {
            self.poison = Some(failure.to_string());
        }
        self.queue.clear();
        self.group = None;
        self.accepted = self.acknowledged;
        failure
    }

    fn check_running(&self) -> Result<(), Failure> {
        match &self.poison {
            None => Ok(()),
            Some(reason) => Err(Failure::Disk(format!(
                "the store stopped when this happened: {reason}; open it again"
            ))),
        }
    }

    /// Whether the store has stopped until it is opened again.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.poison.is_some()
    }

    /// Does all work in progress.
    ///
    /// # Errors
    /// As [`RatioStore::step`], if the store has stopped. An abandoned rewrite does not end
    /// the loop: commits continue in the old log.
    pub fn finish(&mut self, now: u64) -> Result<(), Failure> {
        loop {
            match self.step(now) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(failure) if self.has_stopped() => return Err(failure),
                Err(_) => {}
            }
        }
    }

    /// Works until a commit is acknowledged. If the commit waits for a rewrite, the rewrite is
    /// done first.
    ///
    /// # Errors
    /// As [`RatioStore::step`], if the commit cannot be acknowledged any more.
    pub fn finish_commit(&mut self, commit: u64, now: u64) -> Result<(), Failure> {
        while self.acknowledged < commit {
            match self.step(now) {
                Err(failure) if !self.has_group() => return Err(failure),
                Ok(false) if self.acknowledged < commit => {
                    return Err(Failure::Other(format!(
                        "commit {commit} is not waiting any more, and {} is the last one that is durable",
                        self.acknowledged
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The number of the last accepted commit.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// The number of the last commit that is durable and applied.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The payloads of the commits that are accepted and not acknowledged, in order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Vec<u8>> {
        let written = self.group.iter().flat_map(|group| &group.payloads);
        written.chain(&self.queue)
    }

    /// The table, for readers on other threads. It holds the acknowledged commits.
    #[must_use]
    pub fn table(&self) -> Arc<RwLock<Table>> {
        Arc::clone(&self.table)
    }

    /// The acknowledged state. No code panics while it holds the write lock, so the content of
    /// a poisoned lock is valid.
    pub fn read_table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write_table(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The length of the log in bytes.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.log.bytes
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The state of waiting commits, log and rewrite that only memory holds, as text. Two
    /// stores with equal texts, equal tables, equal disks and equal times behave equally from
    /// then on.
    #[must_use]
    pub fn progress(&self) -> String {
        let job = self.job.as_ref().map(Job::progress);
        format!(
            "acknowledged {} written {} log {} old {:?} last {:?} {:?} {job:?}",
            self.acknowledged,
            self.group.is_some(),
            self.log.name(),
            self.old,
            self.last,
            self.counters
        )
    }

    /// The files that the store needs or is writing.
    #[must_use]
    pub fn files(&self) -> BTreeSet<String> {
        let mut files = BTreeSet::from([names::LOCK.to_owned(), self.log.name()]);
        files.extend(self.old.clone());
        let written = self.job.as_ref().and_then(|job| job.file.name());
        files.extend(written.map(str::to_owned));
        if planted::is_active("recycled-without-generation") && self.counters.rewrites > 0 {
            files.insert(names::TEMPORARY.to_owned());
        }
        files
    }

    /// Does all work in progress and closes the store.
    ///
    /// # Errors
    /// As [`RatioStore::finish`].
    pub fn close(mut self, now: u64) -> Result<(), Failure> {
        self.finish(now)
    }
}

/// The length in bytes of the entry of a commit.
#[must_use]
pub fn commit_bytes(operations: &[Operation]) -> u64 {
    (HEADER_BYTES + record::commit(operations).len()) as u64
}
