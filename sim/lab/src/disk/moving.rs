//! A disk that another process changes while somebody reads it.
//!
//! The changes are a log that was recorded before. Between two calls of the reader a number of the
//! logged calls happen; the caller draws these numbers. So a reader can be met by every change at every
//! moment, and the same draws give the same answers.
//!
//! Invariants: the other process holds every lock, and the reader changes nothing: each call that would
//! change something is refused with `PermissionDenied`. A file that the reader has open stays readable
//! when its name is removed.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use lithify::fs::{Access, File, Fs, Lock, LockKind};

use super::fs::SimFs;
use super::image::Image;
use super::oplog::Log;

/// The number of calls of the other process before the next call of the reader.
pub type Pace = Box<dyn FnMut() -> usize + Send>;

/// The file system of the reader. Clones share it.
#[derive(Clone)]
pub struct MovingFs {
    disk: SimFs,
    rest: Arc<Mutex<Rest>>,
}

/// What has not happened yet.
struct Rest {
    log: Arc<Log>,
    position: usize,
    end: usize,
    /// The calls that have happened since the reader began.
    passed: usize,
    /// The calls of the reader that would have changed something.
    refused: usize,
    pace: Pace,
}

impl fmt::Debug for MovingFs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MovingFs(at {})", self.position())
    }
}

impl MovingFs {
    /// The disk after the entries before `moves` of a log that began on a disk with `start`. The entries
    /// of `moves` have yet to happen.
    #[must_use]
    pub fn new(start: &Image, log: Arc<Log>, moves: Range<usize>, pace: Pace) -> Self {
        Self {
            disk: SimFs::from_log(start, &log, moves.start),
            rest: Arc::new(Mutex::new(Rest {
                log,
                position: moves.start,
                end: moves.end,
                passed: 0,
                refused: 0,
                pace,
            })),
        }
    }

    /// Begins a call of the reader: see [`SimFs::begin_call`].
    pub fn begin_call(&self, call: &'static str) {
        self.disk.begin_call(call);
    }

    /// The number of entries of the log that have happened.
    #[must_use]
    pub fn position(&self) -> usize {
        self.rest().position
    }

    /// The number of calls of the other process that have happened since the reader began.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.rest().passed
    }

    /// The number of calls of the reader that would have changed something.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.rest().refused
    }

    fn refuse<T>(&self, verb: &str, path: &str) -> io::Result<T> {
        self.rest().refused += 1;
        drop(self.disk.entered(verb, path)?);
        Err(io::ErrorKind::PermissionDenied.into())
    }

    /// Lets the rest of the log happen.
    pub fn finish(&self) {
        self.advance(&mut self.rest(), usize::MAX);
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest
            .lock()
            .expect("nothing panics while it holds the rest")
    }

    /// Lets some calls of the other process happen.
    fn go_on(&self) {
        let mut rest = self.rest();
        let calls = (rest.pace)();
        self.advance(&mut rest, calls);
    }

    fn advance(&self, rest: &mut Rest, calls: usize) {
        let end = rest.passed.saturating_add(calls);
        while rest.passed < end && rest.position < rest.end {
            let operation = &rest.log.operations()[rest.position];
            self.disk.redo(&rest.log, operation);
            rest.passed += usize::from(operation.is_call());
            rest.position += 1;
        }
    }
}

impl Fs for MovingFs {
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        self.refuse("create", path)
    }

    fn fresh_number(&self, path: &str) -> io::Result<u64> {
        self.refuse("fresh_number", path)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        if access == Access::Write {
            return self.refuse("open", name);
        }
        self.go_on();
        Ok(Arc::new(MovingFile {
            fs: self.clone(),
            file: self.disk.open(name, access)?,
        }))
    }

    fn rename(&self, from: &str, _: &str) -> io::Result<()> {
        self.refuse("rename", from)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.refuse("remove", path)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.refuse("create_dir", path)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.go_on();
        self.disk.list(dir)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.refuse("sync_dir", path)
    }

    fn lock(&self, path: &str, _: LockKind) -> io::Result<Box<dyn Lock>> {
        drop(self.disk.entered("lock", path)?);
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// An open file of the reader.
#[derive(Debug)]
struct MovingFile {
    fs: MovingFs,
    file: Arc<dyn File>,
}

impl File for MovingFile {
    fn append(&self, _: &[u8]) -> io::Result<usize> {
        self.fs.refuse("append", "a file")
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<usize> {
        self.fs.refuse("write", "a file")
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.fs.go_on();
        // Half of the buffer at most, so that the other process can come between two parts of a
        // file that the store reads in one go.
        let half = buffer.len().div_ceil(2);
        self.file.read_at(offset, &mut buffer[..half])
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        self.fs.refuse("set_len", "a file")
    }

    fn len(&self) -> io::Result<u64> {
        self.fs.go_on();
        self.file.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.fs.refuse("sync", "a file")
    }

    fn sync_data(&self) -> io::Result<()> {
        self.fs.refuse("sync_data", "a file")
    }
}
