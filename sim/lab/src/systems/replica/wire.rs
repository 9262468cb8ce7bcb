//! What is on its way from the primary to the replica: delivered in any order, or never.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lithify::read::CommitChanges;

/// Messages, one for each commit.
#[derive(Default)]
pub(super) struct Wire {
    sent: BTreeMap<u64, CommitChanges>,
    /// Came too early: sent again when the replica has gone on.
    refused: BTreeSet<u64>,
}

impl Wire {
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The commits that are on their way.
    pub(super) fn commits(&self) -> impl Iterator<Item = u64> {
        self.sent.keys().copied()
    }

    /// Whether sending a commit could help.
    pub(super) fn wants(&self, commit: u64) -> bool {
        !self.sent.contains_key(&commit) && !self.refused.contains(&commit)
    }

    pub(super) fn send(&mut self, commit: u64, changes: CommitChanges) {
        self.sent.insert(commit, changes);
    }

    /// Takes a message out: it arrives, or is lost.
    pub(super) fn take(&mut self, commit: u64) -> Option<CommitChanges> {
        self.sent.remove(&commit)
    }

    /// The replica could not use this commit yet.
    pub(super) fn refuse(&mut self, commit: u64) {
        self.refused.insert(commit);
    }

    /// The replica has gone on.
    pub(super) fn accept(&mut self) {
        self.refused.clear();
    }

    pub(super) fn clear(&mut self) {
        self.sent.clear();
        self.refused.clear();
    }
}

/// The commits that are on their way, and those that were refused.
impl fmt::Display for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {:?}", self.sent.keys(), self.refused)
    }
}
