//! Goal: the lower bound is the exact minimum, and no policy is below it. Method: an
//! exhaustive search over all merges of adjacent segments after every commit, on drawn tiny
//! histories; then every policy on drawn larger histories.

use std::collections::{BTreeMap, BTreeSet};

use lithify_policies::compare::optimal::{MAX_COMMITS, Optimal};
use lithify_policies::compare::{History, RunError};
use lithify_policies::policies::Ingest;
use lithify_policies::policies::registry::ALL;
use proptest::prelude::*;

use super::support::{keyed, play, policy, synthetic};

/// The bytes of one segment with these commits.
fn weight(commits: &[Vec<i64>], start: usize, end: usize) -> u64 {
    let keys: BTreeSet<i64> = commits[start..=end].iter().flatten().copied().collect();
    100 * keys.len() as u64
}

/// The fewest bytes that merges write, by exhaustive search: after each commit, the
/// segments are divided into groups of adjacent segments in all ways, and each group of
/// several segments becomes one.
fn exhaustive(commits: &[Vec<i64>], slots: usize) -> u64 {
    let mut states: BTreeMap<Vec<(usize, usize)>, u64> = BTreeMap::from([(Vec::new(), 0)]);
    for commit in 0..commits.len() {
        let mut next = BTreeMap::new();
        for (mut segments, cost) in states {
            segments.push((commit, commit));
            for cuts in 0_u32..1 << (segments.len() - 1) {
                let mut merged = vec![segments[0]];
                let mut paid = cost;
                let mut grouped = 1;
                for (place, segment) in segments.iter().enumerate().skip(1) {
                    let last = merged.len() - 1;
                    if cuts >> (place - 1) & 1 == 1 {
                        merged.push(*segment);
                        grouped = 1;
                        continue;
                    }
                    // The group grows: its new cost replaces its cost so far.
                    let before = if grouped > 1 {
                        weight(commits, merged[last].0, merged[last].1)
                    } else {
                        0
                    };
                    merged[last].1 = segment.1;
                    paid += weight(commits, merged[last].0, merged[last].1) - before;
                    grouped += 1;
                }
                if merged.len() <= slots {
                    let least = next.entry(merged).or_insert(u64::MAX);
                    *least = paid.min(*least);
                }
            }
        }
        states = next;
    }
    states.into_values().min().unwrap()
}

fn bound(history: &History, slots: usize) -> u64 {
    Optimal::new(history).unwrap().bytes_written(slots).unwrap()
}

proptest! {
    #[test]
    fn the_bound_is_the_least(
        commits in proptest::collection::vec(
            proptest::collection::btree_set(1_i64..6, 1..3), 1..8),
        slots in 1_usize..5,
    ) {
        let commits: Vec<Vec<i64>> = commits
            .into_iter()
            .map(|keys| keys.into_iter().collect())
            .collect();
        let level_zero: u64 = commits.iter().map(|keys| 100 * keys.len() as u64).sum();
        prop_assert_eq!(
            bound(&keyed(&commits), slots),
            level_zero + exhaustive(&commits, slots)
        );
    }

    /// Negative keys are deletions. No policy is cheaper than the bound.
    #[test]
    fn no_policy_is_below_the_bound(
        commits in proptest::collection::vec(
            proptest::collection::btree_set(-5_i64..6, 0..4), 1..60),
    ) {
        let commits: Vec<Vec<i64>> = commits
            .into_iter()
            .map(|keys| keys.into_iter().filter(|key| *key != 0).collect())
            .collect();
        let history = keyed(&commits);
        let mut optimal = Optimal::new(&history).unwrap();
        for spec in ALL {
            let appends = policy(spec).ingest() != Ingest::SegmentPerCommit;
            let measured = play(spec, &history).measured;
            if appends || measured.lost_records > 0 {
                continue;
            }
            let written: u64 = measured.by_cause.values().map(|one| one.bytes).sum();
            if measured.max_live_segments > 0 {
                let least = optimal.bytes_written(measured.max_live_segments as usize).unwrap();
                prop_assert!(least <= written, "{}: {} below {}", spec, written, least);
            }
        }
    }
}

#[test]
fn one_slot_rewrites_everything_and_enough_slots_nothing() {
    let history = synthetic("dense", 20, 1, 0);
    let all: u64 = 100 * (20 + (2..=20).sum::<u64>());
    assert_eq!(bound(&history, 1), all);
    assert_eq!(bound(&history, 20), 2000);
    assert_eq!(bound(&history, 500), 2000);
    assert_eq!(Optimal::new(&history).unwrap().bytes_written(0), None);
    assert!(bound(&history, 2) < all / 2);
}

#[test]
fn too_much_is_refused() {
    let many = synthetic("dense", MAX_COMMITS as u64 + 1, 1, 0);
    assert!(
        Optimal::new(&many)
            .unwrap_err()
            .contains("at most 400 commits")
    );
    let several = synthetic("scrape", 5, 2, 0);
    assert!(
        Optimal::new(&several)
            .unwrap_err()
            .contains("--keyspaces 1")
    );
}

/// A policy with invalid jobs gets an error, and a policy that never stops is stopped.
#[test]
fn mistakes_of_a_policy_are_named() {
    use lithify_policies::compare::{RunOptions, run};
    use lithify_policies::policies::{Event, Job, Policy, Segment, View};

    #[derive(Debug)]
    struct Mistaken(fn(&[&Segment]) -> Option<Job>);
    impl Policy for Mistaken {
        fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
            let segments: Vec<&Segment> = view.segments(0).collect();
            let Event::Reached { .. } = event else {
                return Vec::new();
            };
            (self.0)(&segments).into_iter().collect()
        }
    }
    let history = synthetic("dense", 3, 1, 0);
    let fails = |plan: fn(&[&Segment]) -> Option<Job>| -> RunError {
        run(&Mistaken(plan), &history, &RunOptions::default()).unwrap_err()
    };
    let texts = [
        fails(|_| Some(Job::merge(&[], 1, "test", "nothing".to_owned()))),
        fails(|all| Some(Job::merge(&[all[0], all[0]], 1, "test", "twice".to_owned()))),
        fails(|all| {
            let job = Job::merge(&all[..1], 1, "test", "unknown".to_owned());
            Some(Job {
                inputs: vec![99],
                ..job
            })
        }),
        fails(|all| Some(Job::merge(&all[..1], 1, "test", "for ever".to_owned()))),
    ];
    let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"));
}
