//! Each kind of write between any two steps of a compaction.

use std::time::Duration;

use lithify_sim::disk::SimFs;
use lithify_specimens::data_file::{Compaction, Phase, Report, Store, Write};

use crate::fixture::{
    Model, apply, commit_bytes, delete, eager, finish, live_bytes, names, open, put, state, step,
};

/// Four keys. Each was written twice, so half of the file is dead.
fn filled(fs: &SimFs) -> (Store, Model) {
    let mut store = open(fs, &eager());
    let mut model = Model::new();
    for round in ["old", "new"] {
        for key in ["a", "b", "c", "d"] {
            let batch = vec![put(key, round)];
            apply(&mut model, &batch);
            store.commit(&[batch]).unwrap();
        }
    }
    (store, model)
}

/// The batches that are committed in a gap. The copy reads the keys in their order in
/// the file: a, b, c, d.
fn batches() -> Vec<(&'static str, Vec<Write>)> {
    vec![
        ("nothing at all", vec![]),
        ("a new key", vec![put("e", "1")]),
        ("an overwrite of the first", vec![put("a", "other")]),
        ("an overwrite of the last", vec![put("d", "other")]),
        ("a deletion of the first", vec![delete("a")]),
        ("a deletion of the last", vec![delete("d")]),
        ("a deletion of what is not there", vec![delete("z")]),
        (
            "deleted and written again",
            vec![delete("b"), put("b", "again")],
        ),
        (
            "written and deleted again",
            vec![put("f", "1"), delete("f")],
        ),
        (
            "everything deleted",
            ["a", "b", "c", "d"].map(delete).to_vec(),
        ),
    ]
}

/// The number of steps of a compaction of [`filled`] before its swap needs the store.
fn steps_of_copy() -> usize {
    let fs = SimFs::new();
    let (mut store, _) = filled(&fs);
    let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
    let mut steps = 0;
    while compaction.phase() == Some(Phase::Copy) {
        step(&mut compaction, &mut store, Duration::ZERO);
        steps += 1;
    }
    steps
}

struct Outcome {
    fs: SimFs,
    store: Store,
    model: Model,
    before: Model,
    report: Report,
}

/// Compacts, and commits a batch after this number of steps.
fn compact_around(batch: &[Write], gap: usize) -> Outcome {
    let fs = SimFs::new();
    let (mut store, mut model) = filled(&fs);
    let before = model.clone();
    let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
    for _ in 0..gap {
        step(&mut compaction, &mut store, Duration::ZERO);
    }
    store.commit(&[batch.to_vec()]).unwrap();
    apply(&mut model, batch);
    let report = finish(&mut compaction, &mut store, Duration::ZERO);
    Outcome {
        fs,
        store,
        model,
        before,
        report,
    }
}

#[test]
fn a_write_in_any_gap_is_in_the_new_file_now_and_later() {
    let steps = steps_of_copy();
    assert_eq!(steps, 7, "create, four values, two syncs");
    for (name, batch) in batches() {
        for gap in 0..=steps {
            let Outcome {
                fs,
                mut store,
                model,
                ..
            } = compact_around(&batch, gap);
            assert_eq!(state(&store), model, "{name}, gap {gap}");
            assert_eq!(store.head(), 9);
            // A later commit is stored too.
            let last = store.commit(&[vec![put("last", "1")]]).unwrap();
            assert_eq!(last, 10);
            drop(store);
            let store = open(&fs, &eager());
            let mut expected = model;
            apply(&mut expected, &[put("last", "1")]);
            assert_eq!(state(&store), expected, "{name}, gap {gap}, opened again");
            assert_eq!((store.head(), store.base()), (10, 8), "{name}, gap {gap}");
        }
    }
}

#[test]
fn statistics_are_exact() {
    for (name, batch) in batches() {
        for gap in 0..=steps_of_copy() {
            let Outcome {
                store,
                before,
                report,
                ..
            } = compact_around(&batch, gap);
            let written: u64 = ["old", "new"]
                .iter()
                .flat_map(|round| ["a", "b", "c", "d"].map(|key| commit_bytes(&[put(key, round)])))
                .sum();
            let expected = Report {
                bytes_before: 72 + written + commit_bytes(&batch),
                bytes_after: live_bytes(&before) + commit_bytes(&batch),
                entries_copied: 4,
                entries_caught_up: batch.len() as u64,
                // Each step of the swap takes a millisecond. The pause begins at the
                // first step and ends at the last one, which does no disk operation.
                pause: Duration::from_millis(7),
                duration: Duration::from_millis((17 - gap) as u64),
            };
            assert_eq!(report, expected, "{name}, gap {gap}");
            assert_eq!(
                store.space().total_bytes,
                expected.bytes_after,
                "{name}, gap {gap}"
            );
        }
    }
}

/// A reader that was opened in any gap, even during the swap, keeps its view.
#[test]
fn readers_of_any_moment_keep_what_they_saw() {
    let fs = SimFs::new();
    let (mut store, mut model) = filled(&fs);
    let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
    let mut readers = vec![(store.reader(), model.clone())];
    while compaction.phase().is_some() {
        if !compaction.holds_store() {
            let batch = vec![put("a", &readers.len().to_string()), delete("c")];
            apply(&mut model, &batch);
            store.commit(&[batch]).unwrap();
        }
        readers.push((store.reader(), model.clone()));
        step(&mut compaction, &mut store, Duration::ZERO);
    }
    assert_eq!(readers.len(), 18);
    drop(store);
    for (number, (reader, expected)) in readers.iter().enumerate() {
        let seen: Result<Model, _> = reader.pairs().collect();
        assert_eq!(seen.as_ref(), Ok(expected), "reader {number}");
    }
}

/// The second compaction copies what the first has copied. The backup is the file
/// that the last swap has replaced.
#[test]
fn compactions_follow_one_another() {
    let fs = SimFs::new();
    let (mut store, mut model) = filled(&fs);
    for round in 0..5 {
        let batch = vec![put("a", &round.to_string()), delete("b")];
        apply(&mut model, &batch);
        store.commit(&[batch]).unwrap();
        let mut compaction: Compaction = store.begin_compaction(Duration::ZERO).unwrap();
        let report = finish(&mut compaction, &mut store, Duration::ZERO);
        assert_eq!(report.bytes_after, live_bytes(&model), "round {round}");
        assert_eq!(store.space().dead_bytes(), 0);
        assert_eq!(names(&fs), ["data.db", "data.db.old", "lock"]);
    }
    drop(store);
    assert_eq!(state(&open(&fs, &eager())), model);
}

/// An abandoned copy does not change the store, and its file does not disturb the
/// next compaction.
#[test]
fn a_copy_that_is_given_up_changes_nothing() {
    let fs = SimFs::new();
    let (mut store, mut model) = filled(&fs);
    for gap in 0..=steps_of_copy() {
        let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
        for _ in 0..gap {
            step(&mut compaction, &mut store, Duration::ZERO);
        }
        drop(compaction);
        let batch = vec![put("a", &gap.to_string())];
        apply(&mut model, &batch);
        store.commit(&[batch]).unwrap();
        assert_eq!(state(&store), model);
    }
    let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
    finish(&mut compaction, &mut store, Duration::ZERO);
    assert_eq!(state(&store), model);
    assert_eq!(names(&fs), ["data.db", "data.db.old", "lock"]);
}
