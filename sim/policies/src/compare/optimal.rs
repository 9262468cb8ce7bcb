//! A lower bound: the fewest bytes that merges can write when a stream never has more than
//! this many live segments after a commit.
//!
//! Over all ways to merge neighbouring segments at any commit, with the whole history known
//! beforehand. Two arguments make it a small search. A merge whose newest input is not the
//! newest segment can be done earlier, when that input was: same bytes, no more segments.
//! So each commit has at most one merge, of the newest segments (Mathieu, Staelin, Young
//! and Yousefi, "Bigtable merge compaction", 2014). And the segments below a place do not
//! care what happens above it. So with
//!
//! `least(s, e, b)` = bytes merged during commits `s..=e` in `b` slots above what is older
//!
//! the last merge that reaches down to `s` happens at some `m`:
//! `least(s, e, b) = min over m of (rewrite(s, m, b) + least(m + 1, e, b - 1))`,
//! `rewrite(s, s, b) = 0`, `rewrite(s, m, b) = least(s, m - 1, b) + bytes(s, m)`.
//!
//! `bytes(s, m)` is the newest version of each key written in between. Tombstones weigh
//! nothing in it, although a merge above the bottom has to write them, and a segment of
//! nothing else takes no slot; so with deletions the bound may be below the true least. Not
//! covered: files that are appended to, dropping of live data, merges that keep all versions.

use super::history::{History, Write};
use crate::policies::Streams;

/// Commits that touch a stream, at most; time grows with their cube.
pub const MOST_COMMITS: usize = 400;

/// The bound for one stream.
#[derive(Clone, Debug)]
pub struct Optimal {
    commits: usize,
    /// `bytes[s][m - s]` for commits `s..=m`, from 0.
    bytes: Vec<Vec<u64>>,
    /// `least[b - 1][s][e - s]`, computed for as many slots as were asked for.
    least: Vec<Vec<Vec<u64>>>,
    level_zero_bytes: u64,
}

impl Optimal {
    /// Prepares the bound for the only stream of a history.
    ///
    /// # Errors
    /// When there are several keyspaces, or too many commits.
    pub fn new(history: &History) -> Result<Self, String> {
        if history.stream_count(Streams::PerKeyspace) > 1 {
            return Err(format!(
                "the lower bound is for one keyspace, {} has {}: use --keyspaces 1",
                history.name, history.keyspaces
            ));
        }
        let commits: Vec<&[Write]> = history
            .commits
            .iter()
            .map(|commit| commit.writes.as_slice())
            .filter(|writes| !writes.is_empty())
            .collect();
        if commits.len() > MOST_COMMITS {
            return Err(format!(
                "the lower bound is for at most {MOST_COMMITS} commits that write, {} has {}: \
                 use --commits {MOST_COMMITS}",
                history.name,
                commits.len()
            ));
        }
        let level_zero = commits.iter().flat_map(|writes| writes.iter());
        Ok(Self {
            commits: commits.len(),
            bytes: merged_bytes(&commits, history.keyspace_of.len()),
            least: Vec::new(),
            level_zero_bytes: level_zero.map(|write| u64::from(write.bytes)).sum(),
        })
    }

    /// The fewest bytes written, level 0 included, with at most `slots` live segments after
    /// each commit; `None` for no slots. O(slots * commits³), what was computed before for
    /// fewer slots is used again.
    pub fn bytes_written(&mut self, slots: usize) -> Option<u64> {
        // More slots than commits change nothing.
        let slots = slots.min(self.commits);
        if self.commits == 0 {
            return Some(0);
        }
        while self.least.len() < slots {
            let next = self.next_slot();
            self.least.push(next);
        }
        let least = self.least.get(slots.checked_sub(1)?)?;
        Some(self.level_zero_bytes + least[0][self.commits - 1])
    }

    /// The table for one slot more than the last one.
    fn next_slot(&self) -> Vec<Vec<u64>> {
        let mut table: Vec<Vec<u64>> = vec![Vec::new(); self.commits];
        for start in (0..self.commits).rev() {
            // What it takes to have all since `start` in one segment at each end.
            let mut rewrite: Vec<u64> = Vec::new();
            let mut row: Vec<u64> = Vec::new();
            for end in start..self.commits {
                rewrite.push(match end - start {
                    0 => 0,
                    width => row[width - 1] + self.bytes[start][width],
                });
                let splits = (start..=end).filter_map(|middle| {
                    let above = self.above(&table, start, middle, end)?;
                    Some(rewrite[middle - start] + above)
                });
                row.push(splits.min().expect("all in one segment is possible"));
            }
            table[start] = row;
        }
        table
    }

    /// The fewest bytes for what comes after `middle`, above the segment `start..=middle`;
    /// `None` when there is no slot for it. An empty segment takes no slot.
    fn above(&self, table: &[Vec<u64>], start: usize, middle: usize, end: usize) -> Option<u64> {
        let next = middle + 1;
        if next > end {
            return Some(0);
        }
        let is_empty = self.bytes[start][middle - start] == 0;
        let least = if is_empty { table } else { self.least.last()? };
        Some(least[next][end - next])
    }
}

/// The bytes of one segment for each range of commits.
fn merged_bytes(commits: &[&[Write]], keys: usize) -> Vec<Vec<u64>> {
    let rows = (0..commits.len()).map(|start| {
        let mut newest: Vec<u32> = vec![0; keys];
        let mut total = 0_u64;
        let row = commits[start..].iter().map(|writes| {
            for write in *writes {
                // At the bottom a tombstone has nothing to hide.
                let bytes = if write.is_tombstone && start == 0 {
                    0
                } else {
                    write.bytes
                };
                let known = &mut newest[write.key as usize];
                total = total - u64::from(*known) + u64::from(bytes);
                *known = bytes;
            }
            total
        });
        row.collect()
    });
    rows.collect()
}
