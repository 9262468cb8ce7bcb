//! The paced variant: the same windows, with the merge spread over many commits.
//!
//! Rule: the output of window k of level l appears exactly at commit
//! `(k+1) * width(l)`, one window late. Its last input appears `width(l-1)`
//! commits after the window closed, so `width(l) - width(l-1)` commits (beats)
//! are left; beat b merges `⌊b·w/beats⌋ - ⌊(b-1)·w/beats⌋` of the w entries. The
//! idea of pacing by operation number is TigerBeetle's. Exact integers; every
//! commit writes one new key.

use crate::align::Alignment;

/// Windows of a level whose output exists after `commits` commits; every commit
/// at level 0.
fn visible(widths: &[u64], level: usize, commits: u64) -> u64 {
    let closed = commits / widths[level];
    if level == 0 {
        closed
    } else {
        closed.saturating_sub(1)
    }
}

/// Live segments of each level after `commits` commits, lowest level first. As
/// soon as `commits >= width(l+1)`, level l has its digit plus `r_l - 1` segments
/// (level 0: its digit plus `r_0`). The highest level is never merged away: it has
/// every visible window. O(levels).
#[must_use]
pub fn live_per_level(alignment: &Alignment, commits: u64) -> Vec<u64> {
    let widths = alignment.widths();
    let merged_into_next = |level: usize| {
        let next = widths.get(level + 1)?;
        Some(visible(widths, level + 1, commits) * (next / widths[level]))
    };
    (0..widths.len())
        .map(|level| visible(widths, level, commits) - merged_into_next(level).unwrap_or(0))
        .collect()
}

/// Entries merged by the beat of one commit. O(levels).
#[must_use]
pub fn work_at(alignment: &Alignment, commit: u64) -> u64 {
    alignment
        .widths()
        .windows(2)
        .map(|pair| merged_so_far(pair, commit) - merged_so_far(pair, commit.saturating_sub(1)))
        .sum()
}

/// The most entries that any of the first `commits` commits can be asked to
/// merge: two for each level that has begun to merge, since
/// `⌈r / (r-1)⌉ = 2` for every radix. A bound; the true maximum can be lower.
#[must_use]
pub fn work_bound(alignment: &Alignment, commits: u64) -> u64 {
    alignment
        .widths()
        .iter()
        .skip(1)
        .map(|&width| if width < commits { 2 } else { 0 })
        .sum()
}

/// Entries written by the first `commits` commits, level 0 included. O(levels).
#[must_use]
pub fn entries_written(alignment: &Alignment, commits: u64) -> u128 {
    let merged = alignment
        .widths()
        .windows(2)
        .map(|pair| u128::from(merged_so_far(pair, commits)));
    u128::from(commits) + merged.sum::<u128>()
}

/// Entries of one level merged after `commits` commits: the finished windows,
/// and the quota of the one in progress. `pair` is the width below and the
/// width of the level.
fn merged_so_far(pair: &[u64], commits: u64) -> u64 {
    let (below, width) = (pair[0], pair[1]);
    let finished = (commits / width).saturating_sub(1) * width;
    let in_progress = if commits < width {
        0
    } else {
        (commits % width).saturating_sub(below)
    };
    let quota = u128::from(in_progress) * u128::from(width) / u128::from(width - below);
    // The quota is below `width`, because the last beat finishes the window.
    finished + u64::try_from(quota).expect("a quota is below the width of its window")
}
