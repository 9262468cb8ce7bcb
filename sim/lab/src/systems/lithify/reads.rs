//! Every public read of the engine, as answers to the laboratory's questions.

use std::ops::RangeInclusive;

use lithify::read::{Change, Changes, CommitChanges, Diff, KeyVersion, Range};
use lithify::{Commit, Error, KeyRange, Result, Slice, Snapshot, Store};

use super::failure;
use crate::reads::{Answer, Question, Turns, Writes};
use crate::system::Failure;

/// The answer of a store.
pub(in crate::systems) fn of_store(store: &Store, question: &Question) -> Answered {
    answered(ask_store(store, question))
}

/// The answer of a snapshot, always as of its own commit.
pub(super) fn of_reader(snapshot: &Snapshot, question: &Question) -> Answered {
    answered(ask_snapshot(snapshot, question))
}

/// The answer of a store that only offers snapshots. `head`: its newest commit.
pub(in crate::systems) fn of_snapshots(
    question: &Question,
    head: Commit,
    snapshot_at: impl Fn(Commit) -> Result<Snapshot>,
) -> Answered {
    let at = question.at().map_or(head, Commit::new);
    answered(snapshot_at(at).and_then(|snapshot| ask_snapshot(&snapshot, question)))
}

type Answered = std::result::Result<Option<Answer>, Failure>;

/// A refusal is an answer; an error of the disk is not.
fn answered(outcome: Result<Answer>) -> Answered {
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::BeyondHead { commit, .. }) => Ok(Some(Answer::BeyondHead(commit.get()))),
        Err(Error::Thinned {
            commit,
            before,
            after,
        }) => Ok(Some(Answer::Thinned {
            commit: commit.get(),
            before: before.map(Commit::get),
            after: after.map(Commit::get),
        })),
        Err(error) => Err(failure(error)),
    }
}

/// Asks as a program that owns the store. The newest commit has calls of its own.
fn ask_store(store: &Store, question: &Question) -> Result<Answer> {
    let at = question.at().map_or(store.head(), Commit::new);
    let is_newest = at == store.head();
    match question {
        Question::Get { key, .. } => {
            let (keyspace, key) = (key.keyspace_name(), key.bytes());
            let value = match is_newest {
                true => store.get(keyspace, &key)?,
                false => store.get_at(keyspace, &key, at)?,
            };
            Ok(Answer::Value(value.map(Vec::from)))
        }
        Question::Scan { keyspace, .. } | Question::Prefix { keyspace, .. } => {
            let Some((range, turns)) = range_of(question) else {
                unreachable!("both are scans");
            };
            let range = match is_newest {
                true => store.range(keyspace, range)?,
                false => store.range_at(keyspace, range, at)?,
            };
            pairs(range, turns)
        }
        Question::Versions { key, .. } if is_newest => Ok(Answer::Versions(versions(
            store.history(key.keyspace_name(), &key.bytes())?,
        ))),
        Question::Diff { keyspace, from, to } => {
            let (from, to) = (Commit::new(*from), Commit::new(*to));
            differences(store.diff(keyspace, from, to)?)
        }
        Question::Changes { since, .. } => changes(store, Commit::new(*since), at),
        Question::Readable(None) => Ok(ranges(store.readable_commits())),
        question => ask_snapshot(&store.snapshot_at(at)?, question),
    }
}

/// Reads the changes as one stream, and as a stream that continues from a snapshot in
/// the middle. If the middle can be read, both must give the same. The second is the
/// answer, so a difference is found as a wrong answer.
fn changes(store: &Store, since: Commit, at: Commit) -> Result<Answer> {
    let whole = match at == store.head() {
        true => store.changes_since(since)?,
        false => store.snapshot_at(at)?.changes_since(since)?,
    };
    let whole = commits(whole, &store.snapshot_at(at)?)?;
    let middle = Commit::new(since.get().midpoint(at.get()));
    if since >= middle {
        return Ok(whole);
    }
    let (middle, end) = (store.snapshot_at(middle)?, store.snapshot_at(at)?);
    match middle.changes_since(since) {
        Ok(mut stream) => {
            let mut all = told(&mut stream, &middle)?;
            stream.go_on(&end)?;
            all.extend(told(&mut stream, &end)?);
            Ok(Answer::Commits(all))
        }
        Err(Error::Thinned { .. }) => Ok(whole),
        Err(error) => Err(error),
    }
}

fn ask_snapshot(snapshot: &Snapshot, question: &Question) -> Result<Answer> {
    match question {
        Question::Get { key, .. } => {
            let value = snapshot.get(key.keyspace_name(), &key.bytes())?;
            Ok(Answer::Value(value.map(Vec::from)))
        }
        Question::Scan { keyspace, .. } | Question::Prefix { keyspace, .. } => {
            let Some((range, turns)) = range_of(question) else {
                unreachable!("both are scans");
            };
            pairs(snapshot.range(keyspace, range)?, turns)
        }
        Question::Versions { key, .. } => Ok(Answer::Versions(versions(
            snapshot.history(key.keyspace_name(), &key.bytes())?,
        ))),
        Question::Diff { keyspace, from, .. } => {
            differences(snapshot.diff(keyspace, Commit::new(*from))?)
        }
        Question::Changes { since, .. } => {
            commits(snapshot.changes_since(Commit::new(*since))?, snapshot)
        }
        Question::Keyspaces => Ok(Answer::Names(snapshot.keyspaces())),
        Question::Readable(None) => Ok(ranges(snapshot.readable_commits())),
        Question::Readable(Some(keyspace)) => Ok(ranges(snapshot.readable_commits_of(keyspace))),
    }
}

/// The range of a scan, and the ends from which it is walked.
fn range_of(question: &Question) -> Option<(KeyRange, Turns)> {
    match question {
        Question::Scan {
            start, end, turns, ..
        } => {
            let (start, end) = (start.clone(), end.clone());
            Some((KeyRange { start, end }, *turns))
        }
        Question::Prefix { prefix, turns, .. } => Some((KeyRange::prefix(prefix), *turns)),
        _ => None,
    }
}

/// Walks a range from the demanded ends. Items from the end are placed after items from
/// the beginning, so that the result is in order.
fn pairs(mut range: Range, turns: Turns) -> Result<Answer> {
    let (mut front, mut back) = (Vec::new(), Vec::new());
    for number in 0.. {
        let is_from_end = turns.is_from_end(number);
        // Half of the items are borrowed, half are shared.
        let lent = |(key, value): (&[u8], &[u8])| (key.to_vec(), value.to_vec());
        let shared = |(key, value): (Slice, Slice)| (key.to_vec(), value.to_vec());
        let item = match (is_from_end, number % 4 < 2) {
            (true, true) => range.next_back().transpose()?.map(shared),
            (false, true) => range.next().transpose()?.map(shared),
            (true, false) => range.next_back_ref()?.map(lent),
            (false, false) => range.next_ref()?.map(lent),
        };
        let Some(item) = item else { break };
        let side = if is_from_end { &mut back } else { &mut front };
        side.push(item);
    }
    front.extend(back.into_iter().rev());
    Ok(Answer::Pairs(front))
}

fn versions(versions: Vec<KeyVersion>) -> Vec<(u64, Option<Vec<u8>>)> {
    let versions = versions.into_iter();
    versions
        .map(|KeyVersion { commit, value }| (commit.get(), value.map(Vec::from)))
        .collect()
}

fn differences(changes: Diff) -> Result<Answer> {
    let owned = |Change { key, before, after }| {
        let [before, after] = [before, after].map(|value| value.map(Vec::from));
        (key.to_vec(), before, after)
    };
    let changes = changes.map(|change| change.map(owned));
    changes.collect::<Result<_>>().map(Answer::Differences)
}

fn commits(mut changes: Changes, snapshot: &Snapshot) -> Result<Answer> {
    told(&mut changes, snapshot).map(Answer::Commits)
}

/// The changes of a stream up to this snapshot. After an error the stream is told to
/// continue. It must continue where it was or fail again; then the error is the answer.
/// A stream that does neither ends early, which gives a wrong answer.
fn told(changes: &mut Changes, snapshot: &Snapshot) -> Result<Vec<(u64, Writes)>> {
    let mut commits: Vec<(u64, Writes)> = Vec::new();
    let mut met = None;
    while let Some(next) = changes.next() {
        let CommitChanges {
            commit, operations, ..
        } = match next {
            Ok(changes) => changes,
            Err(error) if met.is_some() => return Err(error),
            Err(error) => {
                met = Some(error);
                changes.go_on(snapshot)?;
                continue;
            }
        };
        let mut operations: Vec<_> = operations
            .into_iter()
            .map(|operation| ((operation.keyspace, operation.key), operation.value))
            .collect();
        operations.sort();
        commits.push((commit.get(), operations));
    }
    let is_whole = |(last, _): &(u64, Writes)| *last == snapshot.commit().get();
    match met {
        Some(error) if commits.last().is_some_and(is_whole) => Err(error),
        _ => Ok(commits),
    }
}

fn ranges(ranges: Vec<RangeInclusive<Commit>>) -> Answer {
    let ranges = ranges.into_iter();
    Answer::Ranges(
        ranges
            .map(|range| range.start().get()..=range.end().get())
            .collect(),
    )
}
