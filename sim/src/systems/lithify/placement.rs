//! Where segments belong, restated from the rule without the engine's code.
//!
//! A closed window of a level with enough segments in it has them merged into one; from
//! level 1 upwards. Nothing else happens.

use std::collections::{BTreeMap, BTreeSet};

use lithify::{History, Placement, RemoveInputs};

use crate::history::Batch;
use crate::system::Piece;

/// The settled layout after `history`.
pub(super) fn expected(placement: &Placement, history: &[Batch]) -> Vec<Piece> {
    settle(placement, history, &mut |_, _| {})
}

/// How the settled layout comes about.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Merges: one for each window, or, when they are direct, one for each keyspace and
    /// commit at which windows close.
    pub(super) merges: u64,
    /// Inputs of them that retention keeps.
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
        // A direct merge takes what an equally late one of a lower level would have
        // made from that one's inputs.
        let exists = |piece: &&Piece| !is_direct || piece.level == 0 || piece.end != merged.end;
        let is_kept = |piece: &&Piece| stays(placement.remove_inputs, closing, piece);
        let kept = inputs.iter().filter(exists).filter(is_kept);
        work.kept += kept.count() as u64;
    });
    work
}

/// Whether what each commit after `since` wrote must still be known at `head`: windows keep
/// their last commits, and retention keeps the youngest inputs.
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

/// Whether an input is still there after the closing at `closing`.
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
