//! The common part of the systems that keep several stores of the engine on one disk,
//! each in its own directory: the properties of the engine that hold for every store.

use std::sync::Arc;

use ::lithify::fs::Fs;
use ::lithify::verify::verify;
use ::lithify::{Durability, Options};

use super::inside::Borrowed;
use super::lithify::failure;
use crate::history::Batch;
use crate::system::{Engine, Failure, Instance, Piece};

/// The opened stores of a system.
type Opened = Result<Box<dyn Instance>, Failure>;

/// A configured system with several stores.
#[derive(Debug)]
pub(in crate::systems) struct SharedDisk {
    pub(in crate::systems) options: Options,
    /// Opens all stores.
    pub(in crate::systems) open: fn(Arc<dyn Fs>, &Options) -> Opened,
    /// Checks the directories that must hold intact stores.
    pub(in crate::systems) check: fn(&dyn Fs) -> Result<(), Failure>,
}

impl Engine for SharedDisk {
    fn open(&self, fs: Arc<dyn Fs>) -> Opened {
        (self.open)(fs, &self.options)
    }

    fn is_stream_known(&self, _since: u64, _head: u64) -> Option<bool> {
        Some(true)
    }

    fn syncs_commits(&self) -> bool {
        self.options.durability == Durability::Synced
    }

    fn tells_stale_bytes(&self) -> bool {
        true
    }

    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        (self.check)(fs)
    }

    fn expected_layout(&self, history: &[Batch]) -> Option<Vec<Piece>> {
        super::lithify::expected_layout(&self.options, history)
    }

    fn is_readable(&self, _commit: u64, _head: u64) -> Option<bool> {
        Some(true)
    }

    fn is_log(&self, file: &str) -> bool {
        file.contains("wal")
    }
}

/// Reads every byte of the store in a directory. `called` formats the damage.
pub(in crate::systems) fn must_be_sound(
    directory: &Borrowed<'_>,
    called: impl FnOnce(String) -> String,
) -> Result<(), Failure> {
    let report = verify(directory).map_err(failure)?;
    match report.is_sound() {
        true => Ok(()),
        false => Err(Failure::Damage(called(report.to_string()))),
    }
}
