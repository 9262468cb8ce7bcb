//! A process that dies during the swap, and the store that the next process recovers.

use std::sync::Arc;
use std::time::Duration;

use lithify::fs::Fs;
use lithify_sim::disk::{Fault, FaultKind, SimFs};
use lithify_sim::system::Failure;
use lithify_specimens::data_file::{Compaction, Phase, Store};

use crate::fixture::{Model, apply, delete, eager, finish, names, open, put, state, step};

/// A store that was compacted once and got commits after that, and a second compaction that
/// has finished its copy.
fn compacting() -> (SimFs, Store, Model, Compaction) {
    let fs = SimFs::new();
    let mut store = open(&fs, &eager());
    let mut model = Model::new();
    for number in 0..6_u32 {
        let batch = vec![put(&format!("key {}", number % 4), &number.to_string())];
        apply(&mut model, &batch);
        store.commit(&[batch]).unwrap();
        if number == 3 {
            let mut first = store.begin_compaction(Duration::ZERO).unwrap();
            finish(&mut first, &mut store, Duration::ZERO);
        }
    }
    let mut compaction = store.begin_compaction(Duration::ZERO).unwrap();
    while compaction.phase() == Some(Phase::Copy) {
        step(&mut compaction, &mut store, Duration::ZERO);
    }
    // Only the swap carries over this batch.
    let batch = vec![delete("key 0"), put("late", "1")];
    apply(&mut model, &batch);
    store.commit(&[batch]).unwrap();
    (fs, store, model, compaction)
}

/// The files when the process dies after this number of steps of the swap.
fn dead_after(steps: usize) -> (SimFs, Model) {
    let (fs, mut store, model, mut compaction) = compacting();
    for _ in 0..steps {
        step(&mut compaction, &mut store, Duration::ZERO);
    }
    (SimFs::from_image(&fs.image()), model)
}

fn refused(fs: &SimFs) -> String {
    match Store::open(Arc::new(fs.clone()), &eager()) {
        Err(Failure::Damage(message)) => message,
        other => panic!("it should be refused as damaged: {other:?}"),
    }
}

/// The files after the step that leaves no file with the name of the data.
fn between_the_renames() -> (SimFs, Model) {
    let (fs, model) = dead_after(4);
    assert_eq!(names(&fs), ["data.db.old", "data.db.tmp", "lock"]);
    (fs, model)
}

/// If a caller released the store between two steps of a swap, a commit there would go to the
/// file that is being replaced, and would be lost.
#[test]
#[should_panic(expected = "nothing is committed in a swap")]
fn a_commit_between_two_steps_of_a_swap_is_a_bug() {
    let (_, mut store, _, mut compaction) = compacting();
    step(&mut compaction, &mut store, Duration::ZERO);
    store.commit(&[vec![put("late", "2")]]).unwrap();
    step(&mut compaction, &mut store, Duration::ZERO);
}

/// All bytes of a file were durable when it got its name, including the records that were
/// carried over last. So damage in the file is never treated as a torn tail.
#[test]
fn no_damage_in_a_file_that_was_just_swapped_in_is_cut() {
    let (fs, mut store, _, mut compaction) = compacting();
    let report = finish(&mut compaction, &mut store, Duration::ZERO);
    assert!(report.entries_caught_up > 0);
    drop(store);
    let image = fs.image();
    for offset in 0..report.bytes_after {
        let fs = SimFs::from_image(&image);
        fs.rot("data.db", offset).unwrap();
        let message = refused(&fs);
        assert!(message.starts_with("data.db: "), "byte {offset}: {message}");
    }
}

#[test]
fn a_process_may_die_after_any_step_of_the_swap() {
    let mut seen = Vec::new();
    for steps in 0..=8 {
        let (fs, model) = dead_after(steps);
        seen.push(names(&fs).join(" "));
        let store = open(&fs, &eager());
        assert_eq!(state(&store), model, "after {steps} steps");
        assert_eq!(store.head(), 7);
        assert_eq!(
            names(&fs),
            ["data.db", "data.db.old", "lock"],
            "after {steps} steps"
        );
    }
    seen.dedup();
    let expected = [
        "data.db data.db.old data.db.tmp lock",
        "data.db.old data.db.tmp lock",
        "data.db data.db.old lock",
    ];
    assert_eq!(seen, expected);
}

/// After the second rename of a swap has failed, the copy is the newest file, and a
/// compaction would begin by removing it. Found by the laboratory:
/// `tests/traces/stopped-store-compacts.sim`.
#[test]
fn a_store_that_has_stopped_in_a_swap_compacts_no_more() {
    let (fs, mut store, model, mut compaction) = compacting();
    fs.arm(Fault {
        kind: FaultKind::MetadataError,
        file: "data.db".to_owned(),
        at: 2,
        stays: false,
    });
    let failed = loop {
        let outcome = compaction.swap_step(&mut store, Duration::ZERO);
        if let Err(failure) = outcome {
            break failure;
        }
    };
    assert!(matches!(failed, Failure::Disk(_)), "{failed}");
    assert_eq!(names(&fs), ["data.db.old", "data.db.tmp", "lock"]);
    let refused = store.begin_compaction(Duration::ZERO).unwrap_err();
    assert!(refused.to_string().contains("stopped"), "{refused}");
    drop(store);
    assert_eq!(state(&open(&fs, &eager())), model);
}

#[test]
fn between_the_renames_the_copy_becomes_the_data() {
    let (fs, model) = between_the_renames();
    let store = open(&fs, &eager());
    assert_eq!(state(&store), model);
    assert_eq!(
        store.base(),
        6,
        "it is the copy, and not the file that it replaces"
    );
}

/// A crash can lose a part of the rename of the copy, so that the copy has no name.
#[test]
fn when_the_copy_is_lost_the_file_that_it_replaces_becomes_the_data() {
    let (fs, model) = between_the_renames();
    fs.remove("data.db.tmp").unwrap();
    let store = open(&fs, &eager());
    assert_eq!(state(&store), model);
    assert_eq!(store.base(), 4, "it is the file of the first compaction");
    drop(store);
    assert_eq!(state(&open(&fs, &eager())), model);
}

#[test]
fn a_damaged_copy_is_not_served_from() {
    let (fs, model) = between_the_renames();
    let copy = fs.open("data.db.tmp", lithify::fs::Access::Write).unwrap();
    let mut byte = [0];
    copy.read_at(76, &mut byte).unwrap();
    copy.write_at(76, &[byte[0] ^ 1]).unwrap();
    drop(copy);
    assert_eq!(
        state(&open(&fs, &eager())),
        model,
        "the other file holds the same"
    );
}

/// Once commits were written to the new file, the backup must not replace it if it is lost.
#[test]
fn a_backup_that_is_out_of_date_is_never_served_from() {
    let (fs, mut store, _, mut compaction) = compacting();
    finish(&mut compaction, &mut store, Duration::ZERO);
    store.commit(&[vec![put("newer", "1")]]).unwrap();
    drop(store);
    fs.remove("data.db").unwrap();
    let before = fs.image().total_bytes();
    let message = refused(&fs);
    assert!(message.contains("data.db is missing"), "{message}");
    assert!(message.contains("backup of generation 2"), "{message}");
    assert_eq!(
        fs.image().total_bytes(),
        before,
        "nothing was created in its place"
    );
}

/// A crash before the clean-up leaves a backup without its mark. Opening writes the mark.
#[test]
fn opening_marks_a_backup_that_has_no_mark() {
    let (fs, mut store, _, mut compaction) = compacting();
    while compaction.phase() == Some(Phase::Swap) {
        step(&mut compaction, &mut store, Duration::ZERO);
    }
    drop((store, compaction));
    drop(open(&fs, &eager()));
    fs.remove("data.db").unwrap();
    refused(&fs);
}

#[test]
fn every_flipped_bit_of_the_data_is_noticed() {
    let (fs, mut store, model, mut compaction) = compacting();
    finish(&mut compaction, &mut store, Duration::ZERO);
    store.commit(&[vec![put("last", "1")]]).unwrap();
    let witnessed = store.space().total_bytes;
    store.commit(&[vec![put("newest", "1")]]).unwrap();
    drop(store);
    let image = fs.image();
    for byte in 0..witnessed {
        let fs = SimFs::from_image(&image);
        let file = fs.open("data.db", lithify::fs::Access::Write).unwrap();
        let mut old = [0];
        file.read_at(byte, &mut old).unwrap();
        file.write_at(byte, &[old[0] ^ 1 << (byte % 8)]).unwrap();
        drop(file);
        refused(&fs);
    }
    let mut whole = model;
    apply(&mut whole, &[put("last", "1"), put("newest", "1")]);
    assert_eq!(state(&open(&SimFs::from_image(&image), &eager())), whole);
}

/// A file that ends inside its last commit holds the commits before it, and the store
/// continues after them.
#[test]
fn a_torn_commit_is_cut_at_any_byte() {
    let fs = SimFs::new();
    let mut store = open(&fs, &eager());
    let mut model = Model::new();
    let first = vec![put("a", "1"), put("b", "1")];
    apply(&mut model, &first);
    store.commit(&[first]).unwrap();
    let whole = store.space().total_bytes;
    store
        .commit(&[vec![put("a", "2"), delete("b"), put("c", "1")]])
        .unwrap();
    let torn = store.space().total_bytes;
    drop(store);
    for length in whole..torn {
        let fs = SimFs::from_image(&fs.image());
        let file = fs.open("data.db", lithify::fs::Access::Write).unwrap();
        file.set_len(length).unwrap();
        let mut store = open(&fs, &eager());
        assert_eq!(state(&store), model, "cut to {length} bytes");
        assert_eq!(file.len().unwrap(), whole);
        assert_eq!(store.commit(&[vec![put("d", "1")]]), Ok(2));
        drop(store);
        let mut expected = model.clone();
        apply(&mut expected, &[put("d", "1")]);
        assert_eq!(
            state(&open(&fs, &eager())),
            expected,
            "cut to {length} bytes"
        );
    }
}
