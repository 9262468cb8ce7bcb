//! What a transaction has read, and whether somebody has written it since.
//!
//! A key counts as written when a version of it was committed behind the commit that the
//! transaction reads: a deletion is one, and so is a value equal to the one before. The newest
//! version of a key survives every merge, so that the live segments tell. The exception is a
//! deletion in the oldest segment of a placement that thins history out: a merge drops it. Where a
//! merge may have done so behind the commit that was read, the answer is a conflict, because nobody
//! can know.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::read::KeyRange;
use crate::segment::{Fetch, Found, KeyspaceId, Segment, filter};
use crate::version::{Node, Version};
use crate::wal::CommitRecord;

/// Keys and ranges of keys that were read as of one commit.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    since: Commit,
    keys: BTreeSet<(Arc<str>, Vec<u8>)>,
    walks: Vec<Walk>,
}

/// How much of a range was walked, from either end.
#[derive(Clone, Debug)]
struct Walk {
    keyspace: Arc<str>,
    range: KeyRange,
    /// The last key from the front, and from the back.
    up_to: Option<Vec<u8>>,
    down_to: Option<Vec<u8>>,
    is_whole: bool,
}

impl Walk {
    /// The parts of the range that were walked.
    fn parts(&self) -> Vec<KeyRange> {
        if self.is_whole {
            return vec![self.range.clone()];
        }
        let front = self.up_to.as_ref().map(|key| KeyRange {
            start: self.range.start.clone(),
            end: Bound::Included(key.clone()),
        });
        let back = self.down_to.as_ref().map(|key| KeyRange {
            start: Bound::Included(key.clone()),
            end: self.range.end.clone(),
        });
        front.into_iter().chain(back).collect()
    }
}

/// Nothing in here is left half done by a panic.
pub(super) fn lock(reads: &Mutex<Reads>) -> MutexGuard<'_, Reads> {
    reads.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reads {
    /// Nothing yet, as of this commit.
    pub(super) fn since(since: Commit) -> Self {
        Self {
            since,
            keys: BTreeSet::new(),
            walks: Vec::new(),
        }
    }

    pub(super) fn add_key(&mut self, keyspace: &str, key: &[u8]) {
        self.keys.insert((keyspace.into(), key.to_vec()));
    }

    /// A range of which nothing was walked yet; returns its number.
    pub(super) fn add_walk(&mut self, keyspace: &str, range: KeyRange) -> usize {
        self.walks.push(Walk {
            keyspace: keyspace.into(),
            range,
            up_to: None,
            down_to: None,
            is_whole: false,
        });
        self.walks.len() - 1
    }

    pub(super) fn walked_up_to(&mut self, walk: usize, key: &[u8]) {
        self.walks[walk].up_to = Some(key.to_vec());
    }

    pub(super) fn walked_down_to(&mut self, walk: usize, key: &[u8]) {
        self.walks[walk].down_to = Some(key.to_vec());
    }

    pub(super) fn walked_all(&mut self, walk: usize) {
        self.walks[walk].is_whole = !planted!(EndOfWalkForgotten);
    }

    /// Refuses when a commit of this version has written what was read. From then on only later
    /// commits can.
    ///
    /// # Errors
    /// [`Error::Conflict`], and whatever the disk says.
    pub(crate) fn check(&mut self, version: &Version) -> Result<()> {
        for (keyspace, key) in self.keys.iter().filter(|_| !planted!(KeysUnchecked)) {
            let Some(id) = version.keyspace(keyspace) else {
                continue;
            };
            let hash = filter::hash_key(key);
            self.check_segments(version, id, keyspace, |segment| {
                let newest = segment.get(key, hash, version.head())?;
                let is_passed =
                    |found: &Found| planted!(DeletionIsNoWrite) && found.value.is_none();
                let newest = newest.filter(|found| !is_passed(found));
                Ok(newest.map(|found| (key.clone(), found.commit)))
            })?;
        }
        for walk in self.walks.iter().filter(|_| !planted!(WalksUnchecked)) {
            let Some(id) = version.keyspace(&walk.keyspace) else {
                continue;
            };
            for range in walk.parts() {
                self.check_segments(version, id, &walk.keyspace, |segment| {
                    newest_inside(segment, &range, self.since)
                })?;
            }
        }
        self.since = version.head();
        Ok(())
    }

    /// Asks the segments of a keyspace with commits behind the one that was read.
    fn check_segments(
        &self,
        version: &Version,
        id: KeyspaceId,
        keyspace: &str,
        find: impl Fn(&Segment) -> Result<Option<(Vec<u8>, Commit)>>,
    ) -> Result<()> {
        let roots = version.roots(id).iter().rev();
        for node in roots.take_while(|node| node.meta().last > self.since) {
            if self.may_have_dropped_deletion(version, id, node) {
                mark!(ConflictUnknown);
                return Err(self.conflict(keyspace, None));
            }
            let found = find(&node.segment)?;
            if let Some((key, _)) = found.filter(|(_, commit)| *commit > self.since) {
                mark!(ConflictFound);
                return Err(self.conflict(keyspace, Some(&key)));
            }
        }
        Ok(())
    }

    /// Whether a merge may have dropped a deletion that was committed behind the commit that was
    /// read: the oldest segment has none below its floor.
    fn may_have_dropped_deletion(&self, version: &Version, id: KeyspaceId, node: &Node) -> bool {
        let meta = node.meta();
        let is_oldest = version
            .roots(id)
            .first()
            .is_some_and(|oldest| std::ptr::eq(&**oldest, node));
        let is_thinned = meta.floor > meta.first && meta.floor > self.since;
        is_oldest && is_thinned && !planted!(DroppedDeletionPassed)
    }

    /// Refuses when one of these commits, which no version has yet, has written what was read.
    ///
    /// # Errors
    /// [`Error::Conflict`].
    pub(crate) fn check_records(
        &self,
        records: &[CommitRecord],
        number_of: impl Fn(&str) -> Option<KeyspaceId>,
    ) -> Result<()> {
        let runs_of = |keyspace: &str| {
            let id = number_of(keyspace);
            let runs = records.iter().flat_map(|record| &record.runs);
            runs.filter(move |(keyspace, _)| Some(*keyspace) == id)
        };
        for (keyspace, key) in &self.keys {
            let is_written = runs_of(keyspace).any(|(_, run)| {
                let position = run.lower_bound(key, Commit::MAX);
                position < run.len() && run.entry(position).key == key
            });
            if is_written {
                mark!(ConflictInGroup);
                return Err(self.conflict(keyspace, Some(key)));
            }
        }
        for walk in &self.walks {
            for range in walk.parts() {
                for (_, run) in runs_of(&walk.keyspace) {
                    if let Some(entry) = run.iter().find(|entry| range.contains(entry.key)) {
                        mark!(ConflictInGroup);
                        return Err(self.conflict(&walk.keyspace, Some(entry.key)));
                    }
                }
            }
        }
        Ok(())
    }

    fn conflict(&self, keyspace: &str, key: Option<&[u8]>) -> Error {
        Error::Conflict {
            keyspace: keyspace.to_owned(),
            key: key.map(<[u8]>::to_vec),
            since: self.since,
        }
    }
}

/// A key of a segment inside a range with a version behind a commit, if there is one.
fn newest_inside(
    segment: &Segment,
    range: &KeyRange,
    since: Commit,
) -> Result<Option<(Vec<u8>, Commit)>> {
    let mut cursor = segment.cursor(Fetch::Cached);
    match &range.start {
        Bound::Included(start) => cursor.seek(start, Commit::MAX)?,
        Bound::Excluded(start) => cursor.seek(start, Commit::ZERO)?,
        Bound::Unbounded => cursor.seek_first()?,
    }
    while let Some(entry) = cursor.entry()
        && !range.ends_before(entry.key)
    {
        let is_passed = planted!(DeletionIsNoWrite) && entry.value.is_none();
        if entry.commit > since && !is_passed {
            return Ok(Some((entry.key.to_vec(), entry.commit)));
        }
        cursor.next()?;
    }
    Ok(None)
}
