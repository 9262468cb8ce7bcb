//! What a backup copies: a store as of one moment.
//!
//! A cut is what an opening would find at that moment: the manifest's state, the segment files that
//! it names, and the log behind them up to the newest commit. Taking it reads nothing. The cut holds
//! the segment files, which nobody removes while they are held, and the log files are open, so that
//! they can be read when their names are gone. So a writer goes on as before, and what it removes
//! meanwhile takes its space until the cut is dropped.

use std::sync::Arc;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{FileKind, file_name};
use crate::fs::{Access, File, Fs};
use crate::identity::{FileId, StoreId};
use crate::log::{Tail, scan};
use crate::manifest::ManifestState;
use crate::segment::file::DataFile;
use crate::storage::Storage;
use crate::wal::commit_in;
use crate::whole_file::read_open;

/// A store as of one moment.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) store: StoreId,
    /// The newest commit.
    pub(super) head: Commit,
    pub(super) state: ManifestState,
    pub(super) files: Vec<Arc<DataFile>>,
    /// Numbers from here on were never given to a file.
    pub(super) next_file: u64,
    logs: Vec<LogFile>,
}

#[derive(Debug)]
struct LogFile {
    number: u64,
    file: Arc<dyn File>,
    /// Where its part of the log ends; `None` for the newest file, which others may write to.
    end: Option<u64>,
}

impl Cut {
    /// Takes it.
    ///
    /// # Errors
    /// Whatever opening a log file meets. [`Error::Locked`] for a reader beside a writer: it may show
    /// commits that are not durable, and a backup must not have commits that its store can lose.
    pub(crate) fn take(storage: &Storage) -> Result<Self> {
        if storage.is_beside_writer {
            return Err(Error::Locked);
        }
        let state = storage.manifest.state.clone();
        // Others may be on their way into the manifest, or out of the store.
        let held = state.files.keys().map(|number| {
            let data = storage.data_files.get(number);
            Arc::clone(
                data.unwrap_or_else(|| panic!("segment file {number} is named and not held")),
            )
        });
        let files = held.collect();
        let mut logs = Vec::new();
        for (number, end) in storage.wal.parts() {
            let name = file_name(FileKind::Wal, number);
            let file = storage.fs.open(&name, Access::Read);
            let file = file.map_err(Error::io("open", &name))?;
            logs.push(LogFile { number, file, end });
        }
        Ok(Self {
            fs: Arc::clone(&storage.fs),
            store: storage.store,
            head: storage.version.head(),
            state,
            files,
            next_file: storage.next_file,
            logs,
        })
    }

    /// The records of the commits that are not in segment files, oldest first.
    ///
    /// Memory: all of them, which [`Options::log_budget_bytes`](crate::Options::log_budget_bytes)
    /// bounds, and one file.
    ///
    /// # Errors
    /// [`Error::Damage`] when one is missing, and whatever the disk says.
    pub(super) fn read_log(&self) -> Result<Vec<Vec<u8>>> {
        let mut last = self.state.flushed_through;
        let mut records = Vec::new();
        for log in &self.logs {
            let name = file_name(FileKind::Wal, log.number);
            let bytes = read_open(&*log.file, &name)?;
            let id = FileId::read(FileKind::Wal, log.number, &bytes)?;
            let scan = scan(&name, id.salts(), &bytes, log.end.unwrap_or(0));
            let is_of_log = |end: u64| log.end.is_none_or(|most| end <= most);
            for record in &scan.records {
                let commit = commit_in(record.payload).unwrap_or(Commit::ZERO);
                if commit == last.next() && last < self.head && is_of_log(record.end) {
                    last = commit;
                    records.push(record.payload.to_vec());
                }
            }
            if let (Tail::Damaged(damage), true) = (scan.tail, last < self.head) {
                return Err(Error::Damage(damage));
            }
        }
        if last < self.head {
            let newest = self.logs.last().map_or(0, |log| log.number);
            return Err(Error::damage(
                &file_name(FileKind::Wal, newest),
                0,
                format!("commits up to {}", self.head),
                format!("commits up to {last}"),
            ));
        }
        if planted!(BackupLogLacksLast) {
            records.pop();
        }
        Ok(records)
    }
}
