//! The reads of a transaction, and whether a later commit has written what was read.
//!
//! A key counts as written when a version of it was committed after the commit that the transaction
//! reads. That version may be a deletion, or a value equal to the one before. The newest version of
//! a key survives every merge, so the live segments show it, with one exception: if history is
//! thinned out, a merge into the oldest segment drops deletions. If a key is absent, and a merge
//! may have dropped a deletion that is later than the commit that was read, the transaction is
//! refused with a conflict.
//!
//! Checking proceeds forward: commits that were checked once are not checked again. So most of the
//! check is done before the storage is held.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::read::KeyRange;
use crate::segment::run::Run;
use crate::segment::{Fetch, Found, KeyspaceId, Segment, filter};
use crate::version::{Node, Version};
use crate::wal::CommitRecord;

/// Keys and ranges of keys that were read as of one commit.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    /// The commit that the transaction reads.
    since: Commit,
    /// No commit up to here has written what was read.
    checked_through: Commit,
    keys: BTreeSet<(Arc<str>, Vec<u8>)>,
    walks: Vec<Walk>,
}

/// The parts of a range that were walked, from either end.
#[derive(Clone, Debug)]
struct Walk {
    keyspace: Arc<str>,
    range: KeyRange,
    /// The last key from the front, and the last key from the back.
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

/// A panic leaves no half-done change in the reads.
pub(super) fn lock(reads: &Mutex<Reads>) -> MutexGuard<'_, Reads> {
    reads.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reads {
    /// No reads yet, as of this commit.
    pub(super) fn since(since: Commit) -> Self {
        Self {
            since,
            checked_through: since,
            keys: BTreeSet::new(),
            walks: Vec::new(),
        }
    }

    pub(super) fn add_key(&mut self, keyspace: &str, key: &[u8]) {
        self.keys.insert((keyspace.into(), key.to_vec()));
    }

    /// Adds a range that was not walked yet; returns its number.
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
        if !planted!(PartOfWalkForgotten) {
            self.walks[walk].up_to = Some(key.to_vec());
        }
    }

    pub(super) fn walked_down_to(&mut self, walk: usize, key: &[u8]) {
        self.walks[walk].down_to = Some(key.to_vec());
    }

    pub(super) fn walked_all(&mut self, walk: usize) {
        self.walks[walk].is_whole = !planted!(EndOfWalkForgotten);
    }

    /// Refuses when a commit of this version has written what was read. Commits that were checked
    /// before are not checked again.
    ///
    /// # Errors
    /// [`Error::Conflict`], and any error of the disk.
    pub(crate) fn check(&mut self, version: &Version) -> Result<()> {
        if version.head() == self.checked_through {
            return Ok(());
        }
        let most = if planted!(FirstKeyDecides) {
            1
        } else {
            usize::MAX
        };
        let keys = self.keys.iter().take(most);
        for (keyspace, key) in keys.filter(|_| !planted!(KeysUnchecked)) {
            let hash = filter::hash_key(key);
            self.check_segments(version, keyspace, |segment| {
                let found = segment.get(key, hash, version.head())?;
                let is_passed = |it: &Found| planted!(DeletionIsNoWrite) && it.value.is_none();
                let found = found.filter(|found| !is_passed(found));
                Ok(match found {
                    Some(found) if found.commit > self.checked_through => {
                        Looked::Written(key.clone())
                    }
                    // The newest version survives merges, so no later version exists.
                    Some(_) => Looked::Unwritten,
                    None => Looked::Absent,
                })
            })?;
        }
        for walk in self.walks.iter().filter(|_| !planted!(WalksUnchecked)) {
            for range in walk.parts() {
                self.check_segments(version, &walk.keyspace, |segment| {
                    self.look_inside(segment, &range)
                })?;
            }
        }
        // Advances only after every key and every walk was checked: a failed check must be repeated
        // in full.
        self.checked_through = version.head();
        Ok(())
    }

    /// Examines the segments of a keyspace that hold unchecked commits.
    fn check_segments(
        &self,
        version: &Version,
        keyspace: &str,
        look: impl Fn(&Segment) -> Result<Looked>,
    ) -> Result<()> {
        let Some(id) = version.keyspace(keyspace) else {
            return Ok(());
        };
        let roots = version.roots(id).iter().rev();
        for node in roots.take_while(|node| node.meta().last > self.checked_through) {
            match look(&node.segment)? {
                Looked::Written(key) => {
                    mark!(ConflictFound);
                    return Err(self.conflict(keyspace, Some(&key)));
                }
                Looked::Absent if self.may_have_dropped_deletion(version, id, node) => {
                    mark!(ConflictUnknown);
                    return Err(self.conflict(keyspace, None));
                }
                Looked::Absent | Looked::Unwritten => {}
            }
        }
        Ok(())
    }

    /// Whether a merge may have dropped a deletion that was committed after the checked commits:
    /// the oldest segment has no deletions up to its floor.
    fn may_have_dropped_deletion(&self, version: &Version, id: KeyspaceId, node: &Node) -> bool {
        let meta = node.meta();
        let oldest = version.roots(id).first();
        let is_oldest = oldest.is_some_and(|oldest| std::ptr::eq(&**oldest, node));
        let is_thinned = meta.floor > meta.first && meta.floor > self.checked_through;
        is_oldest && is_thinned && !planted!(DroppedDeletionPassed)
    }

    /// Examines a segment for a range: finds the first key with an unchecked version.
    fn look_inside(&self, segment: &Segment, range: &KeyRange) -> Result<Looked> {
        let mut cursor = segment.cursor(Fetch::Cached);
        range.seek_start(&mut cursor)?;
        while let Some(entry) = cursor.entry()
            && !range.ends_before(entry.key)
        {
            let is_passed = planted!(DeletionIsNoWrite) && entry.value.is_none();
            if entry.commit > self.checked_through && !is_passed {
                return Ok(Looked::Written(entry.key.to_vec()));
            }
            cursor.next()?;
        }
        // A key of the range may have been in this segment and be deleted.
        Ok(Looked::Absent)
    }

    /// Refuses when one of these commits, which no version holds yet, has written what was read.
    ///
    /// O((keys + walks) * records * log entries): each record is searched, not walked.
    ///
    /// # Errors
    /// [`Error::Conflict`].
    pub(crate) fn check_records(
        &self,
        records: &[CommitRecord],
        number_of: impl Fn(&str) -> Option<KeyspaceId>,
    ) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let mut runs: BTreeMap<KeyspaceId, Vec<&Run>> = BTreeMap::new();
        for (keyspace, run) in records.iter().flat_map(|record| &record.runs) {
            runs.entry(*keyspace).or_default().push(run);
        }
        let runs_of = |keyspace: &str| {
            let runs = number_of(keyspace).and_then(|id| runs.get(&id));
            runs.into_iter().flatten()
        };
        for (keyspace, key) in &self.keys {
            let only = KeyRange {
                start: Bound::Included(key.clone()),
                end: Bound::Included(key.clone()),
            };
            let written = runs_of(keyspace).find_map(|run| first_inside(run, &only));
            self.refuse_in_group(keyspace, written)?;
        }
        for walk in &self.walks {
            let most = if planted!(BackNotCheckedInGroup) {
                1
            } else {
                2
            };
            for range in walk.parts().into_iter().take(most) {
                let written = runs_of(&walk.keyspace).find_map(|run| first_inside(run, &range));
                self.refuse_in_group(&walk.keyspace, written)?;
            }
        }
        Ok(())
    }

    fn refuse_in_group(&self, keyspace: &str, written: Option<&[u8]>) -> Result<()> {
        match written {
            None => Ok(()),
            Some(key) => {
                mark!(ConflictInGroup);
                Err(self.conflict(keyspace, Some(key)))
            }
        }
    }

    fn conflict(&self, keyspace: &str, key: Option<&[u8]>) -> Error {
        Error::Conflict {
            keyspace: keyspace.to_owned(),
            key: key.map(<[u8]>::to_vec),
            since: self.since,
        }
    }
}

/// The answer of a segment about a key or a range that was read.
enum Looked {
    /// This key has a version that was committed after the checked commits.
    Written(Vec<u8>),
    /// There is a version, and it is an earlier one.
    Unwritten,
    /// There is no version.
    Absent,
}

/// The first key inside a range, in a run of one commit.
fn first_inside<'run>(run: &'run Run, range: &KeyRange) -> Option<&'run [u8]> {
    let first = range.first_place();
    let position = first.map_or(0, |(key, commit)| run.lower_bound(key, commit));
    let entry = (position < run.len()).then(|| run.entry(position))?;
    (!range.ends_before(entry.key)).then_some(entry.key)
}
