//! The costs of the log, as exact numbers.
//!
//! A log with threshold t is at most t times as long as its live data. For any workload,
//! all bytes ever written are at most t / (t - 1) times the bytes of the commits. Both
//! laws hold if the policy is asked after every commit. With an interval between checks,
//! the first limit grows by the bytes that arrive between two checks, and the second
//! limit does not change.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::predict::ratio::RatioRule;
use lithify_specimens::wal_ratio::{Operation, Options, Policy, RatioStore, commit_bytes};
use proptest::prelude::*;

/// The length of the entry of a base, of a pair with 23 bytes of key and value, and of a
/// commit with one such put. All are equal, so bytes can be counted in entries.
const ENTRY_BYTES: u64 = 41;

const PUTS: u64 = 100_000;

fn store(policy: Policy) -> RatioStore {
    let options = Options {
        policy,
        piece_bytes: 100,
    };
    RatioStore::open(Arc::new(MemFs::new()), options, 0).expect("memory does not fail")
}

fn commit(store: &mut RatioStore, operations: &[Operation], now: u64) {
    store.accept(operations).expect("the store runs");
    store.finish(now).expect("memory does not fail");
}

/// A put of one key with a changing value.
fn hot(number: u64) -> [Operation; 1] {
    let value = format!("{:022}", number % 1_000_000).into_bytes();
    [Operation::Put(b"k".to_vec(), value)]
}

/// One key is written again and again, and the policy is asked after each write. The
/// costs equal the closed form of the engine's predictions to the byte.
#[test]
fn a_hundred_thousand_writes_of_one_key_cost_what_the_closed_form_says() {
    for threshold in [2, 3, 10] {
        let mut store = store(Policy {
            check_every: 1,
            min_interval: 0,
            max_interval: None,
            threshold,
        });
        let live = 2 * ENTRY_BYTES;
        let rule = RatioRule::new(2, 2 * threshold).expect("a rule that ends");
        // The base of a new store and its first put together equal a log that was just
        // rewritten.
        commit(&mut store, &hot(0), 0);
        let mut longest = 0;
        for number in 1..PUTS {
            commit(&mut store, &hot(number), number);
            longest = longest.max(store.log_bytes());
            store.check(number);
            store.finish(number).expect("memory does not fail");
            assert_eq!(
                store.log_bytes(),
                rule.recovery_entries(number) * ENTRY_BYTES
            );
        }
        let counters = store.counters();
        let written = counters.commit_bytes + counters.base_bytes - live;
        assert_eq!(
            u128::from(written),
            rule.entries_written(PUTS - 1) * u128::from(ENTRY_BYTES)
        );
        assert_eq!(
            longest,
            threshold * live,
            "the space law, reached and not passed"
        );
        assert!(
            written * (threshold - 1) <= threshold * counters.commit_bytes,
            "the law of writing"
        );
        let amplification = written as f64 / counters.commit_bytes as f64;
        let limit = rule.write_amplification();
        assert!(
            (limit - amplification).abs() < 1e-3,
            "{amplification} of {limit}"
        );
    }
}

/// The same with the published intervals and one put per second: the interval decides,
/// not the threshold. In half an hour a log of two live entries grows by 1800 entries, so
/// it is 901 times as long as the live data, not 10 times.
#[test]
fn with_the_published_intervals_the_log_is_as_long_as_what_arrives_between_checks() {
    const SECOND: u64 = 1000;
    let policy = Policy::PUBLISHED;
    let mut store = store(policy);
    let mut next_check = policy.check_every;
    let mut longest = 0;
    for number in 0..PUTS {
        let now = (number + 1) * SECOND;
        commit(&mut store, &hot(number), now);
        longest = longest.max(store.log_bytes());
        if now >= next_check {
            next_check += policy.check_every;
            store.check(now);
            store.finish(now).expect("memory does not fail");
        }
    }
    let puts_between = policy.check_every / SECOND;
    assert_eq!(longest, (2 + puts_between) * ENTRY_BYTES);
    assert_eq!(longest / (2 * ENTRY_BYTES), 901);
    assert_eq!(store.counters().rewrites, PUTS / puts_between);
    let bases = 1 + 2 * (PUTS / puts_between);
    assert_eq!(store.counters().base_bytes, bases * ENTRY_BYTES);
    assert_eq!(store.log_bytes(), (2 + PUTS % puts_between) * ENTRY_BYTES);
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = (0_u8..5).prop_map(|key| vec![key]);
    (key, prop::option::weighted(0.7, 0_usize..60)).prop_map(|(key, length)| match length {
        Some(length) => Operation::Put(key, vec![1; length]),
        None => Operation::Delete(key),
    })
}

proptest! {
    /// For any writes and any changes of the live bytes: after every check that is not
    /// too soon, the log is shorter than t times the live bytes. Until the next check it
    /// grows only by the new commits. All writing together is at most t / (t - 1) times
    /// that of the commits and the first base, for any intervals.
    #[test]
    fn the_laws_hold_for_every_history(
        commits in prop::collection::vec(prop::collection::vec(operation(), 0..4), 1..200),
        threshold in 2_u64..6,
        check_every in 1_u64..8,
        min_interval in 0_u64..12,
    ) {
        let mut store = store(Policy { check_every, min_interval, max_interval: None, threshold });
        let (mut since, mut limit) = (0, 0);
        for (now, operations) in (1..).zip(&commits) {
            commit(&mut store, operations, now);
            since += commit_bytes(operations);
            if now % check_every == 0 {
                let decision = store.check(now);
                store.finish(now).expect("memory does not fail");
                let live = store.read_table().live_bytes();
                if decision != lithify_specimens::wal_ratio::Decision::TooSoon {
                    prop_assert!(store.log_bytes() < threshold * live);
                    (since, limit) = (0, threshold * live);
                }
            }
            prop_assert!(limit == 0 || store.log_bytes() < limit + since);
            let counters = store.counters();
            let paid = counters.commit_bytes + ENTRY_BYTES;
            let written = counters.commit_bytes + counters.base_bytes;
            prop_assert!(written * (threshold - 1) <= threshold * paid);
        }
    }
}
