//! Reading along the commit axis: the versions of a key, and what changed between two
//! commits.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::Result;
use crate::read::Snapshot;
use crate::segment::{Direction, Fetch, KeyspaceId, MergeCursor, Segment};
use crate::version::{Input, Node};

/// A key's value from one commit on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    /// The commit that wrote it.
    pub commit: Commit,
    /// The value, or `None` for a deletion.
    pub value: Option<Vec<u8>>,
}

/// A key whose value differs between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Vec<u8>,
    /// Its value at the earlier commit.
    pub before: Option<Vec<u8>>,
    /// Its value at the later one.
    pub after: Option<Vec<u8>>,
}

impl Snapshot {
    /// The versions of `key` that the store still has, oldest first, up to this
    /// commit. Where retention has thinned out history, versions are missing; at every
    /// commit that can be read the newest one of those that are left is what
    /// [`Snapshot::get`] finds there.
    ///
    /// # Errors
    /// [`Error::Thinned`](crate::Error::Thinned) when this commit cannot be read, and
    /// whatever the disk says.
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
        versions: &mut BTreeMap<Commit, Option<Vec<u8>>>,
    ) -> Result<()> {
        if node.meta().first > self.at {
            return Ok(());
        }
        let mut cursor = node.segment.cursor(Fetch::Cached);
        cursor.seek_version(key, self.at)?;
        while let Some(entry) = cursor.entry() {
            versions.insert(entry.commit, entry.value.map(<[u8]>::to_vec));
            cursor.next_version(key)?;
        }
        // Inputs can hold more only where the output was thinned out.
        if node.meta().floor > node.meta().first && !planted!(HistoryOfLiveOnly) {
            for input in &node.inputs {
                if let Input::Kept(node) = input {
                    self.collect_versions(node, key, versions)?;
                }
            }
        }
        Ok(())
    }

    /// The keys of `keyspace` whose values differ between the commit `from` and this
    /// one, in key order. `from` may be the later one, as long as this version has it.
    ///
    /// Reads the segments with commits between the two, and the earlier commit for the
    /// keys found there. Where a segment that was merged after the earlier commit answers
    /// at the later one, its inputs are read as well: a deletion in it leaves nothing in
    /// the oldest segment.
    ///
    /// # Errors
    /// [`Error::Thinned`](crate::Error::Thinned),
    /// [`Error::BeyondHead`](crate::Error::BeyondHead), and whatever the disk says.
    pub fn diff(&self, keyspace: &str, from: Commit) -> Result<Vec<Change>> {
        self.version.check_exists(from)?;
        let other = Self {
            version: Arc::clone(&self.version),
            at: from,
        };
        let Some(id) = self.keyspace_id(keyspace)?.or(other.keyspace_id(keyspace)?) else {
            return Ok(Vec::new());
        };
        if from <= self.at {
            return self.changed_since(id, keyspace, &other);
        }
        let mut changes = other.changed_since(id, keyspace, self)?;
        if !planted!(DiffEndsSwapped) {
            for change in &mut changes {
                std::mem::swap(&mut change.before, &mut change.after);
            }
        }
        Ok(changes)
    }

    /// What differs from an earlier commit of the same version.
    fn changed_since(&self, id: KeyspaceId, keyspace: &str, earlier: &Self) -> Result<Vec<Change>> {
        let from = earlier.at;
        let mut before_only = self.version.cover(id, from)?;
        let mut segments = self.version.cover(id, self.at)?;
        before_only.retain(|segment| {
            let is_shared = segments.iter().any(|other| Arc::ptr_eq(segment, other));
            !is_shared && !planted!(DiffOneSided)
        });
        segments.retain(|segment| segment.meta.last > from);
        let (mut later, mut earlier_only) = (
            Newest::new(&segments, self.at)?,
            Newest::new(&before_only, from)?,
        );
        let mut changes = Vec::new();
        let (mut after, mut before) = (later.next()?, earlier_only.next()?);
        loop {
            let order = match (&after, &before) {
                (None, None) => return Ok(changes),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(after), Some(before)) => after.0.cmp(&before.0),
            };
            // What only the earlier commit finds was deleted, and the deletion dropped: what
            // replaced a segment has the newest version of each of its keys.
            let (key, old, new) = match order {
                Ordering::Greater => {
                    let (key, old) = before.take().expect("one side has a key");
                    before = earlier_only.next()?;
                    (key, old.value, None)
                }
                _ => {
                    let (key, new) = after.take().expect("one side has a key");
                    after = later.next()?;
                    if order == Ordering::Equal {
                        before = earlier_only.next()?;
                    }
                    if new.commit <= from {
                        continue;
                    }
                    let old = earlier.get(keyspace, &key)?;
                    (key, old, new.value)
                }
            };
            if old != new {
                changes.push(Change {
                    key,
                    before: old,
                    after: new,
                });
            }
        }
    }
}

/// The newest version of each key up to a commit, in key order, of some segments.
struct Newest {
    merge: MergeCursor,
    at: Commit,
    last_key: Option<Vec<u8>>,
}

impl Newest {
    fn new(segments: &[Arc<Segment>], at: Commit) -> Result<Self> {
        Ok(Self {
            merge: merge_all(segments)?,
            at,
            last_key: None,
        })
    }

    fn next(&mut self) -> Result<Option<(Vec<u8>, KeyVersion)>> {
        while let Some(entry) = self.merge.entry() {
            if entry.commit > self.at || self.last_key.as_deref() == Some(entry.key) {
                self.merge.advance()?;
                continue;
            }
            let version = KeyVersion {
                commit: entry.commit,
                value: entry.value.map(<[u8]>::to_vec),
            };
            let key = entry.key.to_vec();
            self.merge.advance()?;
            self.last_key = Some(key.clone());
            return Ok(Some((key, version)));
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
