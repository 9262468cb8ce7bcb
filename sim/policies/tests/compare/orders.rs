//! Goal: the effect of reordered callbacks on layouts, and the correct delivery of callbacks by
//! the laboratory. Method: drawn schedules; a policy that records all events; counts of
//! distinct layouts.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "reads recorded histories and a page"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use lithify_policies::compare::git::{self, Grouping};
use lithify_policies::compare::schedules::schedules;
use lithify_policies::compare::{History, RunOptions, run};
use lithify_policies::git::RawLog;
use lithify_policies::policies::{Event, Job, Policy, View, registry};
use lithify_sim::keyed::Seed;
use proptest::prelude::*;

use super::support::{play_with, policy, synthetic};

/// Merges nothing, and records every event.
#[derive(Debug, Default)]
struct Listener {
    heard: RefCell<Vec<Event>>,
    /// The watermark at the last event, by newest commit.
    watermarks: RefCell<BTreeMap<u64, u64>>,
}

impl Policy for Listener {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        if let Event::SegmentAdded { stream, commit } = event {
            let indexed = view.segments(stream).any(|one| one.first == commit);
            assert!(
                indexed,
                "segment {commit} is announced before it is in the index"
            );
        }
        if let Event::Reached { commit } = event {
            assert_eq!(view.moment().watermark, commit);
            let known = (1..=commit).all(|earlier| view.has_heard_of(earlier));
            assert!(
                known,
                "the watermark is {commit}, but not all before it are known"
            );
        }
        self.heard.borrow_mut().push(event);
        let moment = view.moment();
        self.watermarks
            .borrow_mut()
            .insert(moment.head, moment.watermark);
        Vec::new()
    }
}

fn late(reordering: u64, seed: u64) -> RunOptions {
    RunOptions {
        reordering,
        seed: Seed(seed),
        ..RunOptions::default()
    }
}

proptest! {
    /// Every callback comes exactly once, and the watermark passes all commits in order.
    #[test]
    fn callbacks_come_exactly_once(commits in 1_u64..80, reordering in 0_u64..12, seed: u64) {
        let history = synthetic("bernoulli:0.5", commits, 3, seed);
        let listener = Listener::default();
        let outcome = run(&listener, &history, &late(reordering, seed)).unwrap();
        let heard = listener.heard.into_inner();
        let mut segments = BTreeSet::new();
        let mut committed = BTreeSet::new();
        let mut reached = Vec::new();
        for event in heard {
            match event {
                Event::SegmentAdded { stream, commit } => {
                    prop_assert!(segments.insert((stream, commit)), "twice");
                }
                Event::Committed { commit } => prop_assert!(committed.insert(commit), "twice"),
                Event::Reached { commit } => reached.push(commit),
                Event::Tick { before, now } => {
                    prop_assert!(before <= now);
                    prop_assert_eq!(Some(now), reached.last().map(|commit| 60 * commit));
                }
            }
        }
        let touches: usize = history.commits.iter().map(|commit| commit.writes.len()).sum();
        prop_assert_eq!(segments.len(), touches);
        prop_assert_eq!(committed.len() as u64, commits);
        prop_assert_eq!(reached, (1..=commits).collect::<Vec<u64>>());
        prop_assert!(outcome.measured.lag <= reordering, "lag is bounded by the lateness");
        // The last callbacks come after the newest commit. The listener does not record the
        // watermark just before them, so the measured lag can be larger by one.
        let watermarks = listener.watermarks.into_inner();
        let lag = |head: u64| head - watermarks.range(..=head).next_back().map_or(0, |one| *one.1);
        let seen = (1..commits).map(lag).max().unwrap_or(0);
        prop_assert!((seen..=seen + 1).contains(&outcome.measured.lag), "{} or so", seen);
    }

    /// Exact windows: every order of callbacks leads to the layout of the commit order.
    #[test]
    fn exact_windows_are_confluent(
        commits in 1_u64..100,
        reordering in 1_u64..20,
        seed: u64,
        divisor in 2_u64..5,
    ) {
        let history = synthetic("bernoulli:0.4", commits, 3, seed);
        for spec in [
            format!("aligned:{divisor}"),
            format!("aligned:{divisor}:min-inputs=3"),
            format!("aligned:{divisor}:min-inputs=3:cascade=widest"),
            format!("aligned-leveled:{divisor}"),
            format!("aligned-lazy:{divisor}"),
            format!("aligned-paced:{divisor}"),
            format!("global:{divisor}"),
        ] {
            let policy = policy(&spec);
            let in_order = run(&*policy, &history, &late(0, 0)).unwrap();
            let reordered = run(&*policy, &history, &late(reordering, seed)).unwrap();
            prop_assert_eq!(in_order.layout, reordered.layout, "{}", spec);
        }
    }

    /// A trigger for finished work leads to no job.
    #[test]
    fn triggers_are_idempotent(commits in 1_u64..60, divisor in 2_u64..5) {
        let history = synthetic("scrape", commits, 2, 0);
        for name in ["aligned", "aligned-leveled", "aligned-lazy", "global"] {
            let policy = policy(&format!("{name}:{divisor}"));
            let again = Again { policy: &*policy };
            let once = run(&*policy, &history, &late(0, 0)).unwrap();
            let twice = run(&again, &history, &late(0, 0)).unwrap();
            prop_assert_eq!(once.measured.merges, twice.measured.merges);
            prop_assert_eq!(once.layout, twice.layout);
        }
    }
}

/// Triggers a policy again for every commit that was reached so far.
#[derive(Debug)]
struct Again<'policy> {
    policy: &'policy dyn Policy,
}

impl Policy for Again<'_> {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let jobs = self.policy.plan(view, event);
        let (true, Event::Reached { commit }) = (jobs.is_empty(), event) else {
            return jobs;
        };
        let old = (1..=commit).map(|commit| Event::Reached { commit });
        let mut jobs = old.map(|event| self.policy.plan(view, event));
        jobs.find(|jobs| !jobs.is_empty()).unwrap_or_default()
    }

    fn streams(&self) -> lithify_policies::policies::Streams {
        self.policy.streams()
    }
}

/// The main result: for the same history, merging on arrival makes hundreds of layouts, and
/// exact windows make one.
#[test]
fn distinct_layouts_of_a_thousand_schedules() {
    let history = synthetic("bernoulli:0.5", 64, 4, 1);
    let layouts = |spec: &str| {
        let counted = schedules(&*policy(spec), &history, &late(8, 0), Seed(0), 1000);
        counted.unwrap().layouts
    };
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../design/commit-driven.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut text = String::new();
    for spec in [
        "aligned:2",
        "aligned:4",
        "aligned-leveled:4",
        "aligned-lazy:4",
        "aligned-paced:4",
        "global:4",
        "count:2",
        "option-a:2",
        "strict:2",
        "intent:2",
        "intent:2:race=yes",
        "commit-callback:2",
        "tiered:4",
        "geometric:2",
        "universal",
    ] {
        let layouts = layouts(spec);
        text += &format!("{spec:<18} {layouts:>5}\n");
        // The page writes a thousand with a comma.
        let end = format!("| {layouts} |").replace("1000", "1,000");
        let is_row = |line: &str| line.contains(&format!("`{spec}`")) && line.ends_with(&end);
        assert!(
            page.lines().any(is_row),
            "design/commit-driven.md says otherwise: {spec} {layouts}"
        );
    }
    insta::assert_snapshot!(text);
}

/// The same on git histories, compared with the rows of the page. The test counts the layouts
/// of a hundred schedules, while the page has a thousand, with the command for them. It also
/// counts the boundaries that are readable in twenty of the schedules.
#[test]
fn git_histories_have_one_layout_under_exact_windows() {
    let page = include_str!("../../../../design/commit-driven.md");
    for name in ["redb", "ripgrep"] {
        let path = format!("../../tests/data/git-history/{name}.rawlog.zst");
        let history = git_history(&path);
        for (spec, expected) in [("aligned:4", 1), ("count:4", 100)] {
            let counted = schedules(&*policy(spec), &history, &late(8, 0), Seed(0), 100);
            assert_eq!(counted.unwrap().layouts, expected, "{spec} on {name}");
            let measured = (0..20).map(|seed| play_with(spec, &history, &late(8, seed)).measured);
            let readable: BTreeSet<(u64, u64)> = measured
                .map(|one| (one.readable_boundaries, one.boundaries))
                .collect();
            let (least, all) = readable.first().copied().unwrap();
            let most = readable.last().unwrap().0;
            let range = match least == most {
                true => least.to_string(),
                false => format!("{least} to {most}"),
            };
            let layouts = if expected == 1 { "1" } else { "1,000" };
            let row = format!("| git:{name} | `{spec}` | {layouts} | {range} of {all} |");
            assert!(page.contains(&row), "the page does not have {row}");
        }
    }
}

/// A stored log, with one keyspace for each first directory.
fn git_history(path: &str) -> History {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
    git::history("git", RawLog::new(&text[..]), Grouping::Directory, Seed(0)).unwrap()
}

/// Predictions were once made without asking whether callbacks are late, and `compare
/// --reorder` called the truth about `snapshot-truncate` and `aligned-paced` a broken
/// prediction.
#[test]
fn no_late_callback_breaks_a_prediction() {
    let workloads = [
        "dense",
        "round-robin:7",
        "hot-key",
        "scrape",
        "odd-only",
        "bernoulli:0.3",
        "insert-then-delete:3",
        "ycsb-a",
        "mixgraph",
    ];
    for workload in workloads {
        for (commits, reordering) in [(100, 1), (100, 3), (600, 8), (600, 64)] {
            let history = synthetic(workload, commits, 2, 7);
            let options = RunOptions {
                reordering,
                ..RunOptions::default()
            };
            for spec in registry::ALL {
                let policy = policy(spec);
                let profile = history.profile(policy.streams(), false, reordering);
                let measured = play_with(spec, &history, &options).measured;
                for one in measured.compare(&policy.expectations(&profile)) {
                    assert!(
                        !one.is_broken,
                        "{spec} on {workload}, {commits} commits, late by {reordering}: {one:?}"
                    );
                }
            }
        }
    }
}
