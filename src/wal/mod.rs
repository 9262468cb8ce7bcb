//! The write-ahead log: it holds every commit, in order, before any other component knows of the
//! commit.
//!
//! Invariants:
//! - a store has at least one WAL file at every moment, so that the loss of the newest manifest
//!   record can never make a store with acknowledged commits look empty;
//! - a file that was read back is never appended to: the first commit after an opening begins a new
//!   file, whose header seals the old one;
//! - a file is complete and durable before its successor exists.

#[cfg(feature = "planted-bugs")]
mod go_on;
mod record;
mod replay;
mod whole;

#[cfg(fuzzing)]
pub(crate) use record::decode as decode_any;
pub(crate) use record::{CommitRecord, WalHeader, commit_in};
pub(crate) use replay::{Replay, first_with_commits, replay};
pub(crate) use whole::{Piece, replay_whole};

use std::collections::VecDeque;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{FileKind, file_name};
use crate::fs::Fs;
use crate::identity::{FileId, PREAMBLE_BYTES};
use crate::log::{LogIo, LogWriter, Room};

/// A WAL file that is no longer written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SealedWal {
    pub(crate) number: u64,
    /// The end of the last valid record.
    pub(crate) end: u64,
    /// The last commit in the file. When the file holds none, the last commit before it.
    pub(crate) last: Commit,
}

/// The log of an open store.
#[derive(Debug)]
pub(crate) struct Wal {
    /// Older files, oldest first.
    sealed: VecDeque<SealedWal>,
    writer: Option<LogWriter>,
    /// The last commit staged.
    last: Commit,
    /// The room that the files take, and the length at which a file gets a successor.
    room: Room,
    /// Bytes of records written to WAL files that were sealed since opening.
    sealed_bytes: u64,
    /// Zeros that were written to these files ahead of records.
    sealed_room_bytes: u64,
}

impl Wal {
    /// The log after `sealed` files, oldest first.
    pub(crate) fn new(sealed: Vec<SealedWal>, room: Room) -> Self {
        let is_ascending = sealed
            .windows(2)
            .all(|pair| pair[0].number < pair[1].number && pair[0].last <= pair[1].last);
        assert!(is_ascending, "the log goes back: {sealed:?}");
        let last = sealed.last().map_or(Commit::ZERO, |wal| wal.last);
        Self {
            sealed: sealed.into(),
            writer: None,
            last,
            room,
            sealed_bytes: 0,
            sealed_room_bytes: 0,
        }
    }

    /// A log without files, whose first commit will come behind `last`.
    pub(crate) fn behind(last: Commit, room: Room) -> Self {
        Self {
            last,
            ..Self::new(Vec::new(), room)
        }
    }

    /// Whether the next commit should begin a new file.
    pub(crate) fn wants_rotation(&self) -> bool {
        let max_bytes = match self.room.file_bytes {
            bytes if planted!(RotatedEarly) => bytes / 2,
            bytes => bytes,
        };
        self.writer
            .as_ref()
            .is_none_or(|writer| match planted!(RoomCountsAsFull) {
                true => writer.file_length() >= max_bytes,
                false => writer.end() >= max_bytes,
            })
    }

    /// Seals the current file and begins the next one.
    pub(crate) fn rotate(&mut self, fs: &dyn Fs, id: FileId) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.write()?;
            if !planted!(RotationUnsynced) {
                writer.sync()?;
            }
            // Everything in the old file is durable before its successor exists: the successor's
            // header vouches for the old file up to `previous_end`.
            let room_written = writer.room_written();
            let sealed = SealedWal {
                number: writer.number(),
                end: writer.end(),
                last: self.last,
            };
            assert!(
                sealed.number < id.number && self.last >= self.sealed_last(),
                "log {} cannot follow log {sealed:?}",
                id.number
            );
            // Sealed before the next file begins: its header names this file and its end.
            self.sealed.push_back(sealed);
            self.sealed_bytes += sealed.end;
            self.sealed_room_bytes += room_written;
        }
        self.begin_file(fs, id, &[])
    }

    /// Begins a file with a header and these records behind it. They are synced together, so none
    /// of them has a mark, and nothing proves the file yet.
    fn begin_file(&mut self, fs: &dyn Fs, id: FileId, records: &[Vec<u8>]) -> Result<()> {
        let previous = self.sealed.back();
        assert!(
            previous.is_none_or(|wal| wal.number < id.number && wal.end >= PREAMBLE_BYTES),
            "log {} cannot follow {previous:?}",
            id.number
        );
        let header = WalHeader {
            previous: previous.map_or(0, |wal| wal.number),
            previous_end: previous.map_or(0, |wal| wal.end),
            after: self.last,
        };
        let mut writer = LogWriter::create(fs, id, self.room)?;
        writer.stage(|buffer| record::encode_header(&header, buffer));
        for record in records {
            writer.stage(|buffer| buffer.extend_from_slice(record));
        }
        writer.write()?;
        writer.sync()?;
        fs.sync_dir("").map_err(Error::io("sync", ""))?;
        // Only after the name is durable: a commit must never be acknowledged in a file that a
        // crash can take.
        self.writer = Some(writer);
        Ok(())
    }

    /// The last commit in sealed files.
    fn sealed_last(&self) -> Commit {
        self.sealed.back().map_or(Commit::ZERO, |wal| wal.last)
    }

    fn writer(&mut self) -> &mut LogWriter {
        self.writer
            .as_mut()
            .expect("a rotation came before the first commit")
    }

    /// Encodes a commit, and returns its bytes without the header of the record. [`Wal::write`] brings
    /// it into the file.
    pub(crate) fn stage(&mut self, record: &CommitRecord) -> u64 {
        assert!(
            record.commit > self.last,
            "commit {} is logged behind commit {}",
            record.commit,
            self.last
        );
        self.last = record.commit;
        let mut bytes = 0;
        self.writer().stage(|buffer| {
            let before = buffer.len();
            record::encode_commit(record, buffer);
            bytes = buffer.len() - before;
        });
        bytes as u64
    }

    /// Encodes a mark behind the commits, although only the end of a log has one: for a planted
    /// bug.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn stage_mark(&mut self) {
        self.writer().stage(record::encode_close);
    }

    /// Takes out the append of everything staged, with a sync after it if `syncs`. Nothing may be
    /// staged until [`Wal::finish`] has taken the operation back. `None` before the first commit
    /// since opening: nothing is staged then.
    pub(crate) fn begin_write(&mut self, syncs: bool) -> Result<Option<LogIo>> {
        let writer = self.writer.as_mut();
        writer.map(|writer| writer.begin_write(syncs)).transpose()
    }

    /// Takes out a sync of everything written. Other threads may write meanwhile. `None` before the
    /// first commit since opening: recovery has made the earlier commits durable.
    pub(crate) fn begin_sync(&self) -> Result<Option<LogIo>> {
        self.writer.as_ref().map(LogWriter::begin_sync).transpose()
    }

    /// Takes the outcome of a write or a sync. If the file was sealed meanwhile, it was synced
    /// again then.
    pub(crate) fn finish(&mut self, io: LogIo, outcome: Result<()>) -> Result<()> {
        self.writer().finish(io, outcome)
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.writer.as_mut().map_or(Ok(()), LogWriter::sync)
    }

    /// Writes commits again into a new file, because the log does not prove that they are durable.
    /// `records` are the records as they were read; the last of them is commit `last`.
    ///
    /// The new file replaces the end of the old one in one moment, when the mark behind its records
    /// becomes durable. Without that mark the file does not count.
    pub(crate) fn write_again(
        &mut self,
        fs: &dyn Fs,
        id: FileId,
        records: &[Vec<u8>],
        last: Commit,
    ) -> Result<()> {
        self.write_unproven(fs, id, records, last)?;
        self.prove(LogWriter::write)?;
        // The mark is durable now. A second mark tells that to the next opening, which then has
        // nothing to write again. The second mark need not be durable itself.
        let writer = self.writer();
        writer.stage(record::encode_close);
        writer.write()
    }

    /// The same without the mark: the file counts when a manifest names it, or when the log is closed.
    pub(crate) fn write_unproven(
        &mut self,
        fs: &dyn Fs,
        id: FileId,
        records: &[Vec<u8>],
        last: Commit,
    ) -> Result<()> {
        assert!(
            last >= self.last && (records.is_empty() || last > self.last),
            "{} records lead from commit {} to commit {last}",
            records.len(),
            self.last
        );
        self.begin_file(fs, id, records)?;
        // After `begin_file`: the header states the last commit that is already proven.
        self.last = last;
        Ok(())
    }

    /// Makes everything durable and writes a mark that says so. After that, damage to any commit
    /// can be told from a torn tail, and the next opening has nothing to write again. Without a
    /// commit since opening there is nothing to do.
    ///
    /// The remaining room is cut off, because no record will be written over it.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.prove(LogWriter::write_last)
    }

    /// Makes everything durable, and then a mark behind it. `write` appends the mark to the file.
    fn prove(&mut self, write: impl FnOnce(&mut LogWriter) -> Result<()>) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.write()?;
            // Sync before the mark is staged: the mark states how far the file is durable, so it
            // must not be written before that is true.
            if !planted!(CloseMarksEarly) {
                writer.sync()?;
            }
            writer.stage(record::encode_close);
            write(writer)?;
            writer.sync()?;
        }
        Ok(())
    }

    /// Bytes of records written since opening.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.sealed_bytes + self.writer.as_ref().map_or(0, LogWriter::end)
    }

    /// Zeros written ahead of records since opening.
    pub(crate) fn room_bytes_written(&self) -> u64 {
        let newest = self.writer.as_ref().map_or(0, LogWriter::room_written);
        self.sealed_room_bytes + newest
    }

    /// Bytes of records in the files that are still needed.
    pub(crate) fn live_bytes(&self) -> u64 {
        let sealed = self.sealed.iter().map(|wal| wal.end).sum::<u64>();
        if planted!(OpenLogNotCounted) {
            return sealed;
        }
        sealed + self.writer.as_ref().map_or(0, LogWriter::end)
    }

    /// `None` when the current log file is written to. Otherwise the log is a file that was read
    /// back, which gets a successor: the number of bytes in the log, to which nothing can be added.
    pub(crate) fn read_back_bytes(&self) -> Option<u64> {
        self.writer.is_none().then(|| self.live_bytes())
    }

    /// The number of the oldest file that holds commits after `through`. When no file does, the
    /// number of the newest file.
    pub(crate) fn oldest_needed(&self, through: Commit) -> u64 {
        let needed = self
            .sealed
            .iter()
            .find(|wal| wal.last > through)
            .map(|wal| wal.number);
        needed
            .or_else(|| self.writer.as_ref().map(LogWriter::number))
            .or_else(|| self.sealed.back().map(|wal| wal.number))
            .unwrap_or(0)
    }

    /// The names of the files, oldest first.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        let newest = self.writer.as_ref().map(LogWriter::number);
        let numbers = self.sealed.iter().map(|wal| wal.number).chain(newest);
        numbers.map(|number| file_name(FileKind::Wal, number))
    }

    /// The numbers of the WAL files, oldest first. Each number comes with the offset at which the
    /// log in that file ends; `None` for the newest file.
    pub(crate) fn parts(&self) -> Vec<(u64, Option<u64>)> {
        let sealed = self.sealed.iter().map(|wal| (wal.number, Some(wal.end)));
        let newest = self.writer.iter().map(|writer| (writer.number(), None));
        let mut parts: Vec<_> = sealed.chain(newest).collect();
        // An opening for reading does not write unproven commits again, so the newest file can have
        // commits behind its proven end.
        if let Some((_, end)) = parts.last_mut() {
            *end = None;
        }
        parts
    }

    /// Forgets the files before `oldest` and returns their names.
    pub(crate) fn retire_before(&mut self, oldest: u64) -> Vec<String> {
        let newest = self.writer.as_ref().map(LogWriter::number);
        let newest = newest.or(self.sealed.back().map(|wal| wal.number));
        assert!(
            newest.is_none_or(|newest| oldest <= newest),
            "a store without a log: all before {oldest} goes, and {newest:?} is the newest"
        );
        let mut names = Vec::new();
        while let Some(wal) = self.sealed.front().filter(|wal| wal.number < oldest) {
            names.push(file_name(FileKind::Wal, wal.number));
            self.sealed.pop_front();
        }
        names
    }
}
