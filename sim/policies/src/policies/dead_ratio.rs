//! `dead-ratio`: copies the live entries to a new file when enough bytes of the old file
//! are dead.

use super::log_bounds::LogRule;
use super::spec::Parameter;
use super::whole_log::{Log, ONE_FILE, due, ratio_law};
use super::{Event, Expectation, Ingest, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct DeadRatio {
    percent: u64,
    check: u64,
    min_bytes: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "dead-ratio",
    about: "copies the live entries to a new file when so much of the old one is dead",
    source: "the background-compaction document",
    parameters: &[
        Parameter {
            name: "percent",
            default: "30",
            about: "dead bytes in percent of all, 1 to 99",
        },
        Parameter {
            name: "check",
            default: "3600",
            about: "seconds of the commit clock between two looks at the file; 0: at each commit",
        },
        Parameter {
            name: "min-bytes",
            default: "10485760",
            about: "a smaller file is left alone",
        },
    ],
    build: |values| {
        let percent = values.at_least("percent", 1)?;
        if percent > 99 {
            return Err(values.refuse(format!("percent={percent}: a file is never that dead")));
        }
        Ok(Box::new(DeadRatio {
            percent,
            check: values.parse("check")?,
            min_bytes: values.parse("min-bytes")?,
        }))
    },
};

impl Policy for DeadRatio {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        if due(event, self.check).is_none() {
            return Vec::new();
        }
        let log = Log::of(view);
        let dead = log.bytes - log.live_bytes;
        let is_dead = dead.saturating_mul(100) >= log.bytes.saturating_mul(self.percent);
        if !log.has_grown() || log.bytes < self.min_bytes || !is_dead {
            return Vec::new();
        }
        let reason = format!("{dead} of {} bytes are dead", log.bytes);
        log.rewrite("dead ratio", reason)
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn ingest(&self) -> Ingest {
        ONE_FILE
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        // dead / total >= percent / 100, with total = live + dead.
        let trigger = |live: u64| (100 * live).div_ceil(100 - self.percent);
        let exact = match (self.check, self.min_bytes) {
            (0, 0) => ratio_law(profile, trigger),
            _ => Vec::new(),
        };
        if !exact.is_empty() {
            return exact;
        }
        let bounds = LogRule {
            ratio: (100, 100 - self.percent),
            to_last_rewrite: false,
            min_bytes: self.min_bytes,
            seconds: self.check,
            max_interval: None,
        };
        bounds.at_most(profile)
    }
}
