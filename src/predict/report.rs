//! A prediction as text: one aligned line for each fact.
//!
//! The text is for people; programs read the serialized [`Prediction`].

use std::fmt;

use super::{Prediction, ReadableCommits};

/// More ranges of readable commits than this are counted, not listed.
const RANGES_LISTED: usize = 8;

impl fmt::Display for Prediction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.facts() {
            writeln!(formatter, "{name:<22} {value}")?;
        }
        for group in &self.live_windows {
            let windows = if group.count == 1 {
                "window"
            } else {
                "windows"
            };
            writeln!(
                formatter,
                "{:<22} {} {windows} of {} in ({}..{}]",
                format!("  level {}", group.level),
                group.count,
                group.width,
                group.start,
                group.end
            )?;
        }
        Ok(())
    }
}

impl Prediction {
    fn facts(&self) -> Vec<(&'static str, String)> {
        let pause = match self.longest_pause_commit {
            Some(commit) => format!(
                "{} entries, first at commit {commit}",
                self.longest_pause_entries
            ),
            None => "none: no window closed".to_owned(),
        };
        let keys = match self.assumptions.distinct_keys {
            Some(keys) => format!("{keys} in turn"),
            None => "a new one in each commit".to_owned(),
        };
        vec![
            ("commits", self.commits.to_string()),
            ("divisor", self.alignment.to_string()),
            ("highest level", self.max_level.to_string()),
            ("cascade", self.cascade.to_string()),
            ("keys", keys),
            ("merges", self.merges.to_string()),
            ("entries written", self.entries_written.to_string()),
            (
                "write amplification",
                format!("{:.3}", self.write_amplification),
            ),
            ("longest pause", pause),
            (
                "pause at last commit",
                format!("{} entries", self.last_pause_entries),
            ),
            ("live entries", self.live_entries.to_string()),
            (
                "read at last commit",
                format!("{} segments", self.as_of_read_segments),
            ),
            ("live segments, most", self.max_live_segments.to_string()),
            (
                "live segments, mean",
                format!("{:.3}", self.mean_live_segments),
            ),
            (
                "readable commits",
                self.readable_commits_when_thinned.to_string(),
            ),
            ("live segments", self.live_segments.to_string()),
        ]
    }
}

impl fmt::Display for ReadableCommits {
    /// The number of commits, and their ranges when they are few.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.count)?;
        let mut separator = ": ";
        for range in self.ranges().take(RANGES_LISTED) {
            write!(formatter, "{separator}{}", range.start())?;
            if range.start() < range.end() {
                write!(formatter, "..{}", range.end())?;
            }
            separator = " ";
        }
        let unlisted = self.range_count.saturating_sub(RANGES_LISTED as u64);
        if unlisted > 0 {
            write!(formatter, " and {unlisted} more ranges")
        } else {
            Ok(())
        }
    }
}
