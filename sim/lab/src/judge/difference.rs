//! The difference between what was found and what should be there, as text.

use std::collections::BTreeSet;

use crate::history::{History, State, apply};
use crate::system::{Instance, Piece};

/// The first window that is misplaced, if any.
pub(crate) fn misplaced(layout: &[Piece]) -> Option<String> {
    for piece in layout {
        let width = piece.end - piece.start;
        let is_inside = piece.start < piece.first && piece.last <= piece.end;
        if !is_inside || piece.first > piece.last || !piece.start.is_multiple_of(width) {
            return Some(format!(
                "{piece} is not an aligned window around its commits"
            ));
        }
    }
    layout.windows(2).find_map(|pair| {
        let overlaps = pair[0].keyspace == pair[1].keyspace && pair[0].end > pair[1].start;
        overlaps.then(|| format!("{} overlaps {}", pair[0], pair[1]))
    })
}

/// The difference between the layout of a settled store and the layout of the rule.
/// `None` if they are equal or if there is no rule.
pub(crate) fn misfit(expected: Option<&[Piece]>, instance: &dyn Instance) -> Option<String> {
    let (expected, found) = (expected?, instance.layout()?);
    (expected != found).then(|| layout_difference(expected, &found))
}

/// The difference between two layouts, for people.
fn layout_difference(expected: &[Piece], found: &[Piece]) -> String {
    let (expected, found): (BTreeSet<&Piece>, BTreeSet<&Piece>) =
        (expected.iter().collect(), found.iter().collect());
    let missing = expected
        .difference(&found)
        .map(|piece| format!("missing: {piece}"));
    let extra = found
        .difference(&expected)
        .map(|piece| format!("not by the rule: {piece}"));
    missing.chain(extra).collect::<Vec<_>>().join("; ")
}

/// The kind of a wrong state, as far as it can be determined.
pub(super) fn kind_of(history: &History, head: u64, state: &State) -> &'static str {
    if is_torn_batch(history, head, state) {
        return "a torn commit";
    }
    let has_hole = (1..=head).any(|first| {
        (first..head).any(|last| {
            let mut without = State::new();
            for (index, batch) in history.batches()[..head as usize].iter().enumerate() {
                if !(first..=last).contains(&(index as u64 + 1)) {
                    apply(&mut without, batch);
                }
            }
            &without == state
        })
    });
    if has_hole {
        return "a missing commit";
    }
    let model = history.state(head);
    if state.keys().any(|key| !model.contains_key(key)) {
        return "a deleted key";
    }
    "a wrong value"
}

/// Whether all differences are writes of the newest batch that were not applied, while
/// other writes of the batch were.
fn is_torn_batch(history: &History, head: u64, state: &State) -> bool {
    if head == 0 {
        return false;
    }
    let model = history.state(head);
    let differing: Vec<_> = model
        .keys()
        .chain(state.keys())
        .filter(|key| model.get(*key) != state.get(*key))
        .collect();
    let batch = &history.batches()[head as usize - 1];
    let before = history.state(head - 1);
    let mut written = State::new();
    apply(&mut written, batch);
    let keys: BTreeSet<_> = batch
        .writes
        .iter()
        .map(|write| (write.key.keyspace_name().to_owned(), write.key.bytes()))
        .collect();
    let changed = keys
        .iter()
        .filter(|key| before.get(*key) != model.get(*key))
        .count();
    let undone: BTreeSet<_> = differing
        .iter()
        .filter(|key| keys.contains(**key) && before.get(**key) == state.get(**key))
        .collect();
    let all: BTreeSet<_> = differing.iter().collect();
    undone.len() == all.len() && undone.len() < changed
}

/// The first key that differs, for people.
pub(super) fn difference(expected: &State, found: &State) -> String {
    let text = |value: Option<&Vec<u8>>| match value {
        None => "nothing".to_owned(),
        Some(value) => format!("{:?}", String::from_utf8_lossy(value)),
    };
    let mut keys: BTreeSet<_> = expected.keys().collect();
    keys.extend(found.keys());
    let differing: Vec<_> = keys
        .into_iter()
        .filter(|key| expected.get(*key) != found.get(*key))
        .collect();
    match differing.first() {
        None => "no difference".to_owned(),
        Some(key) => format!(
            "{}/{} should be {} and is {} ({} keys differ)",
            key.0,
            String::from_utf8_lossy(&key.1),
            text(expected.get(*key)),
            text(found.get(*key)),
            differing.len()
        ),
    }
}
