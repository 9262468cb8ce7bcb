//! Where segments belong, restated from the rule without the engine's code.
//!
//! A closed window of a level with enough segments in it has them merged into one; from
//! level 1 upwards. Nothing else happens.

use std::collections::{BTreeMap, BTreeSet};

use lithify::Placement;

use crate::history::Batch;
use crate::system::Piece;

/// The settled layout after `history`.
pub(super) fn expected(placement: &Placement, history: &[Batch]) -> Vec<Piece> {
    settle(placement, history, &mut |_| {})
}

/// How many merges lead there: one for each window, or, when they are direct, one for
/// each keyspace and commit at which windows close.
pub(super) fn merges(placement: &Placement, history: &[Batch], is_direct: bool) -> u64 {
    let (mut all, mut closings) = (0, BTreeSet::new());
    settle(placement, history, &mut |merged| {
        all += 1;
        closings.insert((merged.keyspace.clone(), merged.end));
    });
    if is_direct { closings.len() as u64 } else { all }
}

fn settle(
    placement: &Placement,
    history: &[Batch],
    note: &mut dyn FnMut(&Piece),
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
            *pieces = merge(pieces, level as u32, width, head, placement.min_inputs);
            let made = pieces.iter().filter(|piece| piece.level == level as u32);
            made.for_each(&mut *note);
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

fn merge(pieces: &[Piece], level: u32, width: u64, head: u64, least: u32) -> Vec<Piece> {
    let window = |piece: &Piece| (piece.last - 1) / width;
    let mut merged = Vec::new();
    for inputs in pieces.chunk_by(|one, other| window(one) == window(other)) {
        let start = window(&inputs[0]) * width;
        let end = start.checked_add(width).filter(|&end| end <= head);
        match end {
            Some(end) if inputs.len() >= least as usize => merged.push(Piece {
                level,
                start,
                end,
                last: inputs[inputs.len() - 1].last,
                ..inputs[0].clone()
            }),
            _ => merged.extend_from_slice(inputs),
        }
    }
    merged
}
