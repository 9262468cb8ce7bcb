//! A log with snapshots and truncation, as in every replicated state machine.
//!
//! Entries are appended to segments, made durable, and applied to the state machine. From
//! time to time the state is written to a snapshot, and the segments that the snapshot
//! covers are removed. The order is what matters: temporary file, sync, rename, directory
//! sync, and only then the removal. Recovery also has an order: it makes entries durable
//! before it serves them.
//!
//! The store has two users: the laboratory, whose commits are the entries, and the command
//! `lithify wal-node`, whose entries are texts.
//!
//! Reading order: `names`, `identities`, `snapshot`, `index` (the bytes), `log`, `lookup`,
//! `job` (the order), `steps` (the work), `store`, `plan` and `recover` (opening),
//! `check`, and `settings`, `instance`, `costs`, `bugs` for the laboratory. Entries and
//! machines are in `parts`. `design/wal-snapshot.md` gives the reasons.

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

    /// A settled store has at most one snapshot. It holds the entries after the snapshot,
    /// which are fewer than `snapshot-every`.
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
    /// The length of the snapshot of this state. There is no snapshot before the first
    /// commit.
    fn snapshot_bytes(&self, commit: u64, state: &State) -> usize {
        let pairs = state.iter();
        let lengths =
            pairs.map(|((keyspace, key), value)| 12 + keyspace.len() + key.len() + value.len());
        match commit {
            0 => 0,
            _ => snapshot::file_bytes(8 + lengths.sum::<usize>()),
        }
    }

    /// The bytes of a commit in the log, and in the index if the store keeps one.
    fn entry_bytes(&self, batch: &Batch) -> usize {
        let payload: usize = batches::payloads(batch).iter().map(Vec::len).sum();
        let index = usize::from(self.options.keeps_index) * index::RECORD_BYTES;
        entry::HEADER_BYTES + payload + index
    }
}
