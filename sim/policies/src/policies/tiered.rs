//! `tiered` and `leveled`: size classes, each `fan` times as large as the one below. If
//! enough adjacent segments are in one class, they are merged. This is the unified strategy
//! of Cassandra; tiered and leveled compaction are its two extremes.

use super::arrivals::stream_of;
use super::segment::Segment;
use super::spec::{Parameter, Values};
use super::{Event, Job, Policy, Registered, View};

#[derive(Debug)]
pub(super) struct SizeClasses {
    pub(super) fan: u64,
    pub(super) threshold: usize,
    /// The size of the lowest class in bytes. 0 means the mean size of a commit.
    pub(super) flush_bytes: u64,
}

const FLUSH: Parameter = Parameter {
    name: "flush-bytes",
    default: "0",
    about: "the size of the lowest class; 0: the mean commit",
};

pub(super) const TIERED: Registered = Registered {
    name: "tiered",
    about: "merges when N segments of one size class lie side by side",
    source: "Cassandra UnifiedCompactionStrategy, T4; size-tiered compaction",
    parameters: &[
        Parameter {
            name: "fan",
            default: "4",
            about: "how much larger the next class is, and how many segments make a merge",
        },
        FLUSH,
    ],
    build: |values| {
        let fan = values.at_least("fan", 2)?;
        Ok(Box::new(SizeClasses::new(values, fan as usize)?))
    },
};

pub(super) const LEVELED: Registered = Registered {
    name: "leveled",
    about: "merges as soon as two segments of one size class lie side by side",
    source: "Cassandra UnifiedCompactionStrategy, L10; leveled compaction",
    parameters: &[
        Parameter {
            name: "fan",
            default: "10",
            about: "how much larger the next class is",
        },
        FLUSH,
    ],
    build: |values| Ok(Box::new(SizeClasses::new(values, 2)?)),
};

impl SizeClasses {
    fn new(values: &Values, threshold: usize) -> Result<Self, String> {
        Ok(Self {
            fan: values.at_least("fan", 2)?,
            threshold,
            flush_bytes: values.parse("flush-bytes")?,
        })
    }

    /// `⌊log_fan(bytes / flush)⌋`, or 0 if that is negative.
    fn class(&self, bytes: u64, flush_bytes: u64) -> u8 {
        let mut class = 0;
        let mut limit = u128::from(flush_bytes) * u128::from(self.fan);
        while u128::from(bytes) >= limit {
            class += 1;
            limit *= u128::from(self.fan);
        }
        class
    }

    /// Merges the oldest sufficiently long run of adjacent segments of one class.
    pub(super) fn plan_among(&self, view: &View<'_>, segments: &[&Segment]) -> Option<Job> {
        let stream = segments.first()?.stream;
        let ingested = view.ingested(stream);
        let flush = match self.flush_bytes {
            0 => (ingested.bytes / ingested.commits.max(1)).max(1),
            bytes => bytes,
        };
        let class = |segment: &Segment| self.class(segment.bytes, flush);
        let mut runs = segments.chunk_by(|left, right| class(left) == class(right));
        let run = runs.find(|run| run.len() >= self.threshold)?;
        let reason = format!(
            "{} neighbours of class {}, from {flush} bytes",
            run.len(),
            class(run[0])
        );
        Some(Job::merge(run, class(run[0]) + 1, "size class", reason))
    }
}

impl Policy for SizeClasses {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(stream) = stream_of(event) else {
            return Vec::new();
        };
        let segments: Vec<&Segment> = view.segments(stream).collect();
        self.plan_among(view, &segments).into_iter().collect()
    }
}
