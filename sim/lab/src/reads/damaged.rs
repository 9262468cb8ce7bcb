//! The answers that a store opened in spite of damage may give.
//!
//! Every answer must be the model's answer, or a refusal that names damage which the
//! store reported when it was opened. A read must not be refused if no reported damage
//! affects it.

use std::collections::BTreeMap;

use super::answers::{Answer, Question};
use super::ask::{Ask, keyspace_of};
use super::expect::Model;
use crate::keyed::Draws;
use crate::system::{Failure, Lost, Remains, Taken};

impl Ask<'_> {
    /// Asks, and describes the first answer that nothing allows. `self.head` is the
    /// newest commit that the store had when it was intact.
    ///
    /// # Errors
    /// A failure of the store that is not damage.
    pub fn check_remains(
        &self,
        draws: &mut Draws,
        remains: &dyn Remains,
    ) -> Result<Option<String>, Failure> {
        let lost = remains.lost();
        let mut readable = BTreeMap::new();
        for question in self.questions(draws) {
            let keyspace = keyspace_of(&question);
            let ranges = match readable.get(&keyspace) {
                Some(ranges) => ranges,
                None => {
                    let Some(Answer::Ranges(ranges)) =
                        remains.ask(&Question::Readable(keyspace))?
                    else {
                        return Ok(None);
                    };
                    readable.entry(keyspace).or_insert(ranges)
                }
            };
            let model = Model {
                engine: self.engine,
                history: self.history,
                head: remains.head().min(self.head),
                is_kept: false,
            };
            let wrong = match remains.ask(&question) {
                Ok(None) => None,
                Ok(Some(answer)) if question == Question::Keyspaces => {
                    misnamed(&model, &answer, &lost)
                }
                Ok(Some(answer)) => model.wrong(&question, &answer, ranges),
                Err(Failure::Damage(message)) => unnamed(&question, &message, &lost),
                Err(failure) => return Err(failure),
            };
            if let Some(wrong) = wrong {
                return Ok(Some(format!("{question}: {wrong}")));
            }
        }
        Ok(None)
    }

    /// The drawn questions and the listed questions.
    fn questions(&self, draws: &mut Draws) -> Vec<Question> {
        let mut questions: Vec<Question> = (0..self.drawn).map(|_| self.draw(draws)).collect();
        if self.listed > 0 {
            let all = self.all();
            let every = all.len().div_ceil(self.listed).max(1);
            questions.extend(all.into_iter().step_by(every));
        }
        questions.retain(|question| newest_of(question) <= self.head);
        questions
    }
}

/// The latest commit that a question mentions.
fn newest_of(question: &Question) -> u64 {
    match question {
        Question::Get { at, .. }
        | Question::Scan { at, .. }
        | Question::Prefix { at, .. }
        | Question::Versions { at, .. } => *at,
        Question::Diff { from, to, .. } => *from.max(to),
        Question::Changes { at, since } => *at.max(since),
        Question::Readable(_) | Question::Keyspaces => 0,
    }
}

/// What is wrong with the names of the keyspaces, if anything. Names that a lost commit
/// may have introduced can be missing, with all names that were first used later. A
/// manifest may also name keyspaces of commits that are not there: the commits were
/// only in the log, or were lost with the power.
fn misnamed(model: &Model<'_>, answer: &Answer, lost: &[Lost]) -> Option<String> {
    let takes_names = |lost: &Lost| lost.takes.as_ref().is_some_and(|it| it.keyspace.is_none());
    let least = match lost.iter().any(takes_names) {
        true => Vec::new(),
        false => model.history.keyspaces(model.head),
    };
    let all = model.history.keyspaces(model.history.head());
    let is_right = match answer {
        Answer::Names(names) => all.starts_with(names) && names.starts_with(&least),
        _ => false,
    };
    (!is_right).then(|| format!("should begin with {least:?} and is {answer:?}, of {all:?}"))
}

/// What is wrong with a refusal, if anything: its damage was not reported, or does not
/// affect this read.
fn unnamed(question: &Question, message: &str, lost: &[Lost]) -> Option<String> {
    let mut named = lost.iter().filter(|lost| message == lost.damage).peekable();
    if named.peek().is_none() {
        return Some(format!("is refused because {message}, which is not named"));
    }
    let keyspace = keyspace_of(question);
    let newest = newest_of(question);
    let takes = |lost: &Lost| {
        let is_there = |taken: &Taken| {
            let is_meant = match (taken.keyspace.as_deref(), keyspace) {
                (Some(name), Some(keyspace)) => name == keyspace,
                _ => true,
            };
            let is_of_key = match question {
                Question::Get { key, .. } | Question::Versions { key, .. } => {
                    let key = key.bytes();
                    let is_before = taken.last_key.as_ref().is_none_or(|last| key <= *last);
                    taken.first_key <= key && is_before
                }
                _ => true,
            };
            is_meant && is_of_key && taken.from <= newest
        };
        lost.takes.as_ref().is_some_and(is_there)
    };
    (!named.any(takes)).then(|| format!("is refused because {message}, which does not take it"))
}
