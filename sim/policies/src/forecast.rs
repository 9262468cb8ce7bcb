//! The exact cost of a history, computed before a store runs it.
//!
//! The closed forms of `lithify::predict` assume that every commit writes the same
//! number of entries. Real histories do not, but the rule is the same: when a window
//! closes, it is merged once if it contains at least `min_inputs` segments, and the
//! merge writes every entry in it again. So one pass over the sizes of the commits gives
//! the exact number of entries that merges write, in O(levels) memory.
//!
//! The forecast is valid for one keyspace and [`History::All`](lithify::History), where
//! a merge drops nothing. It does not count merges that are repeated after a crash, and
//! copies that are not merges.

use lithify::{Alignment, Cascade};

/// The open window of one level.
#[derive(Clone, Copy, Debug, Default)]
struct OpenWindow {
    entries: u64,
    /// Live segments below this level.
    segments: u64,
}

/// The number of entries that merges write, summed commit by commit.
#[derive(Clone, Debug)]
pub struct Forecast {
    alignment: Alignment,
    cascade: Cascade,
    min_inputs: u64,
    commits: u64,
    /// The open windows of levels 1 and up.
    open: Vec<OpenWindow>,
    level_zero_entries: u64,
    merged_entries: u64,
}

impl Forecast {
    /// The forecast before the first commit.
    #[must_use]
    pub fn new(alignment: Alignment, cascade: Cascade, min_inputs: u32) -> Self {
        let open = vec![OpenWindow::default(); usize::from(alignment.max_level())];
        Self {
            alignment,
            cascade,
            min_inputs: u64::from(min_inputs.max(2)),
            commits: 0,
            open,
            level_zero_entries: 0,
            merged_entries: 0,
        }
    }

    /// Adds the next commit, which writes this number of entries.
    pub fn add(&mut self, entries: u64) {
        self.commits += 1;
        self.level_zero_entries += entries;
        for window in &mut self.open {
            window.entries += entries;
        }
        if entries > 0
            && let Some(lowest) = self.open.first_mut()
        {
            lowest.segments += 1;
        }
        let closing = self.alignment.closing_level(self.commits.into());
        let mut outermost = 0;
        for level in 0..usize::from(closing) {
            let window = std::mem::take(&mut self.open[level]);
            let is_merged = window.segments >= self.min_inputs;
            if is_merged {
                outermost = window.entries;
                if self.cascade == Cascade::Step {
                    self.merged_entries += window.entries;
                }
            }
            if let Some(above) = self.open.get_mut(level + 1) {
                above.segments += if is_merged { 1 } else { window.segments };
            }
        }
        if self.cascade == Cascade::Direct {
            self.merged_entries += outermost;
        }
    }

    /// The number of entries that merges write for the commits so far.
    #[must_use]
    pub fn merged_entries(&self) -> u64 {
        self.merged_entries
    }

    /// The number of entries written, level 0 included, for each committed entry. 0
    /// without entries.
    #[must_use]
    pub fn write_amplification(&self) -> f64 {
        write_amplification(self.level_zero_entries, self.merged_entries)
    }
}

/// The number of entries written, level 0 included, for each committed entry. 0 without
/// entries.
#[must_use]
pub fn write_amplification(level_zero_entries: u64, merged_entries: u64) -> f64 {
    if level_zero_entries == 0 {
        return 0.0;
    }
    (level_zero_entries + merged_entries) as f64 / level_zero_entries as f64
}
