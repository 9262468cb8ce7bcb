//! Writing records: stage any number, write them in one append, sync.
//!
//! Invariant: after any error the writer is useless and says so on every further
//! call, because nobody knows what the file holds now. Retrying a failed sync
//! would be worse than giving up: the pages may have been dropped and marked clean
//! (Rebello et al., ATC 2020).

use std::sync::Arc;

use super::{HEADER_BYTES, record_checksum, tag_at};
use crate::error::{Error, Result};
use crate::files::{FileKind, file_name, preamble, salt};
use crate::fs::whole::write_all_at;
use crate::fs::{File, Fs};

/// An open log file, at its end.
#[derive(Debug)]
pub(crate) struct LogWriter {
    file: Arc<dyn File>,
    name: String,
    number: u64,
    salt: u64,
    /// Bytes handed to the file so far.
    written: u64,
    /// Bytes known to be durable.
    synced: u64,
    /// Encoded records that were not handed to the file yet.
    staged: Vec<u8>,
    failure: Option<String>,
}

impl LogWriter {
    /// Creates the file and stages its preamble. Nothing is durable, not even the
    /// name, until the caller has written, synced, and synced the directory.
    pub(crate) fn create(fs: &dyn Fs, kind: FileKind, number: u64) -> Result<Self> {
        let name = file_name(kind, number);
        let file = fs.create(&name).map_err(Error::io("create", &name))?;
        Ok(Self {
            file,
            name,
            number,
            salt: salt(kind, number),
            written: 0,
            synced: 0,
            staged: preamble(kind).to_vec(),
            failure: None,
        })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The length of the file once everything staged is written.
    pub(crate) fn length(&self) -> u64 {
        self.written + self.staged.len() as u64
    }

    /// Encodes one record whose payload `fill` appends to the buffer it is given.
    pub(crate) fn stage(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        let offset = self.length();
        let start = self.staged.len();
        self.staged.resize(start + HEADER_BYTES, 0);
        fill(&mut self.staged);
        let (header, payload) = self.staged[start..].split_at_mut(HEADER_BYTES);
        let length = u32::try_from(payload.len()).expect("limits keep a record below 4 GiB");
        header[..4].copy_from_slice(&tag_at(self.salt, offset).to_le_bytes());
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[8..16].copy_from_slice(&self.synced.to_le_bytes());
        let checksum = record_checksum(self.salt, offset, &header[..16], payload);
        header[16..].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Hands everything staged to the file in one append.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.check()?;
        if self.staged.is_empty() {
            return Ok(());
        }
        let mut outcome = write_all_at(&*self.file, self.written, &self.staged);
        if planted!(FailedWriteRepeated)
            && outcome.is_err()
            && let Ok(end) = self.file.len()
        {
            outcome = write_all_at(&*self.file, end, &self.staged);
        }
        self.note("write to", outcome)?;
        self.written += self.staged.len() as u64;
        self.staged.clear();
        Ok(())
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.check()?;
        if self.synced == self.written && !planted!(RedundantSync) {
            return Ok(());
        }
        let mut outcome = self.file.sync_data();
        if planted!(SyncRetried) && outcome.is_err() {
            outcome = self.file.sync_data();
        }
        if planted!(FailedEditUndone) && outcome.is_err() {
            let _ = self.file.set_len(self.synced);
        }
        if planted!(SyncErrorSwallowed) {
            outcome = Ok(());
        }
        self.note("sync", outcome)?;
        self.synced = self.written;
        Ok(())
    }

    /// Refuses to go on after a failure.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(cause) => Err(Error::Poisoned {
                cause: cause.clone(),
            }),
        }
    }

    fn note(&mut self, action: &'static str, outcome: std::io::Result<()>) -> Result<()> {
        outcome.map_err(|source| {
            let error = Error::io(action, &self.name)(source);
            if !planted!(WriteErrorNotPoisoned) {
                self.failure = Some(error.to_string());
            }
            error
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemFs;

    /// After a failure nothing is written any more, not even by a retry that would work.
    #[test]
    fn a_writer_that_failed_stays_failed() {
        let fs = MemFs::new();
        let mut writer = LogWriter::create(&fs, FileKind::Wal, 7).unwrap();
        writer.write().unwrap();
        writer.failure = Some("a sync failed".to_owned());
        writer.stage(|buffer| buffer.push(1));
        assert!(writer.write().is_err());
        assert!(writer.sync().is_err());
        assert_eq!(fs.read("wal-000007").unwrap().len(), 16);
    }
}
