//! A transaction of an open store.

use std::ops::RangeBounds;

use crate::commit::Commit;
use crate::error::Result;
use crate::handle::Keyspace;
use crate::read::KeyRange;
use crate::slice::Slice;
use crate::threads::Db;
use crate::transaction::{Draft, Overlay};

/// Reads and writes that behave as if they had happened in one moment, at the number of one commit.
///
/// A transaction reads the commit that was the newest when it began, and its own writes. Isolation
/// is serializable. A transaction never waits, and no other transaction waits for it: the first one
/// to commit wins. [`Transaction::commit`] refuses with [`Error::Conflict`](crate::Error::Conflict)
/// when a later commit has written a key that was read, or a key in a range that was walked;
/// [`Db::transaction`] then tries again. Dropping a transaction is its rollback. Only reads through
/// the transaction count: reads through a [`Keyspace`] in the meantime are not checked.
///
/// ```
/// use lithify::Db;
///
/// let db = Db::open_in_memory()?;
/// let counters = db.keyspace("counters")?;
/// let mut transaction = db.begin();
/// let before = transaction.get(&counters, "visits")?;
/// counters.put("visits", "1")?;
/// transaction.put(&counters, "visits", if before.is_none() { "1" } else { "2" })?;
/// assert!(matches!(transaction.commit(), Err(lithify::Error::Conflict { .. })));
/// # Ok::<(), lithify::Error>(())
/// ```
///
/// Memory: the keys that were read, and the keys and values that were written. Like every reader, a
/// transaction keeps the files and runs of its snapshot.
#[derive(Debug)]
#[must_use = "a transaction writes nothing before it is committed"]
pub struct Transaction {
    db: Db,
    draft: Draft,
}

impl Transaction {
    pub(crate) fn new(db: Db) -> Self {
        let draft = Draft::new(db.snapshot());
        Self { db, draft }
    }

    /// The commit that it reads.
    #[must_use]
    pub fn snapshot_commit(&self) -> Commit {
        self.draft.commit()
    }

    /// The value of `key`, or `None` when it has none.
    ///
    /// # Errors
    /// [`Error::ForeignKeyspace`](crate::Error::ForeignKeyspace), and as
    /// [`Snapshot::get`](crate::Snapshot::get).
    pub fn get(&self, keyspace: &Keyspace, key: impl AsRef<[u8]>) -> Result<Option<Slice>> {
        keyspace.check_is_of(&self.db)?;
        self.draft.get(keyspace.name(), key.as_ref())
    }

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub fn contains(&self, keyspace: &Keyspace, key: impl AsRef<[u8]>) -> Result<bool> {
        self.get(keyspace, key).map(|value| value.is_some())
    }

    /// The keys inside `bounds` that have a value, with the transaction's writes so far, in key
    /// order; can be read both ways. Only the keys that the iterator has passed count as read. An
    /// error, as of [`Transaction::get`], is the first item.
    pub fn range<K: AsRef<[u8]>>(
        &self,
        keyspace: &Keyspace,
        bounds: impl RangeBounds<K>,
    ) -> Overlay {
        self.walk(keyspace, KeyRange::of(bounds))
    }

    /// The keys that begin with `prefix`, as [`Transaction::range`].
    pub fn prefix(&self, keyspace: &Keyspace, prefix: impl AsRef<[u8]>) -> Overlay {
        self.walk(keyspace, KeyRange::prefix(prefix.as_ref()))
    }

    /// All keys, as [`Transaction::range`].
    pub fn iter(&self, keyspace: &Keyspace) -> Overlay {
        self.walk(keyspace, KeyRange::all())
    }

    fn walk(&self, keyspace: &Keyspace, range: KeyRange) -> Overlay {
        let is_own = keyspace.check_is_of(&self.db);
        let range = is_own.and_then(|()| self.draft.range(keyspace.name(), range));
        range.unwrap_or_else(Overlay::refused)
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    /// [`Error::ForeignKeyspace`](crate::Error::ForeignKeyspace), and
    /// [`Error::Limit`](crate::Error::Limit) for writes that no commit could hold; the transaction
    /// stays unchanged.
    pub fn put(
        &mut self,
        keyspace: &Keyspace,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<()> {
        keyspace.check_is_of(&self.db)?;
        let (key, value) = (key.as_ref(), value.as_ref());
        self.draft.put(keyspace.name(), key, value)
    }

    /// Removes `key`; removing an absent key is no error.
    ///
    /// # Errors
    /// As [`Transaction::put`].
    pub fn delete(&mut self, keyspace: &Keyspace, key: impl AsRef<[u8]>) -> Result<()> {
        keyspace.check_is_of(&self.db)?;
        self.draft.delete(keyspace.name(), key.as_ref())
    }

    /// Commits the writes, and returns the number of the commit. A transaction without writes makes
    /// no commit; its number is that of the commit that it read.
    ///
    /// # Errors
    /// [`Error::Conflict`](crate::Error::Conflict), and as [`Db::commit`]. When the disk fails
    /// during the second check of the reads, nothing was written, and the store stays usable.
    pub fn commit(self) -> Result<Commit> {
        self.db.commit_draft(self.draft)
    }
}
