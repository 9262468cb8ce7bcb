//! A transaction before its commit: a snapshot, the record of what was read from it, and writes.
//!
//! Invariant: every read that the snapshot has answered is recorded in the reads. A get that the
//! draft's own writes have answered is not recorded, because no other commit can change the answer.
//! A range that was walked is recorded, with all keys in it.

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

/// The reads and writes of a transaction so far. [`Transaction`](crate::Transaction) is this
/// together with its store.
#[derive(Debug)]
pub struct Draft {
    snapshot: Snapshot,
    reads: Arc<Mutex<Reads>>,
    /// The keyspaces with writes, in order of first use; new keyspaces get their numbers in that
    /// order.
    keyspaces: Names,
    /// The writes to each of these keyspaces by key; `None` is a deletion.
    writes: Vec<BTreeMap<Slice, Option<Slice>>>,
    /// Bytes and number of all writes, also of writes that later ones have replaced.
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

    /// The value of `key`: the draft's own write, or the value in its snapshot.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn get(&self, keyspace: &str, key: &[u8]) -> Result<Option<Slice>> {
        let own = self.written(keyspace).and_then(|keys| keys.get(key));
        if let Some(own) = own {
            return Ok(own.clone());
        }
        if !planted!(ReadUnrecorded) {
            // Recorded before the read: a read that fails half-way still counts as read.
            lock(&self.reads).add_key(keyspace, key);
        }
        self.snapshot.get(keyspace, key)
    }

    /// The keys inside `range` that have a value, in key order, with the draft's writes so far; can
    /// be read both ways. Later writes of the draft do not show in it.
    ///
    /// Only the keys that the iterator has passed count as read.
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
        let own =
            own.take_while(|(key, _)| !range.ends_before(key) || planted!(OwnWritesPassTheEnd));
        let own = own.map(|(key, value)| (key.clone(), value.clone()));
        let own = own.collect();
        let stored = self.snapshot.range(keyspace, range.clone())?;
        let walk = lock(&self.reads).add_walk(keyspace, range);
        Ok(Overlay::new(stored, own, Arc::clone(&self.reads), walk))
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    /// [`Error::Limit`](crate::Error::Limit) for writes that no commit could hold; the draft stays
    /// unchanged.
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

    /// The draft's writes to a keyspace.
    fn written(&self, keyspace: &str) -> Option<&BTreeMap<Slice, Option<Slice>>> {
        let number = self.keyspaces.number(keyspace)?;
        self.writes.get(number as usize)
    }

    /// The parts that a commit needs: the writes, and the reads that no other commit may have
    /// written.
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
            Err(_) if planted!(HeldRangeLosesReads) => Reads::since(self.snapshot.commit()),
            // The caller still holds a range.
            Err(shared) => lock(&shared).clone(),
        };
        (batch, reads)
    }
}
