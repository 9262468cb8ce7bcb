//! Goal: the policy `wal-ratio` decides as the system of the same name. Method: drawn
//! histories and settings. A log that is modelled as two numbers asks the rule of the
//! system, and the policy must rewrite at the same commits.

use std::collections::BTreeSet;

use lithify_policies::compare::{History, RunOptions};
use lithify_specimens::wal_ratio::{Policy, View};
use proptest::prelude::*;

use super::support::{play_with, put};

/// Seconds since the previous commit, and the key.
fn commits() -> impl Strategy<Value = Vec<(u64, u32)>> {
    proptest::collection::vec((0_u64..100, 0_u32..6), 1..120)
}

fn rules() -> impl Strategy<Value = Policy> {
    let check = prop_oneof![Just(0), 1_u64..200];
    let most = proptest::option::of(0_u64..400);
    (check, 0_u64..300, most, 2_u64..6).prop_map(
        |(check_every, min_interval, max_interval, threshold)| Policy {
            check_every,
            min_interval,
            max_interval,
            threshold,
        },
    )
}

fn spec(rule: Policy) -> String {
    let most = rule
        .max_interval
        .map_or("off".to_owned(), |most| most.to_string());
    let (ratio, check, least) = (rule.threshold, rule.check_every, rule.min_interval);
    format!("wal-ratio:{ratio}:check={check}:min-interval={least}:max-interval={most}")
}

/// The commits after which the rule of the system demands a rewrite. A record has 100
/// bytes.
fn rewrites(rule: Policy, commits: &[(u64, u32)]) -> Vec<u64> {
    let (mut now, mut log_bytes, mut last) = (60, 0, None);
    let (mut keys, mut found) = (BTreeSet::new(), Vec::new());
    for (place, &(pause, key)) in commits.iter().enumerate() {
        let before = if place == 0 { 0 } else { now };
        now += pause;
        log_bytes += 100;
        keys.insert(key);
        let live_bytes = 100 * keys.len() as u64;
        let view = View {
            now,
            opened: 60 + commits[0].0,
            last,
            log_bytes,
            live_bytes,
        };
        let every = rule.check_every;
        let is_due = every == 0 || before / every < now / every;
        if is_due && rule.decide(&view).rewrites() {
            (log_bytes, last) = (live_bytes, Some(now));
            found.push(place as u64 + 1);
        }
    }
    found
}

proptest! {
    #[test]
    fn the_laboratory_decides_as_the_system(commits in commits(), rule in rules()) {
        let mut history = History::new("drawn", 1);
        for _ in 0..6 {
            history.new_key(0);
        }
        let mut now = 60;
        for &(pause, key) in &commits {
            now += pause;
            history.push(now, vec![put(key)]);
        }
        let options = RunOptions { explain: true, ..RunOptions::default() };
        let explained = play_with(&spec(rule), &history, &options).explained;
        let played: Vec<u64> = explained.iter().map(|job| job.commit).collect();
        prop_assert_eq!(played, rewrites(rule, &commits), "{}", spec(rule));
    }
}

/// Growth alone is no reason: samples that are never overwritten leave no dead bytes.
#[test]
fn without_dead_bytes_nothing_is_rewritten() {
    let history = super::support::synthetic("scrape", 3000, 4, 0);
    let merges = |spec: &str| super::support::play(spec, &history).measured.merges;
    assert_eq!(merges("wal-ratio"), 0);
    assert_eq!(
        merges("wal-ratio:2:max-interval=0:min-interval=0:check=0"),
        0
    );
}
