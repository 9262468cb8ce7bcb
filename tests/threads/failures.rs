//! Disks that fail, and threads that panic: nothing acknowledged is lost, everybody
//! learns the cause, and nobody hangs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lithify::{Db, Error, Options, Store};
use lithify_sim::gate::Gate;
use lithify_sim::observed::ObservedFs;

use crate::{contents, in_threads, observed, options, put};

fn open(fs: &ObservedFs) -> Db {
    Db::open(Arc::new(fs.clone()), options()).unwrap()
}

fn assert_poisoned<T: std::fmt::Debug>(outcome: Result<T, Error>, cause: &str) {
    match outcome {
        Err(Error::Poisoned { cause: found }) => assert!(found.contains(cause), "{found}"),
        other => panic!("{other:?} is not a refusal because of {cause:?}"),
    }
}

/// Everybody whose commit was in the group that failed gets the error of the disk, and
/// everybody after them the cause.
#[test]
fn a_failed_sync_refuses_further_commits_and_says_why() {
    let fs = observed();
    let db = open(&fs);
    for key in 0..5 {
        db.commit(&put("main", &[key], b"acknowledged")).unwrap();
    }
    let held = fs.gate().hold("sync wal");
    let first = db.commit_async(&put("main", b"x", b"in doubt")).unwrap();
    fs.gate().wait_until_held();
    let late = db
        .commit_async(&put("main", b"y", b"never written"))
        .unwrap();
    held.fail();
    let error = first.wait().unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().contains("no sync wal"), "{error}");
    assert_poisoned(late.wait(), "no sync wal");
    fs.gate().lift("sync wal");
    for outcome in in_threads(4, &db, |thread, db| {
        db.commit(&put("main", &[thread], b"no"))
    }) {
        assert_poisoned(outcome, "no sync wal");
    }
    assert_poisoned(db.sync(), "no sync wal");
    assert_poisoned(db.settle(), "no sync wal");
    assert_eq!(contents(&db.snapshot(), "main").len(), 5, "reads go on");
    assert_poisoned(db.close(), "no sync wal");

    let db = open(&fs);
    assert!(db.head().get() >= 5);
    assert!(contents(&db.snapshot(), "main").len() >= 5);
    let next = db.head().next();
    assert_eq!(db.commit(&put("main", b"z", b"goes on")).unwrap(), next);
    db.close().unwrap();
}

/// All members of a group fail together.
#[test]
fn everybody_in_a_group_that_failed_is_told() {
    let fs = observed();
    let options = Options {
        wal_file_bytes: 1 << 20,
        ..options()
    };
    let db = Db::open(Arc::new(fs.clone()), options).unwrap();
    db.commit(&put("main", b"first", b"value")).unwrap();
    let held = fs.gate().hold("sync wal");
    let first = db.commit_async(&put("main", b"a", b"value")).unwrap();
    fs.gate().wait_until_held();
    let group: Vec<_> = (0..3)
        .map(|key| db.commit_async(&put("main", &[key], b"value")).unwrap())
        .collect();
    // The first sync passes, the next write does not.
    fs.gate().fail("write wal");
    drop(held);
    assert_eq!(first.wait().unwrap().get(), 2);
    for pending in group {
        let error = pending.wait().unwrap_err();
        assert!(error.to_string().contains("no write wal"), "{error}");
    }
    assert_eq!(db.head().get(), 2, "nothing of the group is visible");
}

/// The compactor fails: the commits that were acknowledged stand, later ones are
/// refused, and whoever waits for it learns why.
#[test]
fn a_compactor_that_fails_stops_commits() {
    type Set = fn(&Gate, &str);
    let rules: [(Set, &str); 2] = [
        (Gate::fail, "no sync segment"),
        (Gate::panic, "the compactor thread panicked"),
    ];
    for (set, cause) in rules {
        let fs = observed();
        let options = Options {
            most_backlog_commits: 10,
            ..options()
        };
        let db = Db::open(Arc::new(fs.clone()), options).unwrap();
        set(fs.gate(), "sync segment");
        let mut acknowledged = 0;
        let refusal = loop {
            let key: u64 = acknowledged;
            match db.commit(&put("main", &key.to_be_bytes(), b"value")) {
                Ok(commit) => acknowledged = commit.get(),
                refusal => break refusal,
            }
        };
        assert_poisoned(refusal, cause);
        assert_poisoned(db.settle(), cause);
        assert_eq!(contents(&db.snapshot(), "main").len() as u64, acknowledged);
        drop(db);
        fs.gate().lift("sync segment");
        let db = open(&fs);
        assert_eq!(db.head().get(), acknowledged);
        db.settle().unwrap();
    }
}

/// The leader panics in its sync. It gets its panic, those whose commits it led get a
/// refusal, and nobody waits for ever.
#[test]
fn a_leader_that_panics_leaves_nobody_behind() {
    let fs = observed();
    let db = open(&fs);
    db.commit(&put("main", b"key", b"acknowledged")).unwrap();
    fs.gate().panic("sync wal");
    let outcomes = in_threads(4, &db, |thread, db| {
        let batch = put("main", &[thread], b"value");
        match catch_unwind(AssertUnwindSafe(|| db.commit(&batch))) {
            Ok(outcome) => {
                assert_poisoned(outcome, "panicked");
                false
            }
            Err(_) => true,
        }
    });
    assert_eq!(outcomes.into_iter().filter(|has_led| *has_led).count(), 1);
    let pending = db.commit_async(&put("main", b"late", b"value")).unwrap();
    assert_poisoned(pending.wait(), "panicked");
    assert_eq!(contents(&db.snapshot(), "main").len(), 1);
    drop(db);
    fs.gate().lift("sync wal");
    let store = Store::open(Arc::new(fs), options()).unwrap();
    assert_eq!(store.get("main", b"key").unwrap().unwrap(), b"acknowledged");
}

/// The same when the standby thread leads.
#[test]
fn a_standby_thread_that_panics_stands_by_again() {
    let fs = observed();
    let db = open(&fs);
    db.commit(&put("main", b"key", b"acknowledged")).unwrap();
    fs.gate().panic("sync wal");
    for _ in 0..3 {
        let pending = db.commit_async(&put("main", b"late", b"value")).unwrap();
        assert_poisoned(pending.wait(), "panicked");
    }
}
