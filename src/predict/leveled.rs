//! The leveled variant of the aligned policy: one segment per level.
//!
//! Rule: commit n, which closes level v, is merged with everything after the
//! last edge of level v + 1, so the output is `(n - (n mod width(v+1)), n]`, or
//! all of `(0, n]` at the highest level. The new commit is written straight into
//! that output: there is no separate write of a level-0 segment, which is how
//! the textbook counts leveling (one half of (T-1) per level).

use super::live::digit;
use crate::align::Alignment;

/// Live segments after `commits` commits: the non-zero digits. O(levels).
#[must_use]
pub fn live_segments(alignment: &Alignment, commits: u64) -> u64 {
    let digits = (0..alignment.widths().len()).map(|level| digit(alignment, commits, level));
    digits.map(|digit| u64::from(digit > 0)).sum()
}

/// Entries written in the first `commits` commits: for each commit its lowest
/// non-zero digit times the width of that digit. O(levels).
///
/// For a uniform divisor d and `commits = d^k` this is `commits * (k(d-1)/2 + 1)`.
#[must_use]
pub fn entries_written(alignment: &Alignment, commits: u64) -> u128 {
    let widths = alignment.widths();
    let per_level = widths.iter().enumerate().map(|(level, &width)| {
        let edges = commits / width;
        let digits = match widths.get(level + 1) {
            Some(next) => {
                let radix = next / width;
                u128::from(edges / radix) * sum_to(radix - 1)
                    + sum_to(edges % if planted!(LeveledRest) { *next } else { radix })
            }
            None => sum_to(edges),
        };
        u128::from(width) * digits
    });
    per_level.sum()
}

/// 1 + 2 + .. + `last`.
fn sum_to(last: u64) -> u128 {
    let last = u128::from(last);
    last * (last + 1) / 2
}
