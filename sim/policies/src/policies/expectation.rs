//! The predictions of a policy about a run. The measured numbers are compared with them.

use std::fmt;

use serde::Serialize;

/// A number that is measured and can be predicted. Exact predictions are numbers of records
/// or segments, bounds are also numbers of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Live segments at the end.
    LiveSegments,
    /// The most live segments after any commit.
    MostLiveSegments,
    /// Live segments after each commit, summed over all commits.
    LiveSegmentsSummed,
    /// Records in the live segments at the end.
    LiveRecords,
    /// Merges that wrote a segment.
    Merges,
    /// Records written, level 0 included.
    RecordsWritten,
    /// The most records that the merges of one commit wrote.
    LongestPauseRecords,
    /// Commits that every keyspace can still be read at, exactly.
    ReadableCommits,
    /// Commits whose entries are read one by one when the store is opened.
    ReplayedCommits,
    /// The largest distance of the head from the watermark, in commits.
    Lag,
    /// The most records on disk at any time, the inputs and the output of a merge together.
    PeakRecords,
    /// The most commits for which a tombstone was live.
    OldestTombstone,
    /// Bytes written, level 0 included.
    BytesWritten,
    /// Bytes in the live segments at the end.
    LiveBytes,
    /// The most bytes on disk at any time, the inputs and the output of a merge together.
    PeakBytes,
}

impl Metric {
    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveSegments => "live segments",
            Self::MostLiveSegments => "most live segments",
            Self::LiveSegmentsSummed => "live segments, summed",
            Self::LiveRecords => "live records",
            Self::Merges => "merges",
            Self::RecordsWritten => "records written",
            Self::LongestPauseRecords => "longest pause, records",
            Self::ReadableCommits => "readable commits",
            Self::ReplayedCommits => "replayed commits",
            Self::Lag => "lag, commits",
            Self::PeakRecords => "peak, records",
            Self::OldestTombstone => "oldest tombstone, commits",
            Self::BytesWritten => "bytes written",
            Self::LiveBytes => "live bytes",
            Self::PeakBytes => "peak, bytes",
        }
    }
}

/// An expected value, exact or as a bound or mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Value {
    /// The exact value. Any difference is a mistake.
    Exactly(u128),
    /// An upper bound. Any larger value is a mistake.
    AtMost(u128),
    /// The mean over random histories. A single history may differ from it.
    OnAverage(f64),
}

/// One prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Expectation {
    /// The predicted metric.
    pub metric: Metric,
    /// The predicted value.
    pub expected: Value,
}

impl Expectation {
    /// An exact prediction, from a closed form.
    #[must_use]
    pub fn exactly(metric: Metric, value: impl Into<u128>) -> Self {
        Self {
            metric,
            expected: Value::Exactly(value.into()),
        }
    }

    /// An upper bound.
    #[must_use]
    pub fn at_most(metric: Metric, value: impl Into<u128>) -> Self {
        Self {
            metric,
            expected: Value::AtMost(value.into()),
        }
    }

    /// The mean over random histories.
    #[must_use]
    pub fn on_average(metric: Metric, value: f64) -> Self {
        Self {
            metric,
            expected: Value::OnAverage(value),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(value) => write!(formatter, "exactly {value}"),
            Self::AtMost(value) => write!(formatter, "at most {value}"),
            Self::OnAverage(value) => write!(formatter, "{value:.2} on average"),
        }
    }
}

impl Value {
    /// Whether a measurement contradicts this value. A mean is never contradicted.
    #[must_use]
    pub fn is_broken_by(self, measured: u128) -> bool {
        match self {
            Self::Exactly(value) => measured != value,
            Self::AtMost(value) => measured > value,
            Self::OnAverage(_) => false,
        }
    }

    /// `measured` minus the expected value.
    #[must_use]
    pub fn difference(self, measured: u128) -> f64 {
        match self {
            Self::Exactly(value) | Self::AtMost(value) if measured >= value => {
                (measured - value) as f64
            }
            Self::Exactly(value) | Self::AtMost(value) => -((value - measured) as f64),
            Self::OnAverage(value) => measured as f64 - value,
        }
    }
}
