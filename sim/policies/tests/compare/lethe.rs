//! Goal: `lethe` keeps its promise: no tombstone becomes as old as the threshold. Method: drawn
//! histories with deletions and with callbacks in any order; levels whose shares are computed
//! by hand; a history that reaches the bound; and other policies, which do not keep the bound.

use lithify_policies::compare::RunOptions;
use lithify_sim::keyed::Seed;
use proptest::prelude::*;

use super::support::{keyed, play, play_with, policy, synthetic};

proptest! {
    #[test]
    fn no_tombstone_is_as_old_as_the_threshold(
        commits in proptest::collection::vec(
            proptest::collection::btree_set(-12_i64..13, 0..5), 1..120),
        threshold in 1_u64..40,
        ratio in 2_u64..5,
        buffer in 1_u64..1500,
        reordering in 0_u64..5,
        seed: u64,
    ) {
        let commits: Vec<Vec<i64>> = commits
            .into_iter()
            .map(|keys| keys.into_iter().filter(|key| *key != 0).collect())
            .collect();
        let spec = format!("lethe:{threshold}:ratio={ratio}:buffer-bytes={buffer}");
        let options = RunOptions { reordering, seed: Seed(seed), ..RunOptions::default() };
        let history = keyed(&commits);
        let measured = play_with(&spec, &history, &options).measured;
        prop_assert!(measured.oldest_tombstone < threshold, "{}", measured.oldest_tombstone);
        let policy = policy(&spec);
        let profile = history.profile(policy.streams(), false, reordering);
        let compared = measured.compare(&policy.expectations(&profile));
        prop_assert_eq!(compared.len(), 1);
        prop_assert!(!compared[0].is_broken);
    }
}

/// A deletion without later writes: the tombstone is live for one commit less than the
/// threshold.
#[test]
fn the_bound_is_reached() {
    for threshold in [1, 2, 10, 50] {
        let mut commits = vec![vec![1], vec![-1]];
        commits.resize(100, Vec::new());
        let outcome = play(&format!("lethe:{threshold}"), &keyed(&commits));
        assert_eq!(outcome.measured.oldest_tombstone, threshold - 1);
        assert!(outcome.live.is_empty(), "key and tombstone are gone");
    }
}

/// Threshold 7, and each level is twice as large as the one above: the shares are 1, 2 and 4. A
/// deletion in commit 2 leaves levels 0, 1 and 2 at ages 1, 3 and 7.
#[test]
fn levels_have_shares_of_the_threshold() {
    let mut commits = vec![(1..=8).collect(), vec![-1]];
    commits.resize(12, Vec::new());
    let options = RunOptions {
        explain: true,
        ..RunOptions::default()
    };
    let outcome = play_with(
        "lethe:7:ratio=2:buffer-bytes=100",
        &keyed(&commits),
        &options,
    );
    let deletions = outcome
        .explained
        .iter()
        .filter(|job| job.cause == "deletion");
    let deletions: Vec<(u64, Option<&str>)> = deletions
        .map(|job| (job.commit, job.output.as_deref()))
        .collect();
    let expected = [(3, "2..2@1"), (5, "2..2@2"), (9, "1..2@3")];
    assert_eq!(
        deletions,
        expected.map(|(commit, name)| (commit, Some(name)))
    );
    assert_eq!(outcome.live[0].tombstones, 0);
}

/// Policies that ignore tombstones keep them without a time limit.
#[test]
fn others_keep_tombstones_for_longer() {
    let history = synthetic("insert-then-delete:8", 400, 1, 0);
    let oldest = |spec: &str| play(spec, &history).measured.oldest_tombstone;
    assert!(oldest("lethe:20") < 20);
    // The same tree, with a threshold that is not reached.
    assert!(oldest("lethe:100000") > 20);
    assert!(oldest("aligned:4") > 20);
    assert_eq!(oldest("none"), 400 - 16, "the first deletion is commit 16");
}
