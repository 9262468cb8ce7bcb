//! What a log that is rewritten on a ratio costs at most, on any history.
//!
//! A rewrite that finds the log `t` times as long as what it keeps pays with bytes that were
//! appended since the one before: of k rewrites with live bytes `l(i)` those are at least
//! `t * l(i) - l(i - 1)`, and their sum is at least `t - 1` times all that was rewritten. So
//! everything written is at most `t / (t - 1)` times what was committed, however seldom the
//! rule is looked at, and the log is at most `t` times what is live, and what came since the
//! last look. Callbacks have to come in order, and merges to keep the newest version only.

use super::Profile;
use super::expectation::{Expectation, Metric};

/// When a log is rewritten.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogRule {
    /// The ratio that is reason enough, as a fraction above 1.
    pub(super) ratio: (u64, u64),
    /// Whether it is one to what the last rewrite kept, and not to what is live.
    pub(super) to_last_rewrite: bool,
    /// A log that is not longer may be left alone.
    pub(super) min_bytes: u64,
    /// The most seconds from a look that may lead to a rewrite to the time of the next one;
    /// 0 when every commit is followed by one.
    pub(super) seconds: u64,
    /// Seconds after which dead bytes are reason enough.
    pub(super) max_interval: Option<u64>,
}

impl LogRule {
    pub(super) fn at_most(&self, profile: &Profile) -> Vec<Expectation> {
        if profile.keeps_all_versions || profile.reordering > 0 {
            return Vec::new();
        }
        let volume = &profile.volume;
        let most_live = u128::from(volume.most_live_bytes);
        let (log, since_look) = match self.seconds {
            0 if !self.to_last_rewrite => (self.longest_log(volume.live_bytes), 0),
            0 => (self.longest_log(volume.most_live_bytes), 0),
            seconds => {
                let since = u128::from(volume.most_bytes_within(seconds));
                (self.longest_log(volume.most_live_bytes) + since, since)
            }
        };
        // The commit that a rewrite follows is in the log already, and inputs go last.
        let peak = self.longest_log(volume.most_live_bytes)
            + since_look
            + u128::from(volume.largest_commit())
            + most_live;
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
        let most_live = u128::from(volume.most_live_bytes);
        // Nothing has been appended yet that would pay for the last rewrite.
        let unpaid = if self.to_last_rewrite { most_live } else { 0 };
        let aged = match self.max_interval {
            None => 0,
            Some(0) => profile.commits,
            Some(seconds) => volume.seconds() / seconds,
        };
        ratio_bound(volume.bytes(), self.ratio) + unpaid + u128::from(aged) * most_live
    }
}

/// `t / (t - 1)` times this many bytes.
pub(super) fn ratio_bound(bytes: u128, ratio: (u64, u64)) -> u128 {
    let (of, to) = (u128::from(ratio.0), u128::from(ratio.1));
    bytes * of / (of - to)
}
