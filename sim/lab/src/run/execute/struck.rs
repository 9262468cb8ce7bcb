//! What became of the faults of a run: which have struck, where, and of which a caller of
//! the store has seen anything.

use crate::disk::oplog::{Log, Mark, Operation};
use crate::disk::{FaultKind, place_of};
use crate::run::plan::Action;

/// A fault that has struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its kind.
    pub kind: FaultKind,
    /// Which action of the plan it struck.
    pub action: usize,
    /// What the store was doing: the action's text.
    pub call: String,
    /// The operation that it met, as calls of the file system are written.
    pub operation: String,
    /// What the store answered, when that was a failure.
    pub answer: Option<String>,
    /// Whether a call of the store has failed, or refused, because of it.
    pub is_observed: bool,
}

impl Struck {
    /// Which call of the store met which fault at which operation.
    #[must_use]
    pub fn place(&self) -> String {
        let verb = self.call.split_whitespace().next().unwrap_or_default();
        format!("{} at {} in {verb}", self.kind, self.operation)
    }
}

/// The faults that struck in a log behind the first `before` of them, during one action that
/// has failed with `answer`, or has not.
pub(super) fn during(
    log: &Log,
    before: usize,
    (index, action): (usize, &Action),
    answer: Option<&str>,
) -> Vec<Struck> {
    let marks = log
        .operations()
        .iter()
        .filter_map(|operation| match operation {
            Operation::Mark(Mark::Fault { kind, verb, path }) => Some((*kind, *verb, *path)),
            _ => None,
        });
    marks
        .skip(before)
        .map(|(kind, verb, path)| Struck {
            kind,
            action: index,
            call: action.to_string(),
            operation: place_of(verb, log.path(path)),
            answer: answer.map(str::to_owned),
            is_observed: answer.is_some(),
        })
        .collect()
}

/// Adds the faults that struck during one action, which has shown an error or has not. An
/// error in an action that no fault has struck comes from one that stays: of a full device, a
/// bad sector, wrong bytes, or a failure that is reported late.
pub(super) fn note(struck: &mut Vec<Struck>, during: Vec<Struck>, is_observed: bool) {
    if during.is_empty() && is_observed {
        let lasting = struck.iter_mut().filter(|struck| struck.kind.shows_later());
        lasting.for_each(|struck| struck.is_observed = true);
    }
    struck.extend(during);
}
