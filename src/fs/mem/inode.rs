//! One file of [`super::MemFs`]: its bytes, its lock, and the handles on both.
//!
//! The inode does not store its names. An open inode may have no name any more.

use crate::fs::{Access, File, Lock, LockKind};
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard};

/// The longest file in bytes: 16 GiB. A longer one is `FileTooLarge`, so that a wrong offset is an
/// error on every machine and does not exhaust the memory.
const MAX_FILE_BYTES: u64 = 1 << 34;

/// A file, without its name.
#[derive(Default)]
pub(super) struct Inode {
    bytes: RwLock<Arc<Vec<u8>>>,
    holders: Mutex<Holders>,
}

impl Inode {
    /// A second file with the same bytes and without a lock. Both share the bytes until one is
    /// written.
    pub(super) fn copy(&self) -> Arc<Self> {
        Arc::new(Self {
            bytes: RwLock::new(self.content().clone()),
            ..Self::default()
        })
    }

    /// A new handle.
    pub(super) fn open(self: Arc<Self>, access: Access) -> Arc<dyn File> {
        Arc::new(MemFile {
            inode: self,
            access,
        })
    }

    /// Takes the lock, or fails with `WouldBlock`.
    pub(super) fn lock(self: Arc<Self>, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        self.holders().take(kind)?;
        Ok(Box::new(MemLock { inode: self, kind }))
    }

    pub(super) fn content(&self) -> RwLockReadGuard<'_, Arc<Vec<u8>>> {
        self.bytes
            .read()
            .expect("nothing panics while it holds the bytes")
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut bytes = self
            .bytes
            .write()
            .expect("nothing panics while it holds the bytes");
        change(Arc::make_mut(&mut bytes))
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        self.holders
            .lock()
            .expect("nothing panics while it holds the lock table")
    }
}

impl fmt::Debug for Inode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inode")
            .field("length_bytes", &self.content().len())
            .finish_non_exhaustive()
    }
}

/// The holders of the advisory lock of one file.
#[derive(Debug, Default)]
struct Holders {
    shared: usize,
    exclusive: bool,
}

impl Holders {
    fn take(&mut self, kind: LockKind) -> io::Result<()> {
        if self.exclusive || (kind == LockKind::Exclusive && self.shared > 0) {
            return Err(ErrorKind::WouldBlock.into());
        }
        match kind {
            LockKind::Shared => self.shared += 1,
            LockKind::Exclusive => self.exclusive = true,
        }
        Ok(())
    }
}

#[derive(Debug)]
struct MemLock {
    inode: Arc<Inode>,
    kind: LockKind,
}

impl Lock for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        let mut holders = self.inode.holders();
        match self.kind {
            LockKind::Shared => holders.shared -= 1,
            LockKind::Exclusive => holders.exclusive = false,
        }
    }
}

#[derive(Debug)]
struct MemFile {
    inode: Arc<Inode>,
    access: Access,
}

impl MemFile {
    fn change<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> io::Result<T>) -> io::Result<T> {
        match self.access {
            Access::Read => Err(ErrorKind::PermissionDenied.into()),
            Access::Write => self.inode.change(change),
        }
    }
}

impl File for MemFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.change(|content| write(content, content.len() as u64, bytes))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.change(|content| write(content, offset, bytes))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let content = self.inode.content();
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(content.len());
        let count = buffer.len().min(content.len() - start);
        buffer[..count].copy_from_slice(&content[start..start + count]);
        Ok(count)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(|content| resize(content, length))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.inode.content().len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all of `bytes` at `offset`, or changes nothing.
fn write(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) -> io::Result<usize> {
    let end = offset.saturating_add(bytes.len() as u64);
    check_signed(end)?;
    if bytes.is_empty() {
        return Ok(0);
    }
    reserve(content, end)?;
    let start = offset as usize;
    if start > content.len() {
        content.resize(start, 0);
    }
    let (over, beyond) = bytes.split_at(bytes.len().min(content.len() - start));
    content[start..start + over.len()].copy_from_slice(over);
    content.extend_from_slice(beyond);
    Ok(bytes.len())
}

/// Cuts or extends to `length` bytes, or changes nothing.
fn resize(content: &mut Vec<u8>, length: u64) -> io::Result<()> {
    check_signed(length)?;
    reserve(content, length)?;
    content.resize(length as usize, 0);
    Ok(())
}

/// The system's offsets are signed; no byte exists beyond them, not even in a sparse file.
fn check_signed(offset: u64) -> io::Result<()> {
    if offset > i64::MAX as u64 {
        Err(ErrorKind::InvalidInput.into())
    } else {
        Ok(())
    }
}

/// Makes sure that `content` can grow to `length` bytes, which then fit a `usize`.
fn reserve(content: &mut Vec<u8>, length: u64) -> io::Result<()> {
    let length = usize::try_from(length)
        .ok()
        .filter(|_| length <= MAX_FILE_BYTES)
        .ok_or(ErrorKind::FileTooLarge)?;
    let extra = length.saturating_sub(content.len());
    content
        .try_reserve(extra)
        .map_err(|_| ErrorKind::StorageFull.into())
}
