//! The records of a log.
//!
//! A log begins with its *base*: one record with the number of commits that the base
//! represents and the number of its pairs, then one record for each pair, in the order of
//! keys. After the base, each record is a commit. Numbers are little-endian.
//!
//! ```text
//! base    3 | commits u64 | pairs u64 | store u64 | file u64
//! pair    1 | operation
//! commit  2 | operations
//!
//! operation   1 | length u32 | key | length u32 | value     puts
//!             0 | length u32 | key                          deletes
//! ```
//!
//! A pair is as long as a commit with one put. So a log of puts to distinct keys has the
//! same length before and after a rewrite.

use crate::parts::entry::HEADER_BYTES;
use crate::parts::identity::Identity;
use crate::parts::machine::{put, take};

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The key gets this value.
    Put(Vec<u8>, Vec<u8>),
    /// The key is deleted.
    Delete(Vec<u8>),
}

/// A record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Base {
        commits: u64,
        pairs: u64,
        identity: Identity,
    },
    Pair(Vec<u8>, Vec<u8>),
    Commit(Vec<Operation>),
}

/// The base of version 1, which had no store and no file number.
const FIRST_BASE: u8 = 0;
const PAIR: u8 = 1;
const COMMIT: u8 = 2;
const BASE: u8 = 3;

const DELETE: u8 = 0;
const PUT: u8 = 1;

/// The length in the log of the entry of a base record.
pub(super) const BASE_BYTES: u64 = HEADER_BYTES as u64 + 1 + 4 * 8;

/// The length in the log of the entry of a pair, and also of a commit that puts this
/// pair.
pub(super) fn pair_bytes(key: &[u8], value: &[u8]) -> u64 {
    (HEADER_BYTES + 1 + 1 + 4 + key.len() + 4 + value.len()) as u64
}

/// The payload of a base.
pub(super) fn base(commits: u64, pairs: u64, identity: Identity) -> Vec<u8> {
    let mut payload = vec![BASE];
    for number in [commits, pairs, identity.store, identity.file] {
        payload.extend(number.to_le_bytes());
    }
    payload
}

/// The payload of a pair.
pub(super) fn pair(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut payload = vec![PAIR];
    put_operation(&mut payload, key, Some(value));
    payload
}

/// The payload of a commit.
pub(super) fn commit(operations: &[Operation]) -> Vec<u8> {
    let mut payload = vec![COMMIT];
    for operation in operations {
        match operation {
            Operation::Put(key, value) => put_operation(&mut payload, key, Some(value)),
            Operation::Delete(key) => put_operation(&mut payload, key, None),
        }
    }
    payload
}

fn put_operation(payload: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    payload.push(if value.is_some() { PUT } else { DELETE });
    put(payload, key);
    if let Some(value) = value {
        put(payload, value);
    }
}

/// Decodes a payload.
///
/// # Errors
/// The reason why the payload is not valid.
pub(super) fn decode(payload: &[u8]) -> Result<Record, String> {
    let (&kind, mut bytes) = payload.split_first().ok_or("an empty payload")?;
    match kind {
        BASE => {
            let (commits, rest) = number(bytes)?;
            let (pairs, rest) = number(rest)?;
            let (store, rest) = number(rest)?;
            match number(rest)? {
                (file, []) => Ok(Record::Base {
                    commits,
                    pairs,
                    identity: Identity { store, file },
                }),
                (_, rest) => Err(format!("{} bytes behind a base", rest.len())),
            }
        }
        FIRST_BASE => {
            Err("the log is of version 1, and this program reads version 2 alone".to_owned())
        }
        PAIR => match (operation(&mut bytes)?, bytes) {
            (Operation::Put(key, value), []) => Ok(Record::Pair(key, value)),
            _ => Err("a pair that is no single put".to_owned()),
        },
        COMMIT => {
            let mut operations = Vec::new();
            while !bytes.is_empty() {
                operations.push(operation(&mut bytes)?);
            }
            Ok(Record::Commit(operations))
        }
        kind => Err(format!("a record of kind {kind}")),
    }
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), String> {
    let (number, rest) = bytes.split_first_chunk().ok_or("a number is missing")?;
    Ok((u64::from_le_bytes(*number), rest))
}

fn operation(bytes: &mut &[u8]) -> Result<Operation, String> {
    let (&kind, rest) = bytes.split_first().ok_or("an operation is missing")?;
    *bytes = rest;
    let key = take(bytes)?.to_vec();
    match kind {
        PUT => Ok(Operation::Put(key, take(bytes)?.to_vec())),
        DELETE => Ok(Operation::Delete(key)),
        kind => Err(format!("an operation of kind {kind}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..5)
    }

    proptest! {
        #[test]
        fn records_are_read_as_they_were_written(
            operations in prop::collection::vec((bytes(), prop::option::of(bytes())), 0..4),
            commits: u64,
            pairs: u64,
            store: u64,
            file: u64,
        ) {
            let identity = Identity { store, file };
            let operations: Vec<_> = operations
                .into_iter()
                .map(|(key, value)| match value {
                    Some(value) => Operation::Put(key, value),
                    None => Operation::Delete(key),
                })
                .collect();
            let expected = Record::Base { commits, pairs, identity };
            prop_assert_eq!(decode(&base(commits, pairs, identity)), Ok(expected));
            for operation in &operations {
                if let Operation::Put(key, value) = operation {
                    let pair = pair(key, value);
                    let commit = commit(std::slice::from_ref(operation));
                    prop_assert_eq!(pair.len(), commit.len());
                    let bytes = (HEADER_BYTES + pair.len()) as u64;
                    prop_assert_eq!(bytes, pair_bytes(key, value));
                    prop_assert_eq!(decode(&pair), Ok(Record::Pair(key.clone(), value.clone())));
                }
            }
            prop_assert_eq!(decode(&commit(&operations)), Ok(Record::Commit(operations)));
        }

        #[test]
        fn no_bytes_make_it_panic(payload in prop::collection::vec(0_u8..4, 0..30)) {
            let _ = decode(&payload);
        }
    }
}
