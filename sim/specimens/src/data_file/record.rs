//! What the entries of a data file mean: a value, a tombstone, the end of a commit, and
//! the mark that makes a file a backup for good.
//!
//! A payload is one byte of kind and then: key and value, a key, or 8 bytes of chain. A
//! commit is its records and its end; without its end it never happened. Copied records
//! have no end: the header says where they stop.
//!
//! The *chain* of a commit is a hash of the chain before it and of its records, so equal
//! chains mean equal histories since the base. Recovery holds each commit against it, so
//! a record that some earlier life of the file has left is none even at the right place
//! with the right checksum; replicas compare it with their primary's. It is XXH3 with 64
//! bits: made against accidents (two primaries, a restored copy), not against malice.

use xxhash_rust::xxh3::Xxh3;

use crate::parts::entry::HEADER_BYTES as FRAME_BYTES;
use crate::parts::machine::{put, take};

const PUT: u8 = 1;
const DELETE: u8 = 2;
const END: u8 = 3;
const SUPERSEDED: u8 = 4;

/// The length of the entry that ends a commit.
pub(super) const END_BYTES: u64 = (FRAME_BYTES + 1 + 8) as u64;

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

/// What a payload says.
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
        chain: u64,
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
pub(super) fn of_end(chain: u64) -> Vec<u8> {
    let mut payload = vec![END];
    payload.extend(chain.to_le_bytes());
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

/// What a payload says, or what is wrong with it.
pub(super) fn decode(payload: &[u8]) -> Result<Record<'_>, String> {
    let (&kind, mut bytes) = payload.split_first().ok_or("a record without a kind")?;
    match kind {
        PUT => Ok(Record::Put {
            key: take(&mut bytes)?,
            value: bytes,
        }),
        DELETE => Ok(Record::Delete { key: bytes }),
        END => match <[u8; 8]>::try_from(bytes) {
            Ok(chain) => Ok(Record::End {
                chain: u64::from_le_bytes(chain),
            }),
            Err(_) => Err(format!("an end of a commit with {} bytes", bytes.len())),
        },
        SUPERSEDED if bytes.is_empty() => Ok(Record::Superseded),
        kind => Err(format!("a record of kind {kind}")),
    }
}

/// The chain after a commit, made from the chain before it, record by record.
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
