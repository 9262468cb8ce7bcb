//! The rule: where segments belong and what they hold, stated again without the
//! engine's code.
//!
//! The segments in a closed window of a level are merged into one if there are enough
//! of them, from level 1 upwards. Nothing else happens. What retention removes from a
//! merged segment depends only on its window and on the history, and not on earlier
//! merges.

use std::collections::{BTreeMap, BTreeSet};

use lithify::{History, Placement, RemoveInputs};

use crate::history::{Batch, Key};
use crate::system::Piece;

/// The settled layout after `history`.
pub(super) fn expected(placement: &Placement, history: &[Batch]) -> Vec<Piece> {
    settle(placement, history, &mut |_, _| {})
}

/// The work that leads to the settled layout.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// The number of merges: one for each window, or for direct merges, one for each
    /// keyspace and commit at which windows close.
    pub(super) merges: u64,
    /// The number of merge inputs that retention keeps.
    pub(super) kept: u64,
}

/// The work that leads to the settled layout after `history`.
pub(super) fn work(placement: &Placement, history: &[Batch], is_direct: bool) -> Work {
    let width = placement.alignment.widths().get(1).copied().unwrap_or(1);
    let closing = history.len() as u64 / width * width;
    let (mut work, mut closings) = (Work::default(), BTreeSet::new());
    settle(placement, history, &mut |merged, inputs| {
        let is_new = closings.insert((merged.keyspace.clone(), merged.end));
        work.merges += u64::from(is_new || !is_direct);
        // A direct merge takes the inputs of a merge of a lower level that would end at
        // the same commit, instead of its output.
        let exists = |piece: &&Piece| !is_direct || piece.level == 0 || piece.end != merged.end;
        let is_kept = |piece: &&Piece| stays(placement.remove_inputs, closing, piece);
        let kept = inputs.iter().filter(exists).filter(is_kept);
        work.kept += kept.count() as u64;
    });
    work
}

/// The content of a live segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) readable_from: u64,
    pub(super) commits: u64,
    pub(super) entries: u64,
    pub(super) tombstones: u64,
    pub(super) keys: u64,
    pub(super) bytes: u64,
}

/// The length of each value that a commit wrote to a keyspace, by key; `None` for a
/// deletion.
type Written = BTreeMap<Key, Option<u64>>;

/// The part of `history` that each of these live segments holds.
pub(super) fn held(placement: &Placement, history: &[Batch], pieces: &[Piece]) -> Vec<Held> {
    let mut keyspaces: BTreeMap<&str, BTreeMap<u64, Written>> = BTreeMap::new();
    for (commit, batch) in (1..).zip(history) {
        for write in &batch.writes {
            let commits = keyspaces.entry(write.key.keyspace_name()).or_default();
            let value_bytes = write.value.map(|value| u64::from(value.length));
            let written: &mut Written = commits.entry(commit).or_default();
            written.insert(write.key, value_bytes);
        }
    }
    let of = |piece: &Piece| held_by(placement, &keyspaces[&piece.keyspace[..]], piece);
    pieces.iter().map(of).collect()
}

/// At and below its floor, a merged segment has only the newest version of each key,
/// and no deletion of a key without an older version. The exception is removal of
/// inputs by level: then an older value may outlive the inputs, so deletions stay.
fn held_by(placement: &Placement, commits: &BTreeMap<u64, Written>, piece: &Piece) -> Held {
    let (first, last) = (piece.first, piece.last);
    let is_oldest = commits.first_key_value().is_some_and(|it| *it.0 == first);
    let is_by_level = matches!(
        placement.remove_inputs,
        RemoveInputs::UpToLevel(_) | RemoveInputs::HeadWindowUpToLevel { .. }
    );
    let floor = match placement.history {
        _ if piece.level == 0 => first,
        History::All => first,
        History::Last(kept) => piece.end.saturating_sub(kept).clamp(first, last),
        History::Newest => last,
    };
    let mut held = Held {
        readable_from: floor,
        commits: commits.range(first..=last).count() as u64,
        ..Held::default()
    };
    let mut keys = BTreeSet::new();
    let mut bases = BTreeSet::new();
    // From the newest commit down, so that the newest version of a key comes before the
    // versions that it hides.
    for (commit, written) in commits.range(first..=last).rev() {
        for (key, value_bytes) in written {
            let is_thinned = floor > first && *commit <= floor;
            let is_hidden = is_thinned && !bases.insert(*key);
            let is_needless = is_thinned && value_bytes.is_none() && is_oldest && !is_by_level;
            if is_hidden || is_needless {
                continue;
            }
            keys.insert(*key);
            held.entries += 1;
            held.tombstones += u64::from(value_bytes.is_none());
            held.bytes += key.bytes().len() as u64 + value_bytes.unwrap_or(0);
        }
    }
    held.keys = keys.len() as u64;
    held
}

/// Whether the writes of each commit after `since` must still be known at `head`:
/// windows keep their last commits, and retention keeps the youngest inputs.
pub(super) fn knows_changes_since(placement: &Placement, since: u64, head: u64) -> bool {
    let is_near = |commits: u64| since >= head.saturating_sub(commits);
    let is_in_outputs = match placement.history {
        History::All => true,
        History::Last(commits) => is_near(commits),
        History::Newest => false,
    };
    let is_in_inputs = match placement.remove_inputs {
        RemoveInputs::Never => true,
        RemoveInputs::HeadWindow { keep } | RemoveInputs::HeadWindowUpToLevel { keep, .. } => {
            is_near(keep)
        }
        RemoveInputs::Always | RemoveInputs::UpToLevel(_) => false,
    };
    since == head || is_in_outputs || is_in_inputs
}

/// Whether an input is kept after the closing at `closing`.
fn stays(rule: RemoveInputs, closing: u64, piece: &Piece) -> bool {
    let is_near = |keep: u64| piece.last.saturating_add(keep) > closing;
    match rule {
        RemoveInputs::Always => false,
        RemoveInputs::Never => true,
        RemoveInputs::UpToLevel(level) => piece.level > u32::from(level),
        RemoveInputs::HeadWindow { keep } => is_near(keep),
        RemoveInputs::HeadWindowUpToLevel { keep, level } => {
            piece.level > u32::from(level) || is_near(keep)
        }
    }
}

fn settle(
    placement: &Placement,
    history: &[Batch],
    note: &mut dyn FnMut(&Piece, &[Piece]),
) -> Vec<Piece> {
    let mut keyspaces: BTreeMap<&str, Vec<Piece>> = BTreeMap::new();
    for (index, batch) in history.iter().enumerate() {
        let commit = index as u64 + 1;
        for write in &batch.writes {
            let name = write.key.keyspace_name();
            let pieces = keyspaces.entry(name).or_default();
            if pieces.last().is_none_or(|piece| piece.last != commit) {
                pieces.push(single(name, commit));
            }
        }
    }
    let head = history.len() as u64;
    let widths = placement.alignment.widths();
    for pieces in keyspaces.values_mut() {
        for (level, &width) in widths.iter().enumerate().skip(1) {
            let rule = (level as u32, width, placement.min_inputs);
            *pieces = merge(pieces, rule, head, note);
        }
    }
    keyspaces.into_values().flatten().collect()
}

fn single(keyspace: &str, commit: u64) -> Piece {
    Piece {
        keyspace: keyspace.to_owned(),
        level: 0,
        start: commit - 1,
        end: commit,
        first: commit,
        last: commit,
    }
}

fn merge(
    pieces: &[Piece],
    (level, width, least): (u32, u64, u32),
    head: u64,
    note: &mut dyn FnMut(&Piece, &[Piece]),
) -> Vec<Piece> {
    let window = |piece: &Piece| (piece.last - 1) / width;
    let mut merged = Vec::new();
    for inputs in pieces.chunk_by(|one, other| window(one) == window(other)) {
        let start = window(&inputs[0]) * width;
        let end = start.checked_add(width).filter(|&end| end <= head);
        match end {
            Some(end) if inputs.len() >= least as usize => {
                let output = Piece {
                    level,
                    start,
                    end,
                    last: inputs[inputs.len() - 1].last,
                    ..inputs[0].clone()
                };
                note(&output, inputs);
                merged.push(output);
            }
            _ => merged.extend_from_slice(inputs),
        }
    }
    merged
}
