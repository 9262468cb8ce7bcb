//! Designs that rewrite the whole live set: on a size ratio, or every k commits.
//!
//! The first is the family of Redis AOF rewriting, Bitcask merging and simple dead-ratio rules; the
//! second is that of log plus snapshot (raft, Delta checkpoints). They are models for comparison:
//! one entry for each commit, and a live set of constant size for the ratio rule. Counts are exact
//! integers.

/// Rewrite the live entries as soon as the log holds `trigger_entries` entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct RatioRule {
    live_entries: u64,
    trigger_entries: u64,
}

impl RatioRule {
    /// `None` unless `1 <= live_entries < trigger_entries`: a rule that fires on
    /// a log of live entries only would rewrite for ever.
    #[must_use]
    pub fn new(live_entries: u64, trigger_entries: u64) -> Option<Self> {
        (1 <= live_entries && live_entries < trigger_entries).then_some(Self {
            live_entries,
            trigger_entries,
        })
    }

    /// Overwrites between one rewrite and the next.
    fn cycle(self) -> u64 {
        self.trigger_entries - self.live_entries
    }

    /// Entries written by `updates` overwrites, which begin with a log that was
    /// just rewritten.
    #[must_use]
    pub fn entries_written(self, updates: u64) -> u128 {
        u128::from(updates) + u128::from(updates / self.cycle()) * u128::from(self.live_entries)
    }

    /// The limit of entries written per update: τ / (τ - 1) for the ratio
    /// τ = trigger / live. Exact after every whole cycle.
    #[must_use]
    pub fn write_amplification(self) -> f64 {
        self.trigger_entries as f64 / self.cycle() as f64
    }

    /// Entries read by a recovery after `updates` overwrites.
    #[must_use]
    pub fn recovery_entries(self, updates: u64) -> u64 {
        self.live_entries + updates % self.cycle()
    }

    /// The most entries on disk: the full log and its rewritten copy.
    #[must_use]
    pub fn peak_entries(self) -> u128 {
        u128::from(self.trigger_entries) + u128::from(self.live_entries)
    }

    /// Entries written by one rewrite, all in one pause.
    #[must_use]
    pub fn pause_entries(self) -> u64 {
        self.live_entries
    }
}

/// A full snapshot every `every` commits, and the log since the last one.
/// Commits write `distinct_keys` keys in turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct SnapshotRule {
    every: u64,
    distinct_keys: u64,
}

impl SnapshotRule {
    /// `None` unless both are at least 1.
    #[must_use]
    pub fn new(every: u64, distinct_keys: u64) -> Option<Self> {
        (every >= 1 && distinct_keys >= 1).then_some(Self {
            every,
            distinct_keys,
        })
    }

    /// Entries written to log and snapshots in the first `commits` commits.
    #[must_use]
    pub fn entries_written(self, commits: u64) -> u128 {
        let snapshots = commits / self.every;
        // Snapshots grow by `every` keys until all keys exist.
        let growing = u128::from(snapshots.min(self.distinct_keys / self.every));
        let full = u128::from(snapshots) - growing;
        u128::from(commits)
            + u128::from(self.every) * (growing * (growing + 1) / 2)
            + full * u128::from(self.distinct_keys)
    }

    /// Log entries replayed by a recovery after `commits` commits; at most
    /// `every - 1`.
    #[must_use]
    pub fn replayed_entries(self, commits: u64) -> u64 {
        commits % self.every
    }

    /// The number of files when each log entry is a file: the snapshot, if there is one yet, and
    /// the entries since.
    #[must_use]
    pub fn files(self, commits: u64) -> u64 {
        u64::from(commits >= self.every) + commits % self.every
    }
}
