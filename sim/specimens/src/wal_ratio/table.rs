//! The state in memory, and the length of a rewritten log of this state.
//!
//! Invariant: [`Table::live_bytes`] is the exact length of the base that
//! [`BaseWriter`] would write. Each change updates it, so the policy does not have to
//! count.

use std::collections::BTreeMap;
use std::ops::Bound;

use lithify_sim::planted;

use super::record::{self, BASE_BYTES, Operation, Record, pair_bytes};
use crate::parts::entry::{self, Before};
use crate::parts::identity::Identity;

/// Keys and values, and the number of commits that made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    commits: u64,
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
    live_bytes: u64,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            commits: 0,
            pairs: BTreeMap::new(),
            live_bytes: BASE_BYTES,
        }
    }
}

impl Table {
    /// The number of applied commits.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// The keys and values, sorted by key.
    #[must_use]
    pub fn pairs(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.pairs
    }

    /// The length in bytes of a rewritten log of this state.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Applies a payload that [`record::commit`] has made or that was read from a log.
    ///
    /// # Errors
    /// The reason why the payload is not valid. The table has not changed then.
    pub(super) fn apply(&mut self, payload: &[u8]) -> Result<(), String> {
        match record::decode(payload)? {
            Record::Base { commits, .. } => self.commits = commits,
            Record::Pair(key, value) => self.insert(key, value),
            Record::Commit(operations) => {
                for operation in operations {
                    match operation {
                        Operation::Put(key, value) => self.insert(key, value),
                        Operation::Delete(key) => self.remove(&key),
                    }
                }
                self.commits += 1;
            }
        }
        Ok(())
    }

    fn insert(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.live_bytes += pair_bytes(&key, &value);
        let key_bytes = pair_bytes(&key, &[]);
        if let Some(old) = self.pairs.insert(key, value) {
            self.forget(key_bytes + old.len() as u64);
        }
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(old) = self.pairs.remove(key) {
            self.forget(pair_bytes(key, &old));
        }
    }

    fn forget(&mut self, bytes: u64) {
        if !planted::is_active("dead-bytes-count-as-live") {
            self.live_bytes -= bytes;
        }
    }

    /// Whether a rewrite keeps a pair. Always true without a planted bug.
    fn keeps(value: &[u8]) -> bool {
        !(value.is_empty() && planted::is_active("empty-value-dropped"))
    }

    fn base(&self, identity: Identity) -> Vec<u8> {
        let pairs = self
            .pairs
            .values()
            .filter(|value| Self::keeps(value))
            .count() as u64;
        let commits = match planted::is_active("commit-number-reused") {
            true => pairs,
            false => self.commits,
        };
        record::base(commits, pairs, identity)
    }
}

/// Writes the base of a log in pieces, so that memory holds one piece and not a second
/// copy of the state. The state must not change until the last piece.
#[derive(Debug)]
pub(super) struct BaseWriter {
    generation: u64,
    identity: Identity,
    /// The number of bytes in the pieces so far.
    position: u64,
    /// The last key that was written.
    last: Option<Vec<u8>>,
}

impl BaseWriter {
    pub(super) fn new(generation: u64, identity: Identity) -> Self {
        Self {
            generation,
            identity,
            position: 0,
            last: None,
        }
    }

    /// Sets the identity of the file, which is known after the file was created.
    pub(super) fn identify(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// The next piece: the shortest sequence of entries with at least `piece_bytes`
    /// bytes, or all remaining entries. `None` after the end.
    pub(super) fn next(&mut self, table: &Table, piece_bytes: usize) -> Option<Vec<u8>> {
        let mut piece = Vec::new();
        let (base, salt) = (
            table.base(self.identity),
            self.identity.salt(self.generation),
        );
        // The base record contains the salt of the other entries. So its own salt can
        // only be the generation, which is in the name of the file.
        let mut add = |before, payload: &[u8], salt: u64| {
            entry::encode(&mut piece, salt, self.position, before, payload);
            piece.len() >= piece_bytes
        };
        let mut is_full = self.position == 0 && add(Before::Durable, &base, self.generation);
        let from = match &self.last {
            Some(last) => Bound::Excluded(last.clone()),
            None => Bound::Unbounded,
        };
        for (key, value) in table.pairs.range((from, Bound::Unbounded)) {
            if is_full {
                break;
            }
            if Table::keeps(value) {
                is_full = add(Before::Pending, &record::pair(key, value), salt);
            }
            self.last = Some(key.clone());
        }
        self.position += piece.len() as u64;
        (!piece.is_empty()).then_some(piece)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// For any commits and any size of pieces, the base has the counted length and
        /// can be read back as the same table.
        #[test]
        fn live_bytes_are_the_bytes_of_the_base(
            commits in prop::collection::vec(
                prop::collection::vec((0_u8..6, prop::option::of(0_usize..40)), 0..4),
                0..12,
            ),
            piece_bytes in 1_usize..200,
        ) {
            let mut table = Table::default();
            for commit in commits {
                let operations: Vec<_> = commit
                    .into_iter()
                    .map(|(key, length)| match length {
                        Some(length) => Operation::Put(vec![key], vec![7; length]),
                        None => Operation::Delete(vec![key]),
                    })
                    .collect();
                table.apply(&record::commit(&operations)).unwrap();
            }
            let mut writer = BaseWriter::new(3, Identity { store: 1, file: 2 });
            let mut bytes = Vec::new();
            while let Some(piece) = writer.next(&table, piece_bytes) {
                bytes.extend(piece);
            }
            prop_assert_eq!(bytes.len() as u64, table.live_bytes());
            let base = entry::decode(&bytes, 3, 0);
            let salt = Identity { store: 1, file: 2 }.salt(3);
            let scan = entry::scan_behind(&bytes, salt, base);
            prop_assert_eq!(scan.end, bytes.len());
            let mut read = Table::default();
            for entry in scan.entries {
                read.apply(&bytes[entry.payload]).unwrap();
            }
            prop_assert_eq!(read, table);
        }
    }
}
