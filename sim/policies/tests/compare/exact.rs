//! Goal: every closed form is exact, compared with `==`, for any parameters. Method: each
//! policy runs with drawn parameters on drawn dense, periodic and sparse histories. Each
//! exact prediction must equal the measurement, and each policy must predict all metrics
//! that it can.

use lithify_policies::compare::{Compared, History, RunOptions};
use lithify_policies::policies::{Metric, registry::ALL};
use proptest::prelude::*;

use super::support::{play_with, policy, synthetic};

/// All predictions. Checks that no prediction is broken.
fn checked(spec: &str, history: &History, options: &RunOptions) -> Vec<Compared> {
    let policy = policy(spec);
    let outcome = play_with(spec, history, options);
    let profile = history.profile(
        policy.streams(),
        options.keeps_all_versions,
        options.reordering,
    );
    let compared = outcome.measured.compare(&policy.expectations(&profile));
    for one in &compared {
        assert!(!one.is_broken, "{spec} on {}: {one:?}", history.name);
    }
    compared
}

/// Checks the predictions, and requires that at least these metrics were predicted.
fn demand(spec: &str, history: &History, options: &RunOptions, metrics: &[Metric]) {
    let compared = checked(spec, history, options);
    for metric in metrics {
        let found = compared.iter().any(|one| one.expectation.metric == *metric);
        assert!(
            found,
            "{spec} on {} says nothing of {metric:?}",
            history.name
        );
    }
}

const ALIGNED: &[Metric] = &[
    Metric::LiveSegments,
    Metric::MostLiveSegments,
    Metric::LiveSegmentsSummed,
    Metric::LiveRecords,
    Metric::Merges,
    Metric::RecordsWritten,
    Metric::LongestPauseRecords,
    Metric::ReadableCommits,
    Metric::Lag,
];

const ANY: [&str; 5] = [
    "insert-then-delete:3",
    "odd-only",
    "ycsb-a",
    "mixgraph",
    "bernoulli:0.05",
];

fn placements() -> impl Strategy<Value = String> {
    prop_oneof![
        (2_u64..=9).prop_map(|divisor| divisor.to_string()),
        prop::collection::vec(2_u64..=5, 1..=4).prop_map(|radices| {
            let radices: Vec<String> = radices.iter().map(u64::to_string).collect();
            radices.join("/")
        }),
    ]
}

fn removals() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("always".to_owned()),
        Just("never".to_owned()),
        (0_u8..4).prop_map(|level| format!("up-to-level/{level}")),
        (0_u64..80).prop_map(|keep| format!("head-window/{keep}")),
        (0_u64..80, 0_u8..4)
            .prop_map(|(keep, level)| format!("head-window-up-to-level/{keep}/{level}")),
    ]
}

fn options(keeps_all_versions: bool) -> RunOptions {
    RunOptions {
        keeps_all_versions,
        ..RunOptions::default()
    }
}

/// Dense histories: new keys, keys in turn, one key, or several keyspaces.
fn dense() -> impl Strategy<Value = History> {
    (1_u64..200, 0_usize..4, 1_u64..12, 1_usize..4).prop_map(|(commits, kind, keys, keyspaces)| {
        match kind {
            0 => synthetic("dense", commits, 1, 1),
            1 => synthetic(&format!("round-robin:{keys}"), commits, 1, 1),
            2 => synthetic("hot-key", commits, 1, 1),
            _ => synthetic("scrape", commits, keyspaces, 1),
        }
    })
}

proptest! {
    #[test]
    fn aligned_windows(
        history in dense(),
        placement in placements(),
        direct: bool,
        max_level in 0_u8..5,
        remove in removals(),
        keeps_all: bool,
    ) {
        let cascade = if direct { "direct" } else { "step" };
        let spec = format!(
            "aligned:{placement}:cascade={cascade}:max-level={max_level}:remove={remove}"
        );
        demand(&spec, &history, &options(keeps_all), ALIGNED);
        let widest = spec.replace(&format!("cascade={cascade}"), "cascade=widest");
        demand(&widest, &history, &options(keeps_all), ALIGNED);
        demand(&spec.replace("aligned", "global"), &history, &options(keeps_all), ALIGNED);
    }

    #[test]
    fn aligned_variants(
        commits in 1_u64..300,
        keyspaces in 1_usize..3,
        placement in placements(),
        max_level in 1_u8..4,
    ) {
        let history = synthetic("scrape", commits, keyspaces, 1);
        let costs = [Metric::LiveSegments, Metric::RecordsWritten];
        for spec in [
            format!("aligned-leveled:{placement}:max-level={max_level}"),
            format!("aligned-leveled:{placement}"),
            format!("aligned-lazy:{placement}:max-level={max_level}"),
            format!("aligned-paced:{placement}:max-level={max_level}"),
            format!("aligned-paced:{placement}"),
        ] {
            demand(&spec, &history, &options(false), &costs);
        }
    }

    #[test]
    fn lazy_windows_with_overwrites(
        commits in 1_u64..300,
        keys in 1_u64..20,
        divisor in 2_u64..5,
        max_level in 1_u8..4,
    ) {
        let history = synthetic(&format!("round-robin:{keys}"), commits, 1, 1);
        let spec = format!("aligned-lazy:{divisor}:max-level={max_level}");
        demand(&spec, &history, &options(false), &[Metric::LiveSegments, Metric::RecordsWritten]);
    }

    #[test]
    fn sparse_streams(
        commits in 1_u64..200,
        keyspaces in 1_usize..6,
        seed: u64,
        divisor in 2_u64..6,
        minimum in 2_u64..6,
        direct: bool,
    ) {
        let history = synthetic("bernoulli:0.3", commits, keyspaces, seed);
        let cascade = if direct { "direct" } else { "step" };
        let costs = [Metric::LiveSegments, Metric::RecordsWritten];
        let spec = format!("aligned:{divisor}:cascade={cascade}:min-inputs={minimum}");
        demand(&spec, &history, &options(false), &costs);
        demand(&format!("aligned:{divisor}:cascade=widest"), &history, &options(false), &costs);
        let costs = [Metric::LiveSegments, Metric::RecordsWritten, Metric::Merges];
        demand(&format!("count:{divisor}:cascade={cascade}"), &history, &options(false), &costs);
        let costs = [Metric::LiveSegments, Metric::Merges];
        demand(&format!("intent:{divisor}"), &history, &options(false), &costs);
    }

    #[test]
    fn counting(commits in 1_u64..300, keys in 1_u64..20, divisor in 2_u64..6, direct: bool) {
        let history = synthetic(&format!("round-robin:{keys}"), commits, 1, 1);
        let cascade = if direct { "direct" } else { "step" };
        let costs = [Metric::LiveSegments, Metric::Merges, Metric::RecordsWritten];
        demand(&format!("count:{divisor}:cascade={cascade}"), &history, &options(false), &costs);
    }

    /// Policies that rewrite the whole log and check it at each commit.
    #[test]
    fn the_ratio_law(commits in 2_u64..400, keys in 1_u64..20, ratio in 2_u64..12, percent in 1_u64..99) {
        let history = synthetic(&format!("round-robin:{keys}"), commits, 1, 1);
        let at_once = "check=0:min-interval=0:max-interval=off";
        let ratio = format!("wal-ratio:{ratio}:{at_once}");
        // With a minimum of 0, a file without dead entries would be rewritten again and
        // again.
        let dead = format!("dead-ratio:{percent}:check=0:min-bytes=0");
        demand(&ratio, &history, &options(false), &[Metric::RecordsWritten]);
        demand(&dead, &history, &options(false), &[Metric::RecordsWritten]);
        let hot = synthetic("hot-key", commits, 1, 1);
        let growth = format!("aof-growth:{}:min-bytes=0", percent * 3);
        demand(&growth, &hot, &options(false), &[Metric::RecordsWritten]);
    }

    /// The bounds of the ratio law hold for any history and any interval of checks.
    #[test]
    fn the_bounds_of_the_ratio_law(
        workload in prop::sample::select(&["insert-then-delete:9", "mixgraph", "ycsb-a", "dense"][..]),
        commits in 2_u64..400,
        seed: u64,
        ratio in 2_u64..6,
        percent in 1_u64..60,
        check in 0_u64..2000,
        least in 0_u64..2000,
        most in prop::option::of(0_u64..5000),
        min_bytes in 0_u64..5000,
    ) {
        let history = synthetic(workload, commits, 1, seed);
        let most = most.map_or("off".to_owned(), |most| most.to_string());
        let costs = [Metric::BytesWritten, Metric::LiveBytes, Metric::PeakBytes];
        for spec in [
            format!("wal-ratio:{ratio}:check={check}:min-interval={least}:max-interval={most}"),
            format!("dead-ratio:{percent}:check={check}:min-bytes={}", min_bytes + 1),
            format!("aof-growth:{}:min-bytes={min_bytes}", 5 * percent),
        ] {
            demand(&spec, &history, &options(false), &costs);
        }
        // Bitcask makes no prediction for histories with tombstones.
        let files = format!("bitcask:{}:small-bytes=0:percent={percent}", min_bytes + 100);
        let costs = [Metric::BytesWritten, Metric::LiveBytes];
        let costs = if workload == "insert-then-delete:9" { &costs[..0] } else { &costs[..] };
        demand(&files, &history, &options(false), costs);
    }

    #[test]
    fn snapshots(commits in 1_u64..300, keys in 1_u64..40, every in 2_u64..30) {
        let costs = [Metric::RecordsWritten, Metric::ReplayedCommits];
        for workload in ["dense".to_owned(), format!("round-robin:{keys}")] {
            let history = synthetic(&workload, commits, 1, 1);
            for spec in [
                format!("snapshot-truncate:{every}"),
                format!("raft-snapshot:{every}:trailing=5"),
                format!("delta-log:{every}"),
                format!("tiered-retention:{every}"),
            ] {
                demand(&spec, &history, &options(false), &costs);
            }
        }
    }

    /// Every prediction of every policy holds for every history.
    #[test]
    fn nothing_that_is_said_is_wrong(
        commits in 1_u64..80,
        seed: u64,
        keeps_all: bool,
        workload in prop::sample::select(&ANY[..]),
        spec in prop::sample::select(ALL),
    ) {
        checked(spec, &synthetic(workload, commits, 2, seed), &options(keeps_all));
    }
}

/// The mean of many drawn histories is close to the predicted mean.
#[test]
fn sparse_means() {
    let keyspaces = 400;
    for (q, divisor, cascade) in [(0.5, 2, "direct"), (0.1, 4, "step"), (0.02, 10, "direct")] {
        let history = synthetic(&format!("bernoulli:{q}"), 1500, keyspaces, 5);
        let spec = format!("aligned:{divisor}:cascade={cascade}");
        let compared = checked(&spec, &history, &options(false));
        let means: Vec<f64> = compared
            .iter()
            .filter_map(|one| match one.expectation.expected {
                lithify_policies::policies::Value::OnAverage(mean) => Some(one.difference / mean),
                _ => None,
            })
            .collect();
        assert_eq!(means.len(), 2, "live segments and records written");
        for difference in means {
            assert!(difference.abs() < 0.02, "{spec}: {difference}");
        }
    }
}
