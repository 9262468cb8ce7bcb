//! One keyspace as of one commit.

use std::ops::RangeBounds;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::Result;
use crate::read::{Diff, KeyRange, KeyVersion, Range, Snapshot};
use crate::slice::Slice;

/// A keyspace as of one commit. Cheap to clone, may be sent to other threads, and never changes.
///
/// ```
/// use lithify::Db;
///
/// let db = Db::open_in_memory()?;
/// let stones = db.keyspace("stones")?;
/// let first = stones.put("granite", "igneous")?;
/// stones.put("granite", "weathered")?;
///
/// assert_eq!(stones.at(first)?.get("granite")?.unwrap(), "igneous");
/// assert_eq!(stones.get("granite")?.unwrap(), "weathered");
/// # Ok::<(), lithify::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct View {
    snapshot: Snapshot,
    name: Arc<str>,
}

impl View {
    pub(crate) fn new(snapshot: Snapshot, name: Arc<str>) -> Self {
        Self { snapshot, name }
    }

    /// The keyspace's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The commit that the view shows.
    #[must_use]
    pub fn commit(&self) -> Commit {
        self.snapshot.commit()
    }

    /// The value of `key`, or `None` when it has none. See [`Snapshot::get`].
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Slice>> {
        self.snapshot.get(&self.name, key.as_ref())
    }

    /// Whether `key` has a value. Costs as much as [`View::get`].
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.get(key).map(|value| value.is_some())
    }

    /// The lowest key with its value.
    ///
    /// # Errors
    /// As [`Snapshot::range`].
    pub fn first(&self) -> Result<Option<(Slice, Slice)>> {
        self.iter().next().transpose()
    }

    /// The highest key with its value.
    ///
    /// # Errors
    /// As [`Snapshot::range`].
    pub fn last(&self) -> Result<Option<(Slice, Slice)>> {
        self.iter().next_back().transpose()
    }

    /// The keys inside `bounds` that have a value, in key order; can be read both ways. An error,
    /// as of [`Snapshot::range`], is the first item.
    ///
    /// ```
    /// # use lithify::Db;
    /// # let db = Db::open_in_memory()?;
    /// # let stones = db.keyspace("stones")?;
    /// for key in ["basalt", "granite", "slate"] {
    ///     stones.put(key, "a stone")?;
    /// }
    /// for entry in stones.range("b"..="h").rev() {
    ///     let (key, value) = entry?;
    ///     println!("{} is {}", key.escape_ascii(), value.escape_ascii());
    /// }
    /// # Ok::<(), lithify::Error>(())
    /// ```
    pub fn range<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Range {
        self.walk(KeyRange::of(bounds))
    }

    /// The keys that begin with `prefix`.
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Range {
        self.walk(KeyRange::prefix(prefix.as_ref()))
    }

    /// All keys.
    pub fn iter(&self) -> Range {
        self.walk(KeyRange::all())
    }

    /// All keys, without their values.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = Result<Slice>> + use<> {
        self.iter().map(|item| item.map(|(key, _)| key))
    }

    /// The values of all keys, in key order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = Result<Slice>> + use<> {
        self.iter().map(|item| item.map(|(_, value)| value))
    }

    fn walk(&self, range: KeyRange) -> Range {
        let range = self.snapshot.range(&self.name, range);
        range.unwrap_or_else(Range::refused)
    }

    /// The versions of `key` up to this commit, oldest first. See [`Snapshot::history`].
    ///
    /// # Errors
    /// As [`Snapshot::history`].
    pub fn history(&self, key: impl AsRef<[u8]>) -> Result<Vec<KeyVersion>> {
        self.snapshot.history(&self.name, key.as_ref())
    }

    /// The keys whose values differ between the commit `from` and this one, in key order. See
    /// [`Snapshot::diff`].
    ///
    /// # Errors
    /// As [`Snapshot::diff`].
    pub fn diff(&self, from: impl Into<Commit>) -> Result<Diff> {
        self.snapshot.diff(&self.name, from.into())
    }
}

impl IntoIterator for &View {
    type Item = Result<(Slice, Slice)>;
    type IntoIter = Range;

    fn into_iter(self) -> Range {
        self.iter()
    }
}
