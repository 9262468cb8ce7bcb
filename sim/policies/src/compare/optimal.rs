//! A lower bound: the fewest bytes that merges can write if a stream never has more than a
//! given number of live segments after a commit.
//!
//! The bound is the minimum over all ways to merge adjacent segments at any commit, with the
//! whole history known in advance. Two arguments make the search small. First, if the newest
//! input of a merge is not the newest segment, the merge can be done earlier, when this input
//! was the newest segment: it writes the same bytes and does not increase the number of
//! segments. So each commit needs at most one merge, and it merges the newest segments
//! (Mathieu, Staelin, Young and Yousefi, "Bigtable merge compaction", 2014). Second, the
//! segments below a position do not depend on the merges above it. So with
//!
//! `least(s, e, b)` = bytes merged during commits `s..=e` in `b` slots above the older segments
//!
//! the last merge that reaches down to `s` happens at some `m`:
//! `least(s, e, b) = min over m of (rewrite(s, m, b) + least(m + 1, e, b - 1))`,
//! `rewrite(s, s, b) = 0`, `rewrite(s, m, b) = least(s, m - 1, b) + bytes(s, m)`.
//!
//! `bytes(s, m)` counts the newest version of each key written in these commits. Tombstones
//! have no bytes in it, although a merge above the bottom has to write them, and a segment
//! with only tombstones takes no slot. So with deletions the bound can be lower than the
//! true minimum. The bound does not cover files to which records are appended, policies
//! that drop live data, and merges that keep all versions.

use super::history::{History, Write};
use crate::policies::Streams;

/// The largest supported number of commits that touch a stream. The time grows with the cube
/// of this number.
pub const MAX_COMMITS: usize = 400;

/// The bound for one stream.
#[derive(Clone, Debug)]
pub struct Optimal {
    commits: usize,
    /// `bytes[s][m - s]` for commits `s..=m`, from 0.
    bytes: Vec<Vec<u64>>,
    /// `least[b - 1][s][e - s]`, computed for the largest number of slots requested so far.
    least: Vec<Vec<Vec<u64>>>,
    level_zero_bytes: u64,
}

impl Optimal {
    /// Prepares the bound for the only stream of a history.
    ///
    /// # Errors
    /// If there are several keyspaces, or too many commits.
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
        if commits.len() > MAX_COMMITS {
            return Err(format!(
                "the lower bound is for at most {MAX_COMMITS} commits that write, {} has {}: \
                 use --commits {MAX_COMMITS}",
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
    /// each commit. `None` for no slots. O(slots * commits³). Results for fewer slots are
    /// reused.
    pub fn bytes_written(&mut self, slots: usize) -> Option<u64> {
        // More slots than commits have no effect.
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

    /// The table for one more slot than the last table.
    fn next_slot(&self) -> Vec<Vec<u64>> {
        let mut table: Vec<Vec<u64>> = vec![Vec::new(); self.commits];
        for start in (0..self.commits).rev() {
            // The cost of having all commits since `start` in one segment, for each end.
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

    /// The fewest bytes for the commits after `middle`, above the segment `start..=middle`.
    /// `None` if no slot is left. An empty segment takes no slot.
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

/// The bytes of the merged segment, for each range of commits.
fn merged_bytes(commits: &[&[Write]], keys: usize) -> Vec<Vec<u64>> {
    let rows = (0..commits.len()).map(|start| {
        let mut newest: Vec<u32> = vec![0; keys];
        let mut total = 0_u64;
        let row = commits[start..].iter().map(|writes| {
            for write in *writes {
                // At the bottom, no older version exists that a tombstone would hide.
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
