//! Reads one entry of the log. Uses the index if its record is valid, and otherwise
//! walks the segment.

use lithify_sim::system::Failure;

use super::log::{Log, Segment};
use super::{index, names};
use crate::parts::entry::{self, HEADER_BYTES, MAX_PAYLOAD_BYTES};

/// An entry as it is stored in its segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The bytes at the place of the payload.
    pub payload: Vec<u8>,
    /// Whether the checksum confirms the payload.
    pub is_valid: bool,
}

impl Log {
    /// The entry at `offset`, or `None` when the log does not hold it.
    pub(super) fn read(&self, offset: u64) -> Result<Option<Stored>, Failure> {
        let holds = |segment: &Segment| (segment.start..segment.end()).contains(&offset);
        let Some(segment) = self.segments().find(holds) else {
            return Ok(None);
        };
        let number = offset - segment.start;
        let (position, bytes) = match self.indexed(segment.start, number)? {
            Some(position) => (position, self.read_at(segment.start, position)?),
            None => self.walk(segment.start, number)?,
        };
        let payload = entry::payload_of(&bytes);
        Ok(Some(Stored {
            payload: payload.map_or_else(Vec::new, |range| bytes[range].to_vec()),
            is_valid: entry::check(&bytes, segment.salt(), position).is_some(),
        }))
    }

    /// The bytes of the entry at `position`. The header of the entry gives the length.
    fn read_at(&self, segment: u64, position: u64) -> Result<Vec<u8>, Failure> {
        let name = names::segment(segment);
        let header = self.disk.read_some(&name, position, HEADER_BYTES)?;
        let length = header.first_chunk::<4>().map_or(0, |length| {
            (u32::from_le_bytes(*length) as usize).min(MAX_PAYLOAD_BYTES)
        });
        self.disk.read_some(&name, position, HEADER_BYTES + length)
    }

    /// Finds an entry by the lengths of the entries before it. Returns its position
    /// and the bytes from there on; there are no bytes if a length reaches past the
    /// end of the file.
    fn walk(&self, segment: u64, number: u64) -> Result<(u64, Vec<u8>), Failure> {
        let mut bytes = self.disk.read(&names::segment(segment))?;
        let position = (0..number).fold(0, |position, _| {
            entry::payload_of(&bytes[position..])
                .map_or(bytes.len(), |payload| position + payload.end)
        });
        Ok((position as u64, bytes.split_off(position)))
    }

    /// The position of an entry according to the index. `None` if the index has no
    /// valid record.
    fn indexed(&self, segment: u64, number: u64) -> Result<Option<u64>, Failure> {
        if !self.indexes.contains(&segment) {
            return Ok(None);
        }
        let position = number * index::RECORD_BYTES as u64;
        let name = names::index(segment);
        let record = self.disk.read_some(&name, position, index::RECORD_BYTES)?;
        Ok(index::decode(&record, segment, number))
    }
}
