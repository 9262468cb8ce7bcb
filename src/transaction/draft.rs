//! A transaction that nobody has committed yet: a snapshot, what was read of it, and writes.
//!
//! Invariant: whatever a read has answered from the snapshot is in the reads; what was answered
//! from the draft's own writes is not, because nobody else can change it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::Result;
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
        let own = self.written(keyspace).into_iter().flatten();
        let own = own.filter(|(key, _)| range.contains(key));
        let own = own.map(|(key, value)| (key.clone(), value.clone()));
        let own = own.collect();
        let stored = self.snapshot.range(keyspace, range.clone())?;
        let walk = lock(&self.reads).add_walk(keyspace, range);
        Ok(Overlay::new(stored, own, Arc::clone(&self.reads), walk))
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, keyspace: &str, key: &[u8], value: &[u8]) {
        self.write(keyspace, key, Some(value.into()));
    }

    /// Removes `key`; a key that is not there is no error.
    pub fn delete(&mut self, keyspace: &str, key: &[u8]) {
        self.write(keyspace, key, None);
    }

    fn write(&mut self, keyspace: &str, key: &[u8], value: Option<Slice>) {
        let number = self.keyspaces.number(keyspace).unwrap_or_else(|| {
            self.writes.push(BTreeMap::new());
            self.keyspaces.add(keyspace.into())
        });
        self.writes[number as usize].insert(key.into(), value);
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
        let reads = lock(&self.reads).clone();
        (batch, reads)
    }
}
