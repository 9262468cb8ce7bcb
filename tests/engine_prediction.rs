//! Goal: the closed forms of `lithify::predict` are not about an idea of the engine
//! but about the engine: it does exactly what they say, no entry more.
//!
//! Method: a store that settles at every commit plays the dense history that the forms
//! assume (one keyspace, one entry in each commit: new keys, the same few in turn, or a
//! single hot key), under random placement and tuning. After every commit its counters
//! and its layout are compared with the prediction for this many commits, with `==`; at
//! some commits also the segments that reads look at, and which commits can be read.
//! Where bytes live (file level, memory budget) must make no difference.

use std::num::NonZeroU64;
use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::predict::{Assumptions, LevelWindows, Prediction, dense, live, predict};
use lithify::{
    Alignment, Cascade, Commit, Durability, History, Options, Pacing, Placement, RemoveInputs,
    Store, WriteBatch,
};
use proptest::prelude::*;

/// A dense history under one placement and tuning.
#[derive(Clone, Debug)]
struct Scenario {
    alignment: Alignment,
    assumptions: Assumptions,
    min_inputs: u32,
    cascade: Cascade,
    file_level: Option<u8>,
    memory_budget_bytes: usize,
    commits: u64,
}

fn alignments() -> impl Strategy<Value = Alignment> {
    let radices = prop_oneof![
        (2_u64..=8).prop_map(|divisor| Alignment::uniform(divisor).unwrap()),
        prop::collection::vec(2_u64..=6, 1..=4)
            .prop_map(|radices| Alignment::mixed(&radices).unwrap()),
    ];
    (radices, prop_oneof![3 => Just(u8::MAX), 1 => 0_u8..=3])
        .prop_map(|(alignment, level)| alignment.with_max_level(level))
}

fn assumptions() -> impl Strategy<Value = Assumptions> {
    let keys = prop_oneof![
        Just(None),
        Just(NonZeroU64::new(1)),
        (2_u64..40).prop_map(NonZeroU64::new),
    ];
    let history = prop_oneof![
        Just(History::All),
        Just(History::Newest),
        (1_u64..40).prop_map(History::Last),
    ];
    let removal = prop_oneof![
        Just(RemoveInputs::Always),
        Just(RemoveInputs::Never),
        (0_u8..4).prop_map(RemoveInputs::UpToLevel),
        (0_u64..150).prop_map(|keep| RemoveInputs::HeadWindow { keep }),
        (0_u64..150, 0_u8..4)
            .prop_map(|(keep, level)| RemoveInputs::HeadWindowUpToLevel { keep, level }),
    ];
    (keys, history, removal).prop_map(|(distinct_keys, history, remove_inputs)| Assumptions {
        distinct_keys,
        history,
        remove_inputs,
    })
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    (
        alignments(),
        assumptions(),
        any::<prop::sample::Index>(),
        prop::sample::select(vec![Cascade::Step, Cascade::Direct]),
        prop::option::of(1_u8..=4),
        prop::sample::select(vec![0, 1000, 1 << 20]),
        1_u64..300,
    )
        .prop_map(
            |(alignment, assumptions, least, cascade, file_level, memory_budget_bytes, commits)| {
                // The forms hold for any minimum up to the smallest radix.
                let smallest = alignment.radices().min().unwrap_or(2) as usize;
                Scenario {
                    min_inputs: 2 + least.index(smallest - 1) as u32,
                    alignment,
                    assumptions,
                    cascade,
                    file_level,
                    memory_budget_bytes,
                    commits,
                }
            },
        )
}

impl Scenario {
    fn open(&self) -> Store {
        let placement = Placement {
            alignment: self.alignment.clone(),
            min_inputs: self.min_inputs,
            history: self.assumptions.history,
            remove_inputs: self.assumptions.remove_inputs,
        };
        let options = Options {
            placement: Some(placement),
            cascade: self.cascade,
            file_level: self.file_level,
            memory_budget_bytes: self.memory_budget_bytes,
            block_bytes: 64,
            durability: Durability::Buffered,
            pacing: Pacing::Settle,
            ..Options::default()
        };
        Store::open(Arc::new(MemFs::new()), options).unwrap()
    }

    fn commit(&self, store: &mut Store, commit: u64) {
        let keys = self.assumptions.distinct_keys;
        let key = keys.map_or(commit, |keys| commit % keys);
        let mut batch = WriteBatch::new();
        batch.put("main", &key.to_be_bytes(), b"v");
        store.commit(&batch).unwrap();
    }

    fn predict(&self, commits: u64) -> Prediction {
        predict(&self.alignment, self.cascade, commits, &self.assumptions)
    }

    fn play(&self) {
        let mut store = self.open();
        for commit in 1..=self.commits {
            self.commit(&mut store, commit);
            let prediction = self.predict(commit);
            check_work(&store, &prediction);
            check_layout(&store, &prediction);
            // Reads at every commit after every commit would be quadratic.
            if commit == self.commits || commit % 37 == 0 {
                self.check_reads(&store, &prediction);
            }
        }
    }

    fn check_reads(&self, store: &Store, prediction: &Prediction) {
        let found: Vec<_> = store
            .readable_commits()
            .iter()
            .map(|range| range.start().get()..=range.end().get())
            .collect();
        let readable = &prediction.readable_commits_when_thinned;
        let expected: Vec<_> = readable.ranges().collect();
        assert_eq!(found, expected, "readable commits");
        for at in 1..=prediction.commits {
            let snapshot = store.snapshot_at(Commit::new(at)).unwrap();
            let found = snapshot.segments_read("main");
            assert_eq!(found.is_ok(), readable.contains(at), "readable at {at}");
            if let (Some(expected), Ok(found)) = (self.segments_read(prediction, at), found) {
                assert_eq!(found as u64, expected, "segments read at {at}");
            }
        }
    }

    /// The forms for reads in the past are for the two ends of retention: whole history
    /// in the live segments, or thinned live segments with all inputs kept.
    fn segments_read(&self, prediction: &Prediction, at: u64) -> Option<u64> {
        let commits = prediction.commits;
        if at == commits {
            return Some(prediction.as_of_read_segments);
        }
        match (self.assumptions.history, self.assumptions.remove_inputs) {
            (History::All, _) => Some(dense::segments_read_inputs_removed(
                &self.alignment,
                commits,
                at,
            )),
            (History::Newest, RemoveInputs::Never) => Some(live::segments(&self.alignment, at)),
            _ => None,
        }
    }
}

/// The engine's own counters.
fn check_work(store: &Store, prediction: &Prediction) {
    let stats = store.stats();
    let counters = stats.counters;
    assert_eq!(stats.head, prediction.commits);
    assert_eq!(counters.merges, prediction.merges, "merges");
    assert_eq!(
        u128::from(counters.level_zero_entries + counters.merge_entries_written),
        prediction.entries_written,
        "entries written"
    );
    assert_eq!(
        u128::from(counters.longest_pause_entries),
        prediction.longest_pause_entries,
        "longest pause"
    );
    assert_eq!(
        stats.live_segments, prediction.live_segments,
        "live segments"
    );
    assert_eq!(
        u128::from(stats.live_entries),
        prediction.live_entries,
        "live entries"
    );
}

/// The live windows, grouped by level as the prediction has them.
fn check_layout(store: &Store, prediction: &Prediction) {
    let layout = store.layout();
    let segments = &layout.keyspaces[0].segments;
    let mut found: Vec<LevelWindows> = Vec::new();
    for window in segments.iter().map(|segment| segment.window) {
        match found.last_mut().filter(|group| group.level == window.level) {
            Some(group) => {
                group.count += 1;
                group.end = window.end.get();
            }
            None => found.push(LevelWindows {
                level: window.level,
                width: window.width(),
                count: 1,
                start: window.start.get(),
                end: window.end.get(),
            }),
        }
    }
    assert_eq!(found, prediction.live_windows, "live windows");
}

proptest! {
    #[test]
    fn the_engine_does_what_was_predicted(scenario in scenarios()) {
        scenario.play();
    }
}

/// Every divisor, cascade and file level at least once, far enough for several levels.
#[test]
fn every_divisor_and_cascade_and_file_level() {
    for divisor in 2..=8 {
        for cascade in [Cascade::Step, Cascade::Direct] {
            for file_level in [None, Some(1), Some(2), Some(3), Some(4)] {
                Scenario {
                    alignment: Alignment::uniform(divisor).unwrap(),
                    assumptions: Assumptions::default(),
                    min_inputs: 2,
                    cascade,
                    file_level,
                    memory_budget_bytes: 1 << 20,
                    commits: 2 * divisor * divisor * divisor.min(4) + 3,
                }
                .play();
            }
        }
    }
}

/// The pause is counted at the commit that causes it, not summed over commits.
#[test]
fn the_longest_pause_is_where_it_was_predicted() {
    let scenario = Scenario {
        alignment: Alignment::mixed(&[3, 2, 4]).unwrap(),
        assumptions: Assumptions::default(),
        min_inputs: 2,
        cascade: Cascade::Step,
        file_level: None,
        memory_budget_bytes: 1 << 20,
        commits: 100,
    };
    let mut store = scenario.open();
    let mut longest = (0, None);
    for commit in 1..=scenario.commits {
        let before = store.stats().counters.merge_entries_written;
        scenario.commit(&mut store, commit);
        let pause = store.stats().counters.merge_entries_written - before;
        let prediction = scenario.predict(commit);
        assert_eq!(u128::from(pause), prediction.last_pause_entries);
        if pause > longest.0 {
            longest = (pause, Some(commit));
        }
        assert_eq!(prediction.longest_pause_commit, longest.1);
    }
    assert_eq!(longest, (24 + 6 + 3, Some(24)));
}
