//! A fixed view of the store as of one commit.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::Result;
use crate::layout::Layout;
use crate::read::range::{KeyRange, Range};
use crate::segment::{Found, KeyspaceId, filter};
use crate::slice::Slice;
use crate::version::Version;

/// The store as of one commit. Cheap to clone, and may be sent to other threads.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) version: Arc<Version>,
    pub(crate) at: Commit,
}

impl Snapshot {
    /// The commit that the snapshot shows.
    #[must_use]
    pub fn commit(&self) -> Commit {
        self.at
    }

    /// The value of `key`, or `None` when it has none at this commit. A keyspace that no commit has
    /// named yet is empty.
    ///
    /// Costs one filter probe for each segment of the keyspace, and a search in the few segments
    /// that may hold the key.
    ///
    /// # Errors
    /// [`Error::Thinned`](crate::Error::Thinned), and any error of the disk.
    pub fn get(&self, keyspace: &str, key: &[u8]) -> Result<Option<Slice>> {
        Ok(self.find(keyspace, key)?.and_then(|found| found.value))
    }

    pub(crate) fn find(&self, keyspace: &str, key: &[u8]) -> Result<Option<Found>> {
        let Some(keyspace) = self.keyspace_id(keyspace)? else {
            return Ok(None);
        };
        let hash = filter::hash_key(key);
        for node in self.version.roots_until(keyspace, self.at) {
            if node.is_readable_at(self.at) {
                let at = match planted!(GetIsNewest) {
                    true => self.version.head(),
                    false => self.at,
                };
                if let Some(found) = node.segment.get(key, hash, at)? {
                    return Ok(Some(found));
                }
                continue;
            }
            // Only the newest of these nodes can be thinned out at this commit. So the refusal
            // comes before any value was found.
            for segment in self.version.cover_of(keyspace, node, self.at)? {
                if let Some(found) = segment.get(key, hash, self.at)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The keys of `keyspace` inside `range` that have a value, in key order; can be read both
    /// ways.
    ///
    /// # Errors
    /// [`Error::Thinned`](crate::Error::Thinned). Disk errors come from the iterator.
    pub fn range(&self, keyspace: &str, range: KeyRange) -> Result<Range> {
        let segments = match self.keyspace_id(keyspace)? {
            Some(keyspace) => self.version.cover(keyspace, self.at)?,
            None => Vec::new(),
        };
        Ok(Range::new(segments, range, self.at))
    }

    /// The number of segments that a read of `keyspace` at this commit uses.
    ///
    /// # Errors
    /// [`Error::Thinned`](crate::Error::Thinned).
    pub fn segments_read(&self, keyspace: &str) -> Result<usize> {
        self.keyspace_id(keyspace)?.map_or(Ok(0), |keyspace| {
            Ok(self.version.cover(keyspace, self.at)?.len())
        })
    }

    /// The commits that can be read in every keyspace, ascending.
    #[must_use]
    pub fn readable_commits(&self) -> Vec<RangeInclusive<Commit>> {
        self.version.readable_commits(None)
    }

    /// The commits that can be read in one keyspace, ascending.
    #[must_use]
    pub fn readable_commits_of(&self, keyspace: &str) -> Vec<RangeInclusive<Commit>> {
        match self.version.keyspace(keyspace) {
            Some(keyspace) => self.version.readable_commits(Some(keyspace)),
            None if self.version.head() == Commit::ZERO => Vec::new(),
            None => vec![Commit::new(1)..=self.version.head()],
        }
    }

    /// The names of the keyspaces that commits had written to when the snapshot was made, in order
    /// of first use. This includes keyspaces that were first written after the snapshot's commit.
    #[must_use]
    pub fn keyspaces(&self) -> Vec<String> {
        let names = self.version.keyspace_names().iter();
        let mut names: Vec<String> = names.map(|name| name.to_string()).collect();
        if planted!(KeyspacesByName) {
            names.sort();
        }
        names
    }

    /// The live segments of the version behind the snapshot.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::of(&self.version)
    }

    /// The number of `keyspace`; `None` when no commit up to this one has named it.
    pub(crate) fn keyspace_id(&self, keyspace: &str) -> Result<Option<KeyspaceId>> {
        self.version.keyspace_at(keyspace, self.at)
    }
}
