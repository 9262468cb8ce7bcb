//! Commits in a row by one thread, with the time of each.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Result;
use crate::data::{Data, Key};
use crate::engine::Engine;
use crate::figure::{Figure, Unit};

/// What was written, and how long it took.
pub(super) struct Written {
    /// Entries, over all commits.
    pub(super) entries: u64,
    /// Commits.
    pub(super) commits: u64,
    /// From before the first commit until the last one has returned.
    pub(super) seconds: f64,
    /// Of each commit.
    pub(super) latencies: Latencies,
}

/// Writes `entries` entries, `batch` in a commit. `key` is given the number of the entry and that
/// of its commit; entry number n has value number n.
pub(super) fn write(
    engine: &dyn Engine,
    data: &Data,
    entries: u64,
    batch: u64,
    key: impl Fn(u64, u64) -> Key,
) -> Result<Written> {
    let mut writer = engine.writer()?;
    let mut latencies = Latencies::new();
    let mut pending = Vec::new();
    let mut commits = 0;
    let start = Instant::now();
    while commits * batch < entries {
        let first = commits * batch;
        commits += 1;
        pending.clear();
        pending.extend(
            (first..entries.min(first + batch))
                .map(|number| (key(number, commits), data.value(number))),
        );
        let before = Instant::now();
        writer.commit(&pending)?;
        latencies.record(before.elapsed());
    }
    Ok(Written {
        entries,
        commits,
        seconds: start.elapsed().as_secs_f64(),
        latencies,
    })
}

/// How long calls took.
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    /// Of no calls yet.
    pub(super) fn new() -> Self {
        Self(Histogram::new(3).expect("three digits are allowed"))
    }

    /// Counts a call.
    pub(super) fn record(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).expect("no call takes centuries");
        self.0
            .record(nanoseconds)
            .expect("the histogram grows by itself");
    }

    /// Counts the calls of `other`, too.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the histogram grows by itself");
    }

    /// The median of all calls.
    pub(super) fn median(&self) -> Figure {
        self.figure("median", self.0.value_at_quantile(0.5))
    }

    /// What one call in a hundred exceeds.
    pub(super) fn p99(&self) -> Figure {
        self.figure("99th percentile", self.0.value_at_quantile(0.99))
    }

    /// The longest call.
    pub(super) fn longest(&self) -> Figure {
        self.figure("longest", self.0.max())
    }

    fn figure(&self, name: &str, nanoseconds: u64) -> Figure {
        Figure::cost(
            format!("commit, {name}"),
            Unit::Seconds,
            nanoseconds as f64 / 1e9,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latencies;

    #[test]
    fn latencies_keep_three_digits_at_every_size() {
        let mut latencies = Latencies::new();
        for microseconds in 1..=100 {
            latencies.record(Duration::from_micros(microseconds));
        }
        let mut other = Latencies::new();
        other.record(Duration::from_secs(3));
        latencies.add(&other);
        let is_near = |value: f64, expected: f64| (value / expected - 1.0).abs() < 0.001;
        assert!(is_near(latencies.median().value, 51e-6));
        assert!(is_near(latencies.p99().value, 100e-6));
        assert!(is_near(latencies.longest().value, 3.0));
    }
}
