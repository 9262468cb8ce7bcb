//! Writes a cut into a directory: first segment files, then a WAL file, then the manifest that
//! names them.
//!
//! - A segment file gets its final name after all its bytes were checked and synced; before that
//!   its name is `segment-000001.copy`. So a file with its final name is complete after every
//!   crash. A file that names the store number of the directory, and has the same number, fresh
//!   number and length as the file to be copied, is the same file, and is not copied again.
//! - The names of the segment files are synced together with the name of the WAL file. The WAL file
//!   is synced before the manifest is created. The copy counts when the mark that proves the
//!   manifest is durable. Only then the WAL file gets its own mark: the newest WAL file with a mark
//!   is the log of its directory, and until then the log of the preceding backup must count.
//! - Files that only the preceding manifest names are removed last.
//! - The numbers of the WAL file and of the manifest are higher than all numbers in the directory
//!   and all numbers that the store has used.

use std::io::ErrorKind;
use std::sync::Arc;

use super::copy::copy;
use super::cut::Cut;
use super::{BackedUp, in_backup};
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{COPY_SUFFIX, FileKind, IDENTITY, file_name};
use crate::fs::{Access, Fs};
use crate::identity::{FileId, PREAMBLE_BYTES, StoreId};
use crate::log::Room;
use crate::manifest::Manifest;
use crate::recover::Found;
use crate::segment::file::DataFile;
use crate::sweep;
use crate::wal::Wal;
use crate::whole_file::{must_be_of_length, read_start};

/// A cut that is being written into a directory.
#[derive(Debug)]
pub(super) struct Placing {
    cut: Cut,
    to: Arc<dyn Fs>,
    /// The store that the copies belong to.
    store: StoreId,
    /// The number of segment files that are in the directory already.
    placed: usize,
    done: BackedUp,
}

impl Placing {
    pub(super) fn new(cut: Cut, to: Arc<dyn Fs>, store: StoreId) -> Self {
        let done = BackedUp {
            commit: cut.head,
            copied_files: 0,
            copied_bytes: 0,
            kept_files: 0,
            kept_bytes: 0,
        };
        Self {
            cut,
            to,
            store,
            placed: 0,
            done,
        }
    }

    pub(super) fn commit(&self) -> Commit {
        self.cut.head
    }

    /// Copies one segment file unless the directory has it. Returns false when all are there.
    pub(super) fn place_next(&mut self) -> Result<bool> {
        if planted!(BackupManifestFirst) && self.placed == 0 && !self.cut.files.is_empty() {
            self.publish()?;
        }
        let Some(data) = self.cut.files.get(self.placed).map(Arc::clone) else {
            return Ok(false);
        };
        let copy = FileId {
            store: self.store,
            ..data.id()
        };
        if is_there(&*self.to, copy, data.length()).map_err(in_backup)? {
            self.done.kept_files += 1;
            self.done.kept_bytes += data.length();
        } else {
            self.place(&data, copy)?;
            self.done.copied_files += 1;
            self.done.copied_bytes += data.length();
        }
        self.placed += 1;
        Ok(true)
    }

    fn place(&self, data: &DataFile, id: FileId) -> Result<()> {
        let name = data.name();
        let temporary = match planted!(BackupFileUnderItsName) {
            true => name.to_owned(),
            false => format!("{name}{COPY_SUFFIX}"),
        };
        let from = self.cut.fs.open(name, Access::Read);
        let from = from.map_err(Error::io("open", name))?;
        let to = self.to.create(&temporary);
        let to = to.map_err(Error::io("create", &temporary))?;
        copy(&*from, (data.id(), data.length()), &*to, id)?;
        if !planted!(BackupFileUnsynced) {
            to.sync_data().map_err(Error::io("sync", &temporary))?;
        }
        if temporary != name {
            let renamed = self.to.rename(&temporary, name);
            renamed.map_err(Error::io("rename", &temporary))?;
        }
        Ok(())
    }

    /// Makes the copy count. All segment files must be in the directory.
    pub(super) fn publish(&mut self) -> Result<BackedUp> {
        let to = Arc::clone(&self.to);
        let highest = Found::list(&*to)?.unwrap_or_default().highest;
        let number = self.cut.next_file.max(highest + 1);
        if planted!(BackupSweepsEarly) {
            self.sweep(number)?;
        }
        let log = FileId::draw(&*to, self.store, FileKind::Wal, number)?;
        let records = self.cut.read_log()?;
        let through = self.cut.state.flushed_through;
        let last = through.get() + records.len() as u64;
        let mut wal = Wal::behind(through, Room::NONE);
        wal.write_unproven(&*to, log, &records, last.into())?;
        if planted!(BackupLogProvenEarly) {
            wal.close()?;
        }

        let mut state = self.cut.state.clone();
        state.oldest_wal = number;
        state.next_file = state.next_file.max(number + 1);
        let mut manifest = Manifest::new(state);
        let id = FileId::draw(&*to, self.store, FileKind::Manifest, number + 1)?;
        let mut switch = manifest.begin_switch(&*to, id)?;
        switch.write()?;
        switch.sync()?;
        to.sync_dir("").map_err(Error::io("sync", ""))?;
        manifest.finish_switch(switch, true)?;
        wal.close()?;
        if !planted!(BackupSweepsEarly) {
            self.sweep(number)?;
        }
        Ok(self.done)
    }

    /// Removes the older manifests and WAL files, and the segment files that the new manifest does
    /// not name. `log` is the number of the new WAL file. The next backup removes a file that a
    /// crash brings back.
    fn sweep(&self, log: u64) -> Result<()> {
        let found = Found::list(&*self.to)?.unwrap_or_default();
        let is_unneeded = |&(kind, number): &sweep::File| match kind {
            FileKind::Manifest | FileKind::Wal => number < log,
            FileKind::Segment => !self.cut.state.files.contains_key(&number),
        };
        let files: Vec<sweep::File> = found.files().filter(is_unneeded).collect();
        sweep::remove(&*self.to, &files)
    }
}

/// Whether this segment file is in the directory. A file with its final name is complete.
///
/// # Errors
/// [`Error::BackupRefused`] when another file of this directory has this name, [`Error::Damage`] when
/// the file with this name has no valid preamble, names another store or has a wrong length, and any
/// error of the disk.
fn is_there(fs: &dyn Fs, id: FileId, length: u64) -> Result<bool> {
    let name = file_name(id.kind, id.number);
    let start = match read_start(fs, &name, PREAMBLE_BYTES) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(false),
        outcome => outcome?,
    };
    let found = FileId::read(id.kind, id.number, &start)?;
    if found.store != id.store {
        // Only this directory has its number: the file or the identity is not what was written.
        let expected = format!("the store number of {IDENTITY}, {:x?}", id.store);
        return Err(Error::damage(
            &name,
            0,
            expected,
            format!("{:x?}", found.store),
        ));
    }
    if found != id {
        return Err(Error::BackupRefused {
            reason: format!(
                "it holds another {name} than the store has ({found:x?}, not {id:x?}): the store was \
                 set back since, or is a copy of the one that was backed up; take another directory"
            ),
        });
    }
    let file = fs.open(&name, Access::Read);
    let file = file.map_err(Error::io("open", &name))?;
    must_be_of_length(&*file, &name, length)?;
    Ok(true)
}
