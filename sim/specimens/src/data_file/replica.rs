//! Replication: a replica applies the commits of its primary, in order and without gaps.
//!
//! A change contains the chain before it and the chain after it. The chain after it proves
//! that the change is complete. The chain before it proves that both stores have the same
//! history up to this point. So a replica never applies a commit on top of another history.
//! A store that was restored from an old copy, or that has taken a write by mistake, is
//! detected with the first commit that it receives. A comparison of values would need all
//! values.
//!
//! Commits that a compaction has merged cannot be sent any more. A replica that needs them
//! has to begin with a copy of the primary's files.

use lithify::fs::whole::read_exact_at;
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::header::HEADER_BYTES;
use super::names;
use super::policy::Role;
use super::record::{self, Chain, Record, Write};
use super::store::Store;
use crate::parts::disk::failed;
use crate::parts::entry;

/// A commit that a primary sends to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub commit: u64,
    /// The chain of the commit before it.
    pub previous: u64,
    /// Its own chain.
    pub chain: u64,
    /// What it writes.
    pub writes: Vec<Write>,
}

impl Change {
    /// The commit of this number after the chain `previous`.
    #[must_use]
    pub fn new(commit: u64, previous: u64, writes: Vec<Write>) -> Self {
        Self {
            commit,
            previous,
            chain: Chain::of(previous, &writes),
            writes,
        }
    }
}

impl Store {
    /// At most `most` of the durable commits after `commit`, in order. Reads them from the
    /// file.
    ///
    /// # Errors
    /// `Other` if the commits are compacted away or do not exist yet. Otherwise errors of
    /// the disk, and `Damage`.
    pub fn changes_since(&self, commit: u64, most: usize) -> Result<Vec<Change>, Failure> {
        let (base, head) = (self.base(), self.data.durable_head);
        if commit < base {
            return Err(Failure::Other(format!(
                "the changes since commit {commit} are gone: the file begins with the state of commit {base}; begin with a copy of the store"
            )));
        }
        if commit > head {
            return Err(Failure::Other(format!(
                "there are no changes since commit {commit}: the newest durable commit is {head}"
            )));
        }
        let last = head.min(commit.saturating_add(most as u64));
        let mut previous = self.chain_at(commit).unwrap_or_default();
        let mut changes = Vec::new();
        for number in commit + 1..=last {
            let change = Change::new(number, previous, self.writes_of(number)?);
            previous = change.chain;
            changes.push(change);
        }
        Ok(changes)
    }

    /// The begin and the end of a commit after the base.
    fn extent(&self, commit: u64) -> (u64, u64) {
        let index = (commit - self.base() - 1) as usize;
        let before = index.checked_sub(1).map(|before| self.data.ends[before]);
        let start = before.map_or(self.data.header.copied_end, |end| end.position);
        (start, self.data.ends[index].position)
    }

    /// The chain of a commit. `None` if the commit is compacted away or does not exist yet.
    #[must_use]
    pub fn chain_at(&self, commit: u64) -> Option<u64> {
        match commit.checked_sub(self.base())? {
            0 => Some(self.data.header.base_chain),
            behind => {
                let end = self.data.ends.get(behind as usize - 1);
                end.map(|end| end.chain)
            }
        }
    }

    fn writes_of(&self, commit: u64) -> Result<Vec<Write>, Failure> {
        let (start, end) = self.extent(commit);
        let bytes = self.bytes(start, end)?;
        let records = self.records(start, &bytes)?;
        let write = |record: &Record<'_>| match record {
            Record::Put { key, value } => Some(Write {
                key: key.to_vec(),
                value: Some(value.to_vec()),
            }),
            Record::Delete { key } => Some(Write {
                key: key.to_vec(),
                value: None,
            }),
            Record::End { .. } | Record::Opening { .. } | Record::Superseded => None,
        };
        Ok(records.iter().filter_map(write).collect())
    }

    fn bytes(&self, start: u64, end: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; usize::try_from(end - start).expect("it fits into memory")];
        read_exact_at(&*self.data.file, HEADER_BYTES + start, &mut bytes)
            .map_err(failed("read", names::DATA))?;
        Ok(bytes)
    }

    /// Decodes the records in `bytes`, which are at position `start` of the file. Verifies
    /// the checksums.
    fn records<'bytes>(
        &self,
        start: u64,
        bytes: &'bytes [u8],
    ) -> Result<Vec<Record<'bytes>>, Failure> {
        let mut records = Vec::new();
        let mut position = 0;
        while position < bytes.len() {
            let at = start + position as u64;
            let checked = entry::check(&bytes[position..], self.data.header.salt(), at);
            let (payload, _) = checked.ok_or_else(|| damage_at(at))?;
            let payload = position + payload.start..position + payload.end;
            position = payload.end;
            records.push(record::decode(&bytes[payload]).map_err(Failure::Damage)?);
        }
        Ok(records)
    }

    /// Applies commits of the primary, in order, and returns the number of the newest
    /// commit. Commits that the replica already has are compared and not applied again.
    ///
    /// # Errors
    /// `Other` if the store is not a replica, if a commit before one of these is missing,
    /// if a change does not match its checksum, or if the histories differ. In the last
    /// case the error names the first commit that is known to differ. Nothing was applied
    /// then. Otherwise as [`Store::commit`].
    pub fn replicate(&mut self, changes: &[Change]) -> Result<u64, Failure> {
        if self.options.role != Role::Replica {
            return Err(Failure::Other(format!(
                "this store is a primary at commit {}: it takes no commits of another",
                self.head()
            )));
        }
        let (mut head, mut chain) = (self.head(), self.chain());
        let mut batches = Vec::new();
        for change in changes {
            if change.chain != Chain::of(change.previous, &change.writes) {
                return Err(refused(change.commit, "is not what its checksum says"));
            }
            if change.commit <= head - batches.len() as u64 {
                self.compare(change)?;
                continue;
            }
            if change.commit <= head {
                return Err(refused(change.commit, "came twice"));
            }
            if change.commit != head + 1 && !planted::is_active("gap-accepted") {
                return Err(Failure::Other(format!(
                    "commit {} came after {head}: commit {} is missing; nothing was taken",
                    change.commit,
                    head + 1
                )));
            }
            if change.previous != chain && !planted::is_active("divergence-accepted") {
                return Err(Failure::Other(format!(
                    "commit {} follows another history: commit {head} here and there differ, or one before it; send the changes since {} to learn which; nothing was taken",
                    change.commit,
                    self.base()
                )));
            }
            (head, chain) = (head + 1, change.chain);
            batches.push(change.writes.clone());
        }
        self.append(&batches)
    }

    /// Compares a commit that the replica already has with the primary's commit.
    fn compare(&self, change: &Change) -> Result<(), Failure> {
        match self.chain_at(change.commit) {
            Some(chain) if chain != change.chain => Err(refused(
                change.commit,
                "is the first that differs from the primary's",
            )),
            _ => Ok(()),
        }
    }
}

fn refused(commit: u64, why: &str) -> Failure {
    Failure::Other(format!("commit {commit} {why}; nothing was taken"))
}

fn damage_at(position: u64) -> Failure {
    Failure::Damage(format!(
        "{}: the entry at byte {} cannot be read any more",
        names::DATA,
        HEADER_BYTES + position
    ))
}
