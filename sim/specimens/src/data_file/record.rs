//! The records of a data file: a value, a tombstone, the end of a commit, an opening, and the
//! mark of a backup.
//!
//! A payload is one byte of kind, followed by: key and value; or a key; or a seal of 8 bytes;
//! or a number of 7 bytes. A commit consists of its records and its end. A commit without its
//! end does not count. Copied records have no end: the header says where they stop.
//!
//! The *chain* of a commit is a hash of the chain before it and of its records. So equal chains
//! mean equal histories since the base. A replica compares its chain with the chain of its
//! primary. The hash is XXH3 with 64 bits: it detects accidents (two primaries, a restored
//! copy), and does not protect against malice.
//!
//! The *seal* at the end of a commit is the exclusive or of the chain and the number of the
//! opening that has written the commit. The number is 0 in a file without openings. Recovery
//! checks each seal against both. So if the disk brings back a commit that an earlier
//! incarnation has lost at this place of this file, the commit is not valid, even if it follows
//! the same history.

use xxhash_rust::xxh3::Xxh3;

use crate::parts::entry::HEADER_BYTES as FRAME_BYTES;
use crate::parts::machine::{put, take};

const PUT: u8 = 1;
const DELETE: u8 = 2;
const END: u8 = 3;
const SUPERSEDED: u8 = 4;
const OPENING: u8 = 5;

/// The length of the entry that ends a commit.
pub(super) const END_BYTES: u64 = (FRAME_BYTES + 1 + 8) as u64;

/// The length of the number of an opening.
const NUMBER_BYTES: usize = 7;

/// The length of the entry of an opening.
pub(super) const OPENING_BYTES: u64 = (FRAME_BYTES + 1 + NUMBER_BYTES) as u64;

// Until an opening is durable, the bytes of a lost commit of an earlier incarnation can come
// back at its place. They must not contain a complete commit, and the shortest complete commit
// is an end alone.
const _: () = assert!(OPENING_BYTES < END_BYTES);

/// The length of the entry that marks a backup.
pub(super) const MARK_BYTES: u64 = (FRAME_BYTES + 1) as u64;

/// One write of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: Vec<u8>,
    /// The value; `None` deletes.
    pub value: Option<Vec<u8>>,
}

/// A decoded payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<'bytes> {
    Put {
        key: &'bytes [u8],
        value: &'bytes [u8],
    },
    Delete {
        key: &'bytes [u8],
    },
    End {
        seal: u64,
    },
    Opening {
        number: u64,
    },
    Superseded,
}

/// The payload of a write.
pub(super) fn of_write(write: &Write) -> Vec<u8> {
    let mut payload = vec![if write.value.is_some() { PUT } else { DELETE }];
    match &write.value {
        Some(value) => {
            put(&mut payload, &write.key);
            payload.extend(value);
        }
        None => payload.extend(&write.key),
    }
    payload
}

/// The payload that ends a commit.
pub(super) fn of_end(chain: u64, opening: u64) -> Vec<u8> {
    let mut payload = vec![END];
    payload.extend(seal(chain, opening).to_le_bytes());
    payload
}

/// The seal of a commit that this opening has written. Also computes the chain from such a
/// seal, because exclusive or is its own inverse.
pub(super) fn seal(chain: u64, opening: u64) -> u64 {
    chain ^ opening
}

/// Makes the number of an opening from a number that was never given out before.
pub(super) fn opening_number(fresh: u64) -> u64 {
    fresh >> (64 - 8 * NUMBER_BYTES)
}

/// The payload of an opening.
pub(super) fn of_opening(number: u64) -> Vec<u8> {
    let mut payload = vec![OPENING];
    payload.extend(&number.to_le_bytes()[..NUMBER_BYTES]);
    payload
}

/// The payload of the mark.
pub(super) fn of_mark() -> Vec<u8> {
    vec![SUPERSEDED]
}

/// The length of the entry of a write.
pub(super) fn entry_bytes(key_bytes: usize, value_bytes: Option<usize>) -> u64 {
    let lengths = value_bytes.map_or(0, |value_bytes| 4 + value_bytes);
    (FRAME_BYTES + 1 + key_bytes + lengths) as u64
}

/// Decodes a payload. The error says what is wrong with it.
pub(super) fn decode(payload: &[u8]) -> Result<Record<'_>, String> {
    let (&kind, mut bytes) = payload.split_first().ok_or("a record without a kind")?;
    match kind {
        PUT => Ok(Record::Put {
            key: take(&mut bytes)?,
            value: bytes,
        }),
        DELETE => Ok(Record::Delete { key: bytes }),
        END => match <[u8; 8]>::try_from(bytes) {
            Ok(seal) => Ok(Record::End {
                seal: u64::from_le_bytes(seal),
            }),
            Err(_) => Err(format!("an end of a commit with {} bytes", bytes.len())),
        },
        OPENING if bytes.len() == NUMBER_BYTES => {
            let mut number = [0; 8];
            number[..NUMBER_BYTES].copy_from_slice(bytes);
            Ok(Record::Opening {
                number: u64::from_le_bytes(number),
            })
        }
        SUPERSEDED if bytes.is_empty() => Ok(Record::Superseded),
        kind => Err(format!("a record of kind {kind}")),
    }
}

/// Computes the chain after a commit, record by record, from the chain before it.
pub(super) struct Chain(Xxh3);

impl Chain {
    pub(super) fn after(previous: u64) -> Self {
        Self(Xxh3::with_seed(previous))
    }

    pub(super) fn add(&mut self, payload: &[u8]) {
        self.0.update(&(payload.len() as u64).to_le_bytes());
        self.0.update(payload);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.digest()
    }

    /// The chain after a whole commit.
    pub(super) fn of(previous: u64, writes: &[Write]) -> u64 {
        let mut chain = Self::after(previous);
        for write in writes {
            chain.add(&of_write(write));
        }
        chain.value()
    }
}
