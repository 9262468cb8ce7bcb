//! Reads along the commit axis: the versions of a key, and the changes between two commits.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::FusedIterator;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::Result;
use crate::read::Snapshot;
use crate::segment::{Direction, Fetch, KeyspaceId, MergeCursor, Segment};
use crate::slice::Slice;
use crate::version::{Input, Node};

/// A key's value from one commit on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    /// The commit that wrote it.
    pub commit: Commit,
    /// The value, or `None` for a deletion.
    pub value: Option<Slice>,
}

/// A key whose value differs between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Slice,
    /// Its value at the earlier commit.
    pub before: Option<Slice>,
    /// Its value at the later one.
    pub after: Option<Slice>,
}

impl Snapshot {
    /// The versions of `key` that the store still has, oldest first, up to this snapshot's commit.
    /// Where retention has thinned out history, versions are missing. At every readable commit, the
    /// newest of the remaining versions is the one that [`Snapshot::get`] finds there.
    ///
    /// # Errors
    /// [`Error::Thinned`](crate::Error::Thinned) when this commit cannot be read, and any error of
    /// the disk.
    pub fn history(&self, keyspace: &str, key: &[u8]) -> Result<Vec<KeyVersion>> {
        let mut versions = BTreeMap::new();
        if let Some(keyspace) = self.keyspace_id(keyspace)? {
            if !planted!(HistoryOfThinned) {
                self.version.cover(keyspace, self.at)?;
            }
            for node in self.version.roots(keyspace).iter() {
                self.collect_versions(node, key, &mut versions)?;
            }
        }
        let versions = versions.into_iter();
        Ok(versions
            .map(|(commit, value)| KeyVersion { commit, value })
            .collect())
    }

    fn collect_versions(
        &self,
        node: &Node,
        key: &[u8],
        versions: &mut BTreeMap<Commit, Option<Slice>>,
    ) -> Result<()> {
        if node.meta().first > self.at {
            return Ok(());
        }
        let mut cursor = node.segment.cursor(Fetch::Cached);
        cursor.seek_version(key, self.at)?;
        while let Some(entry) = cursor.entry() {
            let (_, value) = cursor.version().expect("the cursor is at an entry");
            versions.insert(entry.commit, value);
            cursor.next_version(key)?;
        }
        // Inputs can hold more versions only where the output was thinned out.
        if node.meta().floor > node.meta().first && !planted!(HistoryOfLiveOnly) {
            for input in &node.inputs {
                if let Input::Kept(node) = input {
                    self.collect_versions(node, key, versions)?;
                }
            }
        }
        Ok(())
    }

    /// The keys of `keyspace` whose values differ between the commit `from` and this snapshot's
    /// commit, in key order. `from` may be the later commit, as long as this version has it.
    ///
    /// Reads the segments with commits between the two, and reads the earlier commit for the keys
    /// in those segments. When a segment that was merged after the earlier commit answers at the
    /// later one, its inputs are read as well, because a deletion in the oldest segment leaves no
    /// entry.
    ///
    /// Memory: one block for each of these segments.
    ///
    /// # Errors
    /// [`Error::Thinned`](crate::Error::Thinned) and
    /// [`Error::BeyondHead`](crate::Error::BeyondHead). Disk errors come from the iterator, except
    /// errors of the first blocks.
    pub fn diff(&self, keyspace: &str, from: Commit) -> Result<Diff> {
        self.version.check_exists(from)?;
        let other = Self {
            version: Arc::clone(&self.version),
            at: from,
        };
        let Some(id) = self.keyspace_id(keyspace)?.or(other.keyspace_id(keyspace)?) else {
            return Ok(Diff::empty(other, keyspace));
        };
        if from <= self.at {
            return Diff::new(self, other, id, keyspace);
        }
        let mut diff = Diff::new(&other, self.clone(), id, keyspace)?;
        diff.is_backwards = !planted!(DiffEndsSwapped);
        Ok(diff)
    }
}

/// An iterator over the keys whose values differ between two commits, in key order. It ends after
/// an error.
#[derive(Debug)]
#[must_use = "an iterator does nothing before it is consumed"]
pub struct Diff {
    keyspace: String,
    earlier: Snapshot,
    /// The versions that the later commit finds in segments with commits after the earlier one.
    later: Newest,
    /// The versions that the earlier commit finds in segments that the later commit does not read.
    earlier_only: Newest,
    after: Option<(Slice, KeyVersion)>,
    before: Option<(Slice, KeyVersion)>,
    /// Whether the changes lead to the earlier commit.
    is_backwards: bool,
}

impl Diff {
    fn empty(earlier: Snapshot, keyspace: &str) -> Self {
        Self {
            keyspace: keyspace.to_owned(),
            earlier,
            later: Newest::default(),
            earlier_only: Newest::default(),
            after: None,
            before: None,
            is_backwards: false,
        }
    }

    /// The differences at `later` from an earlier commit of the same version.
    fn new(later: &Snapshot, earlier: Snapshot, id: KeyspaceId, keyspace: &str) -> Result<Self> {
        let from = earlier.at;
        let mut before_only = later.version.cover(id, from)?;
        let mut segments = later.version.cover(id, later.at)?;
        before_only.retain(|segment| {
            let is_shared = segments.iter().any(|other| Arc::ptr_eq(segment, other));
            !is_shared && !planted!(DiffOneSided)
        });
        segments.retain(|segment| segment.meta.last > from);
        let mut diff = Self {
            later: Newest::new(&segments, later.at)?,
            earlier_only: Newest::new(&before_only, from)?,
            ..Self::empty(earlier, keyspace)
        };
        diff.after = diff.later.next()?;
        diff.before = diff.earlier_only.next()?;
        Ok(diff)
    }

    fn find_next(&mut self) -> Result<Option<Change>> {
        loop {
            let order = match (&self.after, &self.before) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(after), Some(before)) => after.0.cmp(&before.0),
            };
            // A key that only the earlier commit finds was deleted, and its deletion was dropped: a
            // segment that replaces others has the newest version of each of their keys.
            let (key, old, new) = match order {
                Ordering::Greater => {
                    let (key, old) = self.before.take().expect("one side has a key");
                    self.before = self.earlier_only.next()?;
                    (key, old.value, None)
                }
                _ => {
                    let (key, new) = self.after.take().expect("one side has a key");
                    self.after = self.later.next()?;
                    if order == Ordering::Equal {
                        self.before = self.earlier_only.next()?;
                    }
                    if new.commit <= self.earlier.at {
                        continue;
                    }
                    let old = self.earlier.get(&self.keyspace, &key)?;
                    (key, old, new.value)
                }
            };
            if old != new {
                let (before, after) = match self.is_backwards {
                    false => (old, new),
                    true => (new, old),
                };
                return Ok(Some(Change { key, before, after }));
            }
        }
    }

    /// Ends the iteration.
    fn end(&mut self) {
        self.after = None;
        self.before = None;
    }
}

impl Iterator for Diff {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.find_next().transpose();
        if matches!(next, Some(Err(_))) {
            self.end();
        }
        next
    }
}

impl FusedIterator for Diff {}

/// The newest version of each key up to a commit, in key order, in some segments.
#[derive(Debug, Default)]
struct Newest {
    merge: MergeCursor,
    at: Commit,
    last_key: Option<Slice>,
}

impl Newest {
    fn new(segments: &[Arc<Segment>], at: Commit) -> Result<Self> {
        Ok(Self {
            merge: merge_all(segments)?,
            at,
            last_key: None,
        })
    }

    fn next(&mut self) -> Result<Option<(Slice, KeyVersion)>> {
        while let Some(entry) = self.merge.entry() {
            if entry.commit > self.at || self.last_key.as_deref() == Some(entry.key) {
                self.merge.advance()?;
                continue;
            }
            let commit = entry.commit;
            let (key, value) = self.merge.version().expect("the merge is at an entry");
            self.merge.advance()?;
            self.last_key = Some(key.clone());
            return Ok(Some((key, KeyVersion { commit, value })));
        }
        Ok(None)
    }
}

pub(super) fn merge_all(segments: &[Arc<Segment>]) -> Result<MergeCursor> {
    let mut cursors = Vec::with_capacity(segments.len());
    for segment in segments {
        let mut cursor = segment.cursor(Fetch::Ahead);
        cursor.seek_first()?;
        cursors.push(cursor);
    }
    Ok(MergeCursor::new(cursors, Direction::Forward))
}
