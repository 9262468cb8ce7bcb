//! A log with snapshots and truncation: the pattern of every replicated state machine.
//!
//! Entries are appended to segments, made durable and applied. Now and then the state
//! is written to a snapshot, and the segments that it covers are removed. The whole
//! difficulty is the order: temporary file, sync, rename, directory sync, and only then
//! the removal; and on the way back, durable before served.
//!
//! The same store is used twice: here, with commits of the laboratory as entries, and by
//! the command `lithify wal-node`, with texts.
//!
//! Reading order: `names`, `identities`, `snapshot`, `index` (the bytes), `log`, `lookup`, `job` (the
//! order), `steps` (the work), `store`, `plan` and `recover` (the way back), `check`, and
//! `settings`, `instance`, `costs`, `bugs` for the laboratory. Entries and machines are in
//! `parts`. `design/wal-snapshot.md` says why.

mod bugs;
mod check;
mod costs;
mod identities;
mod index;
mod instance;
mod job;
mod log;
mod lookup;
mod names;
mod plan;
mod recover;
mod settings;
mod shared;
mod snapshot;
mod steps;
mod store;
mod texts;

use std::sync::Arc;

pub use crate::parts::entry::MAX_PAYLOAD_BYTES;
pub use crate::parts::machine::Machine;
use crate::parts::{batches, entry};
use lithify::fs::Fs;
use lithify_sim::history::{Batch, History, State};
use lithify_sim::planted::Planted;
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};
pub use log::Segment;
pub use lookup::Stored;
pub(crate) use names::owns;
pub use shared::{Schedule, Shared};
pub use store::{Options, SnapshotFile, SnapshotLog};
pub use texts::Texts;

/// The system.
#[derive(Debug)]
pub struct SnapshotLogSystem;

impl System for SnapshotLogSystem {
    fn name(&self) -> &'static str {
        "snapshot-log"
    }

    fn about(&self) -> &'static str {
        "a state machine behind a log: snapshots, and truncation of what they cover"
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn task_kinds(&self) -> &'static [&'static str] {
        &["snapshot"]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        Ok(Arc::new(settings::chosen(settings)?))
    }

    fn bugs(&self) -> Vec<Planted> {
        bugs::BUGS.to_vec()
    }
}

impl Engine for settings::Chosen {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        Ok(Box::new(instance::Open::new(fs, *self)?))
    }

    fn syncs_commits(&self) -> bool {
        self.options.syncs_appends
    }

    fn tells_stale_bytes(&self) -> bool {
        true
    }

    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        check::check(fs)
    }

    /// A settled store has one snapshot, less than `snapshot-every` commits old, or none
    /// yet, and the entries since.
    fn space_limit(&self, batches: &[Batch], _state: &State) -> Option<u64> {
        let mut history = History::default();
        batches.iter().for_each(|batch| history.push(batch.clone()));
        let oldest = (history.head() + 1).saturating_sub(self.snapshot_every);
        let mut entries_bytes = 0;
        let lengths = (oldest..=history.head()).rev().map(|covered| {
            let length = self.snapshot_bytes(covered, history.state(covered)) + entries_bytes;
            let last = covered.checked_sub(1).map(|last| &batches[last as usize]);
            entries_bytes += last.map_or(0, |batch| self.entry_bytes(batch));
            length
        });
        lengths.max().map(|bytes| bytes as u64)
    }

    fn is_log(&self, file: &str) -> bool {
        file.ends_with(".log")
    }
}

impl settings::Chosen {
    /// The snapshot of a state after so many commits; without a commit there is none.
    fn snapshot_bytes(&self, commit: u64, state: &State) -> usize {
        let pairs = state.iter();
        let lengths =
            pairs.map(|((keyspace, key), value)| 12 + keyspace.len() + key.len() + value.len());
        match commit {
            0 => 0,
            _ => snapshot::file_bytes(8 + lengths.sum::<usize>()),
        }
    }

    /// What a commit takes in the log, and in the index if there is one.
    fn entry_bytes(&self, batch: &Batch) -> usize {
        let payload: usize = batches::payloads(batch).iter().map(Vec::len).sum();
        let index = usize::from(self.options.keeps_index) * index::RECORD_BYTES;
        entry::HEADER_BYTES + payload + index
    }
}
