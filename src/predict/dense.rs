//! Work done by the aligned policy when every commit touches the keyspace.
//!
//! Unit of work: one entry written to a segment. The write of the level-0
//! segment is counted once, in `entries_written`, and never in a pause. `step`
//! writes each commit once per closed level (Legendre's formula counts the
//! merges); `direct` writes it only at the highest level that closes.
//!
//! Exact for any radices and any highest level. Not covered: several keyspaces
//! (add them up), sparse ones (see [`super::sparse`]), bytes.

use super::Assumptions;
use crate::align::{Alignment, Cascade};
use crate::commit::Commit;

/// Merges performed in the first `commits` commits: with `step` one for each
/// window above level 0 that closed, with `direct` one for each commit at which
/// some window closed. O(levels).
#[must_use]
pub fn merges(alignment: &Alignment, cascade: Cascade, commits: u64) -> u64 {
    let closed = alignment
        .widths()
        .iter()
        .skip(1)
        .map(|width| commits / width);
    match cascade {
        Cascade::Step => closed.sum(),
        Cascade::Direct => closed.max().unwrap_or(0),
    }
}

/// Entries written in the first `commits` commits, level 0 included. O(levels).
#[must_use]
pub fn entries_written(
    alignment: &Alignment,
    cascade: Cascade,
    commits: u64,
    assumptions: &Assumptions,
) -> u128 {
    let widths = alignment.widths();
    let merged: u128 = (1..widths.len())
        .map(|level| {
            let closed = commits / widths[level];
            let closed_higher = widths.get(level + 1).map_or(0, |width| commits / width);
            let outputs = match cascade {
                Cascade::Step => closed,
                Cascade::Direct => closed - closed_higher,
            };
            u128::from(outputs) * u128::from(assumptions.entries_kept(widths[level]))
        })
        .sum();
    u128::from(commits) + merged
}

/// Entries in the live segments after `commits` commits. Divided by the number
/// of distinct keys written, this is the space amplification of the live
/// segments. O(levels).
#[must_use]
pub fn live_entries(alignment: &Alignment, commits: u64, assumptions: &Assumptions) -> u128 {
    let groups = super::live::windows(alignment, commits);
    groups
        .iter()
        .map(|group| u128::from(group.count) * u128::from(assumptions.entries_kept(group.width)))
        .sum()
}

/// Entries written by the merges that close at `commit`; 0 when nothing closes.
/// O(levels).
#[must_use]
pub fn pause(
    alignment: &Alignment,
    cascade: Cascade,
    commit: u64,
    assumptions: &Assumptions,
) -> u128 {
    let closing = usize::from(alignment.closing_level(Commit::new(commit)));
    let outputs = &alignment.widths()[1..=closing];
    let entries = |width: &u64| u128::from(assumptions.entries_kept(*width));
    match cascade {
        Cascade::Step => outputs.iter().map(entries).sum(),
        Cascade::Direct => outputs.last().map_or(0, entries),
    }
}

/// The longest pause in the first `commits` commits and the first commit that
/// has it; `None` when no window above level 0 closed. O(levels²).
///
/// A pause never shrinks with the level, so the first edge of each level is the
/// only candidate. Overwrites can make two levels equally long.
#[must_use]
pub fn longest_pause(
    alignment: &Alignment,
    cascade: Cascade,
    commits: u64,
    assumptions: &Assumptions,
) -> Option<(u128, u64)> {
    let first_edges = alignment
        .widths()
        .iter()
        .skip(1)
        .take_while(|width| **width <= commits);
    first_edges
        .map(|&edge| (pause(alignment, cascade, edge, assumptions), edge))
        .reduce(|longest, candidate| {
            if candidate.0 > longest.0 {
                candidate
            } else {
                longest
            }
        })
}

/// Segments that a read at commit `at` opens when the inputs of merges were
/// removed and all history is kept: the live windows that begin before `at`.
/// With the inputs kept it is [`super::live::segments`] of `at`. O(levels).
#[must_use]
pub fn segments_read_inputs_removed(alignment: &Alignment, commits: u64, at: u64) -> u64 {
    let groups = super::live::windows(alignment, commits);
    groups
        .iter()
        .map(|group| {
            at.saturating_sub(group.start)
                .div_ceil(group.width)
                .min(group.count)
        })
        .sum()
}
