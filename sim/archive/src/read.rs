//! Reading an archive as of a commit.
//!
//! A view holds the names of the objects that it needs, and fetches each when a read needs it. A point
//! read goes from the newest object to the oldest one and stops at the first version, so it makes at
//! most one request for each live window. All other reads need every object up to their commit.
//!
//! Invariants: a view never lists. What it has seen stays true: an object that was removed since then
//! has its commits in a wider window, and a wider window shows the same versions up to a commit.
//!
//! Memory: the result, and the objects in the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use lithify::read::{CommitChanges, KeyRange, KeyVersion};
use lithify::{Commit, Slice};

use crate::archive::Archive;
use crate::ask::Port;
use crate::error::{Error, Result};
use crate::number::Number;
use crate::piece::Piece;
use crate::plan::{self, Planned, Reach};

/// An archive as of a commit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct View {
    archive: Archive,
    reach: Arc<Reach>,
    at: Commit,
}

impl View {
    /// The archive as of `at`. [`Commit::ZERO`] is the empty state. No request.
    ///
    /// # Errors
    /// [`Error::BeyondHead`].
    pub fn new(archive: &Archive, reach: &Reach, at: Commit) -> Result<Self> {
        if at > reach.head {
            return Err(Error::BeyondHead {
                commit: at,
                head: reach.head,
            });
        }
        Ok(Self {
            archive: archive.clone(),
            reach: Arc::new(reach.clone()),
            at,
        })
    }

    /// The commit.
    #[must_use]
    pub fn commit(&self) -> Commit {
        self.at
    }

    /// The objects that this view needs, newest first.
    #[must_use]
    pub fn objects(&self) -> Vec<Planned> {
        let alignment = self.archive.alignment();
        plan::objects(alignment, &self.reach, Commit::ZERO, self.at)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// What [`Error`] says about objects.
    pub async fn get(&self, port: &Port, keyspace: &str, key: &[u8]) -> Result<Option<Slice>> {
        let range = only(key);
        let mut fetching = Fetching::new(self);
        if planted!(OldestFirst) {
            fetching.planned.reverse();
        }
        while let Some(piece) = fetching.next(port).await? {
            if let Some((newest, _)) = piece.versions(keyspace, &range, self.at).next_back() {
                return Ok(newest.value.as_deref().map(Slice::from));
            }
        }
        Ok(None)
    }

    /// The keys inside `range` that have a value, in key order.
    ///
    /// # Errors
    /// What [`Error`] says about objects.
    pub async fn range(
        &self,
        port: &Port,
        keyspace: &str,
        range: &KeyRange,
    ) -> Result<Vec<(Slice, Slice)>> {
        let mut newest: BTreeMap<Vec<u8>, Option<Slice>> = BTreeMap::new();
        let mut fetching = Fetching::new(self);
        while let Some(piece) = fetching.next(port).await? {
            for (operation, _) in piece.versions(keyspace, range, self.at).rev() {
                if !newest.contains_key(&operation.key) {
                    let value = operation.value.as_deref().map(Slice::from);
                    newest.insert(operation.key.clone(), value);
                }
            }
        }
        let pairs = newest.into_iter();
        Ok(pairs
            .filter_map(|(key, value)| Some((Slice::from(key), value?)))
            .collect())
    }

    /// The versions of a key, oldest first.
    ///
    /// # Errors
    /// What [`Error`] says about objects.
    pub async fn history(
        &self,
        port: &Port,
        keyspace: &str,
        key: &[u8],
    ) -> Result<Vec<KeyVersion>> {
        let range = only(key);
        let mut versions = BTreeMap::new();
        let mut fetching = Fetching::new(self);
        while let Some(piece) = fetching.next(port).await? {
            for (operation, commit) in piece.versions(keyspace, &range, self.at) {
                versions.insert(commit, operation.value.as_deref().map(Slice::from));
            }
        }
        let versions = versions.into_iter();
        Ok(versions
            .map(|(commit, value)| KeyVersion { commit, value })
            .collect())
    }

    /// The names of the keyspaces that commits have written to, in order of first use.
    ///
    /// # Errors
    /// As [`Changes::next`].
    pub async fn keyspaces(&self, port: &Port) -> Result<Vec<String>> {
        let (mut names, mut known) = (Vec::new(), BTreeSet::new());
        let mut changes = self.changes_since(Commit::ZERO);
        while let Some(commits) = changes.next(port).await? {
            for operation in commits.iter().flat_map(|changes| &changes.operations) {
                if !known.contains(&operation.keyspace) {
                    known.insert(operation.keyspace.clone());
                    names.push(operation.keyspace.clone());
                }
            }
        }
        Ok(names)
    }

    /// The commits after `from`, oldest first.
    #[must_use]
    pub fn changes_since(&self, from: Commit) -> Changes {
        let alignment = self.archive.alignment();
        Changes {
            archive: self.archive.clone(),
            planned: plan::objects(alignment, &self.reach, from, self.at),
            last: from,
            digest: (from == Commit::ZERO).then_some(Number(0)),
            until: self.at,
            end: (self.at == self.reach.head).then_some(self.reach.digest),
        }
    }
}

fn only(key: &[u8]) -> KeyRange {
    KeyRange {
        start: Bound::Included(key.to_vec()),
        end: Bound::Included(key.to_vec()),
    }
}

/// The pieces of a view, newest first. A piece that is wider than planned takes the place of the
/// older ones that it holds.
struct Fetching<'a> {
    archive: &'a Archive,
    /// The next one is at the end.
    planned: Vec<Planned>,
    /// The commits after this one were fetched.
    fetched_from: Commit,
}

impl<'a> Fetching<'a> {
    fn new(view: &'a View) -> Self {
        let mut planned = view.objects();
        planned.reverse();
        Self {
            archive: &view.archive,
            planned,
            fetched_from: Commit::MAX,
        }
    }

    async fn next(&mut self, port: &Port) -> Result<Option<Arc<Piece>>> {
        while let Some(planned) = self.planned.pop() {
            if planned.window.start >= self.fetched_from && !planted!(OldestFirst) {
                continue;
            }
            let piece = self.archive.fetch(port, &planned).await?;
            self.fetched_from = self.fetched_from.min(piece.start());
            return Ok(Some(piece));
        }
        Ok(None)
    }
}

/// Commits, oldest first, object by object.
#[derive(Debug)]
pub struct Changes {
    archive: Archive,
    /// The next one is at the end.
    planned: Vec<Planned>,
    last: Commit,
    /// The digest of the history up to `last`, as soon as it is known.
    digest: Option<Number>,
    until: Commit,
    /// The digest at the end, if it is known.
    end: Option<Number>,
}

impl Changes {
    /// The next commits; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Mixed`] when an object does not follow the one before it, and what [`Error`] says about
    /// objects.
    pub async fn next(&mut self, port: &Port) -> Result<Option<Vec<CommitChanges>>> {
        while let Some(planned) = self.planned.pop() {
            if planned.window.end <= self.last {
                continue;
            }
            let piece = self.archive.fetch(port, &planned).await?;
            let digest = piece.digest_at(self.last);
            let differs = self.digest.is_some_and(|known| Some(known) != digest);
            if digest.is_none() || differs && !planted!(ChainUnchecked) {
                return Err(self.mixed(&piece.name));
            }
            let from = match planted!(WiderCountedTwice) {
                true => piece.start(),
                false => self.last,
            };
            let commits = piece.commits_in(from, self.until).to_vec();
            if let Some(last) = commits.last() {
                self.last = last.commit;
                self.digest = piece.digest_at(last.commit);
            }
            return Ok(Some(commits));
        }
        // Both are known unless nothing was to be read.
        let is_other = self.end.zip(self.digest).is_some_and(|(end, it)| end != it);
        match is_other && !planted!(ChainUnchecked) {
            true => Err(self.mixed(crate::names::HEAD)),
            false => Ok(None),
        }
    }

    fn mixed(&self, name: &str) -> Error {
        Error::Mixed {
            name: name.to_owned(),
            commit: self.last,
        }
    }
}
