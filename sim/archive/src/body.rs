//! The body of an object: one line in JSON for each commit, compressed with zstd.
//!
//! The lines are those of the change stream without its digests, so they can be read without this
//! program (`tail -n +3 OBJECT | zstd -d`). The digests of the history before and after the commits
//! are in the header.
//!
//! Bounds: a body is at most [`MAX_BYTES`] long before compression, and no more is decompressed than
//! the header states.

use std::io::Read;

use lithify::Commit;
use lithify::read::{CommitChanges, Operation, Past};
use lithify::stream::text_or_hex;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The most bytes of a body before compression.
pub(crate) const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// The level of compression.
const LEVEL: i32 = 3;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    commit: u64,
    operations: Vec<Fields>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Fields {
    Put(Put),
    Delete(Delete),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    keyspace: String,
    #[serde(with = "text_or_hex")]
    put: Vec<u8>,
    #[serde(with = "text_or_hex")]
    value: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    keyspace: String,
    #[serde(with = "text_or_hex")]
    delete: Vec<u8>,
}

/// The line of a commit, with its end.
pub(crate) fn line(changes: &CommitChanges) -> Vec<u8> {
    let fields = |operation: &Operation| match operation.value.clone() {
        Some(value) => Fields::Put(Put {
            keyspace: operation.keyspace.clone(),
            put: operation.key.clone(),
            value,
        }),
        None => Fields::Delete(Delete {
            keyspace: operation.keyspace.clone(),
            delete: operation.key.clone(),
        }),
    };
    let line = Line {
        commit: changes.commit.get(),
        operations: changes.operations.iter().map(fields).collect(),
    };
    let mut bytes = serde_json::to_vec(&line).expect("a commit has no map and no float");
    bytes.push(b'\n');
    bytes
}

/// The compressed form of these lines.
pub(crate) fn compress(name: &str, lines: &[u8]) -> Result<Vec<u8>> {
    let bytes = lines.len() as u64;
    if bytes > MAX_BYTES {
        return Err(Error::TooLarge {
            name: name.to_owned(),
            bytes,
            limit: MAX_BYTES,
        });
    }
    let compressed = zstd::bulk::compress(lines, LEVEL);
    Ok(compressed.expect("compression into memory does not fail"))
}

/// The commits of a body, with the history before each.
///
/// # Errors
/// [`Error::Damage`] when the body does not hold the commits after `before` in order, or has another
/// length than `bytes`.
pub(crate) fn decode(
    name: &str,
    body: &[u8],
    bytes: u64,
    (before, mut past): (Commit, Past),
) -> Result<Vec<CommitChanges>> {
    let damage = |expected: String, found: String| Error::Damage {
        name: name.to_owned(),
        expected,
        found,
    };
    if bytes > MAX_BYTES {
        return Err(damage(
            format!("a body of at most {MAX_BYTES} bytes"),
            bytes.to_string(),
        ));
    }
    let unpacked = || -> std::io::Result<Vec<u8>> {
        let mut lines = Vec::new();
        // One byte more, to notice a body that is too long.
        zstd::Decoder::new(body)?
            .take(bytes + 1)
            .read_to_end(&mut lines)?;
        Ok(lines)
    };
    let lines =
        unpacked().map_err(|error| damage("a body of zstd".to_owned(), error.to_string()))?;
    if lines.len() as u64 != bytes {
        return Err(damage(
            format!("{bytes} bytes"),
            format!("{} or more", lines.len()),
        ));
    }
    let mut commits = Vec::new();
    let mut expected = before.next();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let line: Line = serde_json::from_slice(line)
            .map_err(|error| damage(format!("commit {expected} in a line"), error.to_string()))?;
        if line.commit != expected.get() {
            return Err(damage(
                format!("commit {expected}"),
                format!("commit {}", line.commit),
            ));
        }
        let changes = CommitChanges {
            commit: expected,
            before: past,
            operations: line.operations.into_iter().map(operation).collect(),
        };
        past = changes.after();
        expected = expected.next();
        commits.push(changes);
    }
    Ok(commits)
}

fn operation(fields: Fields) -> Operation {
    match fields {
        Fields::Put(Put {
            keyspace,
            put,
            value,
        }) => Operation {
            keyspace,
            key: put,
            value: Some(value),
        },
        Fields::Delete(Delete { keyspace, delete }) => Operation {
            keyspace,
            key: delete,
            value: None,
        },
    }
}
