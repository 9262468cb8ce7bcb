//! The commits at which a dense keyspace can be read, under each retention.
//!
//! A live window `(a, b]` written with thinned history answers reads at its last n commits before b
//! and at b (n = 0 for the newest version only). Below that, commit t is readable exactly when
//! every child that holds commits up to t is retained and can itself be read at t; level-0 segments
//! always can. Three facts turn this into arithmetic:
//!
//! - *By level.* When inputs up to level l are removed at once, the grid of windows of level l + 1
//!   is left (or the live window itself when it is no higher). So each cell of that grid answers
//!   like a live window.
//! - *By age.* Only closing commits remove inputs. So with head window `keep` the inputs that end
//!   at or before `cutoff = (last closing commit) - keep` are removed. The windows needed for t end
//!   no earlier than the first one, and the first windows of a cell `(g, g+p]` are nested:
//!   `(g, g+width(j)]` for j = 0, 1, .. The lowest j that reaches beyond the cutoff is retained, so
//!   the cell is readable from n commits before that edge on. Cells that end before the cutoff
//!   answer like live windows; cells that begin after it answer everywhere.
//! - Both cascades retain the same information: a window that `direct` never wrote ends where a
//!   larger retained one ends.
//!
//! The answer has size O(levels) even for 10^15 commits, because a run of equal cells is stored as
//! one [`Span`].

use std::ops::RangeInclusive;

use super::live::{self, LevelWindows};
use crate::align::Alignment;
use crate::options::{History, RemoveInputs};

/// Equal runs of readable commits at equal distances: the first run is
/// `first ..= first + run - 1`, the next begins `every` later, and the last one
/// ends at `last`. A plain range has `run == every`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Span {
    /// The first readable commit.
    pub first: u64,
    /// The last readable commit.
    pub last: u64,
    /// Readable commits in each run.
    pub run: u64,
    /// Commits from the beginning of one run to the next.
    pub every: u64,
}

impl Span {
    /// The number of runs.
    fn runs(&self) -> u64 {
        (self.last - self.first - (self.run - 1)) / self.every + 1
    }
}

/// The readable commits, as few spans, oldest first and disjoint.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct ReadableCommits {
    /// The number of readable commits.
    pub count: u64,
    /// The number of ranges that [`ReadableCommits::ranges`] yields.
    pub range_count: u64,
    /// The commits; touching spans are possible.
    pub spans: Vec<Span>,
}

impl ReadableCommits {
    fn new(spans: Vec<Span>) -> Self {
        let count = spans.iter().map(|span| span.runs() * span.run).sum();
        let touching = spans
            .windows(2)
            .filter(|pair| pair[0].last + 1 == pair[1].first)
            .count() as u64;
        let runs: u64 = spans.iter().map(Span::runs).sum();
        Self {
            count,
            range_count: runs - touching,
            spans,
        }
    }

    /// The same commits as maximal inclusive ranges, ascending. Lazy: there can
    /// be as many ranges as there are windows.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        let mut runs = self
            .spans
            .iter()
            .flat_map(|span| {
                (0..span.runs()).map(|index| {
                    let first = span.first + index * span.every;
                    first..=first + (span.run - 1)
                })
            })
            .peekable();
        std::iter::from_fn(move || {
            let mut range = runs.next()?;
            while let Some(next) = runs.next_if(|next| *next.start() == range.end() + 1) {
                range = *range.start()..=*next.end();
            }
            Some(range)
        })
    }

    /// Whether a read at this commit can be answered. O(spans).
    #[must_use]
    pub fn contains(&self, commit: u64) -> bool {
        let span = self
            .spans
            .iter()
            .find(|span| (span.first..=span.last).contains(&commit));
        span.is_some_and(|span| (commit - span.first) % span.every < span.run)
    }
}

/// The commits of `1 ..= commits` that can be read at. O(levels²).
#[must_use]
pub fn readable(
    alignment: &Alignment,
    commits: u64,
    history: History,
    remove_inputs: RemoveInputs,
) -> ReadableCommits {
    let before_edge = match history {
        History::All => u64::MAX,
        History::Last(commits) => commits,
        History::Newest => 0,
    };
    let removal = Removal::after(alignment, commits, remove_inputs);
    let mut spans = Vec::new();
    for group in live::windows(alignment, commits) {
        readable_in(alignment, &group, &removal, before_edge, &mut spans);
    }
    ReadableCommits::new(spans)
}

/// The removed inputs: those of a level up to `level` that end at or before `cutoff`.
struct Removal {
    level: usize,
    cutoff: u64,
}

impl Removal {
    fn after(alignment: &Alignment, commits: u64, remove_inputs: RemoveInputs) -> Self {
        let every_level = usize::from(alignment.max_level());
        let closing = alignment
            .widths()
            .get(1)
            .map_or(0, |width| commits - commits % width);
        let (level, cutoff) = match remove_inputs {
            RemoveInputs::Never => (every_level, 0),
            RemoveInputs::Always => (every_level, u64::MAX),
            RemoveInputs::UpToLevel(level) => (usize::from(level), u64::MAX),
            RemoveInputs::HeadWindow { keep } => (every_level, closing.saturating_sub(keep)),
            RemoveInputs::HeadWindowUpToLevel { keep, level } => {
                (usize::from(level), closing.saturating_sub(keep))
            }
        };
        Self { level, cutoff }
    }
}

/// Adds the readable commits in the live windows of one level: old cells like live windows, then at
/// most one cell that the cutoff divides, then everything.
fn readable_in(
    alignment: &Alignment,
    group: &LevelWindows,
    removal: &Removal,
    before_edge: u64,
    spans: &mut Vec<Span>,
) {
    let cell_level = usize::from(group.level).min(removal.level + 1);
    let cell = alignment.widths()[cell_level];
    let old_cells = removal.cutoff.min(group.end).saturating_sub(group.start) / cell;
    let old_end = group.start + old_cells * cell;
    if old_cells > 0 {
        let run = before_edge.saturating_add(1).min(cell);
        push(
            spans,
            Span {
                first: group.start + (cell - run) + 1,
                last: old_end,
                run,
                every: cell,
            },
        );
    }
    if old_end < group.end {
        let beyond_start = removal.cutoff.saturating_sub(old_end);
        let retained = alignment.widths().iter().find(|width| {
            **width > beyond_start || **width == beyond_start && planted!(PredictEdgeKept)
        });
        // The cell itself is wider than the part that the cutoff takes from it.
        let edge = old_end + retained.expect("a cell that ends after the cutoff");
        let first = edge.saturating_sub(before_edge).max(old_end + 1);
        push(spans, range(first, group.end));
    }
}

/// The plain range as a span.
fn range(first: u64, last: u64) -> Span {
    let run = (last - first).saturating_add(1);
    Span {
        first,
        last,
        run,
        every: run,
    }
}

/// Adds a span. A span without gaps becomes a plain range and joins a plain range that it touches.
fn push(spans: &mut Vec<Span>, span: Span) {
    let plain = |span: &Span| span.run == span.every || span.runs() == 1;
    if !plain(&span) {
        spans.push(span);
        return;
    }
    match spans.last_mut() {
        Some(previous) if plain(previous) && previous.last + 1 == span.first => {
            *previous = range(previous.first, span.last);
        }
        _ => spans.push(range(span.first, span.last)),
    }
}
