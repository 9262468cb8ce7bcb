//! The settled layout as a pure function of the commits that touched a keyspace.
//!
//! The engine is compared with this specification: whatever the order of events, crashes and
//! restarts, its settled layout must equal the result of these functions. They do not plan merges
//! one at a time, and do not use sizes or keys.

use super::{Alignment, Level, Window};
use crate::commit::Commit;

/// One live segment of a settled layout.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
pub struct Placed {
    /// The window the segment was placed in; its level is the segment's level.
    pub window: Window,
    /// The level, equal to `window.level`.
    pub level: Level,
    /// The first commit that is present.
    pub first: Commit,
    /// The last commit that is present.
    pub last: Commit,
    /// The number of commits that are present, at least 1.
    pub commits: u64,
}

impl Alignment {
    /// The live windows at `head` when every commit touches the keyspace, oldest
    /// first: one window for each unit of each digit of `head`. The same for
    /// both cascades and for every `min_inputs` up to the smallest radix.
    ///
    /// O(windows), which is the digit sum of `head`; the highest digit is not
    /// bounded by a radix, so a low [`max_level`](Self::max_level) gives many.
    #[must_use]
    pub fn layout_at(&self, head: Commit) -> Vec<Window> {
        let mut windows = Vec::new();
        let mut start = 0_u64;
        for level in (0..=self.max_level()).rev() {
            let width = self.widths[usize::from(level)];
            // `start + width` cannot overflow: it is at most `head`.
            while head.get() - start >= width {
                let end = start + width;
                windows.push(Window {
                    level,
                    start: Commit::new(start),
                    end: Commit::new(end),
                });
                start = end;
            }
        }
        windows
    }

    /// The settled layout of a sparse keyspace, oldest first: `touched` are the
    /// commits that wrote to it, `head` is the last commit of the store.
    ///
    /// Bottom up, for levels 1, 2, ..: each closed window (`end <= head`) that
    /// holds `min_inputs` or more pieces has them merged into one piece of that
    /// level; a window with fewer is left alone and never widened. A single
    /// piece is never rewritten, so 0 and 1 mean 2.
    ///
    /// The rule is written for the `step` cascade. A `direct` cascade reaches the same layout if it
    /// makes the same decisions and writes only the outermost merges. Merging every live segment in
    /// the highest window that closes is *not* the same: with divisor 2, commits 3 and 4, and head
    /// 4, that would place the output at level 2 instead of level 1.
    ///
    /// Commits above `head` and [`Commit::ZERO`] are ignored; order and
    /// repetition do not matter. O(levels * touched).
    #[must_use]
    pub fn layout_of(&self, touched: &[Commit], head: Commit, min_inputs: usize) -> Vec<Placed> {
        let mut present: Vec<Commit> = touched
            .iter()
            .copied()
            .filter(|&commit| Commit::ZERO < commit && commit <= head)
            .collect();
        present.sort_unstable();
        present.dedup();
        let mut pieces: Vec<Placed> = present.into_iter().map(single_commit).collect();
        for level in 1..=self.max_level() {
            if self.widths[usize::from(level)] > head.get() {
                break;
            }
            pieces = self.merge_closed(&pieces, level, head, min_inputs.max(2));
        }
        pieces
    }

    /// One round of [`layout_of`](Self::layout_of): every closed window of
    /// `level` with enough pieces becomes one piece.
    fn merge_closed(
        &self,
        pieces: &[Placed],
        level: Level,
        head: Commit,
        min_inputs: usize,
    ) -> Vec<Placed> {
        let same_window = |left: &Placed, right: &Placed| {
            self.window(level, left.last) == self.window(level, right.last)
        };
        let mut merged = Vec::with_capacity(pieces.len());
        for inputs in pieces.chunk_by(same_window) {
            let window = self.window(level, inputs[0].last);
            // A right edge beyond u64::MAX was clipped. The window that ends there tells a real
            // edge from a clipped one.
            let closed =
                window.end <= head && self.window_ending(level, window.end) == Some(window);
            if closed && inputs.len() >= min_inputs {
                merged.push(merge(inputs, window));
            } else {
                merged.extend_from_slice(inputs);
            }
        }
        merged
    }
}

/// The level-0 segment of one commit.
fn single_commit(commit: Commit) -> Placed {
    let window = Window {
        level: 0,
        start: commit.minus(1),
        end: commit,
    };
    Placed {
        window,
        level: 0,
        first: commit,
        last: commit,
        commits: 1,
    }
}

/// The output of a merge. `inputs` is not empty and oldest first.
fn merge(inputs: &[Placed], window: Window) -> Placed {
    Placed {
        window,
        level: window.level,
        first: inputs[0].first,
        last: inputs[inputs.len() - 1].last,
        commits: inputs.iter().map(|piece| piece.commits).sum(),
    }
}
