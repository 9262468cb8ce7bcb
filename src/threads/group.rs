//! One group of commits: numbered and staged while the storage is held, written and
//! synced while it is not, and made visible while it is held again.
//!
//! Invariants:
//! - there is one group at a time, because the queue has one leader at a time;
//! - a batch that is refused takes no commit number and refuses nobody else's;
//! - nothing of a group is visible before its write, and sync, has succeeded, and after
//!   a failure nothing of it ever is.

use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::Result;
use crate::log::LogIo;
use crate::options::Durability;
use crate::segment::run::Run;
use crate::storage::{KeyspaceNumbers, Storage};
use crate::wal::CommitRecord;

/// What is submitted to the queue.
#[derive(Debug)]
pub(crate) enum Job {
    Commit(SortedBatch),
    /// Everything before it becomes durable.
    Sync,
}

/// A batch that waits for its commit number. Whoever submits it has sorted it, so that
/// the leader does not do the work of all.
#[derive(Debug)]
pub(crate) struct SortedBatch {
    keyspaces: Vec<String>,
    runs: Vec<Run>,
}

impl SortedBatch {
    /// # Errors
    /// [`Error::Limit`](crate::Error::Limit).
    pub(crate) fn new(batch: &WriteBatch) -> Result<Self> {
        batch.check_limits()?;
        Ok(Self {
            keyspaces: batch.keyspaces().to_vec(),
            runs: batch.sorted_runs(Commit::ZERO),
        })
    }
}

impl Job {
    /// Entries that it adds.
    pub(crate) fn entries(&self) -> usize {
        match self {
            Self::Commit(batch) => batch.runs.iter().map(Run::len).sum(),
            Self::Sync => 0,
        }
    }
}

/// A group on its way.
#[derive(Debug)]
pub(crate) struct Group {
    records: Vec<CommitRecord>,
    io: Option<LogIo>,
    /// One for each job, in case that writing succeeds.
    results: Vec<Result<Commit>>,
}

impl Group {
    /// Numbers the commits and stages them.
    pub(crate) fn begin(storage: &mut Storage, jobs: Vec<Job>) -> Result<Self> {
        storage.check_writable()?;
        let mut syncs = storage.options.durability == Durability::Synced;
        let mut head = storage.version.head();
        let mut keyspaces = KeyspaceNumbers::new(&storage.version);
        let mut records = Vec::with_capacity(jobs.len());
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            let Job::Commit(mut batch) = job else {
                syncs = true;
                results.push(Ok(head));
                continue;
            };
            let commit = head.next();
            batch.runs.iter_mut().for_each(|run| run.stamp(commit));
            let record = keyspaces.record(commit, &batch.keyspaces, batch.runs);
            results.push(record.map(|record| {
                records.push(record);
                head = commit;
                commit
            }));
        }
        let staged = if records.is_empty() {
            Ok(())
        } else {
            storage.stage(&records)
        };
        let io = staged.and_then(|()| storage.wal.begin_write(syncs));
        Ok(Self {
            io: storage.note(io)?,
            records,
            results,
        })
    }

    /// Writes, and syncs if that was promised. Needs no storage.
    pub(crate) fn perform(&self) -> Result<()> {
        self.io.as_ref().map_or(Ok(()), LogIo::perform)
    }

    /// Makes the commits visible if writing has succeeded. Returns one result for each
    /// job, in order.
    pub(crate) fn finish(self, storage: &mut Storage, outcome: Result<()>) -> Vec<Result<Commit>> {
        let outcome = match self.io {
            Some(io) => storage.wal.finish(io, outcome),
            None => outcome,
        };
        if let Err(error) = storage.note(outcome) {
            let fail = |result: Result<Commit>| result.and_then(|_| Err(error.for_another()));
            return self.results.into_iter().map(fail).collect();
        }
        for record in self.records {
            storage.apply(record);
        }
        self.results
    }
}
