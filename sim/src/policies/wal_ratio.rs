//! `wal-ratio`: rewrite the log from memory when it is so many times the live data.
//!
//! The decision is that of the system `wal-ratio` itself. Its times only have to be of one
//! clock and one unit, which are seconds of the commit clock here. The store was opened at its
//! first commit, and a rewrite ends at the commit it ends with.

use super::log_bounds::LogRule;
use super::spec::Parameter;
use super::whole_log::{CHECK, Log, ONE_FILE, due, ratio_law};
use super::{Event, Expectation, Ingest, Job, Policy, Profile, Registered, Streams, View};
use crate::systems::wal_ratio::{self, Decision};

#[derive(Debug)]
struct WalRatio {
    rule: wal_ratio::Policy,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "wal-ratio",
    about: "stops the world and rewrites the log when it is so many times the live bytes",
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
        let rule = wal_ratio::Policy {
            check_every: values.parse("check")?,
            min_interval: values.parse("min-interval")?,
            max_interval,
            threshold: values.at_least("ratio", 2)?,
        };
        Ok(Box::new(WalRatio { rule }))
    },
};

impl Policy for WalRatio {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(now) = due(event, self.rule.check_every) else {
            return Vec::new();
        };
        let log = Log::of(view);
        // When merges keep all versions a rewrite makes nothing shorter, and is not repeated.
        if !log.has_grown() {
            return Vec::new();
        }
        let seen = wal_ratio::View {
            now,
            opened: log.files[0].first_seconds,
            last: log.rewritten().map(|output| output.last_seconds),
            log_bytes: log.bytes,
            live_bytes: log.live_bytes,
        };
        let (bytes, live) = (log.bytes, log.live_bytes);
        match self.rule.decide(&seen) {
            Decision::TooSoon | Decision::NoReason => Vec::new(),
            Decision::Ratio => {
                let reason = format!("{bytes} bytes of log, {live} of them live");
                log.rewrite("log ratio", reason)
            }
            Decision::MaxInterval => {
                let waited = now.saturating_sub(seen.last.unwrap_or(seen.opened));
                let dead = bytes - live;
                let reason = format!("no rewrite for {waited} s, and {dead} bytes are dead");
                log.rewrite("log age", reason)
            }
        }
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn ingest(&self) -> Ingest {
        ONE_FILE
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let rule = self.rule;
        if (rule.check_every, rule.min_interval, rule.max_interval) == (0, 0, None) {
            let exact = ratio_law(profile, |live| live.saturating_mul(rule.threshold));
            if !exact.is_empty() {
                return exact;
            }
        }
        let bounds = LogRule {
            ratio: (rule.threshold, 1),
            to_last_rewrite: false,
            min_bytes: 0,
            seconds: rule.check_every.saturating_add(rule.min_interval),
            max_interval: rule.max_interval,
        };
        bounds.at_most(profile)
    }
}
