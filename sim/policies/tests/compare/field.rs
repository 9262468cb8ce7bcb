//! Goal: published policies have their known properties. Method: the bounds from their
//! documents, on drawn histories, and examples from these documents.

use lithify_policies::compare::{History, Outcome};
use lithify_policies::policies::Segment;
use proptest::prelude::*;

use super::support::{keyed, play, put, shape, synthetic};

/// The keys of each commit.
fn commits() -> impl Strategy<Value = Vec<Vec<i64>>> {
    let keys = proptest::collection::btree_set(1_i64..40, 1..6);
    let keys = keys.prop_map(|keys| keys.into_iter().collect());
    proptest::collection::vec(keys, 1..80)
}

fn bytes(outcome: &Outcome) -> Vec<u64> {
    outcome.live.iter().map(|segment| segment.bytes).collect()
}

proptest! {
    /// Each segment is at least `ratio` times as large as the next newer one.
    #[test]
    fn geometric_progression(commits in commits(), ratio in 1_u64..5) {
        let sizes = bytes(&play(&format!("geometric:{ratio}"), &keyed(&commits)));
        let progresses = sizes.windows(2).all(|pair| pair[0] >= ratio * pair[1]);
        prop_assert!(progresses, "{:?}", sizes);
    }

    /// RocksDB: fewer runs than the trigger after each merge.
    #[test]
    fn universal_runs(commits in commits(), trigger in 2_u64..8) {
        let measured = play(&format!("universal:{trigger}"), &keyed(&commits)).measured;
        prop_assert!(measured.max_live_segments < trigger.max(2));
    }

    /// Cassandra: fewer than `fan` adjacent segments of a size class.
    #[test]
    fn size_classes(commits in commits(), fan in 2_u64..6) {
        let outcome = play(&format!("tiered:{fan}:flush-bytes=100"), &keyed(&commits));
        let class = |size: &u64| (size / 100).max(1).ilog(fan);
        let sizes = bytes(&outcome);
        let mut runs = sizes.chunk_by(|left, right| class(left) == class(right));
        prop_assert!(runs.all(|run| (run.len() as u64) < fan), "{:?}", sizes);
        let sizes = bytes(&play("leveled:10:flush-bytes=100", &keyed(&commits)));
        let class = |size: &u64| (size / 100).max(1).ilog(10);
        prop_assert!(sizes.windows(2).all(|pair| class(&pair[0]) != class(&pair[1])));
    }

    /// A FIFO never exceeds its limit.
    #[test]
    fn fifo_is_bounded(commits in commits(), limit in 600_u64..2000) {
        let outcome = play(&format!("fifo:{limit}"), &keyed(&commits));
        prop_assert!(bytes(&outcome).iter().sum::<u64>() <= limit);
    }

    /// Kafka: less than half of the bytes in full files is dirty.
    #[test]
    fn kafka_is_mostly_clean(commits in commits()) {
        let live = play("kafka-dirty:50:file-bytes=300", &keyed(&commits)).live;
        let sum = |of: &dyn Fn(&&Segment) -> bool| -> u64 {
            live.iter().filter(of).map(|one| one.bytes).sum()
        };
        let dirty = sum(&|one| one.level == 0 && one.bytes >= 300);
        let clean = sum(&|one| one.level > 0);
        prop_assert!(dirty * 2 < (dirty + clean).max(1), "{} dirty, {} clean", dirty, clean);
    }

    /// A merge of adjacent segments loses nothing: the live segments contain the newest
    /// version of every key.
    #[test]
    fn nothing_is_lost(commits in commits()) {
        let mut newest: std::collections::BTreeSet<i64> = std::collections::BTreeSet::new();
        for keys in &commits {
            newest.extend(keys);
        }
        for spec in lithify_policies::policies::registry::ALL {
            let Outcome { live, measured, .. } = play(spec, &keyed(&commits));
            let kept: u64 = live.iter().map(|one| one.newest_bytes).sum();
            prop_assert_eq!(kept / 100 + measured.lost_records, newest.len() as u64, "{}", spec);
        }
    }
}

/// The documented examples of Bitcask. A file with 6 dead and 4 live keys starts a merge at
/// 60 %. A file with 4 dead and 6 live keys is included in the merge at 40 %, but does not
/// start one.
#[test]
fn bitcask_thresholds() {
    let merges = |overwritten: i64| {
        // A file of ten keys, and then a second file that overwrites some of these keys.
        let mut commits: Vec<Vec<i64>> = (1..=10).map(|key| vec![key]).collect();
        commits.extend((1..=overwritten).map(|key| vec![key]));
        commits.extend((0..10 - overwritten).map(|key| vec![20 + key]));
        let spec = "bitcask:1000:small-bytes=0:percent=40:trigger-percent=60";
        play(spec, &keyed(&commits)).measured.merges
    };
    assert_eq!(merges(5), 0);
    assert_eq!(merges(6), 1);
    // In the first file 6 of 10 keys are dead, in the second 4 of 10. Both are merged.
    let mut commits: Vec<Vec<i64>> = (1..=20).map(|key| vec![key]).collect();
    commits.extend([11, 12, 13, 14, 1, 2, 3, 4, 5, 6].map(|key| vec![key]));
    let taken = |percent: u64| {
        let spec = format!("bitcask:1000:small-bytes=0:percent={percent}:trigger-percent=60");
        shape(&play(&spec, &keyed(&commits)))
    };
    assert_eq!(taken(40), ["1..20@1", "21..30@0"]);
    assert_eq!(taken(41), ["1..10@1", "11..20@0", "21..30@0"]);
}

/// Delta: checkpoints at multiples, combined files between them, and single commits at the
/// end.
#[test]
fn delta_files() {
    let history = synthetic("dense", 28, 1, 0);
    assert_eq!(shape(&play("delta-log:10", &history)).len(), 1 + 8);
    let summed = shape(&play("delta-log:10:compact=4", &history));
    assert_eq!(summed, ["1..20@2", "21..23@1", "24..27@1", "28..28@0"]);
}

/// Raft: a snapshot is written when the number of entries since the last snapshot reaches
/// the threshold. Trailing entries stay on disk.
#[test]
fn raft_snapshots() {
    let history = synthetic("round-robin:5", 25, 1, 0);
    let outcome = play("raft-snapshot:10:trailing=3", &history);
    assert_eq!(shape(&outcome)[0], "1..20@1");
    // Five keys in the snapshot, five later entries, three trailing entries.
    assert_eq!(
        (outcome.measured.space_amplification * 5.0).round() as u64,
        5 + 5 + 3
    );
}

/// One commit every ten minutes. A range becomes a block half a range after its end. The
/// newest block is not merged. Three blocks become one when they fill their range.
#[test]
fn prometheus_ranges() {
    let history = |commits: u64| {
        let mut history = History::new("clock", 1);
        for commit in 0..commits {
            let key = history.new_key(0);
            history.push(commit * 600, vec![put(key)]);
        }
        history
    };
    let blocks = |commits: u64| {
        let names = shape(&play("prometheus:7200", &history(commits)));
        names
            .into_iter()
            .filter(|name| !name.ends_with("@0"))
            .collect::<Vec<String>>()
    };
    // Twelve commits in two hours. The block is written at hour three, with the 19th commit.
    assert!(blocks(18).is_empty());
    assert_eq!(blocks(19), ["1..12@1"]);
    assert_eq!(blocks(43), ["1..12@1", "13..24@1", "25..36@1"]);
    // The fourth block is the newest, and the first three blocks fill their range.
    assert_eq!(blocks(55), ["1..36@2", "37..48@1"]);
}

/// Litestream: the files before a multiple of an interval become one file of the interval's
/// level.
#[test]
fn litestream_levels() {
    let mut history = History::new("clock", 1);
    for commit in 0..40 {
        let key = history.new_key(0);
        history.push(commit * 10, vec![put(key)]);
    }
    let outcome = play("litestream:30/300/3600/86400", &history);
    // 300 s are 30 commits. Then there are three files with three commits in 30 s each, and
    // the open file.
    assert_eq!(
        shape(&outcome),
        ["1..30@2", "31..33@1", "34..36@1", "37..39@1", "40..40@0"]
    );
}

/// Time windows: one segment for each closed window.
#[test]
fn closed_time_windows_have_one_segment() {
    let history = synthetic("dense", 100, 1, 0);
    let live = play("time-window:600", &history).live;
    // Each commit takes 60 s, so a window has ten commits, such as 10 to 19. The last window
    // is open.
    let closed: Vec<&Segment> = live.iter().filter(|one| one.last < 100).collect();
    assert_eq!(closed.len(), 10);
    assert!(closed.iter().skip(1).all(|one| one.commits == 10));
}

/// etcd: all versions of the newest commits stay. Older versions stay only if they are the
/// newest of their key.
#[test]
fn revisions_that_are_kept() {
    let history = synthetic("hot-key", 100, 1, 0);
    let measured = play("revision-keep:20:every=10", &history).measured;
    assert_eq!(measured.live_records, 21);
    assert_eq!(measured.readable_commits, 21);
}
