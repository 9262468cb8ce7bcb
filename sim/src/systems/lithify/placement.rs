//! Where segments belong, restated from the rule without the engine's code.
//!
//! A closed window of a level with enough segments in it has them merged into one; from
//! level 1 upwards. Nothing else happens.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lithify::Placement;

use crate::history::Batch;

/// A segment: its level, and its first and last commit.
type Piece = (usize, u64, u64);

/// The settled layout after `history`, one line for each segment.
pub(super) fn expected(placement: &Placement, history: &[Batch]) -> String {
    let mut keyspaces: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (index, batch) in history.iter().enumerate() {
        let commit = index as u64 + 1;
        for write in &batch.writes {
            let commits = keyspaces.entry(write.key.keyspace_name()).or_default();
            if commits.last() != Some(&commit) {
                commits.push(commit);
            }
        }
    }
    let mut text = String::new();
    for (name, commits) in keyspaces {
        let mut pieces: Vec<Piece> = commits.iter().map(|&commit| (0, commit, commit)).collect();
        for (level, &width) in placement.alignment.widths().iter().enumerate().skip(1) {
            pieces = merge(
                &pieces,
                level,
                width,
                history.len() as u64,
                placement.min_inputs,
            );
        }
        for (level, first, last) in pieces {
            let _ = writeln!(text, "{name} level {level} commits {first}..{last}");
        }
    }
    text
}

fn merge(pieces: &[Piece], level: usize, width: u64, head: u64, least: u32) -> Vec<Piece> {
    let window = |piece: &Piece| (piece.2 - 1) / width;
    let mut merged = Vec::new();
    for inputs in pieces.chunk_by(|one, other| window(one) == window(other)) {
        let is_closed = window(&inputs[0])
            .checked_add(1)
            .and_then(|windows| windows.checked_mul(width))
            .is_some_and(|end| end <= head);
        if is_closed && inputs.len() >= least as usize {
            merged.push((level, inputs[0].1, inputs[inputs.len() - 1].2));
        } else {
            merged.extend_from_slice(inputs);
        }
    }
    merged
}
