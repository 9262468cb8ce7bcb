//! Reading along the commit axis: the versions of a key, what changed between two
//! commits, and what each commit wrote.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::{Error, Result};
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

/// One operation of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The keyspace's name.
    pub keyspace: String,
    /// The key.
    pub key: Vec<u8>,
    /// The value, or `None` for a deletion.
    pub value: Option<Vec<u8>>,
}

/// Everything that one commit wrote, sorted by keyspace number and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitChanges {
    /// The commit.
    pub commit: Commit,
    /// What it wrote; empty for an empty commit.
    pub operations: Vec<Operation>,
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

    /// What every commit after `from` wrote, up to this one, in commit order: the
    /// stream from which another store can follow this one.
    ///
    /// # Errors
    /// [`Error::Thinned`] when the store no longer knows exactly what one of them
    /// wrote. Disk errors come from the iterator.
    pub fn changes_since(&self, from: Commit) -> Result<Changes> {
        self.version.check_exists(from)?;
        let mut parts = Vec::new();
        for (keyspace, roots) in self.version.all_roots() {
            for node in roots {
                if !exact_parts(node, from, self.at, &mut parts) {
                    let commit = node.meta().first.max(from.next());
                    let thinned = Error::Thinned {
                        commit,
                        before: None,
                        after: Some(node.meta().last),
                    };
                    return Err(thinned);
                }
            }
            debug_assert!(parts.iter().all(|part| part.meta.keyspace <= keyspace));
        }
        Ok(Changes {
            snapshot: self.clone(),
            next: from.next(),
            parts,
            ready: VecDeque::new(),
        })
    }
}

fn merge_all(segments: &[Arc<Segment>]) -> Result<MergeCursor> {
    let mut cursors = Vec::with_capacity(segments.len());
    for segment in segments {
        let mut cursor = segment.cursor(Fetch::Ahead);
        cursor.seek_first()?;
        cursors.push(cursor);
    }
    Ok(MergeCursor::new(cursors, Direction::Forward))
}

/// Adds the segments that say exactly what each commit after `from` up to `to` wrote;
/// false when the store does not know.
fn exact_parts(node: &Node, from: Commit, to: Commit, parts: &mut Vec<Arc<Segment>>) -> bool {
    let meta = node.meta();
    if meta.last <= from || meta.first > to {
        return true;
    }
    let is_whole = meta.floor == meta.first;
    if is_whole || from >= meta.floor {
        parts.push(Arc::clone(&node.segment));
        return true;
    }
    !node.inputs.is_empty()
        && node.inputs.iter().all(|input| match input {
            Input::Kept(node) => exact_parts(node, from, to, parts),
            Input::Removed { .. } => false,
        })
}

/// About how many entries are gathered at once.
const GATHERED_ENTRIES: u64 = 256 * 1024;

/// An iterator over commits and what they wrote. Memory: a bounded number of entries
/// at once; segments that hold more commits than that are read several times.
#[derive(Debug)]
pub struct Changes {
    snapshot: Snapshot,
    next: Commit,
    parts: Vec<Arc<Segment>>,
    ready: VecDeque<CommitChanges>,
}

impl Changes {
    /// How many commits to gather so that about [`GATHERED_ENTRIES`] come together.
    fn gathered_commits(&self) -> u64 {
        let entries: u64 = self.parts.iter().map(|part| part.meta.entries).sum();
        let commits = self.snapshot.at.get() - self.next.get() + 1;
        (GATHERED_ENTRIES * commits / entries.max(1)).clamp(1, commits)
    }

    fn gather(&mut self) -> Result<()> {
        let first = self.next;
        let last = Commit::new(first.get() + self.gathered_commits() - 1);
        self.next = last.next();
        self.ready = (first.get()..=last.get())
            .map(|commit| CommitChanges {
                commit: Commit::new(commit),
                operations: Vec::new(),
            })
            .collect();
        for segment in &self.parts {
            if segment.meta.last >= first && segment.meta.first <= last {
                gather_from(segment, &self.snapshot, first, last, &mut self.ready)?;
            }
        }
        Ok(())
    }
}

fn gather_from(
    segment: &Segment,
    snapshot: &Snapshot,
    first: Commit,
    last: Commit,
    ready: &mut VecDeque<CommitChanges>,
) -> Result<()> {
    let keyspace: KeyspaceId = segment.meta.keyspace;
    let mut cursor = segment.cursor(Fetch::Ahead);
    cursor.seek_first()?;
    while let Some(entry) = cursor.entry() {
        if (first..=last).contains(&entry.commit) {
            let position = (entry.commit.get() - first.get()) as usize;
            ready[position].operations.push(Operation {
                keyspace: snapshot.version.keyspace_name(keyspace).to_string(),
                key: entry.key.to_vec(),
                value: entry.value.map(<[u8]>::to_vec),
            });
        }
        cursor.next()?;
    }
    Ok(())
}

impl Iterator for Changes {
    type Item = Result<CommitChanges>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            if self.next > self.snapshot.at {
                return None;
            }
            if let Err(error) = self.gather() {
                // Nothing after an error can be trusted to be complete.
                self.next = self.snapshot.at.next();
                self.ready.clear();
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}
