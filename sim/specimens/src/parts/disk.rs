//! The file system of a store. Its errors name the file and the operation.

use std::io;
use std::sync::Arc;

use lithify::fs::whole::read_exact_at;
use lithify::fs::{Access, File, Fs, Lock, LockKind};
use lithify_sim::system::Failure;

use super::owner::{self, Owner};

/// The directory of a store.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    fs: Arc<dyn Fs>,
}

/// Turns an error of the file system into a failure that names the file.
pub(crate) fn failed<'text>(
    what: &'text str,
    name: &'text str,
) -> impl FnOnce(io::Error) -> Failure + 'text {
    move |error| Failure::Disk(format!("cannot {what} {name}: {error}"))
}

/// As [`failed`], for the first operations of an opening. If the environment does not
/// allow the operation, the disk has not failed and nothing was written, so the
/// failure is `Other`.
fn not_allowed<'text>(
    what: &'text str,
    name: &'text str,
) -> impl FnOnce(io::Error) -> Failure + 'text {
    move |error| match error.kind() {
        // The text of the engine, so that one situation has one text.
        io::ErrorKind::WouldBlock => Failure::Other(lithify::Error::Locked.to_string()),
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory => Failure::Other(format!("cannot {what} {name}: {error}")),
        _ => failed(what, name)(error),
    }
}

impl Disk {
    pub(crate) fn new(fs: Arc<dyn Fs>) -> Self {
        Self { fs }
    }

    /// Locks the store. Refuses a directory with files of another system; nothing was
    /// written then.
    pub(crate) fn lock(&self, system: Owner, name: &str) -> Result<Box<dyn Lock>, Failure> {
        owner::refuse_others(&self.list()?, system)?;
        self.fs
            .lock(name, LockKind::Exclusive)
            .map_err(not_allowed("lock", name))
    }

    pub(crate) fn list(&self) -> Result<Vec<String>, Failure> {
        self.fs
            .list("")
            .map_err(not_allowed("list", "the directory"))
    }

    pub(crate) fn create(&self, name: &str) -> Result<Arc<dyn File>, Failure> {
        self.fs.create(name).map_err(failed("create", name))
    }

    pub(crate) fn open(&self, name: &str) -> Result<Arc<dyn File>, Failure> {
        self.fs
            .open(name, Access::Write)
            .map_err(failed("open", name))
    }

    /// Opens the file, or creates it if it is missing.
    pub(crate) fn open_or_create(&self, name: &str) -> Result<Arc<dyn File>, Failure> {
        match self.fs.open(name, Access::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.create(name),
            opened => opened.map_err(failed("open", name)),
        }
    }

    /// Reads a whole file. Settings bound the size of the files of a store.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let file = self
            .fs
            .open(name, Access::Read)
            .map_err(failed("open", name))?;
        let length = file.len().map_err(failed("read the length of", name))?;
        let mut bytes = Vec::new();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if bytes.try_reserve_exact(length).is_err() {
            return Err(Failure::Disk(format!(
                "cannot read {name}: out of memory: it has {length} bytes"
            )));
        }
        bytes.resize(length, 0);
        read_exact_at(&*file, 0, &mut bytes).map_err(failed("read", name))?;
        Ok(bytes)
    }

    /// Reads at most `most` bytes at `position`, or fewer if the file ends before.
    pub(crate) fn read_some(
        &self,
        name: &str,
        position: u64,
        most: usize,
    ) -> Result<Vec<u8>, Failure> {
        let file = self
            .fs
            .open(name, Access::Read)
            .map_err(failed("open", name))?;
        let length = file.len().map_err(failed("read the length of", name))?;
        let there = usize::try_from(length.saturating_sub(position)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; most.min(there)];
        read_exact_at(&*file, position, &mut bytes).map_err(failed("read", name))?;
        Ok(bytes)
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.fs
            .rename(from, to)
            .map_err(|error| Failure::Disk(format!("cannot rename {from} to {to}: {error}")))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        self.fs.remove(name).map_err(failed("remove", name))
    }

    /// A number for the file that is about to be created as `name`.
    pub(crate) fn fresh_number(&self, name: &str) -> Result<u64, Failure> {
        self.fs
            .fresh_number(name)
            .map_err(failed("get a number for", name))
    }

    pub(crate) fn sync_directory(&self) -> Result<(), Failure> {
        self.fs
            .sync_dir("")
            .map_err(failed("sync", "the directory"))
    }
}
