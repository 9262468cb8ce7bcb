//! Upper bounds of the costs of a log that is rewritten when it reaches a ratio, for any
//! history.
//!
//! Assume that a rewrite happens when the log is `t` times as long as the bytes that the
//! rewrite keeps. Let `l(i)` be the live bytes at rewrite i. Since rewrite i - 1, at least
//! `t * l(i) - l(i - 1)` bytes were appended. The sum over all rewrites is at least `t - 1`
//! times all rewritten bytes. So the total number of written bytes is at most `t / (t - 1)`
//! times the committed bytes, even if the rule is checked rarely. The log is at most `t`
//! times the live bytes, plus the bytes committed since the last check. The bounds require
//! that callbacks come in order and that merges keep only the newest versions.

use super::Profile;
use super::expectation::{Expectation, Metric};

/// When a log is rewritten.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogRule {
    /// The ratio that leads to a rewrite, as a fraction above 1.
    pub(super) ratio: (u64, u64),
    /// Whether the ratio is relative to the bytes that the last rewrite kept. Otherwise it
    /// is relative to the live bytes.
    pub(super) to_last_rewrite: bool,
    /// A log that is not longer than this may stay as it is.
    pub(super) min_bytes: u64,
    /// The largest number of seconds between two checks that can lead to a rewrite. 0 if
    /// every commit is followed by a check.
    pub(super) seconds: u64,
    /// The number of seconds after which any dead byte leads to a rewrite.
    pub(super) max_interval: Option<u64>,
}

impl LogRule {
    pub(super) fn at_most(&self, profile: &Profile) -> Vec<Expectation> {
        if profile.keeps_all_versions {
            return Vec::new();
        }
        let volume = &profile.volume;
        let max_live = u128::from(volume.max_live_bytes);
        let (log, since_look) = match self.seconds {
            0 if !self.to_last_rewrite => (self.longest_log(volume.live_bytes), 0),
            0 => (self.longest_log(volume.max_live_bytes), 0),
            seconds => {
                let since = u128::from(volume.max_bytes_within(seconds));
                (self.longest_log(volume.max_live_bytes) + since, since)
            }
        };
        // The log already contains the commit before the rewrite, and the inputs are removed
        // after the output was written.
        let peak = self.longest_log(volume.max_live_bytes)
            + since_look
            + u128::from(volume.largest_commit())
            + max_live;
        vec![
            Expectation::at_most(Metric::BytesWritten, self.written(profile)),
            Expectation::at_most(Metric::LiveBytes, log),
            Expectation::at_most(Metric::PeakBytes, peak),
        ]
    }

    fn longest_log(&self, live: u64) -> u128 {
        let (of, to) = (u128::from(self.ratio.0), u128::from(self.ratio.1));
        (of * u128::from(live.max(1)) / to).max(self.min_bytes.into())
    }

    fn written(&self, profile: &Profile) -> u128 {
        let volume = &profile.volume;
        let max_live = u128::from(volume.max_live_bytes);
        // No bytes were appended after the last rewrite, so the argument above does not
        // cover it.
        let unpaid = if self.to_last_rewrite { max_live } else { 0 };
        let aged = match self.max_interval {
            None => 0,
            Some(0) => profile.commits,
            Some(seconds) => volume.seconds() / seconds,
        };
        ratio_bound(volume.bytes(), self.ratio) + unpaid + u128::from(aged) * max_live
    }
}

/// `t / (t - 1)` times this many bytes.
pub(super) fn ratio_bound(bytes: u128, ratio: (u64, u64)) -> u128 {
    let (of, to) = (u128::from(ratio.0), u128::from(ratio.1));
    bytes * of / (of - to)
}
