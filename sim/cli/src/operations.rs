//! The operations of a batch as JSON.

use lithify::WriteBatch;
use serde::Deserialize;

use super::bytes::BytesInput;

/// An operation that was read.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected {\"put\":KEY,\"value\":VALUE} or {\"delete\":KEY}, \
                               each with or without \"keyspace\":NAME"
)]
pub(crate) enum Operation {
    Put(PutOperation),
    Delete(DeleteOperation),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutOperation {
    put: BytesInput,
    value: BytesInput,
    keyspace: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteOperation {
    delete: BytesInput,
    keyspace: Option<String>,
}

impl Operation {
    /// The keyspace, or the default keyspace; the key; the value, or `None` for a
    /// deletion.
    fn parts<'a>(&'a self, default_keyspace: &'a str) -> (&'a str, &'a [u8], Option<&'a [u8]>) {
        let named = |keyspace: &'a Option<String>| keyspace.as_deref().unwrap_or(default_keyspace);
        match self {
            Self::Put(PutOperation {
                put,
                value,
                keyspace,
            }) => (named(keyspace), put.bytes(), Some(value.bytes())),
            Self::Delete(DeleteOperation { delete, keyspace }) => {
                (named(keyspace), delete.bytes(), None)
            }
        }
    }

    /// Adds the operation to a batch.
    pub(crate) fn add_to(&self, batch: &mut WriteBatch, default_keyspace: &str) {
        match self.parts(default_keyspace) {
            (keyspace, key, Some(value)) => batch.put(keyspace, key, value),
            (keyspace, key, None) => batch.delete(keyspace, key),
        }
    }
}
