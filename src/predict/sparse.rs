//! Expectations for a keyspace that each commit touches with probability q,
//! independently (Bernoulli), under the aligned policy with two inputs.
//!
//! These are means over random histories, so they are floating point; a single
//! run differs from them. Powers of `1 - q` go through `ln_1p` and `exp_m1`,
//! which keeps tiny q and wide windows accurate. One entry per touching commit.

use crate::align::{Alignment, Cascade};

/// The expected number of live segments after `commits` commits: each canonical
/// window counts when it was touched at all. `q` is clamped to 0..=1. O(levels).
#[must_use]
pub fn live_segments(alignment: &Alignment, commits: u64, q: f64) -> f64 {
    let groups = super::live::windows(alignment, commits);
    groups
        .iter()
        .map(|group| group.count as f64 * touched(q, group.width))
        .sum()
}

/// The expected number of entries written in the first `commits` commits, level
/// 0 included. `q` is clamped to 0..=1. O(levels²).
///
/// A window of width w consists of pieces. An entry in a piece of width s is rewritten when some
/// other piece was touched too. With `step` the pieces are the windows one level down. With
/// `direct` they are the live windows at the closing: `r_j - 1` windows of each lower level j, and
/// the last commit.
#[must_use]
pub fn entries_written(alignment: &Alignment, cascade: Cascade, commits: u64, q: f64) -> f64 {
    let widths = alignment.widths();
    let q = q.clamp(0.0, 1.0);
    let rewritten = |piece: u64, window: u64| piece as f64 * touched(q, window - piece);
    let merged: f64 = (1..widths.len())
        .map(|level| {
            let (below, window) = (widths[level - 1], widths[level]);
            let closed = commits / window;
            let closed_higher = widths.get(level + 1).map_or(0, |width| commits / width);
            match cascade {
                Cascade::Step => closed as f64 * (window / below) as f64 * rewritten(below, window),
                Cascade::Direct => {
                    let lower = widths[..=level].windows(2);
                    let pieces: f64 = lower
                        .map(|pair| (pair[1] / pair[0] - 1) as f64 * rewritten(pair[0], window))
                        .sum();
                    (closed - closed_higher) as f64 * (pieces + rewritten(1, window))
                }
            }
        })
        .sum();
    q * (commits as f64 + merged)
}

/// The probability that at least one of `commits` commits touches the keyspace.
fn touched(q: f64, commits: u64) -> f64 {
    if commits == 0 {
        return 0.0;
    }
    -(commits as f64 * (-q.clamp(0.0, 1.0)).ln_1p()).exp_m1()
}
