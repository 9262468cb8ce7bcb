//! Putting a file under its final name in one step that a crash cannot split.
//!
//! Temporary file, write, sync, rename, sync of the directory: no two of these may
//! change places, and only behind the last one the new file counts. What it replaces may
//! go then and not before; that is the owner's business, and so is the place of these
//! phases among its own. The final name should be a new one: a rename *over* a file
//! that is lost in parts leaves neither (the weakest reading of POSIX; Pillai et al.,
//! OSDI 2014).
//!
//! Each phase is one durability-relevant operation, or several of one kind, one a call.

use std::sync::Arc;

use lithify::fs::File;
use lithify::fs::whole::write_all_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::disk::{Disk, failed};

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Create the temporary file and write its bytes.
    Write,
    /// Make the written bytes durable.
    Sync,
    /// Give the written file its final name.
    Rename,
    /// Make the name durable. Only now the file counts.
    SyncDirectory,
}

/// The phases in order.
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

/// A file on its way to its final name.
#[derive(Debug)]
pub(crate) struct Replacement {
    /// Its present name.
    name: String,
    /// None before it is created.
    file: Option<Arc<dyn File>>,
    bytes: u64,
}

impl Replacement {
    /// One that begins as the file `temporary`, which does not exist yet.
    pub(crate) fn new(temporary: &str) -> Self {
        Self {
            name: temporary.to_owned(),
            file: None,
            bytes: 0,
        }
    }

    /// Its present name, once it exists.
    pub(crate) fn name(&self) -> Option<&str> {
        self.file.as_ref().map(|_| self.name.as_str())
    }

    /// How many bytes were written.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The written file. The handle stays good when the name changes.
    ///
    /// # Panics
    /// When it was not created.
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

    /// Takes a file that may exist already, with what it holds. Only planted bugs do.
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

    /// Renames the file to `name`. After an error nobody knows which name it has.
    pub(crate) fn rename(&mut self, disk: &Disk, name: &str) -> Result<(), Failure> {
        disk.rename(&self.name, name)?;
        name.clone_into(&mut self.name);
        Ok(())
    }
}
