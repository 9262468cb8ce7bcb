//! Live segments of a dense keyspace: the digit sum of the number of commits.
//!
//! Digit `l` of N is `(N / width(l)) mod r_l`; the digit of the highest level
//! has no radix and is not bounded. For a uniform divisor d without a highest
//! level, `segments` is the digit sum in base d, its maximum below `d^k` is
//! `(d-1)k` and its mean `(d-1)k/2` (Legendre's digit sum). Exact; no
//! floating point.

use crate::align::{Alignment, Level};

/// The live windows of one level: `count` windows side by side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct LevelWindows {
    /// The level.
    pub level: Level,
    /// Commits in each window.
    pub width: u64,
    /// The number of windows, at least 1.
    pub count: u64,
    /// The commit before the first window (exclusive).
    pub start: u64,
    /// The last commit of the last window (inclusive).
    pub end: u64,
}

/// The digit of `commits` at an existing level: the number of live windows of that level.
pub(super) fn digit(alignment: &Alignment, commits: u64, level: usize) -> u64 {
    let widths = alignment.widths();
    let below_next_level = widths.get(level + 1).map_or(commits, |next| commits % next);
    below_next_level / widths[level]
}

/// Live segments after `commits` commits. This is also the number of segments
/// that a read at commit t opens when the inputs of merges are kept, with
/// `commits = t`: the windows of `(0, t]` are live or retained. O(levels).
#[must_use]
pub fn segments(alignment: &Alignment, commits: u64) -> u64 {
    (0..alignment.widths().len())
        .map(|level| digit(alignment, commits, level))
        .sum()
}

/// The live windows grouped by level, oldest (highest level) first. O(levels).
#[must_use]
pub fn windows(alignment: &Alignment, commits: u64) -> Vec<LevelWindows> {
    let mut start = 0;
    let mut groups = Vec::new();
    for level in (0..=alignment.max_level()).rev() {
        let width = alignment.widths()[usize::from(level)];
        let count = digit(alignment, commits, usize::from(level));
        if count > 0 {
            let end = start + count * width;
            groups.push(LevelWindows {
                level,
                width,
                count,
                start,
                end,
            });
            start = end;
        }
    }
    groups
}

/// The most live segments after any commit in `from ..= to`, where 0 commits is
/// the empty store; 0 when `from > to`. O(levels²).
///
/// The maximum is at `to`, or at a number that agrees with `to` above some
/// digit, is one less there, and has the largest digits below: one less than a
/// right edge.
#[must_use]
pub fn most(alignment: &Alignment, from: u64, to: u64) -> u64 {
    if from > to {
        return 0;
    }
    let before_edges = alignment
        .widths()
        .iter()
        .filter_map(|width| (to - to % width).checked_sub(1));
    before_edges
        .filter(|&commits| commits >= from)
        .chain([to])
        .map(|commits| segments(alignment, commits))
        .max()
        .unwrap_or(0)
}

/// Live segments after each of the commits `1 ..= commits`, summed. The sum over
/// a range is the difference of two; the mean is the sum divided by its length.
/// O(levels).
#[must_use]
pub fn summed(alignment: &Alignment, commits: u64) -> u128 {
    let widths = alignment.widths();
    let numbers = u128::from(commits) + 1;
    let per_level = widths.iter().enumerate().map(|(level, &width)| {
        let width = u128::from(width);
        let Some(&next) = widths.get(level + 1) else {
            return staircase(numbers, width);
        };
        // A bounded digit runs through 0 ..= radix - 1 repeatedly.
        let next = u128::from(next);
        let radix = next / width;
        (numbers / next) * width * (radix * (radix - 1) / 2) + staircase(numbers % next, width)
    });
    per_level.sum()
}

/// The sum of `n / width` over `0 <= n < numbers`.
fn staircase(numbers: u128, width: u128) -> u128 {
    let (steps, rest) = (numbers / width, numbers % width);
    width * (steps * steps.saturating_sub(1) / 2) + steps * rest
}
