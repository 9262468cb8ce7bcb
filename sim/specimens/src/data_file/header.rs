//! The header of a data file: its identity, and the bytes that must be valid.
//!
//! `"lithdata" | version u32 | generation u64 | base commit u64 | base chain u64 |
//! copied end u64 | certain end u64 | store u64 | file u64 | crc u32`, numbers little-endian, positions counted
//! from the end of the header.
//!
//! The header is written *last*, after all bytes below `certain_end`. So a file with a
//! valid header and a shorter body is damaged, and an interrupted copy has no header
//! and is not valid.

use crate::parts::identity::Identity;

/// The length of a header.
pub(super) const HEADER_BYTES: u64 = 72;

const MAGIC: &[u8; 8] = b"lithdata";
const VERSION: u32 = 3;

/// The lengths of the headers of versions 1 and 2.
const EARLIER_HEADER_BYTES: [usize; 2] = [56, 72];

/// The data of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The number of the file. Begins at 1; each compaction increases it by 1. Part of
    /// every checksum.
    pub(super) generation: u64,
    /// The commit whose state is in the copied part. 0 in the first file.
    pub(super) base_commit: u64,
    /// The chain after that commit.
    pub(super) base_chain: u64,
    /// The end of the copied part. Commits begin here.
    pub(super) copied_end: u64,
    /// All bytes below this position were durable when the file got its name.
    pub(super) certain_end: u64,
    /// The store and the number of the file. Part of every checksum.
    pub(super) identity: Identity,
}

impl Header {
    /// The header of the first file of a store.
    pub(super) const fn first(identity: Identity) -> Self {
        Self {
            generation: 1,
            base_commit: 0,
            base_chain: 0,
            copied_end: 0,
            certain_end: 0,
            identity,
        }
    }

    /// The salt of the checksums of the file's entries.
    pub(super) fn salt(&self) -> u64 {
        self.identity.salt(self.generation)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES as usize);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        for number in [
            self.generation,
            self.base_commit,
            self.base_chain,
            self.copied_end,
            self.certain_end,
            self.identity.store,
            self.identity.file,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// The header at the beginning of a file. The error says what is wrong.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let length = HEADER_BYTES as usize;
        let version = bytes.get(8..12);
        let version = version.map(|four| u32::from_le_bytes(four.try_into().expect("four bytes")));
        let is_header = |length: usize| match bytes.get(..length) {
            Some(header) => {
                let (covered, stored) = header.split_at(length - 4);
                covered.starts_with(MAGIC) && crc32fast::hash(covered).to_le_bytes() == stored
            }
            None => false,
        };
        if let Some(version) = version.filter(|&version| version != VERSION)
            && EARLIER_HEADER_BYTES.into_iter().any(is_header)
        {
            return Err(format!(
                "its version is {version}, and this program reads version {VERSION} alone"
            ));
        }
        if bytes.len() < length {
            return Err(format!("its {} bytes are no header", bytes.len()));
        }
        if !is_header(length) {
            return Err("its header has no valid checksum".to_owned());
        }
        let number = |index: usize| {
            let at = 12 + 8 * index;
            u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
        };
        Ok(Self {
            generation: number(0),
            base_commit: number(1),
            base_chain: number(2),
            copied_end: number(3),
            certain_end: number(4),
            identity: Identity {
                store: number(5),
                file: number(6),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written_and_no_flipped_bit_is_accepted() {
        let header = Header {
            generation: 7,
            base_commit: 6,
            base_chain: 5,
            copied_end: 4,
            certain_end: 9,
            identity: Identity { store: 2, file: 3 },
        };
        let bytes = header.encode();
        assert_eq!(bytes.len() as u64, HEADER_BYTES);
        assert_eq!(Header::decode(&bytes), Ok(header));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
        }
        assert!(Header::decode(&bytes[..71]).is_err());
    }

    #[test]
    fn headers_of_earlier_versions_are_refused_with_their_number() {
        for (version, length) in [(1, 56), (2, 72)] {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(u32::to_le_bytes(version));
            bytes.resize(length - 4, 7);
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            bytes.resize(200, 9);
            let fault = Header::decode(&bytes).expect_err("another version");
            let expected =
                format!("its version is {version}, and this program reads version 3 alone");
            assert_eq!(fault, expected);
        }
    }
}
