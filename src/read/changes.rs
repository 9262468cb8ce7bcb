//! What each commit wrote, in commit order: the stream from which another store follows.
//!
//! Every commit says by a [`Past`] what came before it, so that a replica never puts it
//! behind another history. Memory: a bounded number of entries at once; segments that
//! hold more commits than that are read several times.

use std::collections::VecDeque;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::read::Snapshot;
use crate::read::past::{Past, Trail};
use crate::segment::{Fetch, KeyspaceId};
use crate::version::Part;

/// One operation of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The keyspace's name.
    pub keyspace: String,
    /// The key.
    pub key: Vec<u8>,
    /// The value, or `None` for a deletion.
    pub value: Option<Vec<u8>>,
}

/// Everything that one commit wrote, sorted by keyspace number and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitChanges {
    /// The commit.
    pub commit: Commit,
    /// The history before it.
    pub before: Past,
    /// What it wrote; empty for an empty commit.
    pub operations: Vec<Operation>,
}

impl CommitChanges {
    /// The history with this commit: what the next one has before it.
    #[must_use]
    pub fn after(&self) -> Past {
        self.before.with(self.commit, &self.operations)
    }
}

impl Snapshot {
    /// What every commit after `from` wrote, up to this one, in commit order: the
    /// stream from which another store can follow this one.
    ///
    /// To say what came before, this reads what the store has of the history up to
    /// `from`. A stream that is to go on for long does so with [`Changes::go_on`], which
    /// does not read it again.
    ///
    /// # Errors
    /// [`Error::Thinned`] when the store no longer knows exactly what one of them
    /// wrote, or what there was at `from`; [`Error::BeyondHead`] when `from` is later than
    /// this commit; and whatever the disk says. Later disk errors come from the iterator.
    pub fn changes_since(&self, from: Commit) -> Result<Changes> {
        let mut changes = self.bare_changes_since(from)?;
        changes.trail = self.trail(from)?;
        changes.past = changes.trail.past();
        Ok(changes)
    }

    /// The same for who compares the operations only: it does not know what came before.
    pub(crate) fn bare_changes_since(&self, from: Commit) -> Result<Changes> {
        if from > self.at {
            return Err(Error::BeyondHead {
                commit: from,
                head: self.at,
            });
        }
        Ok(Changes {
            parts: self.version.exact(from, self.at)?,
            snapshot: self.clone(),
            trail: Trail::default(),
            past: Past::default(),
            next: from.next(),
            ready: VecDeque::new(),
            is_over: false,
        })
    }
}

/// About how many entries are gathered at once.
const GATHERED_ENTRIES: u64 = 256 * 1024;

/// An iterator over commits and what they wrote. After an error it is over until it is
/// told to go on. It holds the files of the snapshot that it reads.
#[derive(Debug)]
pub struct Changes {
    snapshot: Snapshot,
    parts: Vec<Part>,
    trail: Trail,
    /// The history before the commit that comes out next.
    past: Past,
    /// The commit to be gathered next.
    next: Commit,
    ready: VecDeque<CommitChanges>,
    is_over: bool,
}

impl Changes {
    /// What the history was up to where the stream begins.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Lets the stream go on to a later snapshot of the same store, as long as that store
    /// stays open: a crash could take commits back that were handed out.
    ///
    /// # Errors
    /// As [`Snapshot::changes_since`].
    pub fn go_on(&mut self, snapshot: &Snapshot) -> Result<()> {
        let gathered = self.next.minus(1);
        snapshot.version.check_exists(gathered)?;
        self.parts = snapshot.version.exact(gathered, snapshot.at)?;
        self.snapshot = snapshot.clone();
        self.is_over = false;
        Ok(())
    }

    /// How many commits to gather so that about [`GATHERED_ENTRIES`] come together.
    fn gathered_commits(&self) -> u64 {
        let entries: u64 = self
            .parts
            .iter()
            .map(|part| part.segment.meta.entries)
            .sum();
        let commits = self.snapshot.at.get() - self.next.get() + 1;
        (GATHERED_ENTRIES * commits / entries.max(1)).clamp(1, commits)
    }

    fn gather(&mut self) -> Result<()> {
        let first = self.next;
        let last = Commit::new(first.get() + self.gathered_commits() - 1);
        let mut ready: VecDeque<CommitChanges> = (first.get()..=last.get())
            .map(|commit| CommitChanges {
                commit: Commit::new(commit),
                before: Past::default(),
                operations: Vec::new(),
            })
            .collect();
        for part in &self.parts {
            let meta = &part.segment.meta;
            if meta.last >= first && meta.first <= last {
                gather_from(part, &self.snapshot, first, last, &mut ready)?;
            }
        }
        self.next = last.next();
        self.ready = ready;
        Ok(())
    }
}

fn gather_from(
    part: &Part,
    snapshot: &Snapshot,
    first: Commit,
    last: Commit,
    ready: &mut VecDeque<CommitChanges>,
) -> Result<()> {
    let keyspace: KeyspaceId = part.segment.meta.keyspace;
    let mut cursor = part.segment.cursor(Fetch::Ahead);
    cursor.seek_first()?;
    while let Some(entry) = cursor.entry() {
        if (first..=last).contains(&entry.commit) && part.holds(entry.commit) {
            let position = (entry.commit.get() - first.get()) as usize;
            ready[position].operations.push(Operation {
                keyspace: snapshot.version.keyspace_name(keyspace).to_string(),
                key: entry.key.to_vec(),
                value: entry.value.map(<[u8]>::to_vec),
            });
        }
        cursor.next()?;
    }
    Ok(())
}

impl Iterator for Changes {
    type Item = Result<CommitChanges>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            if self.is_over || self.next > self.snapshot.at {
                return None;
            }
            if let Err(error) = self.gather() {
                self.is_over = true;
                return Some(Err(error));
            }
        }
        let mut changes = self.ready.pop_front()?;
        changes.before = self.past;
        self.past = changes.after();
        Some(Ok(changes))
    }
}
