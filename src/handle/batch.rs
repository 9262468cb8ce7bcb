//! Writes to any number of keyspaces that make one commit.

use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::handle::Keyspace;
use crate::options::Durability;
use crate::threads::Db;

/// Writes that become one commit: all of them, or none. The last write to a key wins.
///
/// ```
/// use lithify::Db;
///
/// let db = Db::open_in_memory()?;
/// let (stones, quarries) = (db.keyspace("stones")?, db.keyspace("quarries")?);
/// let mut batch = db.batch();
/// batch.put(&stones, "granite", "igneous");
/// batch.put(&quarries, "north", "granite");
/// batch.delete(&stones, "marble");
/// let commit = batch.commit()?;
/// assert_eq!(stones.at(commit)?.get("granite")?.unwrap(), "igneous");
/// # Ok::<(), lithify::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a batch writes nothing before it is committed"]
pub struct Batch {
    db: Db,
    writes: WriteBatch,
    /// The first handle that belongs to another store.
    foreign: Option<Error>,
}

impl Batch {
    pub(crate) fn new(db: Db) -> Self {
        Self {
            db,
            writes: WriteBatch::new(),
            foreign: None,
        }
    }

    /// Sets `key` of `keyspace` to `value`. A handle of another store is refused by
    /// [`Batch::commit`].
    pub fn put(&mut self, keyspace: &Keyspace, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.check(keyspace);
        let (key, value) = (key.as_ref(), value.as_ref());
        self.writes.put(keyspace.name(), key, value);
    }

    /// Removes `key` from `keyspace`; a key that is not there is no error.
    pub fn delete(&mut self, keyspace: &Keyspace, key: impl AsRef<[u8]>) {
        self.check(keyspace);
        self.writes.delete(keyspace.name(), key.as_ref());
    }

    /// Sets when the commit is acknowledged: see
    /// [`WriteBatch::durability`](crate::WriteBatch::durability).
    pub fn durability(&mut self, durability: Durability) {
        self.writes.durability(durability);
    }

    fn check(&mut self, keyspace: &Keyspace) {
        if let Err(foreign) = keyspace.check_is_of(&self.db) {
            self.foreign.get_or_insert(foreign);
        }
    }

    /// The number of operations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// True when there is no operation. Committing an empty batch still takes a commit number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Commits the writes and returns the number of the commit.
    ///
    /// # Errors
    /// [`Error::ForeignKeyspace`], and as [`Db::commit`].
    pub fn commit(self) -> Result<Commit> {
        match self.foreign {
            Some(foreign) => Err(foreign),
            None => self.db.commit(&self.writes),
        }
    }
}
