//! One entry of the log on disk: 4 bytes of length, 4 bytes of CRC-32, payload.
//!
//! Both numbers are little-endian, and files hold nothing but entries. The layout is
//! the published one, but the CRC covers more than the payload: a salt that no other file
//! has ([`super::identity`]), the position in the file, the length, and one bit about what
//! came before. So
//!
//! - bytes of another file at the same place (a block that the file system gave out
//!   again before it was written, a recycled file, a misdirected write) are no entry;
//! - zeros are no entry, although a payload of no bytes has a plain CRC of zero;
//! - damage in the middle can be told from a torn tail. An entry that was written when
//!   everything before it was durable ([`Before::Durable`]) is a *witness*: if it can be
//!   read and something before it cannot, then the device has lost what it had. An
//!   entry that was written behind unsynced ones is no witness, because a crash may
//!   keep it and lose them.
//!
//! The bit needs no room: the CRC is computed for either case, and the reader tries
//! both.

use std::ops::Range;

use lithify_sim::planted;

/// Length and checksum, in front of each payload.
pub(crate) const HEADER_BYTES: usize = 8;

/// The longest payload in bytes. Longer ones are refused before anything is written.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// What was durable when an entry was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Everything before it.
    Durable,
    /// Not everything: it belongs to the same sync as the entry before.
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

/// Adds an entry to `buffer`, which begins at `base` in the file of `segment`.
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

/// Where the payload lies that the header at the front of `bytes` announces, if it lies
/// in them.
pub(crate) fn payload_of(bytes: &[u8]) -> Option<Range<usize>> {
    let length = bytes.get(..HEADER_BYTES)?.first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let end = HEADER_BYTES.checked_add(length)?;
    let is_there = end <= bytes.len() || planted::is_active("length-believed");
    (length <= MAX_PAYLOAD_BYTES && is_there).then_some(HEADER_BYTES..end)
}

/// The payload of the entry at the front of `bytes`, which lie at `position` in their
/// segment, if it is valid there.
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

/// The entry at `position` of a segment, if there is a valid one.
pub(crate) fn decode(bytes: &[u8], segment: u64, position: usize) -> Option<Entry> {
    let (payload, before) = check(bytes.get(position..)?, segment, position as u64)?;
    Some(Entry {
        position,
        payload: payload.start + position..payload.end + position,
        before,
    })
}

/// What a segment's file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The entries up to the first that is invalid.
    pub(crate) entries: Vec<Entry>,
    /// Where they end, in bytes.
    pub(crate) end: usize,
    /// Where an entry lies behind the end that was written when all before it was
    /// durable: then the end is damage and no torn tail.
    pub(crate) witness: Option<usize>,
}

/// Reads a segment. Linear in its length, except that behind an invalid entry each
/// position is tried; a position costs as much as the length that stands there, if the
/// file is that long.
pub(crate) fn scan(bytes: &[u8], segment: u64) -> Scan {
    scan_behind(bytes, segment, None)
}

/// The same, of a file whose first entry has a checksum of its own and was read already.
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

    /// A hole in one group is a torn tail; a hole before a later group is damage.
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
        /// Whatever is cut off or flipped, the entries before it are read and those
        /// from it on are not.
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
