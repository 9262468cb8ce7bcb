//! The companion of a segment: where each of its entries begins.
//!
//! One record of 8 bytes for each entry, in order: position u32, CRC-32 over the
//! segment, the entry's number in it and the position. The index is a hint. It is never
//! synced, never believed without its CRC, and written anew at opening when it is not
//! what the segment says; without it a reader walks the segment from its beginning. So
//! no barrier is spent on it and no crash can make it lie.

use crate::parts::entry::Entry;

/// The length of a record.
pub(super) const RECORD_BYTES: usize = 8;

fn checksum(segment: u64, number: u64, position: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(b"index");
    hasher.update(&segment.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(&position.to_le_bytes());
    hasher.finalize()
}

/// Adds the record of the entry that is the `number`th of its segment, from 0.
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

/// The position in a record, when it is one of this entry.
pub(super) fn decode(record: &[u8], segment: u64, number: u64) -> Option<u64> {
    let (position, stored) = record.split_first_chunk::<4>()?;
    let position = u32::from_le_bytes(*position);
    (stored == checksum(segment, number, position).to_le_bytes()).then_some(u64::from(position))
}
