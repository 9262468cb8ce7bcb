//! A cut: the state of a store at one moment, from which a backup is copied.
//!
//! A cut holds everything that an opening at that moment would find: the state of the manifest, the
//! segment files that this state names, and the log from there up to the newest commit. Taking a
//! cut reads no file. The cut holds the segment files, and held segment files are not removed. The
//! cut keeps the WAL files open, so they can be read after their names were removed. So the writer
//! is not delayed; files that the writer removes meanwhile take space until the cut is dropped.

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

/// The state of a store at one moment.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) store: StoreId,
    /// The newest commit.
    pub(super) head: Commit,
    pub(super) state: ManifestState,
    pub(super) files: Vec<Arc<DataFile>>,
    /// The lowest file number that was never used.
    pub(super) next_file: u64,
    logs: Vec<LogFile>,
}

#[derive(Debug)]
struct LogFile {
    number: u64,
    file: Arc<dyn File>,
    /// The offset at which the log in this file ends; `None` for the newest file, which may grow.
    end: Option<u64>,
}

impl Cut {
    /// Takes a cut.
    ///
    /// # Errors
    /// Any error of opening a WAL file.
    pub(crate) fn take(storage: &Storage) -> Result<Self> {
        let state = storage.manifest.state.clone();
        // Only files that the manifest names: other open files may be unpublished or retired.
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
    /// Memory: all records, which [`Options::log_budget_bytes`](crate::Options::log_budget_bytes)
    /// bounds, and one WAL file.
    ///
    /// # Errors
    /// [`Error::Damage`] when a commit is missing, and any error of the disk.
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
