//! The rule as a table of inputs and decisions.
//!
//! Times are in minutes. The store was opened at minute 0.

use Decision::{MaxInterval, NoReason, Ratio, TooSoon};
use lithify_sim::planted;
use lithify_specimens::wal_ratio::{Decision, Policy, View};
use proptest::prelude::*;

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60;

/// Now, the last rewrite, log bytes, live bytes, and the decision of the published
/// policy: threshold 10, minimal interval 30 minutes, longest interval 24 hours.
type Row = (u64, Option<u64>, u64, u64, Decision);

const ROWS: [Row; 18] = [
    // Only the ratio is a reason.
    (30, None, 1000, 100, Ratio),
    (30, None, 999, 100, NoReason),
    (30, None, 1001, 100, Ratio),
    (30, None, 100_000, 1, Ratio),
    // Nothing is dead, so no time is a reason.
    (30, None, 100, 100, NoReason),
    (10 * DAY, None, 100, 100, NoReason),
    (10 * DAY, Some(0), 100, 100, NoReason),
    // At most one rewrite in the minimal interval.
    (59, Some(30), 1000, 100, TooSoon),
    (60, Some(30), 1000, 100, Ratio),
    (61, Some(30), 1000, 100, Ratio),
    (30, Some(30), 1_000_000, 1, TooSoon),
    // The longest interval is counted from the last rewrite or from the opening.
    (DAY - 1, None, 101, 100, NoReason),
    (DAY, None, 101, 100, MaxInterval),
    (DAY + 29, Some(30), 101, 100, NoReason),
    (DAY + 30, Some(30), 101, 100, MaxInterval),
    (DAY + 30, Some(30), 1000, 100, Ratio),
    // A clock that goes backwards counts as stopped.
    (10, Some(30), 1000, 100, TooSoon),
    (0, None, 1000, 100, Ratio),
];

fn view((now, last, log_bytes, live_bytes, _): Row) -> View {
    View {
        now: now * MINUTE,
        opened: 0,
        last: last.map(|last| last * MINUTE),
        log_bytes,
        live_bytes,
    }
}

/// The first row with another decision.
fn wrong() -> Option<(Row, Decision)> {
    ROWS.into_iter().find_map(|row| {
        let decision = Policy::PUBLISHED.decide(&view(row));
        (decision != row.4).then_some((row, decision))
    })
}

#[test]
fn the_published_policy_decides_every_row() {
    assert_eq!(wrong(), None);
}

#[test]
fn the_table_notices_each_mistake_in_the_rule() {
    for bug in [
        "threshold-exclusive",
        "min-interval-ignored",
        "max-interval-ignored",
    ] {
        assert!(planted::with(Some(bug), wrong).is_some(), "{bug}");
    }
}

/// The longest interval is optional.
#[test]
fn without_a_longest_interval_time_alone_rewrites_nothing() {
    let policy = Policy {
        max_interval: None,
        ..Policy::PUBLISHED
    };
    let view = view((1000 * DAY, Some(0), 999, 100, NoReason));
    assert_eq!(policy.decide(&view), NoReason);
    assert!(!policy.may_come(&view));
}

/// A longest interval that is shorter than the minimal interval does not override it.
#[test]
fn the_least_interval_has_the_last_word() {
    let policy = Policy {
        max_interval: Some(10 * MINUTE),
        ..Policy::PUBLISHED
    };
    let at = |now| policy.decide(&view((now, Some(100), 101, 100, NoReason)));
    assert_eq!(
        [at(109), at(110), at(129), at(130)],
        [NoReason, TooSoon, TooSoon, MaxInterval]
    );
}

proptest! {
    /// The rule is `(ratio or longest interval) and minimal interval`. `may_come` is
    /// false exactly if no later time leads to a rewrite.
    #[test]
    fn the_rule_is_its_formula(
        (threshold, min_interval, max_interval) in (2_u64..12, 0_u64..50, prop::option::of(1_u64..100)),
        (opened, last, since) in (0_u64..100, prop::option::of(0_u64..100), 0_u64..200),
        (live_bytes, dead_bytes) in (1_u64..50, 0_u64..600),
    ) {
        let policy = Policy { check_every: 1, min_interval, max_interval, threshold };
        let view = View {
            now: last.unwrap_or(opened) + since,
            opened,
            last,
            log_bytes: live_bytes + dead_bytes,
            live_bytes,
        };
        let ratio = view.log_bytes as f64 / live_bytes as f64 >= threshold as f64;
        let is_late = max_interval.is_some_and(|most| since >= most) && dead_bytes > 0;
        let is_far = last.is_none() || since >= min_interval;
        let decision = policy.decide(&view);
        prop_assert_eq!(decision.rewrites(), (ratio || is_late) && is_far);
        let never = View { now: u64::MAX, ..view };
        prop_assert_eq!(policy.may_come(&view), policy.decide(&never).rewrites());
    }
}
