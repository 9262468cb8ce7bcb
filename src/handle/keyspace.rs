//! One keyspace of an open store.

use std::ops::RangeBounds;
use std::sync::Arc;

use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::handle::View;
use crate::limits;
use crate::read::{Diff, KeyVersion, Range};
use crate::slice::Slice;
use crate::threads::Db;

/// A keyspace of a [`Db`]. Cheap to clone, and every call may come from any thread.
///
/// Each read shows the newest commit at the moment of the call; reads that belong together should
/// use one [`Keyspace::view`]. Each write is a commit of its own; writes that belong together
/// should be in one [`Db::batch`].
///
/// ```
/// use lithify::Db;
///
/// let db = Db::open_in_memory()?;
/// let files = db.keyspace("files")?;
/// let commit = files.put("README.md", "hello")?;
/// assert_eq!(commit.get(), 1);
/// assert!(files.contains("README.md")?);
/// files.delete("README.md")?;
/// assert_eq!(files.get("README.md")?, None);
/// assert_eq!(files.at(commit)?.get("README.md")?.unwrap(), "hello");
/// # Ok::<(), lithify::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keyspace {
    db: Db,
    name: Arc<str>,
}

impl Keyspace {
    /// # Errors
    /// [`Error::KeyspaceName`] and [`Error::Limit`].
    pub(crate) fn new(db: Db, name: &str) -> Result<Self> {
        if name.is_empty() {
            return Err(Error::KeyspaceName {
                name: name.to_owned(),
                reason: "it is empty",
            });
        }
        limits::check([(
            "the keyspace name in bytes",
            name.len(),
            limits::KEYSPACE_NAME_BYTES,
        )])?;
        let name = name.into();
        Ok(Self { db, name })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Refuses the use of this handle with another store.
    pub(crate) fn check_is_of(&self, db: &Db) -> Result<()> {
        match self.db.is_same(db) {
            true => Ok(()),
            false => Err(Error::ForeignKeyspace(self.name.to_string())),
        }
    }

    /// Sets `key` to `value` in a commit of its own, and returns the number of that commit.
    ///
    /// # Errors
    /// As [`Db::commit`].
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<Commit> {
        let mut batch = WriteBatch::new();
        batch.put(&self.name, key.as_ref(), value.as_ref());
        self.db.commit(&batch)
    }

    /// Removes `key` in a commit of its own, and returns the number of that commit. Removing an
    /// absent key is no error.
    ///
    /// # Errors
    /// As [`Db::commit`].
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<Commit> {
        let mut batch = WriteBatch::new();
        batch.delete(&self.name, key.as_ref());
        self.db.commit(&batch)
    }

    /// The keyspace as of the newest commit. Never waits.
    #[must_use]
    pub fn view(&self) -> View {
        View::new(self.db.snapshot(), Arc::clone(&self.name))
    }

    /// The keyspace as of `commit`.
    ///
    /// # Errors
    /// As [`Db::snapshot_at`].
    pub fn at(&self, commit: impl Into<Commit>) -> Result<View> {
        let snapshot = self.db.snapshot_at(commit.into())?;
        Ok(View::new(snapshot, Arc::clone(&self.name)))
    }

    /// The value of `key`. See [`View::get`].
    ///
    /// # Errors
    /// As [`View::get`].
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Slice>> {
        self.view().get(key)
    }

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// As [`View::get`].
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.view().contains(key)
    }

    /// The lowest key with its value.
    ///
    /// # Errors
    /// As [`View::first`].
    pub fn first(&self) -> Result<Option<(Slice, Slice)>> {
        self.view().first()
    }

    /// The highest key with its value.
    ///
    /// # Errors
    /// As [`View::last`].
    pub fn last(&self) -> Result<Option<(Slice, Slice)>> {
        self.view().last()
    }

    /// The keys inside `bounds` that have a value, as of the newest commit at the moment of the
    /// call. See [`View::range`].
    pub fn range<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Range {
        self.view().range(bounds)
    }

    /// The keys that begin with `prefix`. See [`View::range`].
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Range {
        self.view().prefix(prefix)
    }

    /// All keys. See [`View::range`].
    pub fn iter(&self) -> Range {
        self.view().iter()
    }

    /// All keys, without their values.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = Result<Slice>> + use<> {
        self.view().keys()
    }

    /// The values of all keys, in key order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = Result<Slice>> + use<> {
        self.view().values()
    }

    /// The versions of `key`, oldest first. See [`View::history`].
    ///
    /// # Errors
    /// As [`View::history`].
    pub fn history(&self, key: impl AsRef<[u8]>) -> Result<Vec<KeyVersion>> {
        self.view().history(key)
    }

    /// The keys whose values differ between two commits, in key order. See [`View::diff`].
    ///
    /// # Errors
    /// As [`View::diff`].
    pub fn diff(&self, from: impl Into<Commit>, to: impl Into<Commit>) -> Result<Diff> {
        self.at(to)?.diff(from)
    }
}

impl IntoIterator for &Keyspace {
    type Item = Result<(Slice, Slice)>;
    type IntoIter = Range;

    fn into_iter(self) -> Range {
        self.iter()
    }
}
