//! The index of a segment: the positions of its entries.
//!
//! The index has one record of 8 bytes for each entry, in order: the position as u32,
//! and a CRC-32 over the segment, the number of the entry in the segment, and the
//! position. The index is only a hint. It is never synced, a record counts only if its
//! CRC matches, and opening writes the index again if it does not agree with the
//! segment. Without an index, a reader walks the segment from its beginning. So the
//! index costs no sync, and a crash cannot make it return a wrong position.

use crate::parts::entry::Entry;

pub(super) const RECORD_BYTES: usize = 8;

fn checksum(segment: u64, number: u64, position: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(b"index");
    hasher.update(&segment.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(&position.to_le_bytes());
    hasher.finalize()
}

/// Adds the record of the entry with this number. Numbers begin at 0 in each segment.
pub(super) fn encode(buffer: &mut Vec<u8>, segment: u64, number: u64, position: u64) {
    let position = u32::try_from(position).expect("segments are shorter than 4 GiB");
    buffer.extend(position.to_le_bytes());
    buffer.extend(checksum(segment, number, position).to_le_bytes());
}

/// The whole index of a segment.
pub(super) fn of(segment: u64, entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * RECORD_BYTES);
    for (number, entry) in entries.iter().enumerate() {
        encode(&mut bytes, segment, number as u64, entry.position as u64);
    }
    bytes
}

/// The position in a record, if the record is valid for this entry.
pub(super) fn decode(record: &[u8], segment: u64, number: u64) -> Option<u64> {
    let (position, stored) = record.split_first_chunk::<4>()?;
    let position = u32::from_le_bytes(*position);
    (stored == checksum(segment, number, position).to_le_bytes()).then_some(u64::from(position))
}
