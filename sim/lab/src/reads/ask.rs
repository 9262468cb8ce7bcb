//! Chooses the questions, and asks them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::answers::{Answer, Question, Turns};
use super::expect::{Model, contains};
use crate::history::{History, Key};
use crate::keyed::Draws;
use crate::system::{Engine, Failure};

/// The system that answers: `None` if it has no such reads.
pub type Answers<'run> = dyn FnMut(&Question) -> Result<Option<Answer>, Failure> + 'run;

/// The parameters of the questions.
#[allow(missing_debug_implementations, reason = "an engine has none")]
pub struct Ask<'run> {
    /// The engine whose promises count.
    pub engine: &'run dyn Engine,
    /// The commits.
    pub history: &'run History,
    /// The newest commit that the store has.
    pub head: u64,
    /// The commit of a reader, which only answers as of this commit.
    pub reader: Option<u64>,
    /// Whether retention must have kept what the engine promises.
    pub is_kept: bool,
    /// The number of drawn questions.
    pub drawn: u64,
    /// The number of additional questions, chosen evenly from all possible questions.
    pub listed: usize,
}

/// Asks, and describes the first answer that differs from the model's answer.
///
/// # Errors
/// A failure of the store instead of an answer.
pub fn check(
    ask: &Ask<'_>,
    draws: &mut Draws,
    answers: &mut Answers<'_>,
) -> Result<Option<String>, Failure> {
    let model = Model {
        engine: ask.engine,
        history: ask.history,
        head: ask.head,
        is_kept: ask.is_kept,
    };
    let everywhere = Question::Readable(None);
    let Some(Answer::Ranges(everywhere)) = answers(&everywhere)? else {
        return Ok(None);
    };
    if let Some(wrong) = model.misread(&everywhere) {
        return Ok(Some(format!("readable commits: {wrong}")));
    }
    let mut known: BTreeMap<&'static str, Vec<_>> = BTreeMap::new();
    let mut ask_one = |question: Question| -> Result<Option<String>, Failure> {
        let readable = match keyspace_of(&question) {
            None => &everywhere,
            Some(keyspace) => {
                if !known.contains_key(keyspace) {
                    let question = Question::Readable(Some(keyspace));
                    let Some(Answer::Ranges(ranges)) = answers(&question)? else {
                        return Ok(None);
                    };
                    let lost = (1..=ask.head)
                        .find(|it| contains(&everywhere, *it) && !contains(&ranges, *it));
                    let wrong = model.misread(&ranges).or_else(|| {
                        lost.map(|it| {
                            format!("{it} is missing, which all keyspaces can be read at")
                        })
                    });
                    if let Some(wrong) = wrong {
                        return Ok(Some(format!("{question}: {wrong}")));
                    }
                    known.insert(keyspace, ranges);
                }
                &known[keyspace]
            }
        };
        let Some(answer) = answers(&question)? else {
            return Ok(None);
        };
        let wrong = model.wrong(&question, &answer, readable);
        Ok(wrong.map(|wrong| format!("{question}, at head {}: {wrong}", ask.head)))
    };
    for _ in 0..ask.drawn {
        if let Some(wrong) = ask_one(ask.draw(draws))? {
            return Ok(Some(wrong));
        }
    }
    if ask.listed > 0 {
        let all = ask.all();
        let every = all.len().div_ceil(ask.listed).max(1);
        for question in all.into_iter().step_by(every) {
            if let Some(wrong) = ask_one(question)? {
                return Ok(Some(wrong));
            }
        }
    }
    Ok(None)
}

pub(super) fn keyspace_of(question: &Question) -> Option<&'static str> {
    match question {
        Question::Get { key, .. } | Question::Versions { key, .. } => Some(key.keyspace_name()),
        Question::Scan { keyspace, .. }
        | Question::Prefix { keyspace, .. }
        | Question::Diff { keyspace, .. } => Some(keyspace),
        Question::Changes { .. } | Question::Keyspaces => None,
        Question::Readable(keyspace) => *keyspace,
    }
}

/// A key that no commit writes to.
const UNWRITTEN: Key = Key {
    keyspace: 7,
    key: 998,
};

impl Ask<'_> {
    /// A key, in most cases one that a commit has written.
    fn key(&self, draws: &mut Draws) -> Key {
        let batches = &self.history.batches()[..self.head as usize];
        if batches.is_empty() || draws.percent(4) {
            return UNWRITTEN;
        }
        let writes = &draws.pick(batches).writes;
        match writes.is_empty() {
            true => UNWRITTEN,
            false => draws.pick(writes).key,
        }
    }

    /// A commit, in most cases one that exists.
    fn commit(&self, draws: &mut Draws) -> u64 {
        match draws.percent(3) {
            true => self.head + 1,
            false => draws.below(self.head + 1),
        }
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Question {
        let key = self.key(draws);
        let keyspace = key.keyspace_name();
        let turns = *draws.pick(Turns::ALL);
        let at = match self.reader {
            Some(commit) => commit,
            None => self.commit(draws),
        };
        match draws.weighted(&[6, 8, 4, 8, 12, 2, 1]) {
            0 => Question::Get { at, key },
            1 => Question::Scan {
                at,
                keyspace,
                start: self.bound(draws),
                end: self.bound(draws),
                turns,
            },
            2 => Question::Prefix {
                at,
                keyspace,
                prefix: prefix(key, draws.below(5) as usize),
                turns,
            },
            3 => Question::Versions { at, key },
            4 => Question::Diff {
                keyspace,
                from: self.commit(draws),
                to: at,
            },
            6 => Question::Keyspaces,
            _ => Question::Changes {
                // Most streams go up to the newest commit.
                at: match self.reader {
                    None if draws.percent(70) => self.head,
                    _ => at,
                },
                since: self.commit(draws),
            },
        }
    }

    fn bound(&self, draws: &mut Draws) -> Bound<Vec<u8>> {
        let key = self.key(draws).bytes();
        match draws.below(5) {
            0 | 1 => Bound::Included(key),
            2 | 3 => Bound::Excluded(key),
            _ => Bound::Unbounded,
        }
    }

    /// All questions about the existing keys, with a selection of bounds.
    pub(super) fn all(&self) -> Vec<Question> {
        let batches = &self.history.batches()[..self.head as usize];
        let writes = batches.iter().flat_map(|batch| &batch.writes);
        let mut keys: BTreeSet<Key> = writes.map(|write| write.key).collect();
        keys.insert(UNWRITTEN);
        let keyspaces: BTreeSet<&'static str> =
            keys.iter().map(|key| key.keyspace_name()).collect();
        let commits = match self.reader {
            Some(commit) => commit..=commit,
            None => 0..=self.head + 1,
        };
        let mut all = vec![Question::Keyspaces];
        for at in commits {
            for &key in &keys {
                all.push(Question::Get { at, key });
                all.push(Question::Versions { at, key });
            }
            for &keyspace in &keyspaces {
                all.extend(self.scans(at, keyspace, &keys));
                for from in 0..=self.head + 1 {
                    all.push(Question::Diff {
                        keyspace,
                        from,
                        to: at,
                    });
                }
            }
            for since in 0..=at.max(self.head) {
                all.push(Question::Changes { at, since });
            }
        }
        all
    }

    /// Scans of a whole keyspace from either end and from both, and from each key to
    /// the edges.
    fn scans(&self, at: u64, keyspace: &'static str, keys: &BTreeSet<Key>) -> Vec<Question> {
        let scan = |start, end, turns| Question::Scan {
            at,
            keyspace,
            start,
            end,
            turns,
        };
        let whole = |&turns: &Turns| scan(Bound::Unbounded, Bound::Unbounded, turns);
        let mut scans: Vec<Question> = Turns::ALL.iter().map(whole).collect();
        for key in keys.iter().filter(|key| key.keyspace_name() == keyspace) {
            let bytes = || key.bytes();
            let free = || Bound::Unbounded;
            scans.extend([
                scan(Bound::Included(bytes()), free(), Turns::Backward),
                scan(Bound::Excluded(bytes()), free(), Turns::Alternating),
                scan(free(), Bound::Included(bytes()), Turns::Backward),
                scan(free(), Bound::Excluded(bytes()), Turns::MostlyBackward),
                scan(
                    Bound::Included(bytes()),
                    Bound::Included(bytes()),
                    Turns::Forward,
                ),
            ]);
        }
        let first = keys.iter().find(|key| key.keyspace_name() == keyspace);
        for length in 0..=4 {
            scans.extend(first.map(|key| Question::Prefix {
                at,
                keyspace,
                prefix: prefix(*key, length),
                turns: Turns::ALL[length % Turns::ALL.len()],
            }));
        }
        scans
    }
}

fn prefix(key: Key, length: usize) -> Vec<u8> {
    let mut bytes = key.bytes();
    bytes.truncate(length);
    bytes
}
