//! A transaction that nobody has committed yet: a snapshot, what was read of it, and writes.
//!
//! Invariant: whatever a read has answered from the snapshot is in the reads. A get that the
//! draft's own writes have answered is not, because nobody else can change the answer; a range
//! that was walked is, with all keys in it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::Result;
use crate::limits;
use crate::names::Names;
use crate::read::{KeyRange, Snapshot};
use crate::slice::Slice;
use crate::transaction::overlay::Overlay;
use crate::transaction::reads::{Reads, lock};

/// What a transaction has read and written so far. [`Transaction`](crate::Transaction) is this
/// together with its store.
#[derive(Debug)]
pub struct Draft {
    snapshot: Snapshot,
    reads: Arc<Mutex<Reads>>,
    /// The keyspaces that it writes to, in order of first use: new ones get their numbers so.
    keyspaces: Names,
    /// For each of them by key; `None` is a deletion.
    writes: Vec<BTreeMap<Slice, Option<Slice>>>,
    /// Bytes and number of all writes, also of those that later ones have replaced.
    bytes: usize,
    operations: usize,
}

impl Draft {
    /// A draft that reads this snapshot.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            reads: Arc::new(Mutex::new(Reads::since(snapshot.commit()))),
            snapshot,
            keyspaces: Names::default(),
            writes: Vec::new(),
            bytes: 0,
            operations: 0,
        }
    }

    /// The commit that the draft reads.
    #[must_use]
    pub fn commit(&self) -> Commit {
        self.snapshot.commit()
    }

    /// Whether the draft has written nothing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.writes.is_empty()
    }

    /// The value of `key`: the one that the draft has written, or that of its snapshot.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn get(&self, keyspace: &str, key: &[u8]) -> Result<Option<Slice>> {
        let own = self.written(keyspace).and_then(|keys| keys.get(key));
        if let Some(own) = own {
            return Ok(own.clone());
        }
        if !planted!(ReadUnrecorded) {
            lock(&self.reads).add_key(keyspace, key);
        }
        self.snapshot.get(keyspace, key)
    }

    /// The keys inside `range` that have a value, in key order, with the writes of the draft up to
    /// now; walks both ways. Later writes of the draft do not show in it.
    ///
    /// Only what was walked counts as read.
    ///
    /// # Errors
    /// As [`Snapshot::range`].
    pub fn range(&self, keyspace: &str, range: KeyRange) -> Result<Overlay> {
        let start = match &range.start {
            Bound::Included(key) => Bound::Included(&key[..]),
            Bound::Excluded(key) => Bound::Excluded(&key[..]),
            Bound::Unbounded => Bound::Unbounded,
        };
        let own = self.written(keyspace).into_iter();
        let own = own.flat_map(|keys| keys.range::<[u8], _>((start, Bound::Unbounded)));
        let own = own.take_while(|(key, _)| !range.ends_before(key));
        let own = own.map(|(key, value)| (key.clone(), value.clone()));
        let own = own.collect();
        let stored = self.snapshot.range(keyspace, range.clone())?;
        let walk = lock(&self.reads).add_walk(keyspace, range);
        Ok(Overlay::new(stored, own, Arc::clone(&self.reads), walk))
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    /// [`Error::Limit`](crate::Error::Limit) for what no commit could hold; the draft stays as it was.
    pub fn put(&mut self, keyspace: &str, key: &[u8], value: &[u8]) -> Result<()> {
        self.write(keyspace, key, Some(value))
    }

    /// Removes `key`; a key that is not there is no error.
    ///
    /// # Errors
    /// As [`Draft::put`].
    pub fn delete(&mut self, keyspace: &str, key: &[u8]) -> Result<()> {
        self.write(keyspace, key, None)
    }

    fn write(&mut self, keyspace: &str, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        let value_bytes = value.map_or(0, <[u8]>::len);
        let bytes = self.bytes + key.len() + value_bytes;
        let operations = self.operations + 1;
        limits::check_writes(key.len(), value_bytes, bytes, operations)?;
        (self.bytes, self.operations) = (bytes, operations);
        let number = self.keyspaces.number(keyspace).unwrap_or_else(|| {
            self.writes.push(BTreeMap::new());
            self.keyspaces.add(keyspace.into())
        });
        self.writes[number as usize].insert(key.into(), value.map(Slice::from));
        Ok(())
    }

    /// What it has written to a keyspace.
    fn written(&self, keyspace: &str) -> Option<&BTreeMap<Slice, Option<Slice>>> {
        let number = self.keyspaces.number(keyspace)?;
        self.writes.get(number as usize)
    }

    /// What a commit needs: the writes, and what must not have changed.
    pub(crate) fn into_parts(self) -> (WriteBatch, Reads) {
        let mut batch = WriteBatch::new();
        for (keyspace, keys) in self.keyspaces.as_slice().iter().zip(&self.writes) {
            for (key, value) in keys {
                match value {
                    Some(value) => batch.put(keyspace, key, value),
                    None => batch.delete(keyspace, key),
                }
            }
        }
        let reads = match Arc::try_unwrap(self.reads) {
            Ok(reads) => reads.into_inner().unwrap_or_else(PoisonError::into_inner),
            // Somebody still holds a range.
            Err(shared) => lock(&shared).clone(),
        };
        (batch, reads)
    }
}
