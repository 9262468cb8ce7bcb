//! A data file with dead space: values are appended, an index has the place of the newest
//! value of each key, and a compaction copies the live values when too many bytes are
//! dead.
//!
//! The difficulty is that the store is used during a compaction. A key that is deleted or
//! overwritten while the copy runs must be deleted or overwritten in the copy too.
//! Readers must continue with the file that they began with. A crash between the two
//! renames of the swap must lead to one file with all data.
//!
//! The same code has two users: the laboratory, with virtual time, and [`Shared`], with
//! threads and a clock. The command `lithify data-file` uses [`Shared`].
//!
//! Reading order: `names`, `header`, `record`, `index`, `contents` (the bytes), `policy`
//! (when), `store`, `append`, `reader`, `order`, `compaction` and `copy` (how), `recover`
//! (opening), `replica`, `role`, `shared` and `background` (threads), `check`, and
//! `settings`, `instance`, `expected`, `bugs` for the laboratory. `design/data-file.md`
//! gives the reasons.

mod append;
mod background;
mod bugs;
mod check;
mod compaction;
mod contents;
mod copy;
mod expected;
mod header;
mod index;
mod instance;
mod names;
mod order;
mod policy;
mod reader;
mod record;
mod recover;
mod replica;
mod role;
mod settings;
mod shared;
mod store;

use std::sync::Arc;

pub use compaction::Compaction;
use lithify::fs::Fs;
use lithify_sim::history::{Batch, State};
use lithify_sim::planted::Planted;
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};
pub(crate) use names::owns;
pub use order::Phase;
pub use policy::{Decision, Policy, Role, Share, Space, decide};
pub use reader::Reader;
pub use record::Write;
pub use replica::Change;
pub use shared::{Shared, Statistics};
pub use store::{Options, Report, Store};

/// The system.
#[derive(Debug)]
pub struct DataFileSystem;

impl System for DataFileSystem {
    fn name(&self) -> &'static str {
        "data-file"
    }

    fn about(&self) -> &'static str {
        "an append-only data file with an index, compacted in the background when too much is dead"
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn task_kinds(&self) -> &'static [&'static str] {
        &["timer", "compact"]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        Ok(Arc::new(settings::chosen(settings)?))
    }

    fn bugs(&self) -> Vec<Planted> {
        bugs::all()
    }
}

impl Engine for settings::Chosen {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        Ok(Box::new(instance::Open::new(fs, *self)?))
    }

    fn syncs_commits(&self) -> bool {
        self.options.syncs_commits
    }

    fn tells_stale_bytes(&self) -> bool {
        true
    }

    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        check::check(fs)
    }

    fn space_limit(&self, batches: &[Batch], state: &State) -> Option<u64> {
        expected::space_limit(&self.options, batches, state)
    }

    /// The limit of the data file alone. The limit of the whole store would not reveal a
    /// missing compaction, because it allows for a backup, and a store without a
    /// compaction has no backup.
    fn file_limit(&self, file: &str, batches: &[Batch], state: &State) -> Option<u64> {
        (file == names::DATA)
            .then(|| expected::data_limit(&self.options, batches, state))
            .flatten()
    }
}
