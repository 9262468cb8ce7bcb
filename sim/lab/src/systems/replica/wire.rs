//! Messages from the primary to the replica: delivered in any order, or never.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lithify::read::CommitChanges;

/// Messages, one for each commit.
#[derive(Default)]
pub(super) struct Wire {
    sent: BTreeMap<u64, CommitChanges>,
    /// Commits that came too early. They are sent again after the replica has advanced.
    refused: BTreeSet<u64>,
}

impl Wire {
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The commits that were sent and have not arrived.
    pub(super) fn commits(&self) -> impl Iterator<Item = u64> {
        self.sent.keys().copied()
    }

    /// Whether sending a commit is useful.
    pub(super) fn wants(&self, commit: u64) -> bool {
        !self.sent.contains_key(&commit) && !self.refused.contains(&commit)
    }

    pub(super) fn send(&mut self, commit: u64, changes: CommitChanges) {
        self.sent.insert(commit, changes);
    }

    /// Takes a message out: it arrives or is lost.
    pub(super) fn take(&mut self, commit: u64) -> Option<CommitChanges> {
        self.sent.remove(&commit)
    }

    /// The replica could not apply this commit yet.
    pub(super) fn refuse(&mut self, commit: u64) {
        self.refused.insert(commit);
    }

    /// The replica has advanced.
    pub(super) fn accept(&mut self) {
        self.refused.clear();
    }

    pub(super) fn clear(&mut self) {
        self.sent.clear();
        self.refused.clear();
    }
}

/// The sent commits and the refused commits.
impl fmt::Display for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {:?}", self.sent.keys(), self.refused)
    }
}
