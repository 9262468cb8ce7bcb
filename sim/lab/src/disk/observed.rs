//! A file system that records and counts the operations on another file system, and
//! holds or fails operations on demand.
//!
//! It does not change durability; that is the task of persistence models. Its record is
//! text, one operation per line. It is meant for snapshot tests in which people review
//! the *order* of create, write, sync, rename, directory sync and remove. Reads and
//! listings are counted but not recorded.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lithify::files::{FileKind, parse_file_name};
use lithify::fs::{Access, File, Fs, Lock, LockKind};

use crate::disk::gate::Gate;

/// Kinds of operations that change something or make something durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the operation of the same name")]
pub enum OperationKind {
    Create,
    Write,
    SetLength,
    Sync,
    Rename,
    Remove,
    CreateDirectory,
    SyncDirectory,
}

/// The counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations of each kind.
    pub operations: BTreeMap<OperationKind, u64>,
    /// Bytes written, by the kind of the file; foreign files are not counted.
    pub bytes_written: BTreeMap<FileKind, u64>,
    /// Reads.
    pub reads: u64,
    /// Bytes read.
    pub bytes_read: u64,
}

/// Makes one operation fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of operations before it that change something or make it durable.
    pub after: u64,
    /// The error that it returns.
    pub error: io::ErrorKind,
    /// Whether every later operation fails too, as on a full disk.
    pub is_sticky: bool,
    /// For a write: the number of bytes that reach the file in spite of the error.
    pub written: usize,
}

#[derive(Debug, Default)]
struct Record {
    lines: Option<Vec<String>>,
    counts: Counts,
    changes: u64,
    fault: Option<Fault>,
}

/// The state that a file system and its files share.
#[derive(Clone, Debug, Default)]
struct Observer {
    record: Arc<Mutex<Record>>,
    gate: Gate,
}

/// The observed file system. Clones share the record and the gate.
#[derive(Clone, Debug)]
pub struct ObservedFs {
    inner: Arc<dyn Fs>,
    observer: Observer,
}

impl ObservedFs {
    /// Observes `inner`. Nothing is recorded before [`ObservedFs::keep_lines`] is
    /// called.
    #[must_use]
    pub fn new(inner: Arc<dyn Fs>) -> Self {
        Self {
            inner,
            observer: Observer::default(),
        }
    }

    /// The gate that every operation passes before it is performed or recorded. It is
    /// open until a rule is set.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.observer.gate
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.observer.record()
    }

    /// Begins to record operations.
    pub fn keep_lines(&self) {
        self.record().lines.get_or_insert_default();
    }

    /// Adds a line of the caller, so that the record shows events between operations.
    pub fn note(&self, line: impl Display) {
        if let Some(lines) = &mut self.record().lines {
            lines.push(line.to_string());
        }
    }

    /// The lines since the last call.
    pub fn take_lines(&self) -> Vec<String> {
        self.record()
            .lines
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// The counters so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.record().counts.clone()
    }

    /// The number of operations so far that changed something or made it durable.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.record().changes
    }

    /// Sets the operation that fails, or removes the fault.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.record().fault = fault;
    }

    fn file(&self, name: &str, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(ObservedFile {
            inner,
            name: name.to_owned(),
            observer: self.observer.clone(),
        })
    }
}

impl Observer {
    fn record(&self) -> MutexGuard<'_, Record> {
        // The record stays usable when a test panics while it holds the lock.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a change, or refuses it.
    fn change(&self, kind: OperationKind, line: impl Fn() -> String) -> io::Result<()> {
        self.change_bytes(kind, 0, line).map(|_| ())
    }

    /// As `change`, for a write of `length` bytes. Returns how many of the bytes may go
    /// to the file, and the error to return afterwards.
    fn change_bytes(
        &self,
        kind: OperationKind,
        length: usize,
        line: impl Fn() -> String,
    ) -> io::Result<(usize, Option<io::ErrorKind>)> {
        self.gate.pass(&line)?;
        let mut record = self.record();
        let number = record.changes;
        record.changes += 1;
        let fault = record
            .fault
            .filter(|fault| number == fault.after || (fault.is_sticky && number > fault.after));
        if let Some(fault) = fault {
            let text = format!("{} -> {}", line(), fault.error);
            if let Some(lines) = &mut record.lines {
                lines.push(text);
            }
            if kind == OperationKind::Write && number == fault.after && fault.written > 0 {
                return Ok((fault.written.min(length), Some(fault.error)));
            }
            return Err(fault.error.into());
        }
        *record.counts.operations.entry(kind).or_default() += 1;
        if let Some(lines) = &mut record.lines {
            lines.push(line());
        }
        Ok((length, None))
    }
}

#[derive(Debug)]
struct ObservedFile {
    inner: Arc<dyn File>,
    name: String,
    observer: Observer,
}

impl ObservedFile {
    fn change(&self, kind: OperationKind, line: impl Fn() -> String) -> io::Result<()> {
        self.observer.change(kind, line)
    }

    fn write(
        &self,
        bytes: &[u8],
        line: impl Fn() -> String,
        perform: impl FnOnce(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let (length, error) =
            self.observer
                .change_bytes(OperationKind::Write, bytes.len(), line)?;
        let written = perform(&bytes[..length])?;
        if let Some((kind, _)) = parse_file_name(&self.name) {
            let counts = &mut self.observer.record().counts;
            *counts.bytes_written.entry(kind).or_default() += written as u64;
        }
        error.map_or(Ok(written), |error| Err(error.into()))
    }
}

impl File for ObservedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let line = || format!("append {} {} bytes", self.name, bytes.len());
        self.write(bytes, line, |bytes| self.inner.append(bytes))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let line = || format!("write {} at {offset} {} bytes", self.name, bytes.len());
        self.write(bytes, line, |bytes| self.inner.write_at(offset, bytes))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read_at(offset, buffer)?;
        let mut record = self.observer.record();
        record.counts.reads += 1;
        record.counts.bytes_read += read as u64;
        Ok(read)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let line = || format!("set length of {} to {length}", self.name);
        self.change(OperationKind::SetLength, line)?;
        self.inner.set_len(length)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.change(OperationKind::Sync, || format!("sync all of {}", self.name))?;
        self.inner.sync()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(OperationKind::Sync, || format!("sync {}", self.name))?;
        self.inner.sync_data()
    }
}

impl Fs for ObservedFs {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.observer
            .change(OperationKind::Create, || format!("create {name}"))?;
        Ok(self.file(name, self.inner.create(name)?))
    }

    fn fresh_number(&self, name: &str) -> io::Result<u64> {
        self.inner.fresh_number(name)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        Ok(self.file(name, self.inner.open(name, access)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.observer
            .change(OperationKind::Rename, || format!("rename {from} to {to}"))?;
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.observer
            .change(OperationKind::Remove, || format!("remove {name}"))?;
        self.inner.remove(name)
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        self.observer.change(OperationKind::CreateDirectory, || {
            format!("create directory /{name}")
        })?;
        self.inner.create_dir(name)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.observer.change(OperationKind::SyncDirectory, || {
            format!("sync directory /{dir}")
        })?;
        self.inner.sync_dir(dir)
    }

    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        self.inner.lock(name, kind)
    }
}
