//! When to rewrite the log. Pure: time is handed in, on any clock that starts anywhere.
//!
//! The rule is a check now and then, a threshold, and limits of the rate on both sides:
//! `(ratio or max interval) and min interval`. Times are milliseconds of the caller's
//! clock; only differences count, and a clock that steps back counts as standing still.

use lithify_sim::planted;

const MINUTE: u64 = 60 * 1000;

/// The parameters of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often the rule is evaluated, in milliseconds; at least 1.
    pub check_every: u64,
    /// The least time from one rewrite to the next, in milliseconds.
    pub min_interval: u64,
    /// The time in milliseconds after which dead bytes are reason enough; `None` for
    /// never.
    pub max_interval: Option<u64>,
    /// The ratio of log bytes to live bytes that is reason enough; at least 2.
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

    /// The most bytes of a log whose live bytes are these before the ratio is reason
    /// enough.
    #[must_use]
    pub fn most_bytes(&self, live_bytes: u64) -> u64 {
        self.threshold.saturating_mul(live_bytes).saturating_sub(1)
    }
}

/// What the rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The time.
    pub now: u64,
    /// When the store was opened.
    pub opened: u64,
    /// When the last rewrite of this process ended, if there was one.
    pub last: Option<u64>,
    /// The length of the log in bytes.
    pub log_bytes: u64,
    /// What the log would take if it were rewritten now; never 0.
    pub live_bytes: u64,
}

/// What the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Rewrite: the ratio has reached the threshold.
    Ratio,
    /// Rewrite: the last one is long ago and some bytes are dead.
    MaxInterval,
    /// There would be a reason, and the last rewrite is too recent.
    TooSoon,
    /// No reason.
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
    /// After an opening no rewrite is known. Then the least interval counts as over, or
    /// a store that is opened again and again within it would never be rewritten; and
    /// the longest interval begins with the opening.
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

    /// Whether a check could come to rewrite by nothing but time passing.
    #[must_use]
    pub fn may_come(&self, view: &View) -> bool {
        self.reaches_threshold(view) || (self.max_interval.is_some() && view.has_dead_bytes())
    }

    fn reaches_threshold(&self, view: &View) -> bool {
        if planted::is_active("threshold-exclusive") {
            return view.log_bytes > self.threshold.saturating_mul(view.live_bytes);
        }
        view.log_bytes > self.most_bytes(view.live_bytes)
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
