//! `aof-growth`: rewrites the log when it has grown by N percent since the last
//! rewrite.

use lithify::predict::ratio::RatioRule;

use super::expectation::{Expectation, Metric};
use super::log_bounds::LogRule;
use super::spec::Parameter;
use super::whole_log::{Log, ONE_FILE};
use super::{Event, Ingest, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct AofGrowth {
    percent: u64,
    min_bytes: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "aof-growth",
    about: "rewrites the log when it has grown by N percent since the last rewrite",
    source: "Redis: auto-aof-rewrite-percentage, auto-aof-rewrite-min-size",
    parameters: &[
        Parameter {
            name: "percent",
            default: "100",
            about: "growth since the last rewrite, in percent",
        },
        Parameter {
            name: "min-bytes",
            default: "67108864",
            about: "a log that is not larger is left alone",
        },
    ],
    build: |values| {
        Ok(Box::new(AofGrowth {
            percent: values.at_least("percent", 1)?,
            min_bytes: values.parse("min-bytes")?,
        }))
    },
};

impl Policy for AofGrowth {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { .. } = event else {
            return Vec::new();
        };
        let log = Log::of(view);
        // Before the first rewrite there is no base, and any growth leads to a rewrite.
        let base = log.rewritten().map_or(1, |output| output.bytes.max(1));
        let growth = u128::from(log.bytes.saturating_sub(base)) * 100 / u128::from(base);
        if !log.has_grown() || log.bytes <= self.min_bytes || growth < u128::from(self.percent) {
            return Vec::new();
        }
        let reason = format!("{} bytes, {growth} percent more than {base}", log.bytes);
        log.rewrite("log growth", reason)
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn ingest(&self) -> Ingest {
        ONE_FILE
    }

    /// With a single key, commit 1 is rewritten immediately, and every later rewrite
    /// keeps one record.
    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let bounds = LogRule {
            ratio: (self.percent.saturating_add(100), 100),
            to_last_rewrite: true,
            min_bytes: self.min_bytes,
            seconds: 0,
            max_interval: None,
        };
        let (0, Some((Some(1), records))) = (self.min_bytes, profile.dense_single()) else {
            return bounds.at_most(profile);
        };
        let trigger = 1 + self.percent.div_ceil(100);
        let rule = RatioRule::new(1, trigger).expect("the trigger is above 1");
        let written = 2 + rule.entries_written(profile.commits - 1);
        let written = u128::from(records) * written;
        vec![Expectation::exactly(Metric::RecordsWritten, written)]
    }
}
