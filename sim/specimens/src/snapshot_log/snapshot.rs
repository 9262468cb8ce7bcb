//! A snapshot on disk: the state of the machine after a number of entries.
//!
//! `"lithsnap" | version u32 | offset u64 | length u64 | state | crc u32`, numbers
//! little-endian. The CRC covers the offset in the file's *name* and all bytes before
//! the CRC, so a snapshot under another name is not valid. A file whose length differs
//! from the length in its header is not valid either.

use lithify_sim::planted;

const MAGIC: &[u8; 8] = b"lithsnap";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 8 + 8;
const CHECKSUM_BYTES: usize = 4;

/// The length in bytes of a snapshot file, for a state of this length.
pub(super) fn file_bytes(state_bytes: usize) -> usize {
    HEADER_BYTES + state_bytes + CHECKSUM_BYTES
}

fn checksum(identity: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(b"snapshot");
    hasher.update(&identity.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// The bytes of a snapshot of `state` after `offset` entries. `identity` is the number
/// in the name of the file.
pub(super) fn encode(identity: u64, offset: u64, state: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(file_bytes(state.len()));
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend((state.len() as u64).to_le_bytes());
    bytes.extend(state);
    bytes.extend(checksum(identity, &bytes).to_le_bytes());
    bytes
}

/// The offset and the state, or the reason why the snapshot is not valid.
pub(super) fn decode(identity: u64, bytes: &[u8]) -> Result<(u64, &[u8]), String> {
    let number = |range: std::ops::Range<usize>| -> u64 {
        let mut wide = [0; 8];
        wide[..range.len()].copy_from_slice(&bytes[range]);
        u64::from_le_bytes(wide)
    };
    if bytes.len() < HEADER_BYTES + CHECKSUM_BYTES || &bytes[..8] != MAGIC {
        return Err(format!("its {} bytes are no snapshot", bytes.len()));
    }
    let (offset, length) = (number(12..20), number(20..28));
    let (covered, stored) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    let state = &covered[HEADER_BYTES..];
    if planted::is_active("incomplete-snapshot-accepted") {
        return Ok((offset, state));
    }
    if checksum(identity, covered).to_le_bytes() != stored {
        return Err("its checksum does not match".to_owned());
    }
    if number(8..12) != u64::from(VERSION) || length != state.len() as u64 {
        return Err(format!(
            "version {} with {length} bytes of state is not version {VERSION} with {}",
            number(8..12),
            state.len()
        ));
    }
    Ok((offset, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_as_it_was_written() {
        let bytes = encode(7, 7, b"state");
        assert_eq!(bytes.len(), file_bytes(5));
        assert_eq!(decode(7, &bytes), Ok((7, b"state".as_slice())));
        assert!(decode(8, &bytes).is_err(), "under another name it is none");
    }

    #[test]
    fn no_flipped_bit_and_no_other_length_is_accepted() {
        let bytes = encode(7, 7, b"state");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(7, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(decode(7, &bytes[..length]).is_err(), "length {length}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(decode(7, &longer).is_err());
    }
}
