//! The limit for merges: a plain loop over sorted runs in memory.
//!
//! Entries lie in one arena for each run, with the first eight key bytes beside them;
//! a loser tree (Knuth, The Art of Computer Programming, volume 3, section 5.4.1)
//! finds the next one, which is copied behind the output. No versions, no filter, no
//! checksum, no file, no bound on memory: what a merge in a store adds to this is
//! its overhead.

use crate::support::data::{Key, VALUE_BYTES};

/// Entries in key order.
#[derive(Debug, Default)]
pub(crate) struct SortedRun {
    prefixes: Vec<u64>,
    entries: Vec<(Key, [u8; VALUE_BYTES])>,
}

impl SortedRun {
    /// Sorts these entries into a run.
    pub(crate) fn new(mut entries: Vec<(Key, [u8; VALUE_BYTES])>) -> Self {
        entries.sort_by_key(|entry| entry.0);
        let prefixes = entries.iter().map(|(key, _)| prefix_of(key)).collect();
        Self { prefixes, entries }
    }
}

fn prefix_of(key: &Key) -> u64 {
    u64::from_be_bytes(*key.first_chunk().expect("keys have sixteen bytes"))
}

/// Merges the runs into `output`, whose memory is used again, and returns how many
/// entries it has.
pub(crate) fn merge(runs: &[SortedRun], output: &mut SortedRun) -> usize {
    output.prefixes.clear();
    output.entries.clear();
    let mut tree = LoserTree::new(runs);
    while let Some(run) = tree.winner() {
        let position = tree.positions[run];
        output.prefixes.push(runs[run].prefixes[position]);
        output.entries.push(runs[run].entries[position]);
        tree.positions[run] += 1;
        tree.replay(run);
    }
    std::hint::black_box(output).entries.len()
}

/// `losers[0]` is the winner; `losers[n]` lost the match at inner node n.
struct LoserTree<'a> {
    runs: &'a [SortedRun],
    positions: Vec<usize>,
    losers: Vec<usize>,
}

impl<'a> LoserTree<'a> {
    fn new(runs: &'a [SortedRun]) -> Self {
        let mut tree = Self {
            runs,
            positions: vec![0; runs.len()],
            losers: vec![usize::MAX; runs.len()],
        };
        for run in 0..runs.len() {
            tree.enter(run);
        }
        tree
    }

    /// Plays a run up from its leaf until it meets a node where nobody waits yet.
    fn enter(&mut self, run: usize) {
        let mut winner = run;
        let mut node = (run + self.runs.len()) / 2;
        while node > 0 {
            if self.losers[node] == usize::MAX {
                self.losers[node] = winner;
                return;
            }
            if self.comes_before(self.losers[node], winner) {
                std::mem::swap(&mut winner, &mut self.losers[node]);
            }
            node /= 2;
        }
        self.losers[0] = winner;
    }

    /// Plays the matches on the path of the run that won last.
    fn replay(&mut self, run: usize) {
        let mut winner = run;
        let mut node = (run + self.runs.len()) / 2;
        while node > 0 {
            if self.comes_before(self.losers[node], winner) {
                std::mem::swap(&mut winner, &mut self.losers[node]);
            }
            node /= 2;
        }
        self.losers[0] = winner;
    }

    fn winner(&self) -> Option<usize> {
        let winner = self.losers[0];
        (self.positions[winner] < self.runs[winner].entries.len()).then_some(winner)
    }

    #[inline]
    fn comes_before(&self, a: usize, b: usize) -> bool {
        let (at, bt) = (self.positions[a], self.positions[b]);
        match (self.runs[a].prefixes.get(at), self.runs[b].prefixes.get(bt)) {
            (Some(left), Some(right)) if left == right => {
                self.runs[a].entries[at].0 < self.runs[b].entries[bt].0
            }
            (Some(left), Some(right)) => left < right,
            (left, _) => left.is_some(),
        }
    }
}
