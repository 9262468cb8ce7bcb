//! Goal: when the disk fails, nothing that was acknowledged is lost, nothing is
//! acknowledged afterwards, and the error says what failed.
//!
//! Method: a workload with commits, merges, files and a rotation is run once to count
//! its operations. Then it is run again once for each operation, with that operation
//! failing: as a plain error, as a full disk that stays full, and in the middle of a
//! write. After each run the disk is healed and the store reopened.
//!
//! What a *crash* leaves behind is the matter of the laboratory's persistence models,
//! not of this file.

use std::io::ErrorKind;
use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Commit, Error, KeyRange, Options, Pacing, Placement, Slice, Store, WriteBatch};
use lithify_sim::disk::observed::{Fault, ObservedFs};

const COMMITS: u64 = 12;

fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(2),
        wal_file_bytes: 300,
        pacing: Pacing::Settle,
        ..Options::default()
    }
}

fn batch(commit: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(
        "main",
        format!("key-{}", commit % 5).as_bytes(),
        format!("value {commit}").as_bytes(),
    );
    batch.put("other", format!("key-{commit}").as_bytes(), &[b'x'; 20]);
    batch
}

fn expected(commit: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut state = std::collections::BTreeMap::new();
    for commit in 1..=commit {
        state.insert(
            format!("key-{}", commit % 5).into_bytes(),
            format!("value {commit}").into_bytes(),
        );
    }
    state.into_iter().collect()
}

/// Runs the workload and returns the last acknowledged commit and the first error.
fn run(fs: &ObservedFs) -> (u64, Option<Error>) {
    let mut store = match Store::open(Arc::new(fs.clone()), options()) {
        Ok(store) => store,
        Err(error) => return (0, Some(error)),
    };
    for commit in 1..=COMMITS {
        match store.commit(&batch(commit)) {
            Ok(number) => assert_eq!(number.get(), commit),
            Err(error) => {
                let again = store.commit(&batch(commit)).unwrap_err();
                assert!(matches!(again, Error::Poisoned { .. }), "{again}");
                // What was acknowledged stays readable through the same handle.
                assert_eq!(contents(&store, commit - 1), expected(commit - 1));
                return (commit - 1, Some(error));
            }
        }
    }
    (COMMITS, store.close().err())
}

fn contents(store: &Store, commit: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let range = store
        .range_at("main", KeyRange::all(), Commit::new(commit))
        .unwrap();
    let owned = |item: lithify::Result<(Slice, Slice)>| {
        let (key, value) = item.unwrap();
        (key.to_vec(), value.to_vec())
    };
    range.map(owned).collect()
}

fn check_every_operation(fault: impl Fn(u64) -> Fault) {
    let whole = ObservedFs::new(Arc::new(MemFs::new()));
    assert!(run(&whole).1.is_none());
    assert!(
        whole.changes() > 60,
        "the workload does enough: {} operations",
        whole.changes()
    );
    for after in 0..whole.changes() {
        let disk = MemFs::new();
        let fs = ObservedFs::new(Arc::new(disk.clone()));
        fs.set_fault(Some(fault(after)));
        let (acknowledged, error) = run(&fs);
        let error = error.unwrap_or_else(|| panic!("operation {after} failed and nobody said so"));
        assert!(
            matches!(error, Error::Io { .. } | Error::Poisoned { .. }),
            "operation {after}: {error}"
        );
        let store = Store::open(Arc::new(disk), options())
            .unwrap_or_else(|error| panic!("after operation {after} failed: {error}"));
        let head = store.head().get();
        assert!(
            head == acknowledged || head == acknowledged + 1,
            "operation {after}: {acknowledged} acknowledged, {head} after reopening"
        );
        for commit in 0..=head {
            assert_eq!(
                contents(&store, commit),
                expected(commit),
                "operation {after}"
            );
        }
    }
}

#[test]
fn every_operation_fails_once() {
    check_every_operation(|after| Fault {
        after,
        error: ErrorKind::Other,
        is_sticky: false,
        written: 0,
    });
}

#[test]
fn the_disk_is_full_from_some_operation_on() {
    check_every_operation(|after| Fault {
        after,
        error: ErrorKind::StorageFull,
        is_sticky: true,
        written: 0,
    });
}

#[test]
fn the_disk_is_full_in_the_middle_of_a_write() {
    check_every_operation(|after| Fault {
        after,
        error: ErrorKind::StorageFull,
        is_sticky: true,
        written: 7,
    });
}

#[test]
fn the_error_names_the_file_and_the_reason() {
    let fs = ObservedFs::new(Arc::new(MemFs::new()));
    let mut store = Store::open(Arc::new(fs.clone()), options()).unwrap();
    store.commit(&batch(1)).unwrap();
    let fault = Fault {
        after: fs.changes(),
        error: ErrorKind::StorageFull,
        is_sticky: true,
        written: 0,
    };
    fs.set_fault(Some(fault));
    let first = store.commit(&batch(2)).unwrap_err().to_string();
    assert_eq!(first, "cannot write to wal-000001: no storage space");
    let second = store.commit(&batch(2)).unwrap_err().to_string();
    assert_eq!(
        second,
        "the store refuses commits until it is opened again, because of an earlier failure: \
         cannot write to wal-000001: no storage space"
    );
}
