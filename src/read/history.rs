//! Reading along the commit axis: the versions of a key, and what changed between two
//! commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::read::Snapshot;
use crate::segment::{Direction, Fetch, MergeCursor, Segment};
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
    /// commit. Where retention has thinned out history, versions are missing.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn history(&self, keyspace: &str, key: &[u8]) -> Result<Vec<KeyVersion>> {
        let mut versions = BTreeMap::new();
        if let Some(keyspace) = self.keyspace_id(keyspace) {
            for node in self.version.roots(keyspace) {
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
        cursor.seek(key, self.at)?;
        while let Some(entry) = cursor.entry().filter(|entry| entry.key == key) {
            versions.insert(entry.commit, entry.value.map(<[u8]>::to_vec));
            cursor.next()?;
        }
        // Inputs can hold more only where the output was thinned out.
        if node.meta().floor > node.meta().first {
            for input in &node.inputs {
                if let Input::Kept(node) = input {
                    self.collect_versions(node, key, versions)?;
                }
            }
        }
        Ok(())
    }

    /// The keys of `keyspace` whose values differ between the commit `from` and this
    /// one, in key order. `from` must not be later than this commit.
    ///
    /// Reads only segments with commits after `from`, and `from` itself for the keys
    /// found there.
    ///
    /// # Errors
    /// [`Error::Thinned`], [`Error::BeyondHead`], and whatever the disk says.
    pub fn diff(&self, keyspace: &str, from: Commit) -> Result<Vec<Change>> {
        if from > self.at {
            return Err(Error::BeyondHead {
                commit: from,
                head: self.at,
            });
        }
        let Some(id) = self.keyspace_id(keyspace) else {
            return Ok(Vec::new());
        };
        let before = Self {
            version: Arc::clone(&self.version),
            at: from,
        };
        before.version.cover(id, from)?;
        let mut segments = self.version.cover(id, self.at)?;
        segments.retain(|segment| segment.meta.last > from);
        let mut changes = Vec::new();
        let mut merge = merge_all(&segments)?;
        let mut last_key: Option<Vec<u8>> = None;
        while let Some(entry) = merge.entry() {
            let is_newest = entry.commit <= self.at && last_key.as_deref() != Some(entry.key);
            if is_newest {
                last_key = Some(entry.key.to_vec());
                if entry.commit > from {
                    let (key, after) = (entry.key.to_vec(), entry.value.map(<[u8]>::to_vec));
                    let before = before.get(keyspace, &key)?;
                    if before != after {
                        changes.push(Change { key, before, after });
                    }
                }
            }
            merge.advance()?;
        }
        Ok(changes)
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
