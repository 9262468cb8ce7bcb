//! A moment of a run, and the content of the disk after a crash there, in the words of
//! a plan.

use super::{Crash, Moment, Survivors};
use crate::disk::{Choice, Frontier, Log, Mark, Operation};

/// The action during which an operation happened, and the text and the count of the
/// operation in it.
pub(crate) fn place_of(log: &Log, position: usize) -> (Option<u32>, Option<Moment>) {
    let operations = log.operations();
    let mut start = 0;
    let mut action = None;
    for (index, operation) in operations[..position].iter().enumerate() {
        if let Operation::Mark(Mark::Action(number)) = operation {
            (start, action) = (index, Some(*number));
        }
    }
    let Some(operation) = operations.get(position) else {
        return (action, None);
    };
    let text = log.describe(operation).to_string();
    let same = operations[start..=position]
        .iter()
        .filter(|other| other.is_call() && log.describe(other).to_string() == text)
        .count();
    (action, Some((text, same as u32)))
}

/// A choice as a line of a plan, and the action during which the crash strikes.
pub(crate) fn crash_of(
    log: &Log,
    frontier: &Frontier<'_>,
    choice: &Choice,
) -> (Option<u32>, Crash) {
    let (action, before) = place_of(log, frontier.position());
    let crash = Crash {
        before,
        survivors: survivors(frontier, choice),
        fill: choice.fill.name().into_owned(),
    };
    (action, crash)
}

/// The survivors by readable names, as the shorter of the two possible lists.
fn survivors(frontier: &Frontier<'_>, choice: &Choice) -> Survivors {
    let (kept, lost): (Vec<_>, Vec<_>) = frontier
        .labels()
        .into_iter()
        .enumerate()
        .partition(|(index, _)| choice.kept.contains(*index));
    let names = |list: Vec<(usize, String)>| list.into_iter().map(|(_, label)| label).collect();
    if lost.len() <= kept.len() {
        Survivors::AllBut(names(lost))
    } else {
        Survivors::Only(names(kept))
    }
}
