//! The fate of the faults of a run: which faults have struck, where, and which of them
//! a caller of the store has noticed.

use crate::disk::oplog::{Log, Mark, Operation};
use crate::disk::{FaultKind, place_of};
use crate::run::plan::Action;

/// A fault that has struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its kind.
    pub kind: FaultKind,
    /// The number of the action that it struck.
    pub action: usize,
    /// The text of the action, which says what the store was doing.
    pub call: String,
    /// The operation that it struck, in the form of calls of the file system.
    pub operation: String,
    /// The failure that the store returned, if any.
    pub answer: Option<String>,
    /// Whether a call of the store has failed or refused because of the fault.
    pub is_observed: bool,
}

impl Struck {
    /// The text that says which fault struck which operation during which call of the
    /// store.
    #[must_use]
    pub fn place(&self) -> String {
        let verb = self.call.split_whitespace().next().unwrap_or_default();
        format!("{} at {} in {verb}", self.kind, self.operation)
    }
}

/// The faults of a log after the first `before` faults. All of them struck during one
/// action. `answer` is the failure of that action, if it failed.
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

/// Adds the faults that struck during one action. `is_observed`: whether the action
/// showed an error. If it did although no fault struck during it, the error comes from
/// an earlier fault that lasts: a full device, a bad sector, wrong bytes, or a failure
/// that is reported late.
pub(super) fn note(struck: &mut Vec<Struck>, during: Vec<Struck>, is_observed: bool) {
    if during.is_empty() && is_observed {
        let lasting = struck.iter_mut().filter(|struck| struck.kind.shows_later());
        lasting.for_each(|struck| struck.is_observed = true);
    }
    struck.extend(during);
}
