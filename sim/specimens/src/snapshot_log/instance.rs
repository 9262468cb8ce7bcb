//! An open store, driven by the laboratory.
//!
//! A commit is one entry of the log, so the number of commits in the machine equals the
//! offset of the next entry. The store has one task. The task takes a snapshot when
//! `snapshot-every` commits were added since the newest snapshot, and then truncates the
//! log. Each run of the task does one operation on the disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use lithify::fs::Fs;
use lithify_sim::history::{Batch, State};
use lithify_sim::planted;
use lithify_sim::system::{Account, Equality, Failure, Instance};

use super::costs;
use super::settings::Chosen;
use super::store::SnapshotLog;
use crate::parts::batches::{Batches, note, payloads};

const TASK: &str = "snapshot";

/// More steps than any history of the laboratory needs.
const SETTLE_STEPS: u64 = 20_000;

pub(super) struct Open {
    store: SnapshotLog<Batches>,
    chosen: Chosen,
}

impl Open {
    pub(super) fn new(fs: Arc<dyn Fs>, chosen: Chosen) -> Result<Self, Failure> {
        let mut store: SnapshotLog<Batches> = SnapshotLog::open(fs, &chosen.options)?;
        if planted::is_active("recovery-grows-log") {
            store.append(&[note()])?;
        }
        Ok(Self { store, chosen })
    }

    /// Whether at least `snapshot-every` commits were added since the newest snapshot.
    fn is_due(&self) -> bool {
        let covered = self.store.snapshot().map_or(0, |snapshot| snapshot.offset);
        self.store.next_offset() >= covered.saturating_add(self.chosen.snapshot_every)
    }

    fn has_work(&self) -> bool {
        self.store.is_busy() || self.is_due() || self.store.can_truncate()
    }

    fn step(&mut self) -> Result<(), Failure> {
        if !self.store.is_busy() && self.is_due() {
            self.store.begin_snapshot(true);
        } else {
            // Finishes a truncation that a crash has interrupted. Has no effect while a
            // job is running.
            self.store.begin_truncation(u64::MAX);
        }
        self.store.step().map(|_| ())
    }
}

impl Instance for Open {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        if !batches.is_empty() {
            let payloads: Vec<Vec<u8>> = batches.iter().flat_map(payloads).collect();
            self.store.append(&payloads)?;
        }
        Ok(self.head())
    }

    fn head(&self) -> u64 {
        self.store.machine().commits
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.store.sync()
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        let machine = self.store.machine();
        Ok((commit == machine.commits).then(|| machine.state.clone()))
    }

    fn tasks(&self) -> Vec<String> {
        let task = self.has_work().then(|| TASK.to_owned());
        task.into_iter().collect()
    }

    fn run(&mut self, task: &str) -> Result<(), Failure> {
        if task == TASK && self.has_work() {
            self.step()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<bool, Failure> {
        for _ in 0..SETTLE_STEPS {
            if !self.has_work() {
                return Ok(true);
            }
            self.step()?;
        }
        Ok(false)
    }

    fn progress(&self) -> String {
        self.store.progress()
    }

    fn files(&self) -> Option<BTreeSet<String>> {
        Some(self.store.files())
    }

    fn equalities(&self, account: &Account<'_>) -> Vec<Equality> {
        let owes_name = self.store.log.has_unsynced_name;
        costs::equalities(&self.chosen, account, owes_name)
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        self.store.close()
    }
}
