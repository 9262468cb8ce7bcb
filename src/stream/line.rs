//! One commit of a stream.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::text_or_hex;
use crate::commit::Commit;
use crate::read::{CommitChanges, Operation, Past};

/// One commit of a stream, with the digest of the stream up to it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    commit: u64,
    operations: Vec<Fields>,
    digest: Digest,
}

/// An [`Operation`] for serde.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "expected {\"keyspace\":NAME,\"put\":KEY,\"value\":VALUE} or \
                 {\"keyspace\":NAME,\"delete\":KEY}"
)]
enum Fields {
    Put(Put),
    Delete(Delete),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Put {
    keyspace: String,
    #[serde(with = "text_or_hex")]
    put: Vec<u8>,
    #[serde(with = "text_or_hex")]
    value: Vec<u8>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    keyspace: String,
    #[serde(with = "text_or_hex")]
    delete: Vec<u8>,
}

impl Line {
    pub(super) fn new(changes: CommitChanges, digest: Digest) -> Self {
        Self {
            commit: changes.commit.get(),
            operations: changes.operations.into_iter().map(Fields::from).collect(),
            digest,
        }
    }

    /// The commit.
    #[must_use]
    pub fn commit(&self) -> Commit {
        Commit::new(self.commit)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// The commit, with the history that the stream had before it.
    pub(super) fn into_changes(self, before: Past) -> CommitChanges {
        CommitChanges {
            commit: Commit::new(self.commit),
            before,
            operations: self.operations.into_iter().map(Operation::from).collect(),
        }
    }
}

impl From<Operation> for Fields {
    fn from(operation: Operation) -> Self {
        let Operation {
            keyspace,
            key,
            value,
        } = operation;
        match value {
            Some(value) => Self::Put(Put {
                keyspace,
                put: key,
                value,
            }),
            None => Self::Delete(Delete {
                keyspace,
                delete: key,
            }),
        }
    }
}

impl From<Fields> for Operation {
    fn from(fields: Fields) -> Self {
        match fields {
            Fields::Put(Put {
                keyspace,
                put,
                value,
            }) => Self {
                keyspace,
                key: put,
                value: Some(value),
            },
            Fields::Delete(Delete { keyspace, delete }) => Self {
                keyspace,
                key: delete,
                value: None,
            },
        }
    }
}
