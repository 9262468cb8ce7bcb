//! The writes of each commit, in commit order: the stream that another store can follow.
//!
//! Every commit states by a [`Past`] which history came before it, so that a replica never applies
//! it after another history. Memory: a bounded number of entries and of bytes at once; segments
//! that hold more are read several times.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::commit::Commit;
use crate::error::{Damage, Error, Result};
use crate::read::Snapshot;
use crate::read::past::{Past, Trail};
use crate::segment::file::FileSegment;
use crate::segment::run::{EntryRef, Run};
use crate::segment::{Fetch, KeyspaceId, Segment};
use crate::version::Part;
use crate::whole_file::damage_of;

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

impl Operation {
    fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

/// The writes of one commit, sorted by keyspace number and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitChanges {
    /// The commit.
    pub commit: Commit,
    /// The history before it.
    pub before: Past,
    /// The writes of the commit; empty for an empty commit.
    pub operations: Vec<Operation>,
}

impl CommitChanges {
    /// The history including this commit: the history before the next commit.
    #[must_use]
    pub fn after(&self) -> Past {
        self.before.with(self.commit, &self.operations)
    }
}

impl Snapshot {
    /// The writes of every commit after `from` up to this snapshot's commit, in commit order: the
    /// stream that another store can follow.
    ///
    /// To state which history came before, this reads the store's history up to `from`. A long
    /// stream should be continued with [`Changes::go_on`], which does not read that history again.
    ///
    /// # Errors
    /// [`Error::Thinned`] when the store no longer knows the exact writes of one of the commits, or
    /// the state at `from`; [`Error::BeyondHead`] when `from` is later than this snapshot's commit;
    /// and any error of the disk. Later disk errors come from the iterator.
    pub fn changes_since(&self, from: Commit) -> Result<Changes> {
        let mut changes = self.bare_changes_since(from)?;
        changes.trail = self.trail(from)?;
        changes.past = changes.trail.past();
        Ok(changes)
    }

    /// The same for callers that compare operations only: the field `before` of the commits is not
    /// set.
    pub(crate) fn bare_changes_since(&self, from: Commit) -> Result<Changes> {
        if from > self.at {
            return Err(Error::BeyondHead {
                commit: from,
                head: self.at,
            });
        }
        Ok(Changes::over(
            self,
            from,
            self.version.exact(from, self.at)?,
        ))
    }

    /// The intact operations of every commit after `from` in these parts of a damaged store, in
    /// commit order. Operations that the damages in `named` have taken are left out. Any other
    /// damage is an error, so only operations with a named damage are missing.
    pub(crate) fn intact_changes(
        &self,
        from: Commit,
        parts: Vec<Part>,
        named: Arc<[Damage]>,
    ) -> Changes {
        Changes {
            left_out: Some(named),
            ..Changes::over(self, from, parts)
        }
    }
}

/// An iterator over commits and their writes. After an error it ends until [`Changes::go_on`] is
/// called. It holds the files of the snapshot that it reads.
#[derive(Debug)]
pub struct Changes {
    snapshot: Snapshot,
    parts: Vec<Part>,
    trail: Trail,
    /// The history before the next commit to be returned.
    past: Past,
    /// The next commit to be gathered.
    next: Commit,
    ready: VecDeque<CommitChanges>,
    is_over: bool,
    /// The damages whose blocks are left out, for a damaged store.
    left_out: Option<Arc<[Damage]>>,
}

impl Changes {
    fn over(snapshot: &Snapshot, from: Commit, parts: Vec<Part>) -> Self {
        Self {
            parts,
            snapshot: snapshot.clone(),
            trail: Trail::default(),
            past: Past::default(),
            next: from.next(),
            ready: VecDeque::new(),
            is_over: false,
            left_out: None,
        }
    }

    /// The history up to the beginning of the stream.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The commit of the snapshot that the changes are read from: the last commit of the stream, if
    /// it is not continued.
    #[must_use]
    pub fn until(&self) -> Commit {
        self.snapshot.at
    }

    /// Continues the stream with a later snapshot of the same store. The store must have stayed
    /// open in between: a crash could take back commits that were already returned.
    ///
    /// # Errors
    /// As [`Snapshot::changes_since`].
    pub fn go_on(&mut self, snapshot: &Snapshot) -> Result<()> {
        let gathered = self.next.minus(1);
        if planted!(StreamGoesOnLate) && snapshot.at > self.next {
            self.next = self.next.next();
        }
        // Both refusals come before the change: a refused continuation leaves the stream as it was.
        snapshot.version.check_exists(gathered)?;
        self.parts = snapshot.version.exact(gathered, snapshot.at)?;
        self.snapshot = snapshot.clone();
        self.is_over &= planted!(StreamStaysOver);
        Ok(())
    }

    /// The number of commits to gather next, so that their entries come close to the limit.
    fn gathered_commits(&self) -> u64 {
        let entries: u64 = self
            .parts
            .iter()
            .map(|part| part.segment.meta.entries)
            .sum();
        let commits = self.snapshot.at.get() - self.next.get() + 1;
        let most = self.snapshot.version.thresholds().gathered_entries;
        let share = most.saturating_mul(commits) / entries.max(1);
        share.clamp(1, commits.min(most))
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
        let (mut bytes, meant) = (0, ready.len());
        for part in &self.parts {
            let meta = &part.segment.meta;
            let last = first.get() + ready.len() as u64 - 1;
            if meta.last >= first && meta.first.get() <= last {
                let gathered = &mut Gathered {
                    part,
                    snapshot: &self.snapshot,
                    first,
                    ready: &mut ready,
                    bytes: &mut bytes,
                };
                match &self.left_out {
                    None => for_each(&part.segment, &mut |entry| gathered.take(entry))?,
                    Some(named) => {
                        for_each_intact(&part.segment, named, &mut |entry| gathered.take(entry))?;
                    }
                }
            }
        }
        let passed = match ready.len() {
            gathered if planted!(StreamSkipsBetweenPasses) => gathered + 1,
            _ if planted!(LeftOutCommitsLost) => meant,
            gathered => gathered,
        };
        self.next = Commit::new(first.get() + passed as u64);
        if self.next <= self.snapshot.at {
            mark!(GatheredInPasses);
        }
        self.ready = ready;
        Ok(())
    }
}

/// Commits to which the entries of one part are being added.
struct Gathered<'a> {
    part: &'a Part,
    snapshot: &'a Snapshot,
    first: Commit,
    ready: &'a mut VecDeque<CommitChanges>,
    bytes: &'a mut usize,
}

impl Gathered<'_> {
    fn take(&mut self, entry: EntryRef<'_>) {
        let position = entry.commit.get().checked_sub(self.first.get());
        let wanted = position.and_then(|position| self.ready.get_mut(position as usize));
        let Some(changes) = wanted.filter(|_| self.part.holds(entry.commit)) else {
            return;
        };
        let keyspace: KeyspaceId = self.part.segment.meta.keyspace;
        changes.operations.push(Operation {
            keyspace: self.snapshot.version.keyspace_name(keyspace).to_string(),
            key: entry.key.to_vec(),
            value: entry
                .value
                .filter(|value| !value.is_empty() || !planted!(EmptyStreamedAsDeletion))
                .map(<[u8]>::to_vec),
        });
        *self.bytes += entry.key.len() + entry.value.map_or(0, <[u8]>::len);
        let max_bytes = self.snapshot.version.thresholds().gathered_bytes;
        while *self.bytes > max_bytes && self.ready.len() > 1 {
            mark!(CommitsLeftToTheNextPass);
            let left_out = self.ready.pop_back().expect("there are two");
            *self.bytes -= left_out
                .operations
                .iter()
                .map(Operation::bytes)
                .sum::<usize>();
        }
    }
}

/// Calls `visit` on every entry of a segment.
fn for_each(segment: &Segment, visit: &mut dyn FnMut(EntryRef<'_>)) -> Result<()> {
    let mut cursor = segment.cursor(Fetch::Ahead);
    cursor.seek_first()?;
    while let Some(entry) = cursor.entry() {
        visit(entry);
        cursor.next()?;
    }
    Ok(())
}

/// Calls `visit` on every entry that none of the damages in `named` takes.
fn for_each_intact(
    segment: &Segment,
    named: &[Damage],
    visit: &mut dyn FnMut(EntryRef<'_>),
) -> Result<()> {
    let Some(file) = segment.file() else {
        // Lost commits have no entries.
        return match segment.is_in_memory() {
            true => for_each(segment, visit),
            false => Ok(()),
        };
    };
    let place = file.place();
    let Some(index) = intact(file, file.index().cloned(), place.index.offset, named)? else {
        return Ok(());
    };
    for position in 0..index.len() {
        let block: Option<Arc<Run>> = intact(file, file.block(position), place.start, named)?;
        block
            .iter()
            .flat_map(|block| block.iter())
            .for_each(&mut *visit);
    }
    Ok(())
}

/// The result of a read; `None` when a damage in `named` has taken the bytes.
fn intact<T>(
    file: &FileSegment,
    read: Result<T>,
    offset: u64,
    named: &[Damage],
) -> Result<Option<T>> {
    let read = match read {
        Ok(read) => return Ok(Some(read)),
        Err(error) => Err::<T, _>(error),
    };
    match damage_of(read, file.data().name(), offset)? {
        Some(damage) if !named.contains(&damage) => Err(Error::Damage(damage)),
        _ => Ok(None),
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::batch::WriteBatch;
    use crate::fs::MemFs;
    use crate::options::Options;
    use crate::store::Store;
    use crate::thresholds::Thresholds;

    const GATHERED_BYTES: usize = Thresholds::USUAL.gathered_bytes;
    const GATHERED_ENTRIES: u64 = Thresholds::USUAL.gathered_entries;

    /// Few entries, each of them long. All of them were once held at the same time.
    #[test]
    fn what_is_gathered_at_once_is_bounded_in_bytes_and_complete() {
        const VALUE_BYTES: usize = 3 * 1024 * 1024;
        let mut store = Store::open(Arc::new(MemFs::new()), Options::default()).unwrap();
        for number in 0..25_u8 {
            let mut batch = WriteBatch::new();
            // Keys in descending order, so that the last commits come first in a segment.
            batch.put("main", &[255 - number], &vec![number; VALUE_BYTES]);
            store.commit(&batch).unwrap();
        }
        store.settle().unwrap();
        let mut changes = store.changes_since(Commit::ZERO).unwrap();
        let mut passes = 0;
        for number in 0..25_u8 {
            passes += u64::from(changes.ready.is_empty());
            let found = changes.next().unwrap().unwrap();
            assert_eq!(found.commit, Commit::new(u64::from(number) + 1));
            let [operation] = &*found.operations else {
                panic!("{} operations", found.operations.len());
            };
            assert_eq!(
                operation.value.as_ref().unwrap()[..],
                vec![number; VALUE_BYTES]
            );
            let held = changes.ready.iter().flat_map(|it| &it.operations);
            let held: usize = held.map(Operation::bytes).sum();
            assert!(held <= GATHERED_BYTES, "{held} bytes are held at once");
        }
        assert!(changes.next().is_none());
        assert_eq!(
            passes, 3,
            "ten values of 3 MiB fit, and all of them in three passes"
        );
    }

    /// Commits without entries use memory too.
    #[test]
    fn empty_commits_are_gathered_in_pieces() {
        let mut store = Store::open(Arc::new(MemFs::new()), Options::default()).unwrap();
        let commits = GATHERED_ENTRIES + 2;
        let group = vec![WriteBatch::new(); commits as usize];
        store.commit_group(&group).unwrap();
        let mut changes = store.changes_since(Commit::ZERO).unwrap();
        changes.next().unwrap().unwrap();
        assert_eq!(changes.ready.len() as u64, GATHERED_ENTRIES - 1);
        assert_eq!(changes.count() as u64, commits - 1);
    }
}
