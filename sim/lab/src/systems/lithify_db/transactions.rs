//! Transactions of clients with an outcome that is known at submission.
//!
//! Commits are numbered in the order of submission. So it is known what was written
//! between the commit that a transaction reads and its own commit, whatever the
//! schedule does until then. A transaction that has read none of it must be taken. A
//! transaction that has read some of it must be refused: at submission, or later
//! because of a commit in progress, or because of a commit in its own group.
//!
//! Other clients also bring transactions that have read the same and write nothing. Such
//! a transaction counts as done at the commit that it has read, so it must be answered
//! with that commit.
//!
//! If retention removes history, the store may also refuse a transaction without a
//! conflict. In that case the transactions that must be taken read nothing.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use lithify::stepped::SteppedDb;
use lithify::transaction::{Draft, Overlay};
use lithify::{Commit, Error, KeyRange, Result};

use super::view::wrong_view;
use crate::history::Batch;
use crate::system::Failure;
use crate::systems::lithify::failure;

/// The number of commits that are remembered.
const REMEMBERED: usize = 8;

/// A keyspace and a key.
type Place = (String, Vec<u8>);

/// The last submitted commits, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    batches: VecDeque<(u64, Batch)>,
}

impl Recent {
    pub(super) fn add(&mut self, number: u64, batch: &Batch) {
        if self.batches.len() == REMEMBERED {
            self.batches.pop_front();
        }
        self.batches.push_back((number, batch.clone()));
    }

    pub(super) fn remove_last(&mut self) {
        self.batches.pop_back();
    }

    /// The oldest commit after which all commits are remembered.
    fn oldest(&self, accepted: u64) -> u64 {
        self.batches
            .front()
            .map_or(accepted, |(number, _)| number - 1)
    }

    /// The keys that were written after a commit.
    fn written_since(&self, commit: u64) -> BTreeSet<Place> {
        let later = self.batches.iter().filter(|(number, _)| *number > commit);
        later.flat_map(|(_, batch)| places(batch)).collect()
    }
}

pub(super) fn places(batch: &Batch) -> impl Iterator<Item = Place> {
    let writes = batch.writes.iter();
    writes.map(|write| (write.key.keyspace_name().to_owned(), write.key.bytes()))
}

/// Commit `number` as a transaction that must be taken. `None` if retention has removed
/// the commit that it would read.
///
/// # Errors
/// If the transaction does not see its own writes over the content of its snapshot, or
/// if the disk returns an error. Then nothing is committed.
pub(super) fn undisturbed(
    db: &SteppedDb,
    recent: &Recent,
    commit: (u64, &Batch),
    reads: bool,
) -> std::result::Result<Option<Draft>, Failure> {
    readable(try_undisturbed(db, recent, commit, reads))?.transpose()
}

/// Turns the error for a commit that retention has removed into `None`.
fn readable<T>(outcome: Result<T>) -> std::result::Result<Option<T>, Failure> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Error::Thinned { .. }) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn try_undisturbed(
    db: &SteppedDb,
    recent: &Recent,
    (number, batch): (u64, &Batch),
    reads: bool,
) -> Result<std::result::Result<Draft, Failure>> {
    let head = db.head().get();
    let oldest = recent.oldest(number - 1);
    // If more commits are in progress than are remembered, it is not known what they
    // have written.
    let reads = reads && oldest <= head;
    let since = match reads {
        true => head - (number % 4).min(head - oldest),
        false => head,
    };
    let snapshot = db.snapshot_at(Commit::new(since))?;
    if let Some(wrong) = wrong_view(&snapshot, (number, batch))? {
        return Ok(Err(Failure::Other(format!(
            "a transaction that reads commit {since} sees {wrong}"
        ))));
    }
    let mut draft = Draft::new(snapshot);
    if reads {
        read_around(&draft, recent, (number, batch))?;
    }
    write(&mut draft, batch)?;
    Ok(Ok(draft))
}

pub(super) fn write(draft: &mut Draft, batch: &Batch) -> Result<()> {
    for write in &batch.writes {
        let (keyspace, key) = (write.key.keyspace_name(), write.key.bytes());
        match write.value {
            Some(value) => draft.put(keyspace, &key, &value.bytes())?,
            None => draft.delete(keyspace, &key)?,
        }
    }
    Ok(())
}

/// Reads only what was not written since: single keys, and a range between two written
/// keys.
fn read_around(draft: &Draft, recent: &Recent, (number, batch): (u64, &Batch)) -> Result<()> {
    let written = recent.written_since(draft.commit().get());
    let known = recent.written_since(0).into_iter().chain(places(batch));
    let known: BTreeSet<Place> = known.collect();
    for (keyspace, key) in known.difference(&written) {
        draft.get(keyspace, key)?;
    }
    let keyspaces: BTreeSet<&String> = known.iter().map(|(keyspace, _)| keyspace).collect();
    for keyspace in keyspaces {
        let edges = written.iter().filter(|(owner, _)| owner == keyspace);
        let edges: Vec<&Vec<u8>> = edges.map(|(_, key)| key).collect();
        let first = (number % (edges.len() as u64 + 1)) as usize;
        let edge = |position: Option<usize>| {
            let key = position.and_then(|position| edges.get(position));
            key.map_or(Bound::Unbounded, |key| Bound::Excluded((*key).clone()))
        };
        let (start, end) = (edge(first.checked_sub(1)), edge(Some(first)));
        let mut range = draft.range(keyspace, KeyRange { start, end })?;
        match number / 3 % 3 {
            0 => range.try_for_each(|item| item.map(|_| ()))?,
            1 => drop(range.next().transpose()?),
            _ => drop(range.next_back().transpose()?),
        }
    }
    Ok(())
}

/// A transaction that another client brings: it has read what was written since.
pub(super) struct Disturbed {
    pub(super) draft: Draft,
    /// A range of the transaction that the client has not dropped yet.
    pub(super) held: Option<Overlay>,
    /// The commit that a transaction without writes has read. It must be answered with
    /// that commit. `None`: it has writes, and must be refused.
    pub(super) read: Option<u64>,
}

/// A transaction that has read what was written since. `None` if no such transaction is
/// possible.
///
/// # Errors
/// If the disk returns an error.
pub(super) fn disturbed(
    db: &SteppedDb,
    recent: &Recent,
    turn: u64,
) -> std::result::Result<Option<Disturbed>, Failure> {
    let Some((since, keyspace, key)) = disturbing(db, recent, turn) else {
        return Ok(None);
    };
    readable(read_disturbed(db, recent, (since, &keyspace, &key), turn))
}

/// A commit that can be read, and a key that the next commit has written. In every second
/// turn the next commit is the newest one, which may still be in progress: the
/// transaction can come into its group.
fn disturbing(db: &SteppedDb, recent: &Recent, turn: u64) -> Option<(u64, String, Vec<u8>)> {
    let head = db.head().get();
    let batches = recent.batches.iter();
    let disturbing =
        batches.filter(|(number, batch)| *number <= head + 1 && !batch.writes.is_empty());
    let disturbing: Vec<_> = disturbing.collect();
    let place = match drawn(turn) & 8 {
        0 => turn as usize % disturbing.len().max(1),
        _ => disturbing.len().saturating_sub(1),
    };
    let (number, batch) = disturbing.get(place)?;
    let mut writes = places(batch);
    let (keyspace, key) = writes.nth(turn as usize / 3 % batch.writes.len())?;
    Some((number - 1, keyspace, key))
}

/// The largest key that gets a neighbour: a key may not be much longer than the longest.
const MAX_BYTES: usize = 1000;

fn drawn(turn: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&turn.to_le_bytes())
}

/// What a disturbed transaction does besides, drawn from the turn.
struct Besides {
    /// It reads other keys first, which were not written since.
    reads_others: bool,
    /// It has written a neighbour of the key, with which its walk ends.
    ends_with_own: bool,
    /// It begins its walk from the back with a step from the front.
    from_both: bool,
    /// Its client keeps the range that it has walked.
    holds: bool,
    /// It writes nothing.
    only_reads: bool,
}

impl Besides {
    fn new(turn: u64, key: &[u8]) -> Self {
        let draw = drawn(turn);
        let is_walk = matches!(turn % 5, 3 | 4);
        let has_neighbours = (1..MAX_BYTES).contains(&key.len());
        let ends_with_own = is_walk && has_neighbours && draw & 1 == 1;
        Self {
            reads_others: draw & 2 == 2,
            ends_with_own,
            from_both: draw & 4 == 4,
            holds: (draw >> 8) % 3 == 1,
            only_reads: (draw >> 8) % 3 == 2 && !ends_with_own,
        }
    }
}

fn read_disturbed(
    db: &SteppedDb,
    recent: &Recent,
    (since, keyspace, key): (u64, &str, &[u8]),
    turn: u64,
) -> Result<Disturbed> {
    let mut draft = Draft::new(db.snapshot_at(Commit::new(since))?);
    let besides = Besides::new(turn, key);
    if besides.reads_others {
        let (known, written) = (recent.written_since(0), recent.written_since(since));
        for (keyspace, key) in known.difference(&written) {
            draft.get(keyspace, key)?;
        }
    }
    if besides.ends_with_own {
        let neighbour = match turn % 5 {
            3 => [key, &[0]].concat(),
            _ => key[..key.len() - 1].to_vec(),
        };
        draft.put(keyspace, &neighbour, b"beside the key")?;
    }
    let held = walk_to(&draft, (keyspace, key), turn, besides.from_both)?;
    if !besides.only_reads {
        draft.put(keyspace, b"refused", b"it has read what was written since")?;
    }
    Ok(Disturbed {
        draft,
        held: held.filter(|_| besides.holds),
        read: besides.only_reads.then_some(since),
    })
}

/// Reads the key: alone, in a range that begins or ends with it, or in a range that is
/// walked up to it from either end or from both. Returns the range.
fn walk_to(
    draft: &Draft,
    (keyspace, key): (&str, &[u8]),
    turn: u64,
    from_both: bool,
) -> Result<Option<Overlay>> {
    let walk = |start, end| draft.range(keyspace, KeyRange { start, end });
    let here = || Bound::Included(key.to_vec());
    let mut range = match turn % 5 {
        0 => {
            draft.get(keyspace, key)?;
            return Ok(None);
        }
        1 => walk(Bound::Unbounded, here())?,
        2 => walk(here(), Bound::Unbounded)?,
        _ => walk(Bound::Unbounded, Bound::Unbounded)?,
    };
    match turn % 5 {
        1 | 2 => range.try_for_each(|item| item.map(drop))?,
        3 => while range.next().transpose()?.is_some_and(|(at, _)| *at < *key) {},
        _ => {
            if from_both {
                range.next().transpose()?;
            }
            while range
                .next_back()
                .transpose()?
                .is_some_and(|(at, _)| *at > *key)
            {}
        }
    }
    Ok(Some(range))
}
