//! The keyspaces that were written to since a commit.
//!
//! A closing, a spill and a moved line concern only keyspaces with commits after some commit. There
//! may be any number of other keyspaces, and they must cost a closing nothing.

use crate::commit::Commit;
use crate::segment::KeyspaceId;

/// The last commits that wrote to each keyspace.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// In order of commits. Contains the last write to each keyspace, and some earlier writes.
    writes: Vec<(Commit, KeyspaceId)>,
    /// A number above all keyspace numbers.
    keyspaces: usize,
    /// The number of writes, beyond two for each keyspace, that are collected before old writes are
    /// forgotten.
    spare_writes: usize,
}

impl Recent {
    /// Starts with the last commit that wrote to each keyspace.
    pub(crate) fn new(
        last_writes: impl Iterator<Item = (Commit, KeyspaceId)>,
        spare_writes: usize,
    ) -> Self {
        let mut last_writes: Vec<_> = last_writes.collect();
        last_writes.sort_unstable();
        let mut recent = Self {
            spare_writes,
            ..Self::default()
        };
        for (commit, keyspace) in last_writes {
            recent.wrote(commit, keyspace);
        }
        recent
    }

    /// Records that a commit wrote to a keyspace. Commits come in ascending order.
    pub(crate) fn wrote(&mut self, commit: Commit, keyspace: KeyspaceId) {
        // Neighbouring commits mostly write to the same keyspace, and only its last write counts.
        if let Some((last, _)) = self.writes.last_mut().filter(|(_, last)| *last == keyspace) {
            *last = commit;
            return;
        }
        self.writes.push((commit, keyspace));
        self.keyspaces = self.keyspaces.max(keyspace as usize + 1);
        // So each write is visited only once or twice more, whatever the number of later writes.
        if self.writes.len() > 2 * self.keyspaces + self.spare_writes {
            self.forget();
        }
    }

    /// Keeps the last write to each keyspace only.
    fn forget(&mut self) {
        let mut is_seen = vec![false; self.keyspaces];
        mark!(WritesForgotten);
        let left_out = usize::from(planted!(LastWriteForgotten));
        let newest_first = self.writes.iter().rev().copied().skip(left_out);
        let mut last: Vec<_> = newest_first
            .filter(|&(_, keyspace)| !std::mem::replace(&mut is_seen[keyspace as usize], true))
            .collect();
        last.reverse();
        self.writes = last;
    }

    /// The keyspaces with commits after this one, in order of their numbers.
    pub(crate) fn since(&self, commit: Commit) -> Vec<KeyspaceId> {
        let start = self.writes.partition_point(|&(write, _)| write <= commit);
        let keyspaces = self.writes[start..].iter().map(|&(_, keyspace)| keyspace);
        let mut keyspaces: Vec<_> = keyspaces.collect();
        keyspaces.sort_unstable();
        keyspaces.dedup();
        keyspaces
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    const SPARE: usize = 64;

    proptest! {
        /// Compares with a list of all writes.
        #[test]
        fn no_write_is_forgotten_that_is_the_last_one(
            commits in proptest::collection::vec(proptest::collection::btree_set(0_u32..5, 0..4), 0..150),
        ) {
            let mut recent = Recent::new(std::iter::empty(), SPARE);
            for (commit, keyspaces) in (1..).zip(&commits) {
                for &keyspace in keyspaces {
                    recent.wrote(Commit::new(commit), keyspace);
                }
            }
            prop_assert!(recent.writes.len() <= 10 + SPARE);
            for since in 0..=commits.len() {
                let expected: BTreeSet<u32> = commits[since..].iter().flatten().copied().collect();
                let found = recent.since(Commit::new(since as u64));
                prop_assert!(found.iter().eq(&expected), "{found:?}, not {expected:?}");
            }
        }
    }
}
