//! The cost of a run, computed before the run.
//!
//! Goal: live segments, merges, entries written, the longest pause and the readable commits after N
//! commits, as exact integers in O(levels), so that a measurement can be compared with `==`. Random
//! workloads have expectations instead, in [`sparse`].
//!
//! The counts assume the dense case: one keyspace that every commit touches with one entry of unit
//! size, and `min_inputs` no higher than the smallest radix. Bytes, blocks, filters and the WAL are
//! not predicted.
//!
//! Most closed forms are digit sums in the radices of the alignment: the layout of a dense history
//! of N commits corresponds to the digits of N.

pub mod dense;
pub mod leveled;
pub mod live;
pub mod paced;
pub mod ratio;
pub mod readable;
mod report;
pub mod sparse;

use std::num::NonZeroU64;

use crate::align::{Alignment, Cascade, Level};
use crate::options::{History, RemoveInputs};

pub use live::LevelWindows;
pub use readable::ReadableCommits;

/// The assumptions about writes and retention. The default is a new key in every commit, all
/// history kept, inputs always removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Assumptions {
    /// Commit n writes key `n mod distinct_keys`; 1 is a single hot key. `None`:
    /// no key is ever written twice.
    pub distinct_keys: Option<NonZeroU64>,
    /// Which versions a merged segment keeps.
    pub history: History,
    /// When the inputs of a merge are removed.
    pub remove_inputs: RemoveInputs,
}

impl Assumptions {
    /// The entries that a segment of `width` consecutive commits keeps.
    ///
    /// All versions of the last n commits are kept; of the commits before those only the newest
    /// version of each key is kept.
    #[must_use]
    pub fn entries_kept(&self, width: u64) -> u64 {
        let Some(keys) = self.distinct_keys else {
            return width;
        };
        let kept_whole = match self.history {
            History::All => width,
            History::Last(commits) => width.min(commits),
            History::Newest => 0,
        };
        kept_whole + (width - kept_whole).min(keys.get())
    }
}

/// The prediction for a store after a number of commits.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Prediction {
    /// The placement rule, in its text form.
    pub alignment: Alignment,
    /// The radices up to the first level that is wider than `commits`.
    pub radices: Vec<u64>,
    /// How merges of one commit are performed.
    pub cascade: Cascade,
    /// The highest level the placement rule allows.
    pub max_level: Level,
    /// Commits written.
    pub commits: u64,
    /// The assumptions about writes and retention.
    pub assumptions: Assumptions,
    /// Live segments after the last commit.
    pub live_segments: u64,
    /// The same by level, oldest (highest level) first.
    pub live_windows: Vec<LevelWindows>,
    /// Entries in the live segments.
    pub live_entries: u128,
    /// The most live segments after any commit.
    pub max_live_segments: u64,
    /// Live segments after each commit, summed over all commits (exact).
    pub live_segments_summed: u128,
    /// `live_segments_summed / commits`; 0 without commits.
    pub mean_live_segments: f64,
    /// Merges performed.
    pub merges: u64,
    /// Entries written to segments, level 0 included.
    pub entries_written: u128,
    /// `entries_written / commits`; 0 without commits.
    pub write_amplification: f64,
    /// The most entries written by the merges of one commit.
    pub longest_pause_entries: u128,
    /// The first commit with the longest pause; `None` when nothing was merged.
    pub longest_pause_commit: Option<u64>,
    /// Entries written by the merges of the last commit.
    pub last_pause_entries: u128,
    /// Segments opened by a read at the last commit.
    pub as_of_read_segments: u64,
    /// The commits that can be read at, under the assumed retention.
    pub readable_commits_when_thinned: ReadableCommits,
}

/// Predicts a store after `commits` commits. O(levels²), for any `commits`.
#[must_use]
pub fn predict(
    alignment: &Alignment,
    cascade: Cascade,
    commits: u64,
    assumptions: &Assumptions,
) -> Prediction {
    let (longest_pause_entries, longest_pause_commit) =
        dense::longest_pause(alignment, cascade, commits, assumptions)
            .map_or((0, None), |(entries, at)| (entries, Some(at)));
    let live_segments = live::segments(alignment, commits);
    let live_segments_summed = live::summed(alignment, commits);
    let entries_written = dense::entries_written(alignment, cascade, commits, assumptions);
    Prediction {
        alignment: alignment.clone(),
        radices: radices_in_use(alignment, commits),
        cascade,
        max_level: alignment.max_level(),
        commits,
        assumptions: *assumptions,
        live_segments,
        live_windows: live::windows(alignment, commits),
        live_entries: dense::live_entries(alignment, commits, assumptions),
        max_live_segments: live::most(alignment, 0, commits),
        live_segments_summed,
        mean_live_segments: per_commit(live_segments_summed, commits),
        merges: dense::merges(alignment, cascade, commits),
        entries_written,
        write_amplification: per_commit(entries_written, commits),
        longest_pause_entries,
        longest_pause_commit,
        last_pause_entries: dense::pause(alignment, cascade, commits, assumptions),
        as_of_read_segments: live_segments,
        readable_commits_when_thinned: readable::readable(
            alignment,
            commits,
            assumptions.history,
            assumptions.remove_inputs,
        ),
    }
}

/// The radices in use: a uniform divisor would otherwise list up to 63 of them.
fn radices_in_use(alignment: &Alignment, commits: u64) -> Vec<u64> {
    alignment
        .radices()
        .zip(alignment.widths())
        .take_while(|(_, width)| **width <= commits)
        .map(|(radix, _)| radix)
        .collect()
}

fn per_commit(total: u128, commits: u64) -> f64 {
    if commits == 0 {
        0.0
    } else {
        total as f64 / commits as f64
    }
}
