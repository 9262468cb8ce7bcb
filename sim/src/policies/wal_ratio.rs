//! `wal-ratio`: rewrite the log from memory when it is so many times the live data.

use super::spec::Parameter;
use super::whole_log::{CHECK, Log, ONE_FILE, due, ratio_law};
use super::{Event, Expectation, Ingest, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct WalRatio {
    ratio: u64,
    check: u64,
    least: u64,
    most: u64,
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
            about: "seconds after which the log is rewritten anyway; 0: never",
        },
    ],
    build: |values| {
        let policy = WalRatio {
            ratio: values.at_least("ratio", 2)?,
            check: values.parse("check")?,
            least: values.parse("min-interval")?,
            most: values.parse("max-interval")?,
        };
        if 0 < policy.most && policy.most < policy.least {
            return Err(values.refuse(format!(
                "max-interval={} is below min-interval={}, so no rewrite could satisfy both",
                policy.most, policy.least
            )));
        }
        Ok(Box::new(policy))
    },
};

impl Policy for WalRatio {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(now) = due(event, self.check) else {
            return Vec::new();
        };
        let log = Log::of(view);
        if !log.has_grown() {
            return Vec::new();
        }
        let last = match log.rewritten() {
            Some(output) => output.last_seconds,
            None => log.files[0].first_seconds,
        };
        let waited = now.saturating_sub(last);
        if waited < self.least {
            return Vec::new();
        }
        let (bytes, live) = (log.bytes, log.live_bytes);
        if bytes >= live.saturating_mul(self.ratio) {
            let reason = format!("{bytes} bytes of log, {live} of them live");
            log.rewrite("log ratio", reason)
        } else if self.most > 0 && waited >= self.most {
            log.rewrite("log age", format!("no rewrite for {waited} s"))
        } else {
            Vec::new()
        }
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn ingest(&self) -> Ingest {
        ONE_FILE
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        if (self.check, self.least, self.most) != (0, 0, 0) {
            return Vec::new();
        }
        ratio_law(profile, |live| live.saturating_mul(self.ratio))
    }
}
