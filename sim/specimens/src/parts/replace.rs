//! Gives a file its final name, atomically with respect to crashes.
//!
//! The phases are: temporary file, write, sync, rename, sync of the directory. No two of
//! them can be swapped. The new file counts only after the last phase, and only then may
//! the old file be removed. The owner removes the old file, and decides where these
//! phases stand among its own. The final name should not exist before: if a crash keeps
//! only parts of a rename *over* an existing file, both files can be lost (the weakest
//! reading of POSIX; Pillai et al., OSDI 2014).
//!
//! Each phase is one durability-relevant operation, or several operations of one kind,
//! of which each call does one.

use std::sync::Arc;

use lithify::fs::File;
use lithify::fs::whole::write_all_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::disk::{Disk, failed};

/// The next phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Create the temporary file and write its bytes.
    Write,
    /// Make the written bytes durable.
    Sync,
    /// Give the written file its final name.
    Rename,
    /// Make the name durable. Only after this phase, the file counts.
    SyncDirectory,
}

pub(crate) fn phases() -> Vec<Phase> {
    use Phase::{Rename, Sync, SyncDirectory, Write};
    if planted::is_active("rename-before-sync") {
        vec![Write, Rename, SyncDirectory]
    } else if planted::is_active("no-directory-sync") {
        vec![Write, Sync, Rename]
    } else {
        vec![Write, Sync, Rename, SyncDirectory]
    }
}

/// A file that is written under a temporary name and then gets its final name.
#[derive(Debug)]
pub(crate) struct Replacement {
    /// The current name.
    name: String,
    /// `None` before the file is created.
    file: Option<Arc<dyn File>>,
    bytes: u64,
}

impl Replacement {
    /// A replacement that begins as the file `temporary`, which does not exist yet.
    pub(crate) fn new(temporary: &str) -> Self {
        Self {
            name: temporary.to_owned(),
            file: None,
            bytes: 0,
        }
    }

    /// The current name, if the file was created.
    pub(crate) fn name(&self) -> Option<&str> {
        self.file.as_ref().map(|_| self.name.as_str())
    }

    /// The number of written bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The written file. The handle stays valid when the name changes.
    ///
    /// # Panics
    /// If the file was not created.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        self.file.as_ref().expect("the file was created")
    }

    /// Creates the temporary file.
    pub(crate) fn create(&mut self, disk: &Disk) -> Result<(), Failure> {
        if planted::is_active("temporary-file-reused") {
            return self.reuse(disk);
        }
        self.file = Some(disk.create(&self.name)?);
        Ok(())
    }

    /// Opens a file that may already exist, and keeps its content. Only planted bugs do
    /// this.
    pub(crate) fn reuse(&mut self, disk: &Disk) -> Result<(), Failure> {
        self.file = Some(disk.open_or_create(&self.name)?);
        Ok(())
    }

    /// Writes the next bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        write_all_at(&**self.file(), self.bytes, bytes).map_err(failed("write", &self.name))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Makes the bytes durable.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.file().sync().map_err(failed("sync", &self.name))
    }

    /// Renames the file to `name`. After an error, it is unknown which name the file
    /// has.
    pub(crate) fn rename(&mut self, disk: &Disk, name: &str) -> Result<(), Failure> {
        disk.rename(&self.name, name)?;
        name.clone_into(&mut self.name);
        Ok(())
    }
}
