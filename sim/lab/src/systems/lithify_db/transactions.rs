//! Transactions of clients with an outcome that is known at submission.
//!
//! Commits are numbered in the order of submission. So it is known what was written
//! between the commit that a transaction reads and its own commit, whatever the
//! schedule does until then. A transaction that has read none of it must be taken. A
//! transaction that has read some of it must be refused: at submission, or later
//! because of a commit in progress, or because of a commit in its own group.
//!
//! If retention removes history, the store may also refuse a transaction without a
//! conflict. In that case the transactions that must be taken read nothing.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use lithify::stepped::SteppedDb;
use lithify::transaction::Draft;
use lithify::{Commit, Error, KeyRange, Result, Snapshot};

use crate::history::{Batch, State, apply};
use crate::system::Failure;
use crate::systems::lithify::{failure, state_of};

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

fn places(batch: &Batch) -> impl Iterator<Item = Place> {
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
    if let Some(wrong) = look_at_own_writes(&snapshot, batch)? {
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

fn write(draft: &mut Draft, batch: &Batch) -> Result<()> {
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

/// What is wrong with the view of a transaction that writes this batch, if anything. It
/// must see its snapshot with the batch on top.
fn look_at_own_writes(snapshot: &Snapshot, batch: &Batch) -> Result<Option<String>> {
    let mut expected = state_of(snapshot)?;
    apply(&mut expected, batch);
    let mut draft = Draft::new(snapshot.clone());
    write(&mut draft, batch)?;
    let mut found = State::new();
    let mut keyspaces: BTreeSet<String> = snapshot.keyspaces().into_iter().collect();
    keyspaces.extend(places(batch).map(|(keyspace, _)| keyspace));
    for keyspace in keyspaces {
        for item in draft.range(&keyspace, KeyRange::all())? {
            let (key, value) = item?;
            let place = (keyspace.clone(), key.to_vec());
            if found.insert(place, value.to_vec()).is_some() {
                return Ok(Some(format!("key {keyspace}/{key:?} twice")));
            }
        }
    }
    for (keyspace, key) in places(batch) {
        let got = draft.get(&keyspace, &key)?;
        if got.as_deref() != expected.get(&(keyspace, key)).map(Vec::as_slice) {
            return Ok(Some("another value than it has written".to_owned()));
        }
    }
    Ok((found != expected).then(|| "another state than its own".to_owned()))
}

/// A transaction that must be refused, because what it has read was written since.
/// `None` if no such transaction is possible.
///
/// # Errors
/// If the disk returns an error.
pub(super) fn disturbed(
    db: &SteppedDb,
    recent: &Recent,
    turn: u64,
) -> std::result::Result<Option<Draft>, Failure> {
    let Some((since, keyspace, key)) = disturbing(db, recent, turn) else {
        return Ok(None);
    };
    readable(read_disturbed(db, since, (&keyspace, &key), turn))
}

/// A commit that can be read, and a key that the next commit has written.
fn disturbing(db: &SteppedDb, recent: &Recent, turn: u64) -> Option<(u64, String, Vec<u8>)> {
    let head = db.head().get();
    let batches = recent.batches.iter();
    let disturbing =
        batches.filter(|(number, batch)| *number <= head + 1 && !batch.writes.is_empty());
    let disturbing: Vec<_> = disturbing.collect();
    let (number, batch) = disturbing.get(turn as usize % disturbing.len().max(1))?;
    let mut writes = places(batch);
    let (keyspace, key) = writes.nth(turn as usize / 3 % batch.writes.len())?;
    Some((number - 1, keyspace, key))
}

/// Reads the key as of this commit: alone, in a range that begins or ends with it, or
/// in a range that is walked up to it from either end.
fn read_disturbed(
    db: &SteppedDb,
    since: u64,
    (keyspace, key): (&str, &[u8]),
    turn: u64,
) -> Result<Draft> {
    let mut draft = Draft::new(db.snapshot_at(Commit::new(since))?);
    let walk = |start, end| draft.range(keyspace, KeyRange { start, end });
    let here = || Bound::Included(key.to_vec());
    match turn % 5 {
        0 => drop(draft.get(keyspace, key)?),
        1 => walk(Bound::Unbounded, here())?.try_for_each(|item| item.map(drop))?,
        2 => walk(here(), Bound::Unbounded)?.try_for_each(|item| item.map(drop))?,
        3 => {
            let mut range = walk(Bound::Unbounded, Bound::Unbounded)?;
            while range.next().transpose()?.is_some_and(|(at, _)| *at < *key) {}
        }
        _ => {
            let mut range = walk(Bound::Unbounded, Bound::Unbounded)?;
            while range
                .next_back()
                .transpose()?
                .is_some_and(|(at, _)| *at > *key)
            {}
        }
    }
    draft.put(keyspace, b"refused", b"it has read what was written since")?;
    Ok(draft)
}
