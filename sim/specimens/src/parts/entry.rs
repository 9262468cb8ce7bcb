//! One entry of a log on disk: 4 bytes of length, 4 bytes of CRC-32, payload.
//!
//! Both numbers are little-endian, and files consist of entries only. The layout is the
//! published one, but the CRC covers more than the payload: a salt that is different for
//! each file ([`super::identity`]), the position in the file, the length, and one bit that
//! tells whether everything before the entry was durable. This has three effects:
//!
//! - Bytes of another file at the same place do not count as an entry. Such bytes come
//!   from a block that the file system has reused before it was written, from a recycled
//!   file, or from a misdirected write.
//! - Zeros do not count as an entry, although the plain CRC of an empty payload is zero.
//! - Damage in the middle can be distinguished from a torn tail. An entry that was written
//!   when everything before it was durable ([`Before::Durable`]) is a *witness*: if it is
//!   valid and something before it is not, then the device has lost durable bytes. An
//!   entry that was written after unsynced entries is not a witness, because a crash can
//!   keep this entry and lose the entries before it.
//!
//! The bit is not stored. The reader computes the CRC for both values of the bit.

use std::ops::Range;

use lithify_sim::planted;

/// The length and the checksum before each payload.
pub(crate) const HEADER_BYTES: usize = 8;

/// The longest payload in bytes. Longer payloads are refused before anything is written.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// Whether the bytes before an entry were durable when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Everything before the entry was durable.
    Durable,
    /// Something before the entry was not durable: both wait for the same sync.
    Pending,
}

/// The checksum of an entry.
fn checksum(segment: u64, position: u64, before: Before, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    if !planted::is_active("recycled-without-generation") {
        hasher.update(b"entry");
        hasher.update(&segment.to_le_bytes());
        hasher.update(&position.to_le_bytes());
    }
    hasher.update(&[u8::from(before == Before::Durable)]);
    hasher.update(&(payload.len() as u32).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// Adds an entry to `buffer`. The buffer begins at position `base` in the file of
/// `segment`.
pub(crate) fn encode(
    buffer: &mut Vec<u8>,
    segment: u64,
    base: u64,
    before: Before,
    payload: &[u8],
) {
    let position = base + buffer.len() as u64;
    buffer.extend((payload.len() as u32).to_le_bytes());
    buffer.extend(checksum(segment, position, before, payload).to_le_bytes());
    buffer.extend(payload);
}

/// An entry in the bytes of its segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) position: usize,
    pub(crate) payload: Range<usize>,
    pub(crate) before: Before,
}

/// The range of the payload that the header at the beginning of `bytes` announces, if
/// `bytes` contains the whole range.
pub(crate) fn payload_of(bytes: &[u8]) -> Option<Range<usize>> {
    let length = bytes.get(..HEADER_BYTES)?.first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let end = HEADER_BYTES.checked_add(length)?;
    let is_there = end <= bytes.len() || planted::is_active("length-believed");
    (length <= MAX_PAYLOAD_BYTES && is_there).then_some(HEADER_BYTES..end)
}

/// The payload of the entry at the beginning of `bytes`, if the entry is valid. `position`
/// is the place of `bytes` in the segment.
pub(crate) fn check(bytes: &[u8], segment: u64, position: u64) -> Option<(Range<usize>, Before)> {
    let payload = payload_of(bytes)?;
    let stored = bytes[4..HEADER_BYTES].try_into().expect("four bytes");
    let stored = u32::from_le_bytes(stored);
    let is_written =
        |before| checksum(segment, position, before, &bytes[payload.clone()]) == stored;
    if is_written(Before::Durable) {
        Some((payload, Before::Durable))
    } else if is_written(Before::Pending) || planted::is_active("no-checksum") {
        Some((payload, Before::Pending))
    } else {
        None
    }
}

/// The entry at `position` of a segment, if it is valid.
pub(crate) fn decode(bytes: &[u8], segment: u64, position: usize) -> Option<Entry> {
    let (payload, before) = check(bytes.get(position..)?, segment, position as u64)?;
    Some(Entry {
        position,
        payload: payload.start + position..payload.end + position,
        before,
    })
}

/// The content of a segment's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The entries before the first invalid one.
    pub(crate) entries: Vec<Entry>,
    /// The position after the last of these entries, in bytes.
    pub(crate) end: usize,
    /// The position of an entry after `end` that was written when everything before it was
    /// durable. If there is one, the bytes at `end` are damage, not a torn tail.
    pub(crate) witness: Option<usize>,
}

/// Reads a segment. The time is linear in its length up to the first invalid entry. After
/// that, every position is tried as the beginning of an entry, and one try costs the
/// length that the four bytes at that position announce, if the file is long enough.
pub(crate) fn scan(bytes: &[u8], segment: u64) -> Scan {
    scan_behind(bytes, segment, None)
}

/// As [`scan`], for a file whose first entry has a different checksum and was already
/// read.
pub(crate) fn scan_behind(bytes: &[u8], segment: u64, first: Option<Entry>) -> Scan {
    let mut scan = Scan::default();
    if let Some(entry) = first {
        scan.end = entry.payload.end;
        scan.entries.push(entry);
    }
    while let Some(entry) = decode(bytes, segment, scan.end) {
        scan.end = entry.payload.end;
        scan.entries.push(entry);
    }
    let mut position = scan.end + 1;
    while position + HEADER_BYTES <= bytes.len() {
        let entry = decode(bytes, segment, position);
        if planted::is_active("bad-record-skipped")
            && let Some(entry) = entry
        {
            scan.end = entry.payload.end;
            position = scan.end;
            scan.entries.push(entry);
            continue;
        }
        if entry.is_some_and(|entry| entry.before == Before::Durable) {
            scan.witness = Some(position);
            break;
        }
        position += 1;
    }
    if planted::is_active("damage-taken-for-torn-tail") {
        scan.witness = None;
    }
    scan
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(number: u64, payloads: &[(Before, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (before, payload) in payloads {
            encode(&mut bytes, number, 0, *before, payload);
        }
        bytes
    }

    #[test]
    fn the_layout_is_length_checksum_payload() {
        let bytes = segment(0, &[(Before::Durable, b"set x=1")]);
        assert_eq!(bytes.len(), 8 + 7);
        assert_eq!(bytes[..4], [7, 0, 0, 0]);
        assert_eq!(&bytes[8..], b"set x=1");
    }

    #[test]
    fn entries_of_another_segment_or_place_are_none() {
        let bytes = segment(0, &[(Before::Durable, b"a"), (Before::Durable, b"b")]);
        assert_eq!(scan(&bytes, 0).entries.len(), 2);
        assert_eq!(scan(&bytes, 2).entries.len(), 0);
        assert_eq!(scan(&bytes[9..], 0).entries.len(), 0);
    }

    #[test]
    fn zeros_are_no_entries() {
        assert_eq!(scan(&[0; 64], 0), Scan::default());
    }

    /// A hole in one group is a torn tail. A hole before a later group is damage.
    #[test]
    fn only_a_later_group_is_a_witness() {
        for (before, is_witness) in [(Before::Pending, false), (Before::Durable, true)] {
            let mut bytes = segment(5, &[(Before::Durable, b"one"), (before, b"two")]);
            bytes[8] ^= 1;
            let scan = scan(&bytes, 5);
            assert_eq!(scan.end, 0);
            assert_eq!(scan.witness.is_some(), is_witness);
        }
    }

    proptest! {
        /// After a cut or a flipped bit, the scan returns all entries before that place
        /// and none from that place on.
        #[test]
        fn a_scan_finds_the_whole_prefix(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..8),
            place in any::<prop::sample::Index>(),
            cuts in any::<bool>(),
        ) {
            let parts: Vec<_> = payloads
                .iter()
                .map(|payload| (Before::Pending, payload.as_slice()))
                .collect();
            let mut bytes = segment(3, &parts);
            let place = place.index(bytes.len());
            if cuts {
                bytes.truncate(place);
            } else {
                bytes[place] ^= 4;
            }
            let mut whole = 0;
            let mut end = 0;
            for payload in &payloads {
                if end + HEADER_BYTES + payload.len() > place {
                    break;
                }
                end += HEADER_BYTES + payload.len();
                whole += 1;
            }
            let found = scan(&bytes, 3);
            prop_assert_eq!(found.entries.len(), whole);
            prop_assert_eq!(found.end, end);
        }
    }
}
