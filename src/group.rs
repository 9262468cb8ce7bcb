//! The commit protocol: a group of jobs is numbered and staged (begin), written and synced
//! (perform), and made visible and answered (finish).
//!
//! Every driver commits by these three steps. `Store` runs them one after the other. `Db` and the
//! step-driven driver of the laboratory return the storage between `begin` and `finish`.
//!
//! A job is the work of one call. A job is taken as a whole or refused as a whole, and the refusal
//! of one job does not affect the other jobs: see `design/decisions/0008-one-commit-protocol.md`.
//!
//! Invariants:
//! - there is one group at a time: a group begins only after the group before it has finished;
//! - a refused job leaves no trace: no commit number, no keyspace, no byte in the log;
//! - a commit of a group becomes visible only after the write (and the sync, if it was promised)
//!   has succeeded; after a failure, no commit of the group ever becomes visible.
//!
//! This file does not decide which jobs form a group, and never waits.

use std::slice;
use std::sync::Arc;

use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::limits;
use crate::log::LogIo;
use crate::names::Names;
use crate::options::Durability;
use crate::segment::KeyspaceId;
use crate::segment::run::Run;
use crate::storage::Storage;
use crate::transaction::Reads;
use crate::version::Version;
use crate::wal::CommitRecord;

/// The work of one call.
#[derive(Debug)]
pub(crate) enum Job {
    /// One batch.
    Commit(SortedBatch),
    /// Batches that get consecutive numbers, or are all refused.
    Commits(Vec<SortedBatch>),
    /// A batch that is refused when another commit has written what the transaction has read.
    Transaction(SortedBatch, Reads),
    /// A transaction that was refused while its group waited.
    Refused(Error),
    /// Every earlier commit becomes durable.
    Sync,
}

impl Job {
    /// The job that commits these batches. The submitting thread sorts the batches, so that the
    /// leader does not have to sort for all jobs.
    ///
    /// # Errors
    /// [`Error::Limit`], for the limits that the batches alone can exceed.
    pub(crate) fn commit(batches: &[WriteBatch]) -> Result<Self> {
        if let [batch] = batches {
            return Ok(Self::Commit(SortedBatch::new(batch)?));
        }
        check_group(batches.iter().map(WriteBatch::bytes))?;
        let mut sorted = Vec::with_capacity(batches.len());
        for batch in batches {
            sorted.push(SortedBatch::new(batch)?);
        }
        Ok(Self::Commits(sorted))
    }

    /// The job that commits the writes of a transaction.
    ///
    /// # Errors
    /// As [`Job::commit`].
    pub(crate) fn transaction(batch: &WriteBatch, reads: Reads) -> Result<Self> {
        Ok(Self::Transaction(SortedBatch::new(batch)?, reads))
    }

    /// Checks the reads of a transaction against this version. Only later commits are left to be
    /// checked then. Needs no storage, and may read from the disk.
    pub(crate) fn check_reads(&mut self, version: impl Fn() -> Arc<Version>) {
        if let Self::Transaction(_, reads) = self
            && let Err(refusal) = reads.check(&version())
        {
            *self = Self::Refused(refusal);
        }
    }

    fn batches(&self) -> &[SortedBatch] {
        match self {
            Self::Commits(batches) => batches,
            Self::Commit(batch) | Self::Transaction(batch, _) => slice::from_ref(batch),
            Self::Sync | Self::Refused(_) => &[],
        }
    }

    /// Whether the job may be answered only after a sync. A store has this durability unless a batch
    /// has another one.
    fn wants_sync(&self, durability: Durability) -> bool {
        let of = |batch: &SortedBatch| batch.durability.unwrap_or(durability);
        let is_synced = |batch: &SortedBatch| of(batch) == Durability::Synced;
        match self {
            _ if planted!(LastBatchDecides) => self.batches().last().is_some_and(is_synced),
            _ => self.batches().iter().any(is_synced),
        }
    }

    /// The number of entries that the job adds.
    pub(crate) fn entries(&self) -> usize {
        let runs = self.batches().iter().flat_map(|batch| &batch.runs);
        runs.map(|(_, run)| run.len()).sum()
    }
}

/// Refuses a group with more bytes than one log file should have. Each batch has a limit of its own
/// as well.
fn check_group(bytes: impl Iterator<Item = usize>) -> Result<()> {
    let given = bytes.map(|bytes| bytes as u64).sum();
    if given > limits::GROUP_BYTES {
        return Err(Error::Limit {
            what: "a group of batches in bytes",
            given,
            limit: limits::GROUP_BYTES,
        });
    }
    Ok(())
}

/// A batch that waits for its commit number.
#[derive(Debug)]
pub(crate) struct SortedBatch {
    /// The name of each keyspace, and what is written to it.
    runs: Vec<(Arc<str>, Run)>,
    durability: Option<Durability>,
}

impl SortedBatch {
    fn new(batch: &WriteBatch) -> Result<Self> {
        batch.check_limits()?;
        Ok(Self {
            runs: batch.sorted_runs(Commit::ZERO),
            durability: batch.own_durability(),
        })
    }
}

/// A group between its begin and its finish.
#[derive(Debug)]
#[must_use = "what was staged has to be written and finished"]
pub(crate) struct Group {
    records: Vec<CommitRecord>,
    io: Option<LogIo>,
    /// One answer for each job, to be given if the write succeeds.
    answers: Vec<Result<Commit>>,
}

impl Group {
    /// Numbers the commits and stages them.
    ///
    /// # Errors
    /// An error that refuses all jobs: a failure now or earlier, or a read-only handle.
    pub(crate) fn begin(
        storage: &mut Storage,
        jobs: impl IntoIterator<Item = Job>,
    ) -> Result<Self> {
        // Check before any number is given out: after a failed write the end of the log is unknown,
        // and a new record could stand behind a gap.
        storage.check_writable()?;
        let mut numbers = Numbers {
            version: &storage.version,
            max_keyspaces: storage.max_keyspaces,
            head: storage.version.head(),
            new: Names::default(),
        };
        let jobs = jobs.into_iter();
        let mut records = Vec::with_capacity(jobs.size_hint().0);
        let mut answers = Vec::with_capacity(jobs.size_hint().0);
        let (mut asks_for_sync, mut wants_sync) = (false, false);
        for job in jobs {
            let wants = job.wants_sync(storage.options.durability);
            wants_sync = match planted!(LastJobDecides) {
                true => wants,
                false => wants_sync || wants,
            };
            answers.push(match job {
                Job::Commit(batch) => numbers.take([batch], &mut records),
                Job::Commits(batches) => numbers.take(batches, &mut records),
                Job::Refused(refusal) => Err(refusal),
                Job::Transaction(batch, reads) => {
                    // The check includes the records of earlier jobs of this group: they get lower
                    // commit numbers, and no version holds them yet.
                    let is_current = numbers.check(reads, &records);
                    is_current.and_then(|()| numbers.take([batch], &mut records))
                }
                Job::Sync => {
                    asks_for_sync |= !planted!(SyncAsksForNothing);
                    Ok(numbers.head)
                }
            });
        }
        if planted!(RefusalRefusesAll)
            && let Some(Err(refusal)) = answers.iter().find(|answer| answer.is_err())
        {
            return Err(refusal.for_another());
        }
        if records.len() > 1 {
            mark!(GroupCommitted);
        }
        let io = if records.is_empty() && !asks_for_sync {
            Ok(None)
        } else {
            stage(storage, &records, (asks_for_sync, wants_sync))
        };
        // Poison before the error is returned: a caller that knows of the failure must find that
        // the next commit is refused.
        let io = storage.note(io)?;
        if !records.is_empty() {
            let commits = match planted!(GroupCountsAsOne) {
                true => 1,
                false => records.len() as u64,
            };
            storage.histograms.group_commits.record(commits);
        }
        if planted!(VisibleBeforeWritten) {
            records.drain(..).for_each(|record| storage.apply(record));
        }
        Ok(Self {
            io,
            records,
            answers,
        })
    }

    /// Writes the group, and syncs it if that was promised. Needs no storage.
    pub(crate) fn perform(&self) -> Result<()> {
        work!(GroupPerformed);
        let first = self
            .records
            .first()
            .map_or(Commit::ZERO, |record| record.commit);
        span!(DEBUG, "commit", first = first, commits = self.records.len());
        self.io.as_ref().map_or(Ok(()), LogIo::perform)
    }

    /// Makes the commits visible if the write has succeeded. Returns one answer for each job, in
    /// order.
    pub(crate) fn finish(self, storage: &mut Storage, outcome: Result<()>) -> Vec<Result<Commit>> {
        let outcome = match self.io {
            // The WAL takes the outcome: its next append starts where this write has ended.
            Some(io) => storage.wal.finish(io, outcome),
            None => outcome,
        };
        // Poison before the answers go out: no commit may follow a write that has failed.
        let outcome = storage.note(outcome);
        let head = storage.version.head();
        assert!(
            self.records
                .first()
                .is_none_or(|record| record.commit == head.next()),
            "a group that begins with commit {:?} comes to head {head}",
            self.records.first().map(|record| record.commit)
        );
        // Publish only after the write and the promised sync: otherwise a reader sees a commit that
        // can still fail.
        if outcome.is_ok() || planted!(PublishedBeforeDurable) {
            let records = self.records.into_iter();
            records.for_each(|record| storage.apply(record));
        }
        match outcome {
            Ok(()) => self.answers,
            Err(error) => {
                let mut fail = |answer: &mut Result<Commit>| {
                    if answer.is_ok() {
                        *answer = Err(error.for_another());
                    }
                };
                let mut answers = self.answers;
                let told = match planted!(OneIsToldOfFailure) {
                    true => 1.min(answers.len()),
                    false => answers.len(),
                };
                answers[..told].iter_mut().for_each(&mut fail);
                answers
            }
        }
    }
}

/// Stages the records, and takes the pending operation on the log file out of the WAL. `asks_for_sync`
/// when a caller wants earlier commits to be durable, `wants_sync` when a batch of the group does.
fn stage(
    storage: &mut Storage,
    records: &[CommitRecord],
    (asks_for_sync, wants_sync): (bool, bool),
) -> Result<Option<LogIo>> {
    if !records.is_empty() {
        storage.stage(records)?;
    }
    let syncs = asks_for_sync
        || match wants_sync {
            true if planted!(AckBeforeSync) => storage.wal.sync().is_err(),
            true => records.len() <= 1 || !planted!(GroupCommitUnsynced),
            false => planted!(BufferedCommitsSynced),
        };
    storage.has_buffered |= !syncs;
    storage.wal.begin_write(syncs)
}

/// Gives out commit numbers to the jobs of a group before any job is applied, and gives numbers to
/// keyspaces that no earlier commit has named.
#[derive(Debug)]
struct Numbers<'a> {
    version: &'a Version,
    max_keyspaces: usize,
    head: Commit,
    /// New names. Their numbers follow those of the version.
    new: Names,
}

impl Numbers<'_> {
    /// Refuses a transaction when a later commit has written what the transaction has read. The
    /// commits of earlier jobs of this group count as well.
    fn check(&self, mut reads: Reads, records: &[CommitRecord]) -> Result<()> {
        reads.check(self.version)?;
        if planted!(GroupUnchecked) {
            return Ok(());
        }
        reads.check_records(records, |name| self.number(name))
    }

    /// The number of a keyspace that the version or a record of this group has named.
    fn number(&self, name: &str) -> Option<KeyspaceId> {
        let known = self.version.keyspace_names().len() as KeyspaceId;
        let old = self.version.keyspace(name);
        old.or_else(|| Some(known + self.new.number(name)?))
    }

    /// Numbers all batches of one job, or none of them, and returns the last number.
    fn take(
        &mut self,
        batches: impl IntoIterator<Item = SortedBatch>,
        records: &mut Vec<CommitRecord>,
    ) -> Result<Commit> {
        let before = (self.head, self.new.len(), records.len());
        for batch in batches {
            if batch.runs.is_empty() {
                mark!(EmptyCommit);
                if planted!(EmptyCommitSkipped) {
                    continue;
                }
            }
            // The head advances first: the record carries it as its number.
            self.head = self.head.next();
            let record = self.record(batch);
            // Only the record tells how many names are new, so the check follows it. A refusal
            // takes back everything that the job was given.
            if self.keyspaces() > self.max_keyspaces {
                return Err(self.refuse(before, records));
            }
            records.push(record);
        }
        if planted!(GroupAnswersFirst) && self.head > before.0 {
            return Ok(before.0.next());
        }
        Ok(self.head)
    }

    /// Takes back the numbers and the names that a job was given.
    fn refuse(&mut self, before: (Commit, usize, usize), records: &mut Vec<CommitRecord>) -> Error {
        let refusal = Error::Limit {
            what: "the number of keyspaces",
            given: self.keyspaces() as u64,
            limit: self.max_keyspaces as u64,
        };
        let (head, new, records_before) = before;
        if !planted!(RefusedTakesNumber) {
            self.head = head;
        }
        if !planted!(RefusedLeavesKeyspace) {
            self.new.truncate(new);
        }
        if !planted!(RefusedRecordsStay) {
            records.truncate(records_before);
        }
        refusal
    }

    /// The number of keyspaces of the store after the group.
    fn keyspaces(&self) -> usize {
        self.version.keyspace_names().len() + self.new.len()
    }

    /// The WAL record of a batch. Its commit number is the current head.
    fn record(&mut self, batch: SortedBatch) -> CommitRecord {
        let known = self.version.keyspace_names().len() as u32;
        let first_new = self.new.len();
        let mut runs = Vec::with_capacity(batch.runs.len());
        for (name, mut run) in batch.runs {
            run.stamp(self.head);
            let number = self.number(&name);
            let keyspace = number.unwrap_or_else(|| known + self.new.add(name));
            runs.push((keyspace, run));
        }
        // The format requires ascending keyspaces inside a commit record.
        runs.sort_by_key(|(keyspace, _)| *keyspace);
        CommitRecord {
            commit: self.head,
            new_keyspaces: self.new.as_slice()[first_new..].to_vec(),
            runs,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fs::{Fs, MemFs};
    use crate::options::Options;
    use crate::recover::{self, Mode};
    use crate::work::{Work, count};

    /// 75 batches of 60 MiB in one group took 18 GB to commit and 4.7 GB at each opening.
    #[test]
    fn a_group_is_limited_in_bytes() {
        let most = limits::GROUP_BYTES as usize;
        assert!(check_group([most / 2, most / 2].into_iter()).is_ok());
        let refused = check_group([most, 1].into_iter()).unwrap_err().to_string();
        let expected = "a group of batches in bytes is 268435457, the limit is 268435456: \
                        nothing was written";
        assert_eq!(refused, expected);
        assert!(limits::BATCH_BYTES <= most, "a group of one batch is none");
    }

    const LIMIT: usize = 3;

    fn open(fs: &MemFs) -> Storage {
        let fs: Arc<dyn Fs> = Arc::new(fs.clone());
        let mut storage = recover::open(fs, Options::default(), Mode::ReadWrite).unwrap();
        storage.max_keyspaces = LIMIT;
        storage
    }

    fn batch(keyspaces: &[&str]) -> WriteBatch {
        let mut batch = WriteBatch::new();
        for keyspace in keyspaces {
            batch.put(keyspace, b"key", keyspace.as_bytes());
        }
        batch
    }

    fn job(batches: &[&[&str]]) -> Job {
        let batches: Vec<_> = batches.iter().map(|names| batch(names)).collect();
        Job::commit(&batches).unwrap()
    }

    fn perform(storage: &mut Storage, jobs: Vec<Job>) -> Vec<Result<u64>> {
        let group = Group::begin(storage, jobs).unwrap();
        let outcome = group.perform();
        let answers = group.finish(storage, outcome).into_iter();
        answers.map(|answer| answer.map(Commit::get)).collect()
    }

    /// Checks the content of the storage, now and after it is opened again.
    fn check(fs: &MemFs, mut storage: Storage, head: u64, keyspaces: &[&str]) {
        storage.close().unwrap();
        let held = Arc::clone(&storage.version);
        drop(storage);
        let reopened = Arc::clone(&open(fs).version);
        for version in [held, reopened] {
            assert_eq!(version.head().get(), head);
            let names = version.keyspace_names().iter();
            assert_eq!(names.map(|name| &**name).collect::<Vec<_>>(), keyspaces);
        }
    }

    #[test]
    fn a_refused_job_refuses_nobody_elses_and_leaves_no_trace() {
        let fs = MemFs::new();
        let mut storage = open(&fs);
        let jobs = vec![
            job(&[&["a"]]),
            job(&[&["x", "y", "z"]]),
            job(&[&["b"]]),
            Job::Sync,
        ];
        let answers = perform(&mut storage, jobs);
        assert!(
            matches!(
                &answers[..],
                [
                    Ok(1),
                    Err(Error::Limit {
                        given: 4,
                        limit: 3,
                        ..
                    }),
                    Ok(2),
                    Ok(2)
                ]
            ),
            "{answers:?}"
        );
        check(&fs, storage, 2, &["a", "b"]);
    }

    #[test]
    fn a_job_of_several_batches_is_refused_as_a_whole() {
        let fs = MemFs::new();
        let mut storage = open(&fs);
        let jobs = vec![
            job(&[&["a"], &["b"]]),
            job(&[&["a"], &["c"], &["d"], &["a"]]),
            job(&[&["a"], &["c"]]),
        ];
        let answers = perform(&mut storage, jobs);
        assert!(
            matches!(&answers[..], [Ok(2), Err(Error::Limit { .. }), Ok(4)]),
            "{answers:?}"
        );
        check(&fs, storage, 4, &["a", "b", "c"]);
    }

    /// A batch of 65,000 new keyspaces took 6 s to collect and 6 s to commit. A group of batches
    /// with one new keyspace each took as long.
    #[test]
    fn new_keyspaces_cost_each_its_own() {
        let compared = |keyspaces: u64, in_one_batch: bool| {
            count(Work::NameCompared, || {
                let mut batches = vec![WriteBatch::new()];
                for keyspace in 0..keyspaces {
                    let name = format!("keyspace {keyspace}");
                    batches[0].put(&name, b"key", b"value");
                    if !in_one_batch {
                        batches.push(batches[0].clone());
                        batches[0].clear();
                    }
                }
                let fs: Arc<dyn Fs> = Arc::new(MemFs::new());
                let mut storage = recover::open(fs, Options::default(), Mode::ReadWrite).unwrap();
                storage.commit(&batches).unwrap();
                assert_eq!(storage.version.keyspace_names().len() as u64, keyspaces);
            })
        };
        for in_one_batch in [true, false] {
            for keyspaces in [100, 1000, 4000] {
                let compared = compared(keyspaces, in_one_batch);
                assert!(
                    compared < 4 * keyspaces,
                    "{compared} names for {keyspaces} keyspaces, in one batch: {in_one_batch}"
                );
            }
        }
    }

    /// As `Store` does: the whole call is one job.
    #[test]
    fn one_owner_is_refused_as_a_whole() {
        let fs = MemFs::new();
        let mut storage = open(&fs);
        let too_many = [batch(&["a"]), batch(&["b", "c", "d"])];
        assert!(matches!(
            storage.commit(&too_many),
            Err(Error::Limit { .. })
        ));
        assert_eq!(storage.commit(&[batch(&["e"])]).unwrap().get(), 1);
        check(&fs, storage, 1, &["e"]);
    }
}
