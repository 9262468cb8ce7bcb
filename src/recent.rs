//! Which keyspaces were written to since some commit.
//!
//! A closing, a spill and the line between memory and files concern keyspaces with commits
//! behind some commit. There may be any number of others, and what they cost a closing is
//! nothing.

use crate::commit::Commit;
use crate::segment::KeyspaceId;

/// The last commits that wrote to each keyspace.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// In order of commits. The last write to each keyspace is there, and some earlier ones.
    writes: Vec<(Commit, KeyspaceId)>,
    /// More than the highest number of a keyspace.
    keyspaces: usize,
    /// How many writes, beyond two for each keyspace, come together before any is forgotten.
    spare_writes: usize,
}

impl Recent {
    /// Of keyspaces with the commits that wrote to them last.
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

    /// Notes that a commit, none before the last one noted, wrote to a keyspace.
    pub(crate) fn wrote(&mut self, commit: Commit, keyspace: KeyspaceId) {
        self.writes.push((commit, keyspace));
        self.keyspaces = self.keyspaces.max(keyspace as usize + 1);
        // So each write is looked at once or twice more, however many there will be.
        if self.writes.len() > 2 * self.keyspaces + self.spare_writes {
            self.forget();
        }
    }

    /// Leaves the last write to each keyspace.
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
        /// Against a list of all writes.
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
