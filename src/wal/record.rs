//! The payloads of WAL records.
//!
//! The first record of a file states the end of the file before it. That seals the older file:
//! bytes behind that end are a torn tail for ever, and missing bytes before it are damage. A commit
//! record holds a whole sorted batch. So a batch is replayed as a whole or not at all, and needs no
//! sorting.

use std::sync::Arc;

use crate::codec::{Decoder, put_bytes, put_varint};
use crate::commit::Commit;
use crate::segment::KeyspaceId;
use crate::segment::run::{EntryRef, Run};

const HEADER: u8 = 0;
const COMMIT: u8 = 1;
const CLOSE: u8 = 2;

/// The end of the log before a WAL file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WalHeader {
    /// The file before this one; 0 for none.
    pub(crate) previous: u64,
    /// The end of the last valid record of that file.
    pub(crate) previous_end: u64,
    /// The last commit before this file.
    pub(crate) after: Commit,
}

/// A decoded record.
#[derive(Debug)]
pub(crate) enum WalRecord {
    Header(WalHeader),
    Commit(CommitRecord),
    /// Everything before this record is durable: the store was closed.
    Close,
}

/// One commit, in the form of the WAL.
#[derive(Debug)]
pub(crate) struct CommitRecord {
    pub(crate) commit: Commit,
    /// Keyspaces that no earlier commit has named.
    pub(crate) new_keyspaces: Vec<Arc<str>>,
    /// One sorted run for each keyspace that the commit writes to.
    pub(crate) runs: Vec<(KeyspaceId, Run)>,
}

pub(crate) fn encode_header(header: &WalHeader, buffer: &mut Vec<u8>) {
    buffer.push(HEADER);
    put_varint(buffer, header.previous);
    put_varint(buffer, header.previous_end);
    put_varint(buffer, header.after.get());
}

pub(crate) fn encode_close(buffer: &mut Vec<u8>) {
    buffer.push(CLOSE);
}

pub(crate) fn encode_commit(record: &CommitRecord, buffer: &mut Vec<u8>) {
    buffer.push(COMMIT);
    put_varint(buffer, record.commit.get());
    put_varint(buffer, record.new_keyspaces.len() as u64);
    for name in &record.new_keyspaces {
        put_bytes(buffer, name.as_bytes());
    }
    put_varint(buffer, record.runs.len() as u64);
    for (keyspace, run) in &record.runs {
        put_varint(buffer, u64::from(*keyspace));
        put_varint(buffer, run.len() as u64);
        for entry in run.iter() {
            put_bytes(buffer, entry.key);
            match entry.value {
                None => put_varint(buffer, 0),
                Some(value) => {
                    put_varint(buffer, value.len() as u64 + 1);
                    buffer.extend_from_slice(value);
                }
            }
        }
    }
}

/// Decodes the payload of a record; `None` when it is not valid.
pub(crate) fn decode(payload: &[u8]) -> Option<WalRecord> {
    let mut decoder = Decoder::new(payload);
    let record = match decoder.u8()? {
        HEADER => WalRecord::Header(decode_header(&mut decoder)?),
        COMMIT => WalRecord::Commit(decode_commit(&mut decoder)?),
        CLOSE => WalRecord::Close,
        _ => return None,
    };
    decoder.is_empty().then_some(record)
}

/// The number of the commit in a payload, which is not looked at any further; `None` when it holds
/// none.
pub(crate) fn commit_in(payload: &[u8]) -> Option<Commit> {
    let mut decoder = Decoder::new(payload);
    (decoder.u8()? == COMMIT).then(|| decoder.commit())?
}

fn decode_header(decoder: &mut Decoder<'_>) -> Option<WalHeader> {
    Some(WalHeader {
        previous: decoder.varint()?,
        previous_end: decoder.varint()?,
        after: decoder.commit()?,
    })
}

fn decode_commit(decoder: &mut Decoder<'_>) -> Option<CommitRecord> {
    let commit = decoder.commit()?;
    let mut new_keyspaces = Vec::new();
    for _ in 0..decoder.length()? {
        new_keyspaces.push(str::from_utf8(decoder.bytes()?).ok()?.into());
    }
    let mut runs = Vec::new();
    for _ in 0..decoder.length()? {
        match decode_run(decoder, commit) {
            Some(run) => runs.push(run),
            None if planted!(PartialBatchReplayed) && !runs.is_empty() => {
                *decoder = Decoder::new(&[]);
                break;
            }
            None => return None,
        }
    }
    Some(CommitRecord {
        commit,
        new_keyspaces,
        runs,
    })
}

fn decode_run(decoder: &mut Decoder<'_>, commit: Commit) -> Option<(KeyspaceId, Run)> {
    let keyspace = u32::try_from(decoder.varint()?).ok()?;
    let (entries, bytes) = measure_run(decoder.clone())?;
    let mut run = Run::with_capacity(entries, bytes);
    let mut previous: Option<&[u8]> = None;
    for _ in 0..decoder.length()? {
        let (key, value) = decode_entry(decoder)?;
        if previous.is_some_and(|previous| previous >= key) {
            return None;
        }
        previous = Some(key);
        run.push(EntryRef { key, commit, value });
    }
    Some((keyspace, run))
}

/// The number of entries of a run, and the bytes of their keys and values. A count is trusted only
/// when that many entries are really there, so that a false count takes no memory.
fn measure_run(mut decoder: Decoder<'_>) -> Option<(usize, usize)> {
    let entries = decoder.length()?;
    let mut bytes = 0;
    for _ in 0..entries {
        let (key, value) = decode_entry(&mut decoder)?;
        bytes += key.len() + value.map_or(0, <[u8]>::len);
    }
    Some((entries, bytes))
}

fn decode_entry<'a>(decoder: &mut Decoder<'a>) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    let key = decoder.bytes()?;
    let value = match decoder.length()? {
        0 => None,
        length => Some(decoder.take(length - 1)?),
    };
    Some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_anything_never_panics(payload: Vec<u8>) {
            let _ = decode(&payload);
        }
    }

    #[test]
    fn a_commit_round_trips() {
        let commit = Commit::new(7);
        let mut run = Run::default();
        run.push(EntryRef {
            key: b"a",
            commit,
            value: Some(b""),
        });
        run.push(EntryRef {
            key: b"b",
            commit,
            value: None,
        });
        let record = CommitRecord {
            commit,
            new_keyspaces: vec!["x".into()],
            runs: vec![(3, run)],
        };
        let mut payload = Vec::new();
        encode_commit(&record, &mut payload);
        let Some(WalRecord::Commit(back)) = decode(&payload) else {
            panic!("not a commit")
        };
        assert_eq!(back.commit, commit);
        assert_eq!(back.new_keyspaces, record.new_keyspaces);
        assert_eq!(back.runs[0].0, 3);
        assert!(back.runs[0].1.iter().eq(record.runs[0].1.iter()));
        payload.push(0);
        assert!(decode(&payload).is_none(), "trailing bytes");
    }
}
