//! Reads values at their places.
//!
//! A reader keeps the file open that belongs to its index. A swap gives the name of the
//! data to another file and does not change this file. So a reader sees the same commit
//! until it is dropped.

use std::sync::Arc;

use lithify::fs::File;
use lithify::fs::whole::read_exact_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::header::HEADER_BYTES;
use super::index::{Index, Place};
use super::names;
use super::record::{self, Record};
use crate::parts::disk::failed;
use crate::parts::entry;

/// The payload at a place, with its checksum verified.
pub(super) fn payload(file: &dyn File, salt: u64, place: Place) -> Result<Vec<u8>, Failure> {
    let length = usize::try_from(place.length_bytes).expect("entries fit into memory");
    let mut bytes = vec![0; length];
    read_exact_at(file, HEADER_BYTES + place.position, &mut bytes)
        .map_err(failed("read", names::DATA))?;
    match entry::check(&bytes, salt, place.position) {
        Some((payload, _)) if payload.end == length => Ok(bytes[payload].to_vec()),
        _ => Err(Failure::Damage(format!(
            "{}: the {length} bytes at {} are not what was written",
            names::DATA,
            HEADER_BYTES + place.position
        ))),
    }
}

/// The place of a value that was looked up and not read yet.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: Arc<dyn File>,
    pub(super) salt: u64,
    pub(super) place: Place,
}

impl Found {
    /// Reads the value. The record must be a value of `key`.
    pub(super) fn value(&self, key: &[u8]) -> Result<Vec<u8>, Failure> {
        let payload = payload(&*self.file, self.salt, self.place)?;
        match record::decode(&payload) {
            Ok(Record::Put { key: stored, value }) if stored == key => Ok(value.to_vec()),
            _ => Err(Failure::Damage(format!(
                "{}: the record at {} is no value of the key that was asked for",
                names::DATA,
                HEADER_BYTES + self.place.position
            ))),
        }
    }
}

/// A view of all keys as of one commit.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) file: Arc<dyn File>,
    pub(super) salt: u64,
    pub(super) index: Index,
    pub(super) commit: u64,
}

impl Reader {
    /// The commit that the reader sees.
    #[must_use]
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// The value of a key. Does one read.
    ///
    /// # Errors
    /// Errors of the disk, and `Damage`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let found = self.index.get(key).map(|place| self.found(place));
        let value = found.map(|found| found.value(key)).transpose()?;
        Ok(value.filter(|value| !is_taken_for_none(value)))
    }

    fn found(&self, place: Place) -> Found {
        Found {
            file: self.file.clone(),
            salt: self.salt,
            place,
        }
    }

    /// All keys and values, sorted by key. Does one read for each key.
    pub fn pairs(&self) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), Failure>> {
        let pairs = self.index.iter().map(|(key, place)| {
            let value = self.found(place).value(key)?;
            Ok((key.clone(), value))
        });
        pairs.filter(|pair| !matches!(pair, Ok((_, value)) if is_taken_for_none(value)))
    }
}

/// Whether the planted bug treats this value as a deletion, because it is empty.
fn is_taken_for_none(value: &[u8]) -> bool {
    value.is_empty() && planted::is_active("empty-value-reads-as-none")
}
