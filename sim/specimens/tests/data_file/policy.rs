//! When a compaction is due: the rule of the document, over virtual time.

use std::time::Duration;

use lithify::predict::ratio::RatioRule;
use lithify_sim::disk::SimFs;
use lithify_specimens::data_file::{Decision, Options, Policy, Role, Share, Space, decide};

use crate::fixture::{commit_bytes, eager, finish, open, put, state};

const MIB: u64 = 1 << 20;

#[test]
fn the_defaults_are_those_of_the_document() {
    let policy = Policy::default();
    assert!(policy.enabled);
    assert_eq!(policy.interval, Duration::from_secs(3600));
    assert_eq!(policy.threshold, Share::parse("0.3").unwrap());
    assert_eq!(policy.minimum_size_bytes, 10 * MIB);
}

#[test]
fn each_condition_is_needed_and_its_bound_included() {
    let policy = Policy::default();
    let space = |live_bytes, total_bytes| Space {
        live_bytes,
        total_bytes,
    };
    let cases = [
        ("empty", space(56, 56), Decision::TooSmall),
        ("dead but small", space(0, 10 * MIB - 1), Decision::TooSmall),
        ("dead and big", space(0, 10 * MIB), Decision::Compact),
        (
            "exactly 30 %",
            space(70 * MIB, 100 * MIB),
            Decision::Compact,
        ),
        (
            "a byte less than 30 %",
            space(70 * MIB + 1, 100 * MIB),
            Decision::BelowThreshold,
        ),
        (
            "a byte more than 30 %",
            space(70 * MIB - 1, 100 * MIB),
            Decision::Compact,
        ),
        (
            "nothing dead",
            space(100 * MIB, 100 * MIB),
            Decision::BelowThreshold,
        ),
        (
            "beyond 2^53 bytes",
            space(7 << 56, 10 << 56),
            Decision::Compact,
        ),
    ];
    for (name, space, expected) in cases {
        assert_eq!(decide(&policy, Role::Primary, space), expected, "{name}");
        assert_eq!(
            decide(&policy, Role::Replica, space),
            Decision::Replica,
            "{name}"
        );
        let disabled = Policy {
            enabled: false,
            ..policy
        };
        assert_eq!(
            decide(&disabled, Role::Primary, space),
            Decision::Disabled,
            "{name}"
        );
    }
    let always = Policy {
        threshold: Share::millionths(0),
        ..policy
    };
    let clean = decide(&always, Role::Primary, space(20 * MIB, 20 * MIB));
    assert_eq!(
        clean,
        Decision::NothingDead,
        "a threshold of 0 must not compact for ever"
    );
}

#[test]
fn the_ratio_is_the_documents_formula() {
    let space = Space {
        live_bytes: 25,
        total_bytes: 100,
    };
    assert!((space.dead_ratio() - 0.75).abs() < f64::EPSILON);
    assert!(Space::default().dead_ratio().abs() < f64::EPSILON);
}

/// One key of 1000 bytes is written once in every virtual minute, and the policy is asked
/// every hour. The file is compacted at the first check at which both conditions hold, and
/// only then.
#[test]
fn compactions_happen_at_the_hours_that_the_rule_says() {
    let options = Options {
        policy: Policy {
            minimum_size_bytes: 100_000,
            ..Policy::default()
        },
        ..eager()
    };
    let fs = SimFs::new();
    let mut store = open(&fs, &options);
    let mut compacted_at = Vec::new();
    let value = "v".repeat(1000);
    for minute in 1..=600_u64 {
        store.commit(&[vec![put("key", &value)]]).unwrap();
        if minute % 60 == 0
            && decide(&options.policy, Role::Primary, store.space()) == Decision::Compact
        {
            let now = Duration::from_secs(60 * minute);
            let mut compaction = store.begin_compaction(now).unwrap();
            finish(&mut compaction, &mut store, now);
            compacted_at.push(minute / 60);
        }
    }
    // A commit takes 1033 bytes: 60 of them are 61 980 bytes, 120 are 123 960, which is
    // above the minimum. A compaction leaves one entry.
    assert_eq!(compacted_at, [2, 4, 6, 8, 10]);
    assert_eq!(state(&store).len(), 1);
}

/// With one overwrite per commit, the number of written entries equals the closed form of
/// the family. The test has a hundred keys of equal length and checks after each commit.
#[test]
fn entries_written_are_those_of_the_ratio_rule() {
    const KEYS: u64 = 100;
    const UPDATES: u64 = 1000;
    let options = Options {
        policy: Policy {
            minimum_size_bytes: 0,
            ..Policy::default()
        },
        ..eager()
    };
    let fs = SimFs::new();
    let mut store = open(&fs, &options);
    let write = |number: u64| put(&format!("key-{:02}", number % KEYS), &"v".repeat(100));
    for key in 0..KEYS {
        store.commit(&[vec![write(key)]]).unwrap();
    }
    let mut first = store.begin_compaction(Duration::ZERO).unwrap();
    let live_bytes = finish(&mut first, &mut store, Duration::ZERO).bytes_after;
    // dead >= 0.3 * (live + dead). A commit is one entry and its end.
    let commit_bytes = commit_bytes(&[write(0)]);
    let cycle = (3 * live_bytes).div_ceil(7 * commit_bytes);
    let rule = RatioRule::new(KEYS, KEYS + cycle).expect("a cycle has updates");
    let mut written = 0;
    for number in 0..UPDATES {
        store.commit(&[vec![write(number)]]).unwrap();
        written += 1;
        if decide(&options.policy, Role::Primary, store.space()) == Decision::Compact {
            let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
            written +=
                u128::from(finish(&mut compaction, &mut store, Duration::ZERO).entries_copied);
        }
        assert_eq!(
            written,
            rule.entries_written(number + 1),
            "after {number} updates"
        );
    }
    // The ends of commits are dead too, so there are a few more compactions than the limit
    // of 1/0.3 entries for each update allows for.
    assert_eq!(written, 3600);
}
