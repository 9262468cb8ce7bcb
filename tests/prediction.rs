//! Goal: every closed form is exact. Method: tiny simulators of each policy
//! (in `tests/prediction/`) play a history commit by commit, with real entries,
//! real merges and real removals, and share no arithmetic with the library; the
//! predictions must equal what they counted. Expectations are compared with the
//! mean over *all* histories of a small size, so they need no sampling. One
//! test walks every commit number of many alignments, the others draw theirs.

#[path = "prediction/aligned.rs"]
mod aligned;
#[path = "prediction/others.rs"]
mod others;

use std::num::NonZeroU64;

use aligned::Simulation;
use lithify::Commit;
use lithify::align::{Alignment, Cascade, Level};
use lithify::options::{History, RemoveInputs};
use lithify::predict::ratio::{RatioRule, SnapshotRule};
use lithify::predict::{Assumptions, dense, leveled, live, paced, predict, readable, sparse};
use proptest::prelude::*;

const CASCADES: [Cascade; 2] = [Cascade::Step, Cascade::Direct];

fn alignments() -> impl Strategy<Value = Alignment> {
    let unlimited = prop_oneof![
        (2_u64..=12).prop_map(|divisor| Alignment::uniform(divisor).unwrap()),
        prop::collection::vec(2_u64..=7, 1..=5)
            .prop_map(|radices| Alignment::mixed(&radices).unwrap()),
    ];
    (unlimited, prop_oneof![Just(Level::MAX), 0_u8..=4])
        .prop_map(|(alignment, level)| alignment.with_max_level(level))
}

fn cascades() -> impl Strategy<Value = Cascade> {
    prop::sample::select(&CASCADES[..])
}

fn histories() -> impl Strategy<Value = History> {
    prop_oneof![
        Just(History::All),
        Just(History::Newest),
        (1_u64..=40).prop_map(History::Last)
    ]
}

fn removals() -> impl Strategy<Value = RemoveInputs> {
    prop_oneof![
        Just(RemoveInputs::Never),
        Just(RemoveInputs::Always),
        (0_u8..=5).prop_map(RemoveInputs::UpToLevel),
        (0_u64..=300).prop_map(|keep| RemoveInputs::HeadWindow { keep }),
        (0_u64..=300, 0_u8..=5)
            .prop_map(|(keep, level)| RemoveInputs::HeadWindowUpToLevel { keep, level }),
    ]
}

fn assumptions() -> impl Strategy<Value = Assumptions> {
    (prop::option::of(1_u64..=50), histories(), removals()).prop_map(
        |(keys, history, remove_inputs)| Assumptions {
            distinct_keys: keys.and_then(NonZeroU64::new),
            history,
            remove_inputs,
        },
    )
}

/// The alignments that are walked through completely.
fn walked_alignments() -> Vec<Alignment> {
    let mut walked: Vec<Alignment> = (2..=12)
        .map(|divisor| Alignment::uniform(divisor).unwrap())
        .collect();
    for divisor in [2, 3, 10] {
        walked.extend(
            (0..=3).map(|level| Alignment::uniform(divisor).unwrap().with_max_level(level)),
        );
    }
    for radices in [
        &[2, 3, 4, 5, 6][..],
        &[7, 2, 5],
        &[12, 2],
        &[30, 10, 12, 24],
        &[2, 2, 9, 2, 2],
    ] {
        walked.push(Alignment::mixed(radices).unwrap());
    }
    walked
}

/// Compares every field of the prediction that a simulation can count.
fn check_against(
    simulation: &Simulation,
    alignment: &Alignment,
    cascade: Cascade,
    assumptions: &Assumptions,
) {
    let commits = simulation.commits;
    let prediction = predict(alignment, cascade, commits, assumptions);
    let label = format!("{alignment} {cascade} after {commits}, {assumptions:?}");
    assert_eq!(
        prediction.live_segments,
        simulation.live.len() as u64,
        "live segments, {label}"
    );
    assert_eq!(
        prediction.live_entries,
        simulation.live_entries(),
        "live entries, {label}"
    );
    assert_eq!(
        prediction.max_live_segments,
        simulation.live_after.iter().copied().max().unwrap_or(0),
        "most live, {label}"
    );
    assert_eq!(
        prediction.live_segments_summed,
        simulation
            .live_after
            .iter()
            .map(|&live| u128::from(live))
            .sum(),
        "live summed, {label}"
    );
    assert_eq!(prediction.merges, simulation.merges, "merges, {label}");
    assert_eq!(
        prediction.entries_written, simulation.entries_written,
        "entries written, {label}"
    );
    assert_eq!(
        (
            prediction.longest_pause_entries,
            prediction.longest_pause_commit
        ),
        simulation.longest_pause(),
        "longest pause, {label}"
    );
    assert_eq!(
        prediction.last_pause_entries,
        simulation.pauses.last().copied().unwrap_or(0),
        "last pause, {label}"
    );
    let windows: Vec<(Level, u64, u64)> = prediction
        .live_windows
        .iter()
        .flat_map(|group| {
            (0..group.count).map(|index| {
                (
                    group.level,
                    group.start + index * group.width,
                    group.start + (index + 1) * group.width,
                )
            })
        })
        .collect();
    assert_eq!(windows, simulation.live_windows(), "live windows, {label}");
}

#[test]
fn every_commit_of_many_alignments_is_predicted() {
    let assumptions = Assumptions::default();
    for alignment in walked_alignments() {
        for cascade in CASCADES {
            let mut simulation = Simulation::new(&alignment, cascade, &assumptions);
            check_against(&simulation, &alignment, cascade, &assumptions);
            for _ in 0..1100 {
                simulation.commit();
                check_against(&simulation, &alignment, cascade, &assumptions);
            }
        }
    }
}

proptest! {
    #[test]
    fn counts_equal_a_simulation_with_overwrites(alignment in alignments(), cascade in cascades(), commits in 0_u64..=4000, assumptions in assumptions()) {
        let simulation = Simulation::run(&alignment, cascade, &assumptions, commits);
        check_against(&simulation, &alignment, cascade, &assumptions);
    }

    #[test]
    fn readable_commits_equal_the_recursive_definition(alignment in alignments(), cascade in cascades(), commits in 0_u64..=400, history in histories(), remove_inputs in removals()) {
        let assumptions = Assumptions { distinct_keys: None, history, remove_inputs };
        let simulation = Simulation::run(&alignment, cascade, &assumptions, commits);
        let simulated: Vec<u64> = (1..=commits).filter(|&at| simulation.can_read(at)).collect();
        let predicted = readable::readable(&alignment, commits, history, remove_inputs);
        prop_assert_eq!(predicted.ranges().flatten().collect::<Vec<u64>>(), simulated.clone());
        prop_assert_eq!(predicted.count, simulated.len() as u64);
        prop_assert_eq!(predicted.range_count, predicted.ranges().count() as u64);
        for at in 0..=commits + 1 {
            prop_assert_eq!(predicted.contains(at), simulated.binary_search(&at).is_ok());
        }
        // Ranges are maximal: at least one unreadable commit lies between two.
        let ranges: Vec<_> = predicted.ranges().collect();
        prop_assert!(ranges.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
    }

    #[test]
    fn as_of_reads_open_the_predicted_number_of_segments(alignment in alignments(), cascade in cascades(), commits in 1_u64..=600, draw in any::<prop::sample::Index>()) {
        let at = draw.index(usize::try_from(commits).unwrap()) as u64 + 1;
        let kept = Assumptions { history: History::Newest, remove_inputs: RemoveInputs::Never, ..Assumptions::default() };
        let simulation = Simulation::run(&alignment, cascade, &kept, commits);
        prop_assert_eq!(live::segments(&alignment, at), simulation.segments_opened(at));
        let removed = Assumptions::default();
        let simulation = Simulation::run(&alignment, cascade, &removed, commits);
        prop_assert_eq!(dense::segments_read_inputs_removed(&alignment, commits, at), simulation.segments_opened(at));
    }

    #[test]
    fn the_most_live_segments_of_a_range_are_found(alignment in alignments(), from in 0_u64..=3000, more in prop_oneof![0_u64..=12, 0_u64..=3000]) {
        let to = from + more;
        let highest = (from..=to).map(|commits| alignment.layout_at(Commit::new(commits)).len() as u64).max();
        prop_assert_eq!(Some(live::most(&alignment, from, to)), highest);
        if from < to {
            prop_assert_eq!(live::most(&alignment, to, from), 0);
        }
    }

    #[test]
    fn the_leveled_variant_equals_its_simulation(alignment in alignments(), commits in 0_u64..=3000) {
        let (live, entries) = others::leveled(&alignment, commits);
        prop_assert_eq!(leveled::live_segments(&alignment, commits), live);
        prop_assert_eq!(leveled::entries_written(&alignment, commits), entries);
    }

    #[test]
    fn the_paced_variant_equals_its_simulation(alignment in alignments(), commits in 0_u64..=3000) {
        let simulated = others::paced(&alignment, commits);
        prop_assert_eq!(paced::live_per_level(&alignment, commits), simulated.live_per_level);
        prop_assert_eq!(paced::entries_written(&alignment, commits), simulated.entries_written);
        prop_assert_eq!(paced::work_at(&alignment, commits), simulated.work.last().copied().unwrap_or(0));
        let live = paced::live_per_level(&alignment, commits);
        for (level, pair) in alignment.widths().windows(2).enumerate().filter(|(_, pair)| pair[1] <= commits) {
            let (digit, radix) = (commits % pair[1] / pair[0], pair[1] / pair[0]);
            prop_assert_eq!(live[level], digit + radix - u64::from(level > 0));
        }
        let most = simulated.work.iter().copied().max().unwrap_or(0);
        prop_assert!(most <= paced::work_bound(&alignment, commits), "{most} entries in one commit");
    }

    #[test]
    fn the_ratio_rule_equals_its_simulation(live in 1_u64..=60, more in 1_u64..=200, updates in 0_u64..=3000) {
        let rule = RatioRule::new(live, live + more).unwrap();
        let simulated = others::ratio(live, live + more, updates);
        prop_assert_eq!(rule.entries_written(updates), simulated.entries_written);
        prop_assert_eq!(rule.recovery_entries(updates), simulated.log);
        prop_assert!(simulated.peak <= rule.peak_entries());
        if updates >= more {
            prop_assert_eq!((simulated.peak, simulated.pause), (rule.peak_entries(), rule.pause_entries()));
        }
        // The law is reached exactly at the end of each cycle.
        let whole = others::ratio(live, live + more, 7 * more).entries_written as f64 / (7 * more) as f64;
        prop_assert!((rule.write_amplification() - whole).abs() <= 1e-12 * whole);
    }

    #[test]
    fn the_snapshot_rule_equals_its_simulation(every in 1_u64..=50, keys in 1_u64..=200, commits in 0_u64..=2000) {
        let rule = SnapshotRule::new(every, keys).unwrap();
        let simulated = others::snapshot(every, keys, commits);
        prop_assert_eq!((rule.entries_written(commits), rule.replayed_entries(commits), rule.files(commits)), simulated);
    }
}

#[test]
fn expectations_equal_the_mean_over_all_histories() {
    const COMMITS: u64 = 10;
    let texts = [
        "none", "2", "2x1", "2x2", "3", "3x1", "4", "2,3", "3,2", "2,2,2", "5", "10", "11",
    ];
    for alignment in texts.map(|text| text.parse::<Alignment>().unwrap()) {
        for cascade in CASCADES {
            for q in [0.0, 0.001, 0.3, 0.5, 0.9, 1.0] {
                let mean = others::mean_over_all_histories(&alignment, cascade, COMMITS, q);
                let expected = (
                    sparse::live_segments(&alignment, COMMITS, q),
                    sparse::entries_written(&alignment, cascade, COMMITS, q),
                );
                let close = |one: f64, other: f64| (one - other).abs() <= 1e-12 * other.max(1e-3);
                assert!(
                    close(expected.0, mean.0),
                    "live: {expected:?}, counted {mean:?}, {alignment} {cascade} q={q}"
                );
                assert!(
                    close(expected.1, mean.1),
                    "entries: {expected:?}, counted {mean:?}, {alignment} {cascade} q={q}"
                );
            }
        }
    }
}

#[test]
fn with_every_commit_touched_the_expectation_is_the_exact_count() {
    for alignment in walked_alignments() {
        for cascade in CASCADES {
            for commits in [0, 1, 2, 100, 4096, 1_000_000] {
                let exact =
                    dense::entries_written(&alignment, cascade, commits, &Assumptions::default());
                assert_eq!(
                    sparse::entries_written(&alignment, cascade, commits, 1.0),
                    exact as f64
                );
                assert_eq!(
                    sparse::live_segments(&alignment, commits, 1.0),
                    live::segments(&alignment, commits) as f64
                );
            }
        }
    }
}

/// The forms as they are usually written, for a uniform divisor d and N = d^k.
#[test]
fn powers_of_the_divisor_have_the_textbook_values() {
    for divisor in 2_u64..=12 {
        let alignment = Alignment::uniform(divisor).unwrap();
        for exponent in 1..=5_u64 {
            let commits = divisor.pow(u32::try_from(exponent).unwrap());
            let all = Assumptions::default();
            let written = |cascade| dense::entries_written(&alignment, cascade, commits, &all);
            let (n, d, k) = (
                u128::from(commits),
                u128::from(divisor),
                u128::from(exponent),
            );
            assert_eq!(written(Cascade::Step), n * (k + 1));
            assert_eq!(
                written(Cascade::Direct) * d,
                n * (2 * d + (k - 1) * (d - 1))
            );
            assert_eq!(
                leveled::entries_written(&alignment, commits) * 2,
                n * (k * (d - 1) + 2)
            );
            assert_eq!(
                live::most(&alignment, 0, commits - 1),
                (divisor - 1) * exponent
            );
            assert_eq!(live::summed(&alignment, commits - 1) * 2, n * k * (d - 1));
            assert_eq!(
                dense::pause(&alignment, Cascade::Step, commits, &all) * (d - 1),
                n * d - d
            );
            let hot = Assumptions {
                distinct_keys: NonZeroU64::new(1),
                history: History::Newest,
                ..all
            };
            assert_eq!(
                dense::entries_written(&alignment, Cascade::Step, commits, &hot) * (d - 1),
                n * d - 1
            );
        }
    }
}

#[test]
fn a_day_of_seconds_in_the_radices_of_litestream() {
    let day = "30,10,12,24".parse::<Alignment>().unwrap();
    // Without the snapshot file, which belongs to the day before.
    assert_eq!(live::most(&day, 0, 86_399), 29 + 9 + 11 + 23);
    assert_eq!(live::summed(&day, 86_399), 86_400 * 36);
}

#[test]
fn enormous_histories_are_predicted_without_walking_them() {
    for commits in [1_000_000_000_000_000, u64::MAX] {
        for alignment in walked_alignments() {
            for (cascade, keep) in [(Cascade::Step, 1_000), (Cascade::Direct, u64::MAX)] {
                for remove_inputs in [
                    RemoveInputs::Always,
                    RemoveInputs::UpToLevel(0),
                    RemoveInputs::HeadWindowUpToLevel { keep, level: 1 },
                ] {
                    let assumptions = Assumptions {
                        distinct_keys: NonZeroU64::new(1_000),
                        history: History::Last(7),
                        remove_inputs,
                    };
                    let prediction = predict(&alignment, cascade, commits, &assumptions);
                    let text = format!(
                        "{prediction}\n{}",
                        serde_json::to_string(&prediction).unwrap()
                    );
                    assert!(text.contains(&commits.to_string()));
                    assert!(paced::entries_written(&alignment, commits) >= u128::from(commits));
                    assert!(leveled::entries_written(&alignment, commits) >= u128::from(commits));
                    assert!(prediction.readable_commits_when_thinned.count <= commits);
                    assert!(prediction.readable_commits_when_thinned.contains(commits));
                }
            }
        }
    }
}

#[test]
fn impossible_comparison_rules_are_refused() {
    assert_eq!(RatioRule::new(10, 10), None);
    assert_eq!(RatioRule::new(0, 10), None);
    assert_eq!(SnapshotRule::new(0, 10), None);
    assert_eq!(SnapshotRule::new(10, 0), None);
}

#[test]
fn a_prediction_prints_one_line_for_each_fact() {
    let four = Alignment::uniform(4).unwrap();
    let assumptions = Assumptions {
        history: History::Last(1),
        ..Assumptions::default()
    };
    insta::assert_snapshot!(predict(&four, Cascade::Direct, 100, &assumptions), @r"
    commits                100
    divisor                4
    highest level          31
    cascade                direct
    keys                   a new one in each commit
    merges                 25
    entries written        320
    write amplification    3.200
    longest pause          64 entries, first at commit 64
    pause at last commit   4 entries
    live entries           100
    read at last commit    4 segments
    live segments, most    9
    live segments, mean    4.540
    readable commits       8: 63..64 79..80 95..96 99..100
    live segments          4
      level 3              1 window of 64 in (0..64]
      level 2              2 windows of 16 in (64..96]
      level 1              1 window of 4 in (96..100]
    ");
}

#[test]
fn a_prediction_serializes_with_its_exact_integers() {
    let mixed = "3,2".parse::<Alignment>().unwrap();
    let assumptions = Assumptions {
        history: History::Newest,
        remove_inputs: RemoveInputs::UpToLevel(0),
        ..Assumptions::default()
    };
    insta::assert_json_snapshot!(predict(&mixed, Cascade::Step, 20, &assumptions), @r#"
    {
      "alignment": "3,2",
      "radices": [
        3,
        2
      ],
      "cascade": "step",
      "max_level": 2,
      "commits": 20,
      "assumptions": {
        "distinct_keys": null,
        "history": "newest",
        "remove_inputs": {
          "up_to_level": 0
        }
      },
      "live_segments": 5,
      "live_windows": [
        {
          "level": 2,
          "width": 6,
          "count": 3,
          "start": 0,
          "end": 18
        },
        {
          "level": 0,
          "width": 1,
          "count": 2,
          "start": 18,
          "end": 20
        }
      ],
      "live_entries": 20,
      "max_live_segments": 5,
      "live_segments_summed": 57,
      "mean_live_segments": 2.85,
      "merges": 9,
      "entries_written": 56,
      "write_amplification": 2.8,
      "longest_pause_entries": 9,
      "longest_pause_commit": 6,
      "last_pause_entries": 0,
      "as_of_read_segments": 5,
      "readable_commits_when_thinned": {
        "count": 8,
        "range_count": 6,
        "spans": [
          {
            "first": 3,
            "last": 18,
            "run": 1,
            "every": 3
          },
          {
            "first": 19,
            "last": 20,
            "run": 2,
            "every": 2
          }
        ]
      }
    }
    "#);
}
