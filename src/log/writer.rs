//! Writes records: stages any number of them, writes them in one append, and syncs.
//!
//! The operations on the file can be taken out of the writer as a [`LogIo`]. A driver with threads
//! performs them while other threads use the storage that owns the writer.
//!
//! Invariant: after any error the writer is unusable and returns an error from every further call,
//! because the content of the file is unknown then. Retrying a failed sync would be worse: the
//! pages may have been dropped and marked clean (Rebello et al., ATC 2020).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{HEADER_BYTES, Room, record_checksum, tag_at};
use crate::error::{Error, Result};
use crate::fs::whole::write_all_at;
use crate::fs::{File, Fs};
use crate::identity::{FileId, Salts};

/// An open log file, at its end.
#[derive(Debug)]
pub(crate) struct LogWriter {
    file: Arc<dyn File>,
    name: Arc<str>,
    number: u64,
    salts: Salts,
    /// Bytes written to the file so far.
    written: u64,
    /// Bytes that are known to be durable.
    synced: u64,
    /// The length of the file: records and the room behind them.
    length: u64,
    room: Room,
    /// Zeros written to the file so far.
    room_written: u64,
    /// Encoded records that are not written to the file yet.
    staged: Vec<u8>,
    failure: Option<String>,
    syncs: Arc<Syncs>,
}

/// The syncs of one file that have returned, whether the writer has their outcomes already or not.
#[derive(Debug, Default)]
struct Syncs {
    /// Bytes that a sync has made durable. Read without the lock: whoever holds the storage must not
    /// wait for a sync of another thread.
    durable: AtomicU64,
    /// Syncs of one file take turns at this lock, so that no sync succeeds after one that has failed but
    /// is not yet recorded in the writer. By then the pages may be marked clean, and the error was
    /// already reported.
    has_failed: Mutex<bool>,
}

/// A pending operation on a log file: an append, a sync, or an append followed by a sync. After an
/// append was taken out, nothing may be staged, and no other append may be taken out, until
/// [`LogWriter::finish`] has the operation back.
#[derive(Debug)]
#[must_use = "the writer waits for the outcome"]
pub(crate) struct LogIo {
    file: Arc<dyn File>,
    name: Arc<str>,
    offset: u64,
    /// The records, followed by zeros if the file grows.
    bytes: Vec<u8>,
    record_bytes: usize,
    wants_sync: bool,
    syncs: Arc<Syncs>,
}

impl LogIo {
    /// Performs the operation. May be called without the writer, and only once.
    pub(crate) fn perform(&self) -> Result<()> {
        if !self.bytes.is_empty() {
            span!(TRACE, "append", file = self.name, bytes = self.bytes.len());
            let offset = match planted!(RecordBehindRoom) {
                true => self.file.len().unwrap_or(self.offset),
                false => self.offset,
            };
            let mut outcome = write_all_at(&*self.file, offset, &self.bytes);
            if planted!(FailedWriteRepeated)
                && outcome.is_err()
                && let Ok(end) = self.file.len()
            {
                outcome = write_all_at(&*self.file, end, &self.bytes);
            }
            outcome.map_err(Error::io("write to", &self.name))?;
        }
        if !self.wants_sync {
            return Ok(());
        }
        span!(DEBUG, "sync", file = self.name);
        let has_failed = self.syncs.has_failed.lock();
        let mut has_failed = has_failed.unwrap_or_else(PoisonError::into_inner);
        if *has_failed && !planted!(WriteErrorNotPoisoned) {
            return Err(Error::Poisoned {
                cause: format!("another sync of {} has failed", self.name),
            });
        }
        // Under the lock: a second sync that starts before the failure is recorded could succeed
        // without the lost pages.
        let mut outcome = self.file.sync_data();
        // Set before the lock is released: the next sync must see the failure.
        *has_failed = outcome.is_err();
        if planted!(SyncRetried) && outcome.is_err() {
            outcome = self.file.sync_data();
        }
        if planted!(SyncErrorSwallowed) {
            outcome = Ok(());
        }
        if outcome.is_ok() {
            self.syncs.durable.fetch_max(self.end(), Ordering::AcqRel);
        }
        outcome.map_err(Error::io("sync", &self.name))
    }

    /// The end of the records in the file after the operation.
    fn end(&self) -> u64 {
        self.offset + self.record_bytes as u64
    }
}

impl LogWriter {
    /// Creates the file and stages its preamble. Nothing is durable, not even the name, until the
    /// caller has written, synced, and synced the directory.
    pub(crate) fn create(fs: &dyn Fs, id: FileId, room: Room) -> Result<Self> {
        let name = id.name();
        let file = fs.create(&name).map_err(Error::io("create", &name))?;
        Ok(Self {
            file,
            name: name.into(),
            number: id.number,
            salts: id.salts(),
            written: 0,
            synced: 0,
            length: 0,
            room,
            room_written: 0,
            staged: id.preamble().to_vec(),
            failure: None,
            syncs: Arc::default(),
        })
    }

    /// A writer that continues in a file that was read back and is durable up to `synced`. No
    /// correct writer does that: for a planted bug.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn go_on(file: Arc<dyn File>, id: FileId, (synced, written): (u64, u64)) -> Self {
        Self {
            file,
            name: id.name().into(),
            number: id.number,
            salts: id.salts(),
            written,
            synced,
            length: written,
            room: Room::NONE,
            room_written: 0,
            staged: Vec::new(),
            failure: None,
            syncs: Arc::new(Syncs {
                durable: AtomicU64::new(synced),
                has_failed: Mutex::default(),
            }),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The end of the records once everything staged is written.
    pub(crate) fn end(&self) -> u64 {
        self.written + self.staged.len() as u64
    }

    /// The length of its file.
    pub(crate) fn file_length(&self) -> u64 {
        self.length
    }

    /// Zeros that were written ahead of the end so far, whether records have overwritten them or
    /// not.
    pub(crate) fn room_written(&self) -> u64 {
        self.room_written
    }

    /// Encodes one record. `fill` appends the payload to the buffer.
    pub(crate) fn stage(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        let offset = self.end();
        assert!(
            self.synced <= self.written && self.written <= offset,
            "{}: a mark of {} points behind the record at {offset}",
            self.name,
            self.synced
        );
        let start = self.staged.len();
        self.staged.resize(start + HEADER_BYTES, 0);
        fill(&mut self.staged);
        let (header, payload) = self.staged[start..].split_at_mut(HEADER_BYTES);
        let length = u32::try_from(payload.len()).expect("limits keep a record below 4 GiB");
        header[..4].copy_from_slice(&tag_at(self.salts.place, offset).to_le_bytes());
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[8..16].copy_from_slice(&self.synced.to_le_bytes());
        let checksum = record_checksum(self.salts.file, offset, &header[..16], payload);
        header[16..].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Writes everything staged in one append.
    pub(crate) fn write(&mut self) -> Result<()> {
        let io = self.begin_write(false)?;
        let outcome = io.perform();
        self.finish(io, outcome)
    }

    /// Writes the last records of the file, and cuts off the room behind them. The new length
    /// becomes durable together with the records.
    pub(crate) fn write_last(&mut self) -> Result<()> {
        // No room for the last records: the cut below would remove it again.
        self.room = Room::NONE;
        self.write()?;
        if self.length > self.written {
            let cut = match planted!(CutTakesRecords) {
                true => self.file.set_len(self.length - self.room_written),
                false => self.file.set_len(self.written),
            };
            cut.map_err(Error::io("cut", &self.name))
                .inspect_err(|error| self.failure = Some(error.to_string()))?;
            self.length = self.written;
        }
        Ok(())
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let io = self.begin_sync()?;
        let outcome = io.perform();
        self.finish(io, outcome)
    }

    /// Takes out the append of everything staged, with a sync after it if `syncs`.
    pub(crate) fn begin_write(&mut self, syncs: bool) -> Result<LogIo> {
        self.check()?;
        let bytes = std::mem::take(&mut self.staged);
        Ok(self.io(bytes, syncs))
    }

    /// Takes out the sync of everything written.
    pub(crate) fn begin_sync(&self) -> Result<LogIo> {
        self.check()?;
        Ok(self.io(Vec::new(), true))
    }

    /// Whether everything written is durable, also by a sync whose outcome is still to be taken.
    fn is_durable(&self) -> bool {
        self.syncs.durable.load(Ordering::Acquire) >= self.written
    }

    fn io(&self, mut bytes: Vec<u8>, syncs: bool) -> LogIo {
        let is_durable = bytes.is_empty() && self.is_durable();
        let record_bytes = bytes.len();
        let end = self.written + record_bytes as u64;
        let grows = !bytes.is_empty() && end > self.length;
        if grows || planted!(RoomWithEveryCommit) && !bytes.is_empty() {
            let length = self.room.length(end, record_bytes as u64);
            bytes.resize((length - self.written) as usize, 0);
        }
        let takes_room = bytes.len() > record_bytes;
        if takes_room {
            mark!(LogTakesRoom);
            if planted!(RoomStartsEarly) {
                bytes[record_bytes.saturating_sub(4)..].fill(0);
            }
        }
        let forgets_sync = planted!(SyncWithoutGrowthSkipped) && !grows && record_bytes > 0
            || planted!(SyncOfRoomSkipped) && takes_room;
        LogIo {
            file: Arc::clone(&self.file),
            name: Arc::clone(&self.name),
            offset: self.written,
            bytes,
            record_bytes,
            wants_sync: syncs && !forgets_sync && (!is_durable || planted!(RedundantSync)),
            syncs: Arc::clone(&self.syncs),
        }
    }

    /// Takes the outcome of an operation. A sync covers the bytes that were written before it was
    /// taken out, also when other threads have written meanwhile. A sync of another file says
    /// nothing about this file.
    pub(crate) fn finish(&mut self, io: LogIo, outcome: Result<()>) -> Result<()> {
        let covers = io.wants_sync && io.name == self.name;
        let end = io.end();
        assert!(
            io.bytes.is_empty() || io.name == self.name && io.offset == self.written,
            "{}: bytes for {} of {} cannot follow {} written ones",
            self.name,
            io.offset,
            io.name,
            self.written
        );
        assert!(
            io.bytes.is_empty() || self.staged.is_empty(),
            "{}: records were staged while others were written",
            self.name
        );
        let mut bytes = io.bytes;
        let is_write = !bytes.is_empty();
        if let Err(error) = outcome {
            if planted!(FailedEditUndone) {
                let _ = self.file.set_len(self.synced);
            }
            if !planted!(WriteErrorNotPoisoned) {
                self.failure = Some(error.to_string());
            }
            if is_write {
                bytes.truncate(io.record_bytes);
                self.staged = bytes;
            }
            return Err(error);
        }
        if is_write {
            self.length = self.length.max(io.offset + bytes.len() as u64);
            self.room_written += (bytes.len() - io.record_bytes) as u64;
            self.written = end;
        }
        if covers {
            // Advances only with a successful sync: the marks of later records are written from
            // this number.
            self.synced = self.synced.max(end);
            assert!(
                self.synced <= self.written,
                "{}: {} bytes are durable of {} written ones",
                self.name,
                self.synced,
                self.written
            );
        }
        if is_write {
            // The buffer is used again.
            bytes.clear();
            self.staged = bytes;
        }
        Ok(())
    }

    /// Refuses further work after a failure.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(cause) => Err(Error::Poisoned {
                cause: cause.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::files::FileKind;
    use crate::fs::MemFs;
    use crate::identity::StoreId;

    /// After a failure nothing is written any more, not even by a retry that would succeed.
    #[test]
    fn a_writer_that_failed_stays_failed() {
        let fs = MemFs::new();
        let id = FileId::draw(&fs, StoreId::of(3), FileKind::Wal, 7).unwrap();
        let mut writer = LogWriter::create(&fs, id, Room::NONE).unwrap();
        writer.write().unwrap();
        writer.failure = Some("a sync failed".to_owned());
        writer.stage(|buffer| buffer.push(1));
        assert!(writer.write().is_err());
        assert!(writer.sync().is_err());
        assert_eq!(fs.read("wal-000007").unwrap().len(), 36);
    }

    /// A file whose first sync fails and whose pages are then marked clean.
    #[derive(Debug)]
    struct FailsOnce(Arc<dyn File>, Mutex<bool>);

    impl File for FailsOnce {
        fn append(&self, bytes: &[u8]) -> io::Result<usize> {
            self.0.append(bytes)
        }

        fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
            self.0.write_at(offset, bytes)
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read_at(offset, buffer)
        }

        fn set_len(&self, length: u64) -> io::Result<()> {
            self.0.set_len(length)
        }

        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }

        fn sync(&self) -> io::Result<()> {
            self.sync_data()
        }

        fn sync_data(&self) -> io::Result<()> {
            match std::mem::replace(&mut *self.1.lock().unwrap(), true) {
                true => Ok(()),
                false => Err(io::Error::other("no sync today")),
            }
        }
    }

    /// Two threads sync one log: the compactor and a leader. The first sync fails. Until that
    /// failure is recorded, the second sync must not prove anything.
    #[test]
    fn no_sync_succeeds_behind_one_that_has_failed() {
        let fs = MemFs::new();
        let id = FileId::draw(&fs, StoreId::of(3), FileKind::Wal, 7).unwrap();
        let mut writer = LogWriter::create(&fs, id, Room::NONE).unwrap();
        writer.file = Arc::new(FailsOnce(Arc::clone(&writer.file), Mutex::default()));
        writer.write().unwrap();
        let (first, second) = (writer.begin_sync().unwrap(), writer.begin_sync().unwrap());
        let failed = first.perform();
        assert!(failed.is_err());
        let refused = second.perform();
        assert!(writer.finish(second, refused).is_err());
        assert!(writer.finish(first, failed).is_err());
        assert_eq!(writer.synced, 0);
    }
}
