//! A simulator of the aligned policy: segments with real entries, real thinning
//! and real removal of inputs, one commit at a time, for a dense keyspace.

use std::collections::BTreeMap;

use lithify::align::{Alignment, Cascade, Level};
use lithify::options::{History, RemoveInputs};
use lithify::predict::Assumptions;

/// A segment that was written at some time; it stays in the list for ever.
struct Segment {
    level: usize,
    start: u64,
    end: u64,
    /// Each entry is (key, commit).
    entries: Vec<(u64, u64)>,
    /// The inputs it was merged from.
    inputs: Vec<usize>,
    removed: bool,
}

/// The state after some commits, and what it took to get there.
pub(crate) struct Simulation {
    widths: Vec<u64>,
    cascade: Cascade,
    assumptions: Assumptions,
    segments: Vec<Segment>,
    /// Retained or removed, but no longer live.
    consumed: Vec<usize>,
    pub(crate) live: Vec<usize>,
    pub(crate) commits: u64,
    pub(crate) merges: u64,
    pub(crate) entries_written: u128,
    /// Entries merged at each commit.
    pub(crate) pauses: Vec<u128>,
    /// Live segments after each commit.
    pub(crate) live_after: Vec<u64>,
}

impl Simulation {
    pub(crate) fn new(alignment: &Alignment, cascade: Cascade, assumptions: &Assumptions) -> Self {
        let mut widths = vec![1];
        for radix in alignment.radices() {
            widths.push(widths[widths.len() - 1] * radix);
        }
        Self {
            widths,
            cascade,
            assumptions: *assumptions,
            segments: Vec::new(),
            consumed: Vec::new(),
            live: Vec::new(),
            commits: 0,
            merges: 0,
            entries_written: 0,
            pauses: Vec::new(),
            live_after: Vec::new(),
        }
    }

    pub(crate) fn run(
        alignment: &Alignment,
        cascade: Cascade,
        assumptions: &Assumptions,
        commits: u64,
    ) -> Self {
        let mut simulation = Self::new(alignment, cascade, assumptions);
        (0..commits).for_each(|_| simulation.commit());
        simulation
    }

    /// One commit: its level-0 segment, the merges that close, the removals.
    pub(crate) fn commit(&mut self) {
        self.commits += 1;
        let commit = self.commits;
        let key = self
            .assumptions
            .distinct_keys
            .map_or(commit, |keys| commit % keys);
        self.live.push(self.segments.len());
        self.segments.push(Segment {
            level: 0,
            start: commit - 1,
            end: commit,
            entries: vec![(key, commit)],
            inputs: vec![],
            removed: false,
        });
        self.entries_written += 1;

        let closing: Vec<usize> = (1..self.widths.len())
            .filter(|&level| commit.is_multiple_of(self.widths[level]))
            .collect();
        let outputs = match self.cascade {
            Cascade::Step => &closing[..],
            Cascade::Direct => &closing[closing.len().saturating_sub(1)..],
        };
        let pause = outputs.iter().map(|&level| self.merge(level)).sum();
        self.pauses.push(pause);
        if !closing.is_empty() {
            self.remove_old();
        }
        self.live_after.push(self.live.len() as u64);
    }

    /// Merges the live segments of the window of `level` that ends now, and
    /// returns the entries written.
    fn merge(&mut self, level: usize) -> u128 {
        let (start, end) = (self.commits - self.widths[level], self.commits);
        let first = self
            .live
            .iter()
            .position(|&id| self.segments[id].start >= start)
            .unwrap();
        let inputs = self.live.split_off(first);
        let all: Vec<(u64, u64)> = inputs
            .iter()
            .flat_map(|&id| self.segments[id].entries.clone())
            .collect();
        let entries = self.thin(all, end);
        let written = entries.len() as u128;
        for &id in &inputs {
            self.segments[id].removed = match self.assumptions.remove_inputs {
                RemoveInputs::Always => true,
                RemoveInputs::UpToLevel(highest) => self.segments[id].level <= usize::from(highest),
                _ => false,
            };
        }
        self.consumed.extend(&inputs);
        self.live.push(self.segments.len());
        self.segments.push(Segment {
            level,
            start,
            end,
            entries,
            inputs,
            removed: false,
        });
        self.merges += 1;
        self.entries_written += written;
        written
    }

    /// Keeps all of the last n commits before `end`, and before those the newest
    /// version of each key.
    fn thin(&self, entries: Vec<(u64, u64)>, end: u64) -> Vec<(u64, u64)> {
        let kept_whole = match self.assumptions.history {
            History::All => u64::MAX,
            History::Last(commits) => commits,
            History::Newest => 0,
        };
        let (old, mut kept): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|(_, commit)| end - commit >= kept_whole);
        let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
        for (key, commit) in old {
            newest
                .entry(key)
                .and_modify(|known| *known = commit.max(*known))
                .or_insert(commit);
        }
        kept.extend(newest);
        kept
    }

    /// At a closing commit, the head window removes the inputs that fell out.
    fn remove_old(&mut self) {
        let (keep, highest) = match self.assumptions.remove_inputs {
            RemoveInputs::HeadWindow { keep } => (keep, usize::MAX),
            RemoveInputs::HeadWindowUpToLevel { keep, level } => (keep, usize::from(level)),
            _ => return,
        };
        for &id in &self.consumed {
            let segment = &mut self.segments[id];
            segment.removed |= segment.end + keep <= self.commits && segment.level <= highest;
        }
    }

    /// Whether a read at `at` can be answered from what is live or retained.
    pub(crate) fn can_read(&self, at: u64) -> bool {
        self.live
            .iter()
            .all(|&id| self.segments[id].start >= at || self.can_read_in(id, at))
    }

    fn can_read_in(&self, id: usize, at: u64) -> bool {
        let segment = &self.segments[id];
        self.holds(segment, at)
            || (!segment.inputs.is_empty()
                && segment.inputs.iter().all(|&input| {
                    let needed = self.segments[input].start < at;
                    !needed || (!self.segments[input].removed && self.can_read_in(input, at))
                }))
    }

    /// Whether the segment's own entries answer a read at `at`.
    fn holds(&self, segment: &Segment, at: u64) -> bool {
        at >= segment.end
            || match self.assumptions.history {
                History::All => true,
                History::Last(commits) => at + commits >= segment.end,
                History::Newest => false,
            }
    }

    /// Segments opened by a read at `at`, going down to the inputs of segments
    /// that were thinned.
    pub(crate) fn segments_opened(&self, at: u64) -> u64 {
        self.live.iter().map(|&id| self.opened_in(id, at)).sum()
    }

    fn opened_in(&self, id: usize, at: u64) -> u64 {
        let segment = &self.segments[id];
        if segment.start >= at {
            0
        } else if self.holds(segment, at) {
            1
        } else {
            segment
                .inputs
                .iter()
                .map(|&input| self.opened_in(input, at))
                .sum()
        }
    }

    pub(crate) fn live_entries(&self) -> u128 {
        self.live
            .iter()
            .map(|&id| self.segments[id].entries.len() as u128)
            .sum()
    }

    pub(crate) fn live_windows(&self) -> Vec<(Level, u64, u64)> {
        let window = |&id: &usize| {
            let segment = &self.segments[id];
            (
                Level::try_from(segment.level).unwrap(),
                segment.start,
                segment.end,
            )
        };
        self.live.iter().map(window).collect()
    }

    /// The longest pause and the first commit that had it.
    pub(crate) fn longest_pause(&self) -> (u128, Option<u64>) {
        let longest = self.pauses.iter().copied().max().unwrap_or(0);
        let first = self
            .pauses
            .iter()
            .position(|&pause| pause == longest && pause > 0);
        (longest, first.map(|index| index as u64 + 1))
    }
}
