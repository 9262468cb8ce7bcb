//! When to rewrite the log. Pure: the caller passes the time, from any clock.
//!
//! The rule consists of periodic checks, a threshold, and limits of the rate in both
//! directions: `(ratio or max interval) and min interval`. Times are milliseconds of
//! the caller's clock. Only differences matter. A clock that goes backwards counts as
//! stopped.

use lithify_sim::planted;

const MINUTE: u64 = 60 * 1000;

/// The parameters of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The time between two checks, in milliseconds. At least 1.
    pub check_every: u64,
    /// The minimal time from one rewrite to the next, in milliseconds.
    pub min_interval: u64,
    /// The time after which any dead byte is a reason for a rewrite, in milliseconds.
    /// `None` for never.
    pub max_interval: Option<u64>,
    /// The ratio of log bytes to live bytes that is a reason for a rewrite. At least 2.
    pub threshold: u64,
}

impl Policy {
    /// The values of the published design: 30 minutes, 30 minutes, 24 hours, 10.
    pub const PUBLISHED: Self = Self {
        check_every: 30 * MINUTE,
        min_interval: 30 * MINUTE,
        max_interval: Some(24 * 60 * MINUTE),
        threshold: 10,
    };

    /// The largest length of a log with this number of live bytes whose ratio is below
    /// the threshold.
    #[must_use]
    pub fn max_bytes(&self, live_bytes: u64) -> u64 {
        self.threshold.saturating_mul(live_bytes).saturating_sub(1)
    }
}

/// The input of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The time.
    pub now: u64,
    /// When the store was opened.
    pub opened: u64,
    /// When the last rewrite of this incarnation ended, if there was one.
    pub last: Option<u64>,
    /// The length of the log in bytes.
    pub log_bytes: u64,
    /// The length of the log after a rewrite now. Never 0.
    pub live_bytes: u64,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Rewrite: the ratio has reached the threshold.
    Ratio,
    /// Rewrite: the longest interval has passed since the last rewrite, and some bytes
    /// are dead.
    MaxInterval,
    /// There is a reason for a rewrite, but the last rewrite is too recent.
    TooSoon,
    /// There is no reason for a rewrite.
    NoReason,
}

impl Decision {
    /// Whether the log is to be rewritten now.
    #[must_use]
    pub fn rewrites(self) -> bool {
        matches!(self, Self::Ratio | Self::MaxInterval)
    }
}

impl Policy {
    /// Evaluates the rule.
    ///
    /// After an opening, the time of the last rewrite is not known. Then the minimal
    /// interval counts as passed. Otherwise a store that is always opened again within
    /// this interval would never be rewritten. The longest interval begins with the
    /// opening.
    #[must_use]
    pub fn decide(&self, view: &View) -> Decision {
        let since = |time: u64| view.now.saturating_sub(time);
        let reason = if self.reaches_threshold(view) {
            Decision::Ratio
        } else if view.has_dead_bytes() && self.is_overdue(since(view.last.unwrap_or(view.opened)))
        {
            Decision::MaxInterval
        } else {
            return Decision::NoReason;
        };
        let is_soon = view
            .last
            .is_some_and(|last| since(last) < self.min_interval);
        if is_soon && !planted::is_active("min-interval-ignored") {
            return Decision::TooSoon;
        }
        reason
    }

    /// Whether a check can lead to a rewrite only because time passes.
    #[must_use]
    pub fn may_come(&self, view: &View) -> bool {
        self.reaches_threshold(view) || (self.max_interval.is_some() && view.has_dead_bytes())
    }

    fn reaches_threshold(&self, view: &View) -> bool {
        if planted::is_active("threshold-exclusive") {
            return view.log_bytes > self.threshold.saturating_mul(view.live_bytes);
        }
        view.log_bytes > self.max_bytes(view.live_bytes)
    }

    fn is_overdue(&self, since: u64) -> bool {
        let is_ignored = planted::is_active("max-interval-ignored");
        self.max_interval.is_some_and(|most| since >= most) && !is_ignored
    }
}

impl View {
    /// Whether a rewrite would make the log shorter.
    fn has_dead_bytes(&self) -> bool {
        self.log_bytes > self.live_bytes
    }
}
