//! A store, its backups, and a store restored from them, in three directories of one
//! disk.
//!
//! Commits go to the store. Sometimes a backup begins. Its steps run between commits,
//! compaction and all other actions, and a later backup uses the same directory. If
//! there is a backup, it is restored once. A fourth directory holds empty files whose
//! names record which backups and which restored store were reported, so that this is
//! known after a crash.
//!
//! Whenever the store is opened, the last reported backup or a later one must be there.
//! Every backup that can be opened must equal the store as of its commit, and so must a
//! restored store. An incomplete copy must not open. When all has settled, a backup
//! must refuse commits, and the restored store must have another identity than the
//! original.

mod instance;
mod judge;

use std::sync::Arc;

use ::lithify::fs::Fs;

use super::inside::{Borrowed, inside};
use super::lithify::{ROOM, options};
use super::shared_disk::{SharedDisk, must_be_sound};
use crate::planted::Planted;
use crate::system::{Engine, Failure, Setting, Settings, System, Values};
use instance::Kept;

/// The directory of the store.
const STORE: &str = "store";
/// The directory of its backups.
const BACKUP: &str = "backup";
/// The directory of the restored store.
const RESTORED: &str = "restored";
/// The directory of the reports.
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
        Values::new(self, settings)?.choice("durability")?;
        Ok(Arc::new(SharedDisk {
            options: options(settings)?,
            open: |fs, options| Ok(Box::new(Kept::open(fs, options)?)),
            check,
        }))
    }

    fn bugs(&self) -> Vec<Planted> {
        super::lithify::bugs_of("backup")
    }

    fn with_bug(&self, bug: &'static str, run: &mut dyn FnMut()) {
        super::lithify::Lithify.with_bug(bug, run);
    }
}

/// Checks every store that claims to be intact.
fn check(fs: &dyn Fs) -> Result<(), Failure> {
    for place in [STORE, BACKUP, RESTORED] {
        let directory = Borrowed::new(fs, place);
        if judge::is_whole(&directory) {
            must_be_sound(&directory, |damage| format!("{place}: {damage}"))?;
        }
    }
    Ok(())
}
