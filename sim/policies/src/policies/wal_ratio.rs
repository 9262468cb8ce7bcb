//! `wal-ratio`: rewrites the log from memory when it is N times as long as the live data.
//!
//! The rule is the rule of the system `wal-ratio`, written a second time; a test of the binary
//! compares the two. Times are seconds of the commit clock. The store counts as opened at its
//! first commit, and a rewrite ends at the time of its last commit.

use super::log_bounds::LogRule;
use super::spec::Parameter;
use super::whole_log::{CHECK, Log, ONE_FILE, due, ratio_law};
use super::{Event, Expectation, Ingest, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct WalRatio {
    check_every: u64,
    min_interval: u64,
    max_interval: Option<u64>,
    threshold: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "wal-ratio",
    about: "stops the world and rewrites the log when it is N times the live bytes",
    source: "the sabotage document",
    parameters: &[
        Parameter {
            name: "ratio",
            default: "10",
            about: "log bytes for each live byte, at least 2",
        },
        CHECK,
        Parameter {
            name: "min-interval",
            default: "1800",
            about: "seconds between two rewrites at least",
        },
        Parameter {
            name: "max-interval",
            default: "86400",
            about: "seconds after which dead bytes are reason enough; off: never",
        },
    ],
    build: |values| {
        let max_interval = match values.text("max-interval") {
            "off" => None,
            _ => Some(values.parse("max-interval")?),
        };
        Ok(Box::new(WalRatio {
            check_every: values.parse("check")?,
            min_interval: values.parse("min-interval")?,
            max_interval,
            threshold: values.at_least("ratio", 2)?,
        }))
    },
};

impl Policy for WalRatio {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(now) = due(event, self.check_every) else {
            return Vec::new();
        };
        let log = Log::of(view);
        // If merges keep all versions, a rewrite does not make the log shorter. So a rewrite
        // needs new commits, otherwise it would be repeated.
        if !log.has_grown() {
            return Vec::new();
        }
        let last = log.rewritten().map(|output| output.last_seconds);
        if last.is_some_and(|last| now.saturating_sub(last) < self.min_interval) {
            return Vec::new();
        }
        let waited = now.saturating_sub(last.unwrap_or(log.files[0].first_seconds));
        let (bytes, live) = (log.bytes, log.live_bytes);
        if bytes >= self.threshold.saturating_mul(live) {
            let reason = format!("{bytes} bytes of log, {live} of them live");
            return log.rewrite("log ratio", reason);
        }
        let dead = bytes.saturating_sub(live);
        if dead > 0 && self.max_interval.is_some_and(|most| waited >= most) {
            let reason = format!("no rewrite for {waited} s, and {dead} bytes are dead");
            return log.rewrite("log age", reason);
        }
        Vec::new()
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn ingest(&self) -> Ingest {
        ONE_FILE
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        if (self.check_every, self.min_interval, self.max_interval) == (0, 0, None) {
            let exact = ratio_law(profile, |live| live.saturating_mul(self.threshold));
            if !exact.is_empty() {
                return exact;
            }
        }
        let bounds = LogRule {
            ratio: (self.threshold, 1),
            to_last_rewrite: false,
            min_bytes: 0,
            seconds: self.check_every.saturating_add(self.min_interval),
            max_interval: self.max_interval,
        };
        bounds.at_most(profile)
    }
}
