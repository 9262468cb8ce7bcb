//! Goal: each statement of the commit-driven design is tested. Method: the policies that follow
//! from the possible readings of the design run on histories on which they differ.

use lithify_policies::compare::{Outcome, RunError, RunOptions, run};
use lithify_policies::policies::retention::Remove;
use lithify_policies::policies::{Event, Job, Policy, Segment, View};
use lithify_sim::keyed::Seed;

use super::support::{play, play_with, policy, shape, synthetic, touched};

fn jobs(
    spec: &str,
    outcome_of: &lithify_policies::compare::History,
) -> Vec<(Vec<String>, Option<String>)> {
    let options = RunOptions {
        explain: true,
        ..RunOptions::default()
    };
    let Outcome { explained, .. } = play_with(spec, outcome_of, &options);
    let jobs = explained.into_iter().map(|job| (job.inputs, job.output));
    jobs.collect()
}

/// Whenever there are enough inputs, an intent is pending. So `intent` makes the same merges as
/// `count`, job by job.
#[test]
fn intents_are_vacuous() {
    for seed in 0..300 {
        let divisor = 2 + seed % 4;
        let q = [0.02, 0.1, 0.5, 0.9][seed as usize % 4];
        let history = synthetic(&format!("bernoulli:{q}"), 200, 3, seed);
        let count = jobs(&format!("count:{divisor}"), &history);
        assert_eq!(
            jobs(&format!("intent:{divisor}"), &history),
            count,
            "seed {seed}"
        );
        assert_eq!(
            jobs(&format!("option-a:{divisor}"), &history),
            count,
            "seed {seed}"
        );
    }
}

/// With two channels and a random choice between them, an intent can be late, and there are
/// several layouts.
#[test]
fn an_intent_that_races_makes_several_layouts() {
    let history = synthetic("bernoulli:0.5", 60, 1, 3);
    let layouts = |spec: &str, reordering: u64| -> usize {
        let all = (0..50).map(|seed| {
            let options = RunOptions {
                reordering,
                seed: Seed(seed),
                ..RunOptions::default()
            };
            play_with(spec, &history, &options).layout
        });
        all.collect::<std::collections::BTreeSet<u64>>().len()
    };
    assert_eq!(layouts("intent:2:race=yes", 0), 1);
    assert!(layouts("intent:2:race=yes", 3) > 10);
}

/// Odd commits never end at an alignment point, so `strict` never merges. The other policies
/// merge.
#[test]
fn strict_is_unbounded_on_odd_commits() {
    for commits in [10, 100, 1000] {
        let history = synthetic("odd-only", commits, 1, 0);
        let live = |spec: &str| play(spec, &history).measured.live_segments;
        assert_eq!(live("strict:2"), commits / 2);
        assert!(live("aligned:2") <= u64::from(commits.count_ones()));
        assert!(live("count:2") <= u64::from((commits / 2).count_ones()));
    }
}

/// With callbacks in order, the rejected callback makes the exact windows. With late callbacks,
/// segments cross window edges, and common boundaries are lost.
#[test]
fn the_rejected_callback_relies_on_order() {
    let history = synthetic("scrape", 63, 3, 0);
    let readable = |spec: &str, reordering: u64, seed: u64| {
        let options = RunOptions {
            reordering,
            seed: Seed(seed),
            boundary_divisor: 2,
            ..RunOptions::default()
        };
        let measured = play_with(spec, &history, &options).measured;
        assert_eq!(measured.boundaries, 6);
        measured.readable_boundaries
    };
    assert_eq!(readable("commit-callback:2", 0, 0), 6);
    let mut lost = 0;
    for seed in 0..100 {
        assert_eq!(readable("aligned:2", 6, seed), 6);
        lost += 6 - readable("commit-callback:2", 6, seed);
    }
    assert!(lost > 100, "{lost} of 600");
}

/// A callback after a later one is refused, and the segments that it should have merged wait.
#[test]
fn a_late_callback_leaves_its_segment_behind() {
    let history = synthetic("dense", 15, 1, 0);
    let in_order = shape(&play("commit-callback:2", &history));
    assert_eq!(in_order, ["1..8@3", "9..12@2", "13..14@1", "15..15@0"]);
    let stuck = (0..200).any(|seed| {
        let options = RunOptions {
            reordering: 4,
            seed: Seed(seed),
            ..RunOptions::default()
        };
        let live = play_with("commit-callback:2", &history, &options).live;
        live.iter().any(|one| one.level == 0 && one.last < 13)
    });
    assert!(stuck);
}

/// The level in `commit % divisor^level == 0` is the level of the output: no segment is at level
/// 1 before commit 2, and commit 4 makes a segment of level 2.
#[test]
fn the_level_is_that_of_the_output() {
    let step = |commits| {
        shape(&play(
            "aligned:2:cascade=step",
            &synthetic("dense", commits, 1, 0),
        ))
    };
    assert_eq!(step(1), ["1..1@0"]);
    assert_eq!(step(2), ["1..2@1"]);
    assert_eq!(step(3), ["1..2@1", "3..3@0"]);
    assert_eq!(step(4), ["1..4@2"]);
}

/// Merges take no commit number: after five commits the next one is the sixth, and a segment
/// claims exactly the commits that it contains.
#[test]
fn compaction_consumes_no_commits() {
    for spec in ["count:2", "aligned:2", "commit-callback:2", "intent:2"] {
        let outcome = play(spec, &synthetic("dense", 5, 1, 0));
        assert_eq!(outcome.measured.commits, 5);
        for segment in &outcome.live {
            assert_eq!(segment.commits, segment.last - segment.first + 1, "{spec}");
        }
    }
}

/// The compaction-logic test that the design names: two segments become one when the second one
/// comes.
#[test]
fn compaction_logic() {
    let counted = shape(&play("count:2", &touched(&[2, 4, 6], 6)));
    assert_eq!(counted, ["2..4@1", "6..6@0"]);
    // Exact windows: 2 is alone in (0..2], 4 is alone in (2..4], and together they are in
    // (0..4].
    let exact = shape(&play("aligned:2", &touched(&[2, 4, 6], 6)));
    assert_eq!(exact, ["2..4@2", "6..6@0"]);
}

/// The file-removal test: each strategy leaves the files that it promises to keep.
#[test]
fn file_removal() {
    let history = synthetic("dense", 8, 1, 0);
    let records = |remove: &str| {
        let measured = play(&format!("aligned:2:cascade=step:remove={remove}"), &history).measured;
        (measured.space_amplification * 8.0).round() as u64
    };
    assert_eq!(records("always"), 8);
    // Levels 0 to 3 have eight records each.
    assert_eq!(records("never"), 32);
    assert_eq!(records("up-to-level/0"), 24);
    assert_eq!(records("up-to-level/1"), 16);
    // Commits 5 to 8 are inside the window: four at each of levels 0 to 2.
    assert_eq!(records("head-window/4"), 8 + 4 * 3);
    assert_eq!(records("head-window-up-to-level/4/0"), 8 + 4 + 16);
}

/// The head-window test, with the mistake of the design: as written, the window ignores the
/// commit of an input and removes inputs inside the window.
#[test]
fn a_head_window_as_written_ignores_the_commit() {
    let input = |last: u64| {
        let live = play("none", &touched(&[last], last)).live;
        live.into_iter().next().unwrap()
    };
    let keeps = |strategy: &str, segment: &Segment| {
        let strategy: Remove = strategy.parse().unwrap();
        strategy.keeps(100, segment)
    };
    let (inside, outside) = (input(99), input(89));
    assert!(keeps("head-window/10", &inside));
    assert!(!keeps("head-window/10", &outside));
    assert!(
        !keeps("head-window-as-written/10", &inside),
        "removed inside the window"
    );
    let history = synthetic("dense", 100, 1, 0);
    let readable = |remove: &str| {
        let outcome = play(&format!("count:2:remove={remove}"), &history);
        outcome.measured.readable_commits
    };
    assert!(readable("head-window/10") > readable("head-window-as-written/10"));
    assert_eq!(readable("head-window-as-written/10"), readable("always"));
}

/// The recovery test without faults: the live segments contain the newest version of every key.
#[test]
fn recovery_happy_path() {
    let history = synthetic("round-robin:7", 100, 1, 0);
    for spec in [
        "aligned:4",
        "count:2",
        "strict:2",
        "intent:2",
        "commit-callback:2",
        "global:4",
    ] {
        let measured = play(spec, &history).measured;
        assert!(measured.live_records >= 7, "{spec}");
        assert!(measured.recovery_bytes >= 700, "{spec}");
        assert_eq!(measured.lost_records, 0, "{spec}");
    }
}

/// Common boundaries: with exact windows every keyspace can be read at each of them.
#[test]
fn common_boundaries_are_readable() {
    for seed in 0..20 {
        let history = synthetic("bernoulli:0.3", 1000, 8, seed);
        let options = RunOptions {
            boundary_divisor: 4,
            ..RunOptions::default()
        };
        let readable = |spec: &str| {
            let measured = play_with(spec, &history, &options).measured;
            (measured.readable_boundaries, measured.boundaries)
        };
        let (aligned, all) = readable("aligned:4");
        assert_eq!(aligned, all);
        assert!(readable("count:4").0 < all, "seed {seed}");
        assert!(readable("strict:4").0 < all, "seed {seed}");
    }
}

/// At each even commit, merges all segments into one, if the last output ends before the commit.
/// With `accepts_equal`, as the document says in another place, also if the output ends at the
/// commit.
#[derive(Debug)]
struct Checked {
    accepts_equal: bool,
}

impl Policy for Checked {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Committed { commit } = event else {
            return Vec::new();
        };
        let segments: Vec<&Segment> = view.segments(0).collect();
        let outputs = segments.iter().filter(|one| one.level > 0);
        let end = outputs.map(|one| one.last).max().unwrap_or(0);
        let passes = end < commit || (self.accepts_equal && end == commit);
        if commit % 2 == 1 || !passes {
            return Vec::new();
        }
        vec![Job::merge(
            &segments,
            1,
            "checked",
            format!("{end} and {commit}"),
        )]
    }
}

/// `end <= commit` accepts a second trigger for the same commit. So it is not idempotent, and a
/// caller that asks until no job is left never ends. `end < commit` is idempotent.
#[test]
fn a_check_that_accepts_equality_is_not_idempotent() {
    let history = synthetic("dense", 8, 1, 0);
    let merges = |accepts_equal: bool| {
        let outcome = run(&Checked { accepts_equal }, &history, &RunOptions::default());
        outcome.map(|outcome| outcome.measured.merges)
    };
    assert_eq!(merges(false), Ok(4));
    let endless = matches!(merges(true), Err(RunError::Endless { commit: 2, .. }));
    assert!(endless, "{:?}", merges(true));
}

/// The rejected callback after a channel that had no space for the trigger of one commit.
#[derive(Debug)]
struct Dropping<'policy> {
    policy: &'policy dyn Policy,
    dropped: u64,
}

impl Policy for Dropping<'_> {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let dropped = Event::Committed {
            commit: self.dropped,
        };
        match event == dropped {
            true => Vec::new(),
            false => self.policy.plan(view, event),
        }
    }
}

/// A send that does not wait loses a trigger when the channel is full. The window stays open,
/// and the next trigger merges the segments that are left across the edge.
#[test]
fn a_lost_trigger_merges_across_the_edge() {
    let history = synthetic("dense", 12, 1, 0);
    let policy = policy("commit-callback:2");
    let live = |dropped: u64| {
        let dropping = Dropping {
            policy: &*policy,
            dropped,
        };
        shape(&run(&dropping, &history, &RunOptions::default()).unwrap())
    };
    assert_eq!(live(0), ["1..8@3", "9..12@2"]);
    assert!(!live(8).iter().any(|name| name.starts_with("1..8@")));
    let across = |name: &String| name.starts_with("7..") || name.starts_with("5..12@");
    assert!(live(8).iter().any(across), "{:?}", live(8));
}
