//! Goal: a bug that was found once is never found again.
//!
//! Each test tells the story of one bug: what a user would have seen, and why. The
//! histories are the smallest that show it.

use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::verify::verify;
use lithify::{
    Commit, Error, History, Options, Pacing, Placement, RemoveInputs, Store, WriteBatch,
};

fn put(keyspace: &str, key: &[u8]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(keyspace, key, b"value");
    batch
}

/// Found by `tests/model.rs` on its first day, after 1,489 histories.
///
/// A manifest record named every keyspace known when it was written, also those whose
/// first commit was still only in the WAL. Replaying that commit named the keyspace a
/// second time, under a new number, and reads by name found the new, empty one: after
/// reopening, a keyspace seemed to have lost all its data.
#[test]
fn a_keyspace_named_by_manifest_and_wal_is_one_keyspace() {
    let fs = MemFs::new();
    let options = Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(1),
        pacing: Pacing::Manual,
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    store.commit(&put("early", b"a")).unwrap();
    store.commit(&put("early", b"b")).unwrap();
    store.commit(&put("late", b"c")).unwrap();
    // Commits 1 and 2 move to a file; the record that says so already knows "late".
    store.settle().unwrap();
    drop(store);

    let store = Store::open(Arc::new(fs), options).unwrap();
    assert_eq!(
        store.get("late", b"c").unwrap().as_deref(),
        Some(&b"value"[..])
    );
    assert_eq!(store.snapshot().keyspaces(), ["early", "late"]);
}

/// Found by reading the code, before any test did.
///
/// A crash during the creation of a WAL file leaves one without a header. It was swept
/// at opening, but a removal is volatile: a second crash could bring it back, now with
/// a newer WAL file behind it. The store then took it for a damaged link of the chain
/// and refused to open, although every commit was there.
#[test]
fn a_leftover_in_the_middle_of_the_wal_is_not_part_of_it() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    store.commit(&put("main", b"a")).unwrap();
    drop(store);
    // What is not proven durable is written again, into a file with a higher number.
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    store.commit(&put("main", b"b")).unwrap();
    store.close().unwrap();
    let wals: Vec<String> = fs
        .list("")
        .unwrap()
        .into_iter()
        .filter(|name| name.starts_with("wal-"))
        .collect();
    assert_eq!(wals, ["wal-000001", "wal-000003"]);
    fs.create("wal-000002")
        .unwrap()
        .append(b"lithify: half a prea")
        .unwrap();

    let store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    assert_eq!(store.head().get(), 2);
    assert!(
        !fs.list("").unwrap().contains(&"wal-000002".to_owned()),
        "it is swept again"
    );
}

fn manual(file_level: u8) -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(file_level),
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

fn names(fs: &MemFs, prefix: &str) -> Vec<String> {
    let names = fs.list("").unwrap();
    let names = names.into_iter().filter(|name| name.starts_with(prefix));
    names.collect()
}

fn flip(fs: &MemFs, name: &str, position: usize) {
    let mut bytes = fs.read(name).unwrap();
    bytes[position] ^= 1;
    fs.overwrite(name, bytes).unwrap();
}

/// Found by reading the code, while the format was written down.
///
/// A merge met a damaged block. The error was reported, and the merge was forgotten:
/// the next call succeeded, with a layout that the history does not have.
#[test]
fn a_merge_that_met_damage_is_not_forgotten() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), manual(1)).unwrap();
    store.commit(&put("main", b"a")).unwrap();
    store.commit(&put("main", b"b")).unwrap();
    store.settle().unwrap();
    store.close().unwrap();
    flip(&fs, &names(&fs, "segment-")[0], 40);

    let mut store = Store::open(Arc::new(fs), manual(1)).unwrap();
    store.commit(&put("main", b"c")).unwrap();
    store.commit(&put("main", b"d")).unwrap();
    let first = store.settle().unwrap_err().to_string();
    let second = store.settle().unwrap_err().to_string();
    assert_eq!(first, second);
    let value = store.get_at("main", b"c", Commit::new(3)).unwrap();
    assert!(value.is_some(), "the rest can still be read");
}

/// Found by the property test of `verify`, after 29 histories.
///
/// A file job moved a kept input to a new file: its record removed the segment and added
/// it again. The same job's closing let retention remove it, and that was taken for done
/// because the record had "removed" it. The segment stayed in the manifest for ever,
/// out of everybody's reach, and its file with it.
#[test]
fn a_kept_input_that_moves_and_goes_at_once_is_gone() {
    let fs = MemFs::new();
    let options = Options {
        placement: Some(Placement {
            remove_inputs: RemoveInputs::HeadWindow { keep: 1 },
            ..Placement::with_divisor(2).unwrap()
        }),
        // A spill after every settling, in files without filters.
        memory_budget_bytes: 0,
        filter_bits_per_key: 0,
        ..manual(2)
    };
    let mut store = Store::open(Arc::new(fs.clone()), options).unwrap();
    let history: [&[&str]; 8] = [&[], &[], &["b"], &[], &["b", "c"], &["b", "c"], &["c"], &[]];
    for (number, keyspaces) in history.iter().enumerate() {
        let mut batch = WriteBatch::new();
        for keyspace in *keyspaces {
            batch.put(keyspace, &[number as u8, 1], &[0; 20]);
            batch.delete(keyspace, &[number as u8, 2]);
        }
        store.commit(&batch).unwrap();
        if matches!(number + 1, 5 | 8) {
            store.settle().unwrap();
        }
    }
    store.close().unwrap();
    let report = verify(&fs).unwrap().to_string();
    assert!(
        !report.contains("a segment that no segment names"),
        "{report}"
    );
}

/// Found by reading the code, while the format was written down.
///
/// A process was killed, and the next one wrote the commits again that nothing proved
/// to be durable, into a WAL file that ended with a close mark. Later the older files
/// went. Then the mark was damaged, which should be harmless: the commits were written
/// once more, into a file that named no predecessor, and this one was removed although
/// the manifest named it. The store opened, and never again.
#[test]
fn a_damaged_close_mark_stays_harmless() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), manual(1)).unwrap();
    for key in [b"a", b"b", b"c"] {
        store.commit(&put("main", key)).unwrap();
    }
    drop(store);
    let mut store = Store::open(Arc::new(fs.clone()), manual(1)).unwrap();
    store.settle().unwrap();
    drop(store);
    let wals = names(&fs, "wal-");
    assert_eq!(
        wals.len(),
        1,
        "the first file is not needed any more: {wals:?}"
    );
    let length = fs.read(&wals[0]).unwrap().len();
    flip(&fs, &wals[0], length - 1);

    for _ in 0..3 {
        let store = Store::open(Arc::new(fs.clone()), manual(1)).unwrap();
        assert_eq!(store.head().get(), 3);
        assert!(store.get("main", b"c").unwrap().is_some());
    }
}

/// The creation of a store was interrupted, and so was the next attempt, in such a way
/// that the remains of both were there. They were taken for data, and the store could
/// never be created.
#[test]
fn a_creation_that_was_interrupted_twice_can_be_repeated() {
    let fs = MemFs::new();
    Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    // The identity is durable before the first numbered file, so a crash leaves it intact.
    for name in names(&fs, "") {
        if name != "identity" && name != "lock" {
            fs.remove(&name).unwrap();
        }
    }
    fs.create("wal-000001").unwrap();
    fs.create("manifest-000002").unwrap();
    fs.create("wal-000003").unwrap();
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    store.commit(&put("main", b"a")).unwrap();
    drop(store);
    let store = Store::open(Arc::new(fs), Options::default()).unwrap();
    assert_eq!(store.head().get(), 1);
}

/// A log with a commit is data, whatever is wrong with it and with the manifest. A
/// damaged log was taken for an interrupted creation, and a new store took its place.
#[test]
fn a_damaged_log_without_a_manifest_is_not_taken_for_an_interrupted_creation() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    store.commit(&put("main", b"a")).unwrap();
    store.close().unwrap();
    fs.remove("manifest-000002").unwrap();
    for position in 0..60 {
        let fs = fs.deep_copy();
        flip(&fs, "wal-000001", position);
        let outcome = Store::open(Arc::new(fs.clone()), Options::default());
        let is_refused = matches!(outcome, Err(Error::NotAStore { .. } | Error::Damage(_)));
        assert!(is_refused, "byte {position}");
        assert!(fs.read("wal-000001").is_ok(), "nothing was removed");
    }
}

/// A file that somebody had put there ended the numbering: the number after it does not
/// exist.
#[test]
fn a_foreign_file_with_a_gigantic_number_is_left_alone() {
    let fs = MemFs::new();
    let name = format!("segment-{}", u64::MAX);
    fs.create(&name).unwrap();
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    store.commit(&put("main", b"a")).unwrap();
    store.close().unwrap();
    assert_eq!(verify(&fs).unwrap().findings, []);
    assert!(fs.read(&name).is_ok());
}

/// Found by `tests/engine_prediction.rs` on its first run, after 7 histories.
///
/// Retention by age is decided when a window closes. Moving segments to a file because
/// memory is short applied it too, as of the commit at which that happened. So with a
/// small memory budget old commits became unreadable earlier than with a large one: a
/// tuning option had changed what the store holds.
#[test]
fn a_small_memory_budget_removes_no_inputs_early() {
    let readable = |memory_budget_bytes| {
        let placement = Placement {
            history: History::Newest,
            remove_inputs: RemoveInputs::HeadWindow { keep: 2 },
            ..Placement::with_divisor(2).unwrap()
        };
        let options = Options {
            placement: Some(placement),
            memory_budget_bytes,
            pacing: Pacing::Settle,
            ..Options::default()
        };
        let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
        for _ in 0..3 {
            store.commit(&put("main", b"a")).unwrap();
        }
        store.readable_commits()
    };
    // Commit 2 has closed a window, commit 3 has not.
    assert_eq!(readable(1 << 20), [Commit::new(1)..=Commit::new(3)]);
    assert_eq!(readable(0), [Commit::new(1)..=Commit::new(3)]);
}

/// Bytes of the log on the disk.
fn log_bytes(fs: &MemFs) -> usize {
    let logs = names(fs, "wal-");
    logs.iter().map(|name| fs.read(name).unwrap().len()).sum()
}

/// Found by measuring an opening.
///
/// The log went only when memory was short. A key that is overwritten takes the memory of
/// one value once its windows have closed, so the log kept all the others: 1,000 values of
/// a megabyte, and the next opening took 2 GB to read them, although the writer had never
/// had more than 23 MB. Empty commits take no memory at all, and four million of them kept
/// a log of 106 MB for ever.
#[test]
fn the_log_is_no_longer_than_its_budget() {
    const BUDGET_BYTES: usize = 256 * 1024;
    const VALUE_BYTES: usize = 32 * 1024;
    let fs = MemFs::new();
    let options = Options {
        placement: Some(Placement {
            history: History::Newest,
            ..Placement::with_divisor(2).unwrap()
        }),
        memory_budget_bytes: BUDGET_BYTES,
        wal_file_bytes: 64 * 1024,
        ..Options::default()
    };
    let open = || Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    let mut store = open();
    for number in 0..200_u8 {
        let mut batch = WriteBatch::new();
        batch.put("main", b"k", &[number; VALUE_BYTES]);
        store.commit(&batch).unwrap();
    }
    store.settle().unwrap();
    assert!(log_bytes(&fs) <= 2 * BUDGET_BYTES, "{}", log_bytes(&fs));
    // Killed: what an opening has in memory is what the log holds.
    drop(store);
    let mut store = open();
    let memory = store.stats().memory_bytes as usize;
    assert!(memory <= 2 * BUDGET_BYTES, "{memory} bytes in memory");
    assert_eq!(store.get("main", b"k").unwrap().unwrap()[0], 199);
    for _ in 0..40_000 {
        store.commit(&WriteBatch::new()).unwrap();
    }
    store.settle().unwrap();
    assert!(log_bytes(&fs) <= 2 * BUDGET_BYTES, "{}", log_bytes(&fs));
    let files = names(&fs, "segment-").len();
    assert!(files < 20, "{files} files for one value");
    store.close().unwrap();
    assert!(verify(&fs).unwrap().is_sound());
}

/// Found by trying a store on a small device.
///
/// A merge that found the device full left its file behind. Opening wrote a new manifest
/// before it removed what nothing needed, so it failed for lack of room, and each attempt
/// left one more empty manifest: the store could never be opened again.
#[test]
fn leftovers_go_before_anything_is_written() {
    use lithify_sim::disk::observed::ObservedFs;
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), manual(1)).unwrap();
    store.commit(&put("main", b"a")).unwrap();
    drop(store);
    let leftovers = ["segment-000800", "segment-000801", "manifest-000790"];
    for name in leftovers {
        fs.create(name).unwrap();
    }
    let observed = ObservedFs::new(Arc::new(fs));
    observed.keep_lines();
    drop(Store::open(Arc::new(observed.clone()), manual(1)).unwrap());
    let lines = observed.take_lines();
    let is_write = |line: &String| line.starts_with("create") || line.starts_with("write");
    let first_write = lines.iter().position(is_write).unwrap();
    for name in ["segment-000800", "segment-000801"] {
        let removal = lines
            .iter()
            .position(|line| *line == format!("remove {name}"));
        assert!(removal.is_some_and(|at| at < first_write), "{lines:#?}");
    }
}

/// Found by reading the code.
///
/// Runs of a log record reserved the rest of the record each: 65,000 keyspaces of 900 bytes
/// asked for 1.8 TB of addresses at opening, and a manifest of 721 bytes in which a segment
/// hung below two others, level by level, for 707 MB of memory. What is reserved now is what
/// is there; `src/manifest/state.rs` refuses such a forest.
#[test]
fn a_commit_to_many_keyspaces_opens_again() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    let mut batch = WriteBatch::new();
    for number in 0..20_000 {
        batch.put(&format!("keyspace {number}"), b"k", &[7; 300]);
    }
    store.commit(&batch).unwrap();
    drop(store);
    let store = Store::open(Arc::new(fs), Options::default()).unwrap();
    assert_eq!(store.snapshot().keyspaces().len(), 20_000);
}

/// Found by trying what `compact` does to a store of often overwritten keys.
///
/// Everything was in segment files, and the log of 16 MiB stayed, because a store always has
/// one, and the next one is begun by the next commit. Now the compactor begins it.
#[test]
fn a_log_of_which_nothing_is_needed_goes_without_a_commit() {
    let fs = MemFs::new();
    let options = Options {
        placement: Some(Placement {
            history: History::Newest,
            ..Placement::default()
        }),
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    for _ in 0..200 {
        store.commit(&put("main", b"k")).unwrap();
    }
    store.close().unwrap();
    let settled = |options: Options| {
        let mut store = Store::open(Arc::new(fs.clone()), options).unwrap();
        store.settle().unwrap();
        let stats = store.stats();
        store.close().unwrap();
        assert!(verify(&fs).unwrap().is_sound());
        stats
    };
    let before = log_bytes(&fs);
    settled(options.clone());
    assert_eq!(log_bytes(&fs), before, "memory may hold what the log does");
    let compacting = Options {
        memory_budget_bytes: 0,
        ..options
    };
    let stats = settled(compacting.clone());
    assert_eq!(stats.flushed_through, 200);
    assert!(log_bytes(&fs) < 256, "{} bytes of {before}", log_bytes(&fs));
    // And that is that.
    let logs = names(&fs, "wal-");
    settled(compacting);
    assert_eq!(names(&fs, "wal-"), logs);
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    assert_eq!(store.commit(&put("main", b"k")).unwrap(), Commit::new(201));
}

/// Found by reading, after the laboratory had found the same fault in `Store::open_damaged`.
///
/// Without an intact identity file, the newest manifest said which store this is. A crash can leave
/// bytes of another store in a new manifest. If that manifest named no files, the store opened as the
/// other one, wrote that identity, and removed its own files as files that are not needed. If it named
/// some, the refusal blamed a file that the store never had.
#[test]
fn without_an_identity_a_manifest_of_another_store_takes_no_files_away() {
    let options = Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(1),
        pacing: Pacing::Manual,
        ..Options::default()
    };
    let store_with = |commits: u64| {
        let fs = MemFs::new();
        // This file system counts instead of drawing, and the identity gets the next number.
        for _ in 0..commits {
            fs.fresh_number("identity").unwrap();
        }
        let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
        for _ in 0..commits {
            store.commit(&put("main", b"key")).unwrap();
            store.settle().unwrap();
        }
        store.close().unwrap();
        fs
    };
    let newest_manifest = |fs: &MemFs| {
        let names = fs.list("").unwrap().into_iter();
        names.filter(|name| name.starts_with("manifest-")).max()
    };
    let (ours, theirs) = (store_with(2), store_with(3000));
    let foreign = newest_manifest(&theirs).unwrap();
    assert!(newest_manifest(&ours).unwrap() < foreign, "{foreign}");
    let bytes = theirs.read(&foreign).unwrap();
    ours.create(&foreign).unwrap().append(&bytes).unwrap();
    ours.remove("identity").unwrap();
    let files = ours.list("").unwrap();

    let refused = Store::open(Arc::new(ours.clone()), options.clone()).unwrap_err();
    assert!(matches!(refused, Error::NotAStore { .. }), "{refused}");
    assert!(refused.to_string().contains(&foreign), "{refused}");
    assert_eq!(ours.list("").unwrap(), files);

    ours.remove(&foreign).unwrap();
    let store = Store::open(Arc::new(ours), options.clone()).unwrap();
    assert_eq!(store.head().get(), 2);
    assert!(store.get("main", b"key").unwrap().is_some());
}
