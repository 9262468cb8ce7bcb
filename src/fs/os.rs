//! The operating system's file system, and the only file that names `std::fs`.
//!
//! Every call is one system call or a few, without caching. Where Linux is more lenient than the
//! traits (it opens a directory as a file, renames directories, syncs a file as a directory), a
//! check before or after the call restores the contract. Symbolic links below the root are
//! followed; this module does not defend against an attacker that may write into the root.
//!
//! *Appending.* A descriptor opened with `O_APPEND` always appends atomically. But on Linux its
//! `pwrite` ignores the offset and appends too, so such a descriptor cannot serve
//! [`File::write_at`]. A second descriptor would need a second opening by name, and the name may
//! mean another file by then. A length kept in memory would be wrong as soon as a second handle
//! writes, and would then overwrite bytes silently. So a file has one plain descriptor, and
//! `append` asks the kernel for the length and writes there. That costs one `fstat`, a fraction of
//! the write itself, and is right after any failed or short write. The handle's mutex separates
//! calls through that handle; calls through two handles are not separated, as the trait says.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the one file that may name std::fs"
)]

use super::{Access, File, Fs, Lock, LockKind, name};
use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The operating system's files below one directory.
#[derive(Clone, Debug)]
pub struct OsFs {
    root: PathBuf,
}

impl OsFs {
    /// The tree below `root`. `root` need not exist before [`Fs::create_dir`] with `""`. Does not
    /// touch the disk. A relative `root` is resolved against the working directory in every call.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        // The system knows no directory with an empty path; the working directory is meant.
        let root = if root.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            root
        };
        Self { root }
    }

    fn file_path(&self, name: &str) -> io::Result<PathBuf> {
        name::check_file(name)?;
        Ok(self.root.join(name))
    }

    fn dir_path(&self, name: &str) -> io::Result<PathBuf> {
        name::check_dir(name)?;
        Ok(if name.is_empty() {
            self.root.clone()
        } else {
            self.root.join(name)
        })
    }
}

impl Fs for OsFs {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(self.file_path(name)?)?;
        Ok(OsFile::shared(file, Access::Write))
    }

    fn fresh_number(&self, name: &str) -> io::Result<u64> {
        name::check_file(name)?;
        getrandom::u64().map_err(io::Error::from)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let write = access == Access::Write;
        let file = OpenOptions::new()
            .read(true)
            .write(write)
            .open(self.file_path(name)?)?;
        refuse_directory(&file)?;
        Ok(OsFile::shared(file, access))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.file_path(from)?, self.file_path(to)?);
        let from_is_dir = fs::symlink_metadata(&from)?.is_dir();
        // When `to` cannot be looked up, the rename below reports the error, if it matters.
        let to_is_dir = fs::symlink_metadata(&to).is_ok_and(|metadata| metadata.is_dir());
        if from_is_dir || to_is_dir {
            return Err(ErrorKind::IsADirectory.into());
        }
        fs::rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.file_path(name)?)
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        create_durable_dir(&self.dir_path(name)?)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.dir_path(dir)?)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        sync_dir_at(&self.dir_path(dir)?)
    }

    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        let exclusive = kind == LockKind::Exclusive;
        let path = self.file_path(name)?;
        let file = OpenOptions::new()
            .read(true)
            .write(exclusive)
            .create(exclusive)
            .truncate(false)
            .open(path)?;
        refuse_directory(&file)?;
        let taken = match kind {
            LockKind::Shared => file.try_lock_shared(),
            LockKind::Exclusive => file.try_lock(),
        };
        match taken {
            Ok(()) => Ok(Box::new(OsLock { _file: file })),
            Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Linux opens a directory for reading as if it were a file.
fn refuse_directory(file: &fs::File) -> io::Result<()> {
    if file.metadata()?.is_dir() {
        Err(ErrorKind::IsADirectory.into())
    } else {
        Ok(())
    }
}

fn sync_dir_at(path: &Path) -> io::Result<()> {
    let dir = fs::File::open(path)?;
    if !dir.metadata()?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    dir.sync_all()
}

/// Creates `path` and its missing ancestors, outermost first, each durable before the next one is
/// created.
///
/// A `path` that exists already is made durable too: it may come from a process that died between
/// its creation and the sync of its parent.
fn create_durable_dir(path: &Path) -> io::Result<()> {
    let mut created = fs::create_dir(path);
    if let (Err(error), Some(parent)) = (&created, path.parent())
        && error.kind() == ErrorKind::NotFound
    {
        create_durable_dir(parent)?;
        created = fs::create_dir(path);
    }
    match created {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        other => other?,
    }
    // The kernel's `..` is the right parent for `x`, `.`, `/` and links alike.
    sync_dir_at(&path.join(".."))
}

/// One descriptor.
#[derive(Debug)]
struct OsFile {
    file: fs::File,
    access: Access,
    /// Held by every call that may change the length; see the module.
    writer: Mutex<()>,
}

impl OsFile {
    fn shared(file: fs::File, access: Access) -> Arc<dyn File> {
        Arc::new(Self {
            file,
            access,
            writer: Mutex::new(()),
        })
    }

    /// Linux answers `EBADF` or `EINVAL` here, depending on the call.
    fn begin_write(&self) -> io::Result<MutexGuard<'_, ()>> {
        match self.access {
            Access::Read => Err(ErrorKind::PermissionDenied.into()),
            // The mutex guards no data that a panic could have left half changed.
            Access::Write => Ok(self.writer.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

impl File for OsFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let _writer = self.begin_write()?;
        self.file.write_at(bytes, self.len()?)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let _writer = self.begin_write()?;
        self.file.write_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        // No file is longer than that, so the answer is "past the end". The kernel counts in signed
        // offsets and would answer `EINVAL`.
        let readable = (buffer.len() as u64).min((i64::MAX as u64).saturating_sub(offset)) as usize;
        if readable == 0 {
            return Ok(0);
        }
        self.file.read_at(&mut buffer[..readable], offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let _writer = self.begin_write()?;
        self.file.set_len(length)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The lock belongs to the open descriptor; closing it releases the lock.
#[derive(Debug)]
struct OsLock {
    _file: fs::File,
}

impl Lock for OsLock {}
