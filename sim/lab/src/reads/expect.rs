//! The answers of the model.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeInclusive};

use super::answers::{Answer, Question, Written};
use crate::history::{Batch, History, Key, State};
use crate::system::Engine;

/// Ranges of commits, ascending and disjoint.
pub(super) type Ranges = [RangeInclusive<u64>];

/// The truth about a store.
pub(super) struct Model<'run> {
    pub(super) engine: &'run dyn Engine,
    pub(super) history: &'run History,
    /// The newest commit that the store has.
    pub(super) head: u64,
    /// Whether retention keeps what the engine promises. A lying disk may have lost
    /// commits that retention has already acted on.
    pub(super) is_kept: bool,
}

pub(super) fn contains(ranges: &Ranges, commit: u64) -> bool {
    commit == 0 || ranges.iter().any(|range| range.contains(&commit))
}

impl Model<'_> {
    /// What is wrong with the commits that a store calls readable, if anything.
    pub(super) fn misread(&self, ranges: &Ranges) -> Option<String> {
        let is_ascending = ranges
            .windows(2)
            .all(|pair| *pair[0].end() + 1 < *pair[1].start());
        let is_inside = |range: &RangeInclusive<u64>| {
            *range.start() >= 1 && range.start() <= range.end() && *range.end() <= self.head
        };
        if !is_ascending || !ranges.iter().all(is_inside) {
            return Some(format!("{ranges:?} are no ranges up to {}", self.head));
        }
        let is_promised = |commit: &u64| self.engine.is_readable(*commit, self.head) == Some(true);
        let missing = (1..=self.head)
            .filter(is_promised)
            .find(|commit| !contains(ranges, *commit));
        missing.map(|commit| format!("{commit} is promised, and not among {ranges:?}"))
    }

    /// What is wrong with an answer, if anything. `readable`: the commits that the
    /// store calls readable in the keyspace of the question, or in all keyspaces.
    pub(super) fn wrong(
        &self,
        question: &Question,
        answer: &Answer,
        readable: &Ranges,
    ) -> Option<String> {
        let unlike = |expected: Answer| {
            let is_equal = *answer == expected;
            (!is_equal).then(|| format!("should be {expected:?} and is {answer:?}"))
        };
        let commits: Vec<u64> = match question {
            Question::Get { at, .. }
            | Question::Scan { at, .. }
            | Question::Prefix { at, .. }
            | Question::Versions { at, .. } => vec![*at],
            Question::Diff { from, to, .. } => vec![*to, *from],
            Question::Changes { at, since } => {
                return self.wrong_changes(*at, *since, answer, readable);
            }
            Question::Readable(_) | Question::Keyspaces => Vec::new(),
        };
        if let Some(beyond) = commits.iter().find(|commit| **commit > self.head) {
            return unlike(Answer::BeyondHead(*beyond));
        }
        let mut refused = commits
            .iter()
            .filter(|commit| !contains(readable, **commit));
        if let Some(first) = refused.next() {
            // If two commits cannot be read, the refusal may name either.
            let is_right = |commit: &u64| *answer == thinned(*commit, self.head, readable);
            return match is_right(first) || refused.any(is_right) {
                true => None,
                false => unlike(thinned(*first, self.head, readable)),
            };
        }
        match question {
            Question::Get { at, key } => unlike(Answer::Value(self.value(*at, *key).cloned())),
            Question::Scan {
                at,
                keyspace,
                start,
                end,
                ..
            } => unlike(Answer::Pairs(self.pairs(*at, keyspace, |key| {
                (start.as_ref(), end.as_ref()).contains_key(key)
            }))),
            Question::Prefix {
                at,
                keyspace,
                prefix,
                ..
            } => unlike(Answer::Pairs(
                self.pairs(*at, keyspace, |key| key.starts_with(prefix)),
            )),
            Question::Diff { keyspace, from, to } => {
                unlike(Answer::Differences(self.differences(keyspace, *from, *to)))
            }
            Question::Versions { at, key } => match answer {
                Answer::Versions(found) => self.wrong_versions(*at, *key, found, readable),
                other => Some(format!("versions are asked for, the answer is {other:?}")),
            },
            Question::Keyspaces => unlike(Answer::Names(self.history.keyspaces(self.head))),
            Question::Changes { .. } | Question::Readable(_) => None,
        }
    }

    fn value(&self, at: u64, key: Key) -> Option<&Vec<u8>> {
        let name = (key.keyspace_name().to_owned(), key.bytes());
        self.history.state(at).get(&name)
    }

    fn pairs(
        &self,
        at: u64,
        keyspace: &str,
        is_inside: impl Fn(&[u8]) -> bool,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        of_keyspace(self.history.state(at), keyspace)
            .filter(|(key, _)| is_inside(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    fn differences(&self, keyspace: &str, from: u64, to: u64) -> Vec<(Vec<u8>, Written, Written)> {
        let before: BTreeMap<_, _> = of_keyspace(self.history.state(from), keyspace).collect();
        let after: BTreeMap<_, _> = of_keyspace(self.history.state(to), keyspace).collect();
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
        let value =
            |side: &BTreeMap<&Vec<u8>, &Vec<u8>>, key| side.get(key).map(|it| (*it).clone());
        keys.into_iter()
            .filter(|key| before.get(*key) != after.get(*key))
            .map(|key| (key.clone(), value(&before, key), value(&after, key)))
            .collect()
    }

    /// The versions of a key in the history, up to a commit.
    fn versions(&self, at: u64, key: Key) -> Vec<(u64, Written)> {
        let written = |batch: &Batch| {
            let mut writes = batch.writes.iter().rev();
            let write = writes.find(|write| write.key == key)?;
            Some(write.value.map(|value| value.bytes()))
        };
        (1..=at)
            .filter_map(|commit| {
                let batch = &self.history.batches()[commit as usize - 1];
                written(batch).map(|value| (commit, value))
            })
            .collect()
    }

    /// Versions may be missing where retention has removed them. The returned versions
    /// must be in the history. At every readable commit, the newest returned version
    /// must be the one that a read finds.
    fn wrong_versions(
        &self,
        at: u64,
        key: Key,
        found: &[(u64, Written)],
        readable: &Ranges,
    ) -> Option<String> {
        let expected = self.versions(at, key);
        let knows_all = self.engine.is_stream_known(0, u64::MAX) == Some(true);
        if knows_all && found != expected {
            return Some(format!("should be {expected:?} and are {found:?}"));
        }
        let is_ascending = found.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let invented = found.iter().find(|version| !expected.contains(version));
        if invented.is_some() || !is_ascending {
            return Some(format!("{found:?} are not among {expected:?}, ascending"));
        }
        let newest = |versions: &[(u64, Written)], commit: u64| {
            let mut earlier = versions.iter().rev();
            let version = earlier.find(|(written, _)| *written <= commit)?;
            version.1.is_some().then(|| version.clone())
        };
        let mut commits = (1..=at).filter(|commit| contains(readable, *commit));
        let commit = commits.find(|&commit| newest(found, commit) != newest(&expected, commit))?;
        Some(format!(
            "of {expected:?} {found:?} are left, which says something else about commit {commit}"
        ))
    }

    fn wrong_changes(
        &self,
        at: u64,
        since: u64,
        answer: &Answer,
        readable: &Ranges,
    ) -> Option<String> {
        let last = at.min(self.head);
        let expected = || {
            let commits = since + 1..=last;
            let written = |commit: u64| {
                let writes = self.history.batches()[commit as usize - 1].writes.iter();
                let written: BTreeMap<_, _> = writes
                    .map(|write| {
                        let key = (write.key.keyspace_name().to_owned(), write.key.bytes());
                        (key, write.value.map(|value| value.bytes()))
                    })
                    .collect();
                written.into_iter().collect()
            };
            Answer::Commits(commits.map(|commit| (commit, written(commit))).collect())
        };
        let is_promised = self.is_kept
            && at == self.head
            && contains(readable, since)
            && self.engine.is_stream_known(since, self.head) == Some(true);
        match answer {
            Answer::BeyondHead(commit) if at > self.head && *commit == at => None,
            Answer::BeyondHead(commit) if since > at && *commit == since => None,
            Answer::Thinned { commit, .. } if (since..=last).contains(commit) && !is_promised => {
                None
            }
            _ if at > self.head || since > at => Some(format!(
                "there is no such commit, the newest is {}, and the answer is {answer:?}",
                self.head
            )),
            Answer::Commits(_) if *answer == expected() => None,
            _ => Some(format!("should be {:?} and is {answer:?}", expected())),
        }
    }
}

/// The keys and values of a keyspace.
fn of_keyspace<'state>(
    state: &'state State,
    keyspace: &str,
) -> impl Iterator<Item = (&'state Vec<u8>, &'state Vec<u8>)> {
    let keyspace = keyspace.to_owned();
    state
        .range((keyspace.clone(), Vec::new())..)
        .take_while(move |((owner, _), _)| *owner == keyspace)
        .map(|((_, key), value)| (key, value))
}

/// The refusal for a commit that is not readable.
fn thinned(commit: u64, head: u64, readable: &Ranges) -> Answer {
    let is_readable = |commit: &u64| contains(readable, *commit);
    Answer::Thinned {
        commit,
        before: (1..commit).rev().find(is_readable),
        after: (commit + 1..=head).find(is_readable),
    }
}

/// Whether a key is between two bounds. The bounds may be in the wrong order.
trait Contains {
    fn contains_key(&self, key: &[u8]) -> bool;
}

impl Contains for (Bound<&Vec<u8>>, Bound<&Vec<u8>>) {
    fn contains_key(&self, key: &[u8]) -> bool {
        let (start, end) = self;
        let is_behind_start = match start {
            Bound::Included(start) => key >= &start[..],
            Bound::Excluded(start) => key > &start[..],
            Bound::Unbounded => true,
        };
        let is_before_end = match end {
            Bound::Included(end) => key <= &end[..],
            Bound::Excluded(end) => key < &end[..],
            Bound::Unbounded => true,
        };
        is_behind_start && is_before_end
    }
}
