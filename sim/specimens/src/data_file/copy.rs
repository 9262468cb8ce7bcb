//! The bytes of the new file: the live values, and the records of commits since the
//! snapshot.
//!
//! Values are copied while the store is in use. Records of commits since the snapshot are
//! carried over while nobody can write. Deletions are carried over too. Only the seals
//! change, because the new file has no openings.

use lithify::fs::whole::{read_exact_at, write_all_at};
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::compaction::Compaction;
use super::contents::CommitEnd;
use super::header::HEADER_BYTES;
use super::index::Place;
use super::record::{self, Record};
use super::store::Store;
use super::{names, reader};
use crate::parts::disk::failed;
use crate::parts::entry::{self, Before};

impl Compaction {
    /// Copies some live records with one write.
    pub(super) fn copy(&mut self) -> Result<bool, Failure> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < self.copy_bytes
            && let Some((key, place)) = self.queue.pop()
        {
            let payload = reader::payload(&*self.old, self.old_header.salt(), place)?;
            let place = self.add(&mut bytes, &payload);
            self.index.put(&key, place);
            self.report.entries_copied += 1;
        }
        self.write(&bytes)?;
        self.header.copied_end = self.end;
        Ok(self.queue.is_empty())
    }

    /// Encodes a record for the new file, after the records in `bytes`.
    fn add(&self, bytes: &mut Vec<u8>, payload: &[u8]) -> Place {
        let position = self.end + bytes.len() as u64;
        let salt = self.header.salt();
        entry::encode(bytes, salt, self.end, Before::Pending, payload);
        Place {
            position,
            length_bytes: self.end + bytes.len() as u64 - position,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        write_all_at(self.file(), HEADER_BYTES + self.end, bytes)
            .map_err(failed("write to", names::TEMPORARY))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Carries over all commits after the snapshot, with one write.
    pub(super) fn catch_up(&mut self, store: &Store) -> Result<bool, Failure> {
        let length = usize::try_from(store.data.end - self.old_end).expect("it fits into memory");
        let mut old = vec![0; length];
        read_exact_at(&*self.old, HEADER_BYTES + self.old_end, &mut old)
            .map_err(failed("read", names::DATA))?;
        let mut bytes = Vec::new();
        let mut position = 0;
        while position < length {
            let at = self.old_end + position as u64;
            let checked = entry::check(&old[position..], self.old_header.salt(), at);
            let (payload, _) = checked.ok_or_else(|| unreadable(at))?;
            let payload = &old[position + payload.start..position + payload.end];
            position += payload.len() + entry::HEADER_BYTES;
            self.carry_over(store, &mut bytes, payload)?;
        }
        self.write(&bytes)?;
        Ok(true)
    }

    /// Carries over one record.
    fn carry_over(
        &mut self,
        store: &Store,
        bytes: &mut Vec<u8>,
        payload: &[u8],
    ) -> Result<(), Failure> {
        let record = record::decode(payload).map_err(Failure::Damage)?;
        match record {
            Record::Put { key, .. } => {
                let is_known = self.index.get(key).is_some();
                if is_known && planted::is_active("overwrites-not-carried-over") {
                    return Ok(());
                }
                let place = self.add(bytes, payload);
                self.index.put(key, place);
            }
            Record::Delete { key } => {
                if planted::is_active("deletes-not-carried-over") {
                    return Ok(());
                }
                let is_gone = store.data.index.get(key).is_none();
                if !(is_gone && planted::is_active("tombstone-dropped-with-its-key")) {
                    self.add(bytes, payload);
                }
                self.index.remove(key);
            }
            // This incarnation has written the seal and has created the new file. So the
            // seal without the opening's number is the chain, and the new seal has the
            // number 0.
            Record::End { seal } => {
                let chain = record::seal(seal, store.data.opening);
                let end = self.add(bytes, &record::of_end(chain, 0));
                self.ends.push(CommitEnd {
                    position: end.position + end.length_bytes,
                    chain,
                });
                return Ok(());
            }
            Record::Opening { .. } | Record::Superseded => return Ok(()),
        }
        self.report.entries_caught_up += 1;
        Ok(())
    }
}

fn unreadable(position: u64) -> Failure {
    Failure::Damage(format!(
        "{}: the entry at byte {} was written by this process and cannot be read: the compaction is given up",
        names::DATA,
        HEADER_BYTES + position
    ))
}
