//! The seam between the engine and the disk.
//!
//! Every byte that the engine persists goes through [`Fs`] and [`File`], so a simulator can replace
//! the disk. A file system is *rooted*: names are relative to one directory (`"wal-000001"`,
//! `"sub/name"`), separated by `/`, and cannot leave it. [`name`] has the rules, and every method
//! answers `InvalidInput` to a name that breaks them. Where a method expects a directory and finds
//! a file, it answers `NotADirectory`. Directories are only created, never renamed or removed.
//!
//! The traits promise what POSIX promises and no more. State that the contracts below call
//! *volatile* may or may not survive a crash, in any combination: a size without its bytes, a later
//! write without an earlier one, a removal without the rename before it.
//!
//! The traits do not retry, buffer or interpret: short reads, short writes and errors
//! (`Interrupted` among them) reach the caller unchanged. [`whole`] has the loops that callers
//! need.

mod mem;
pub mod name;
#[cfg(unix)]
mod os;
pub mod whole;

pub use mem::MemFs;
#[cfg(unix)]
pub use os::OsFs;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

/// An open file. Handles stay valid when the file is renamed or removed.
///
/// All methods take `&self`, so threads share one handle: calls that change the file take turns.
/// Calls through *different* handles that change one file must not overlap in time: an append could
/// overwrite another.
///
/// On a handle with [`Access::Read`], `append`, `write_at` and `set_len` return `PermissionDenied`
/// and change nothing; syncing is allowed.
pub trait File: Debug + Send + Sync {
    /// Writes `bytes` at the end of the file and returns how many were written,
    /// which may be fewer than given. The bytes are volatile until [`File::sync_data`].
    ///
    /// # Errors
    /// Some prefix of `bytes` may have been written when an error is returned.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes `bytes` at `offset`, past the end if need be (the gap reads as
    /// zeros), and returns how many were written. Volatile until synced. Writing
    /// no bytes changes nothing, not even the length.
    ///
    /// # Errors
    /// `InvalidInput` when the write would end beyond `i64::MAX`, `FileTooLarge`
    /// when the file would become longer than the device allows. Some prefix of `bytes`
    /// may have been written when an error is returned.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Reads into `buffer` from `offset` and returns how many bytes were read:
    /// 0 at or past the end of the file (or for an empty buffer), otherwise at least 1.
    ///
    /// # Errors
    /// Any error of the device; the content of `buffer` is then undefined.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Cuts the file to `length` bytes, or extends it with zeros. Volatile until synced.
    ///
    /// # Errors
    /// `InvalidInput` when `length` exceeds `i64::MAX`; otherwise any error of the device, and the
    /// length is then unknown.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// The length in bytes as this process sees it.
    ///
    /// # Errors
    /// Any error of the device.
    fn len(&self) -> io::Result<u64>;

    /// True when the file holds no bytes.
    ///
    /// # Errors
    /// As [`File::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Makes the bytes, the length and the metadata of this file durable. Its
    /// *name* is not covered: see [`Fs::sync_dir`].
    ///
    /// # Errors
    /// After an error it is unknown which writes became durable, and a later success does not mean
    /// that the earlier writes are: callers must not retry.
    fn sync(&self) -> io::Result<()>;

    /// As [`File::sync`], without metadata that is not needed to read the bytes.
    ///
    /// # Errors
    /// As [`File::sync`].
    fn sync_data(&self) -> io::Result<()>;
}

/// The way in which [`Fs::open`] opens the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only reads; writing is `PermissionDenied`.
    Read,
    /// Reads and writes.
    Write,
}

/// Which holders a lock admits at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Any number of shared holders.
    Shared,
    /// One holder, and no shared holders.
    Exclusive,
}

/// A held advisory lock. Dropping it releases the lock, and so does the death of the process. The
/// lock belongs to the file and not to its name: a new file under the old name has a lock of its
/// own, so lock files should never be removed.
pub trait Lock: Debug + Send + Sync {}

/// A directory tree on some device. See the module for names and durability.
pub trait Fs: Debug + Send + Sync {
    /// Creates a file that must not exist yet and opens it for reading and
    /// writing. The name is volatile until [`Fs::sync_dir`] on its directory.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken, `NotFound` when its directory is missing.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// A number for a file that has the name `name`, or is about to be created with it. The number
    /// was never given out before: neither to an earlier file of that name, whose blocks the new
    /// file may find on the device, nor to a file of another store, nor to this one. A caller that
    /// puts the number into the file and into the salt of each checksum can tell the bytes of the
    /// file from all others.
    ///
    /// The number is random, or drawn from a key that never repeats. The core draws nothing itself,
    /// so that a simulated disk decides the number.
    ///
    /// # Errors
    /// Any error of the source of random numbers; `InvalidInput` as for every name.
    fn fresh_number(&self, name: &str) -> io::Result<u64>;

    /// Opens an existing file.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `IsADirectory` for a directory.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>>;

    /// Gives the file `from` the name `to`. A file of that name is replaced in one step, as this
    /// process sees it. After a crash the old name, the new name, or (on the weakest systems) both
    /// or neither may be there, until both directories are synced.
    ///
    /// # Errors
    /// `NotFound` when `from` or the directory of `to` is missing, `IsADirectory` when either name
    /// is a directory: nothing has changed then. After any other error the rename may still have
    /// happened.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file's name; open handles keep working. Volatile until
    /// [`Fs::sync_dir`]: a crash may bring the file back.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `IsADirectory` for a directory.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Creates a directory (and its parents); succeeds when it exists already. `""` is the root
    /// itself. Unlike the name of a file, the name of the directory is durable when the call has
    /// succeeded, even if the directory existed already, and so are the names of the parents that
    /// the call created.
    ///
    /// # Errors
    /// `AlreadyExists` when `name` is a file, `NotADirectory` when a parent is.
    /// Some of the parents may have been created when an error is returned.
    fn create_dir(&self, name: &str) -> io::Result<()>;

    /// The names of the files and directories directly inside `dir`, sorted. `""` is the root. A
    /// name that is not UTF-8 is left out: no method could use it, and such a file is foreign.
    ///
    /// # Errors
    /// `NotFound` when there is no such directory.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Makes the names inside `dir` durable: creations, renames and removals
    /// that happened before the call. `""` is the root.
    ///
    /// # Errors
    /// `NotFound` when there is no such directory; otherwise as [`File::sync`]: the durable state
    /// is unknown.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Takes an advisory lock on the file `name`. A missing file is created when the lock is
    /// exclusive (its name is then volatile, as after [`Fs::create`]). Does not wait. The lock
    /// prevents no reads or writes. It excludes other holders in this process as well as in other
    /// processes.
    ///
    /// # Errors
    /// `WouldBlock` when another holder excludes this lock; `NotFound` when the file is missing and
    /// the lock is shared; `IsADirectory` for a directory.
    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>>;
}
