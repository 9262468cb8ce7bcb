//! Goal: the mistakes of the code before the commit-driven document are reproduced, with the
//! observed numbers. Method: `old_compactor`, which implements only the rules of that code.
//! After each mistake, the policies that replace the code run on the same history.

use lithify_policies::compare::{History, RunOptions};
use lithify_sim::keyed::Seed;

use super::old_compactor::{OldStore, State};
use super::support::{keyed, play, play_with, shape, synthetic, touched};

fn state(of: &[(&'static str, u64)]) -> State {
    of.iter().copied().collect()
}

/// R1. A write that is reverted in the same window comes back: the segment that restores the
/// first value makes the state equal to the beginning of the window, so the segment is dropped.
#[test]
fn a_reverted_write_comes_back() {
    let mut old = OldStore::new("", 2);
    old.commit(&[("a", 0)]);
    old.commit(&[("z", 9)]);
    old.commit(&[("a", 1)]);
    old.commit(&[("a", 0)]);
    old.commit(&[("b", 1)]);
    let wrong = state(&[("a", 1), ("b", 1), ("z", 9)]);
    assert_eq!(old.levels[0].reference, wrong, "a is 0");
    // The mistake is also in the output: in the second window, a becomes 1.
    let mut outputs = old.index.iter().filter(|file| file.level == 1);
    assert_eq!(
        outputs.next_back().unwrap().diff,
        state(&[("a", 1), ("b", 1)])
    );
    // Keys 1, 3, 1, 1, 2 stand for a, z, a, a, b. Each policy keeps the newest version of each
    // key.
    let history = keyed(&[vec![1], vec![3], vec![1], vec![1], vec![2]]);
    for spec in ["aligned:2", "count:2", "global:2"] {
        let live = play(spec, &history).live;
        let newest: u64 = live.iter().map(|one| one.newest_bytes).sum();
        assert_eq!(newest, 300, "{spec}");
        let of_four = live.iter().find(|one| one.first <= 4 && 4 <= one.last);
        assert!(of_four.is_some_and(|one| one.newest_bytes > 0), "{spec}");
    }
}

/// R2. After a restart, the last output counts as an open window that is already full. So the
/// next segment alone makes an output, which overlaps the output before.
#[test]
fn a_restart_makes_overlapping_outputs() {
    let play = |restarts: bool| {
        let mut old = OldStore::new("", 2);
        let keys = ["a", "b", "c", "d", "e", "f"];
        for (place, key) in keys.into_iter().enumerate() {
            if restarts && place == 2 {
                old.restart();
            }
            old.commit(&[(key, 1)]);
            if old.ranges(1).len() == 3 {
                break;
            }
        }
        old.ranges(1)
    };
    assert_eq!(play(false), [(1, 3), (4, 6), (7, 10)]);
    assert_eq!(play(true), [(1, 3), (1, 5), (6, 9)]);
}

/// R3. A range ends at the number that the compaction took. So it claims commits before this
/// number that it does not contain. Recovery skips them: commit 3 is lost.
#[test]
fn an_output_claims_what_it_does_not_have() {
    let mut old = OldStore::new("", 2);
    let segments = [("a", 1), ("b", 2), ("c", 3)].map(|entry| old.write(&[entry]));
    for segment in segments {
        old.notify(segment);
    }
    old.turn();
    old.turn();
    assert_eq!(old.ranges(1), [(1, 4)]);
    old.restart();
    old.settle();
    assert_eq!(old.levels[0].reference, state(&[("a", 1), ("b", 2)]));
    // Here a range contains exactly its commits, and a late segment has its own range.
    let live = play("count:2", &touched(&[1, 2, 3], 3));
    assert_eq!(shape(&live), ["1..2@1", "3..3@0"]);
}

/// R4. Inputs are searched by a path that their names do not contain, so no input outside of
/// the root is removed.
#[test]
fn inputs_outside_the_root_stay() {
    let left = |path: &'static str| {
        let mut old = OldStore::new(path, 2).removing_inputs();
        for key in ["a", "b", "c", "d"] {
            old.commit(&[(key, 1)]);
        }
        old.level_zero_files()
    };
    assert_eq!((left(""), left("/x/y")), (0, 4));
    // Here removal depends on the merged segments and not on the keyspace.
    let kept = |spec: &str| play(spec, &synthetic("scrape", 4, 2, 0)).kept.len();
    assert_eq!(kept("count:2:remove=always"), 0);
    assert_eq!(kept("count:2:remove=never"), 2 * 6);
}

/// R5. The index still contains the removed files, so reads fail. Outputs take commit numbers:
/// after five commits the counter is at eight.
#[test]
fn removal_and_numbers_are_not_one_step_with_the_index() {
    let mut old = OldStore::new("", 2).removing_inputs();
    for key in ["a", "b", "c", "d", "e"] {
        old.commit(&[(key, 1)]);
    }
    assert_eq!(old.head, 8);
    let error = old.read_index().unwrap_err();
    assert_eq!(error, "segment 1..1 is in the index, but its file is gone");
}

/// R7. With callbacks in the order 2, 1, 3, the first segment counts as handled and is lost.
#[test]
fn a_late_segment_is_excluded_for_good() {
    let mut old = OldStore::new("", 3);
    let [a, b, c] = [("a", 1), ("b", 2), ("c", 3)].map(|entry| old.write(&[entry]));
    for segment in [b, a, c] {
        old.notify(segment);
        old.turn();
    }
    assert_eq!(old.levels[0].reference, state(&[("b", 2), ("c", 3)]));
    // Here no segment is lost in any order.
    for seed in 0..100 {
        for spec in ["aligned:3", "count:3"] {
            let live = late(spec, &touched(&[1, 2, 3], 3), 3, seed);
            assert_eq!(live, 300, "{spec}, seed {seed}");
        }
    }
}

/// The live bytes after callbacks that are up to this number of commits late.
fn late(spec: &str, history: &History, reordering: u64, seed: u64) -> u64 {
    let options = RunOptions {
        reordering,
        seed: Seed(seed),
        ..RunOptions::default()
    };
    let live = play_with(spec, history, &options).live;
    live.iter().map(|one| one.newest_bytes).sum()
}

/// R8. There is a burst of twelve commits, and the channel has space for eight callbacks. Four
/// callbacks are dropped and never come again. Outputs take their numbers after the burst, so
/// their ranges overlap.
#[test]
fn a_full_channel_drops_callbacks() {
    const KEYS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let mut old = OldStore::new("", 2);
    let segments = KEYS.map(|key| old.write(&[(key, 1)]));
    for segment in segments {
        old.notify(segment);
    }
    assert_eq!(old.dropped, 4);
    old.settle();
    assert_eq!(old.ranges(1)[..3], [(1, 13), (3, 14), (5, 16)]);
    assert_eq!(old.levels[0].reference.len(), 8, "of twelve keys");
    // Here the watermark passes the late callbacks, and the index has the content, so nothing
    // is lost.
    let history = synthetic("dense", 12, 1, 0);
    assert_eq!(late("aligned:2", &history, 12, 1), 1200);
    assert_eq!(shape(&play("aligned:2", &history)), ["1..8@3", "9..12@2"]);
}
