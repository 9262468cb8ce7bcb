//! A store, its backups, and a store that is restored from them, in three directories of one disk.
//!
//! Commits go to the store. Now and then a backup begins; its steps come between commits, compaction
//! and whatever else happens, and a later one goes into the same directory. When there is one, it is
//! restored, once. A fourth directory holds empty files whose names say which backups and which
//! restored store somebody was told of, so that it is known behind a crash.
//!
//! Whenever the store is opened, a backup that somebody was told of must be there, or a later one;
//! every one that can be opened must be the store as of its commit, and so must a restored store; and
//! what is not whole must not open. When all has settled, a backup must take no commits, and the
//! restored store must be another store than the one that it came from.

mod instance;
mod judge;

use std::sync::Arc;

use ::lithify::fs::Fs;
use ::lithify::{Durability, Options};

use super::inside::{Borrowed, Inside};
use super::lithify::{ROOM, failure, options};
use crate::history::Batch;
use crate::planted::Planted;
use crate::system::{Engine, Failure, Instance, Piece, Setting, Settings, System, Values};
use instance::Kept;

/// The directory of the store.
const STORE: &str = "store";
/// That of its backups.
const BACKUP: &str = "backup";
/// That of the store that is restored.
const RESTORED: &str = "restored";
/// What somebody was told.
const TOLD: &str = "told";

const SETTINGS: &[Setting] = &[
    Setting::fixed(
        "divisor",
        "commits of a window, level by level",
        &["2", "3"],
    ),
    Setting::tuning(
        "file-level",
        "lowest level that lives in files",
        &["1", "2"],
    ),
    Setting::tuning(
        "memory-budget",
        "bytes of segments in memory beyond which they move to a file",
        &["100000", "300", "0"],
    ),
    Setting::tuning(
        "wal-file",
        "bytes from which a WAL file is followed by a new one",
        &["300", "150", "4000"],
    ),
    Setting::tuning(
        "durability",
        "when a commit is acknowledged",
        &["synced", "buffered"],
    ),
    Setting::tuning(
        ROOM,
        "bytes of zeros written at once ahead of the end of a log that is synced",
        &["262144", "200", "0"],
    ),
];

/// The system.
#[derive(Debug)]
pub struct BackupSystem;

impl System for BackupSystem {
    fn name(&self) -> &'static str {
        "backup"
    }

    fn about(&self) -> &'static str {
        "the engine, with backups that are made while commits go on, and a store restored from them"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn task_kinds(&self) -> &'static [&'static str] {
        &["backup", "restore", "step"]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        Values::new(self, settings)?;
        Ok(Arc::new(Configured {
            options: options(settings)?,
        }))
    }

    fn bugs(&self) -> Vec<Planted> {
        super::lithify::bugs_of("backup")
    }

    fn with_bug(&self, bug: &'static str, run: &mut dyn FnMut()) {
        super::lithify::Lithify.with_bug(bug, run);
    }
}

#[derive(Debug)]
struct Configured {
    options: Options,
}

impl Engine for Configured {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        Ok(Box::new(Kept::open(fs, &self.options)?))
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
        for place in [STORE, BACKUP, RESTORED] {
            let inside = Borrowed::new(fs, place);
            if !judge::is_whole(&inside) {
                continue;
            }
            let report = ::lithify::verify::verify(&inside).map_err(failure)?;
            if !report.is_sound() {
                return Err(Failure::Damage(format!("{place}: {report}")));
            }
        }
        Ok(())
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

/// The part of a disk that is one directory.
fn inside(fs: &Arc<dyn Fs>, place: &'static str) -> Arc<dyn Fs> {
    Arc::new(Inside::new(Arc::clone(fs), place))
}
