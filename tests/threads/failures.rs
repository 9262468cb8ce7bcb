//! Disks that fail, and threads that panic: nothing acknowledged is lost, everybody
//! learns the cause, and nobody hangs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lithify::{Db, Durability, Error, Options, PendingCommit, Store};
use lithify_sim::disk::gate::Gate;
use lithify_sim::disk::observed::ObservedFs;

use crate::{contents, count, in_threads, observed, options, put};

fn open(fs: &ObservedFs) -> Db {
    Db::open_in(Arc::new(fs.clone()), options()).unwrap()
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
    let db = Db::open_in(Arc::new(fs.clone()), options).unwrap();
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

/// A group is being synced. Until that has succeeded nobody in it is told anything and
/// nothing of it is visible, and when it fails everybody learns that, whether they block
/// or not.
#[test]
fn nobody_in_a_group_is_told_before_its_sync() {
    for is_failing in [false, true] {
        let fs = observed();
        let options = Options {
            wal_file_bytes: 1 << 20,
            ..options()
        };
        let db = Db::open_in(Arc::new(fs.clone()), options).unwrap();
        db.commit(&put("main", b"first", b"value")).unwrap();
        let held = fs.gate().hold("sync wal");
        let alone = db.commit_async(&put("main", b"alone", b"value")).unwrap();
        fs.gate().wait_until_held();
        assert!(!alone.is_done());
        let group: Vec<_> = (0..3)
            .map(|key| db.commit_async(&put("main", &[key], b"value")).unwrap())
            .collect();
        std::thread::scope(|scope| {
            // These join the group, or come after it.
            let blocked = [10, 11].map(|key| {
                let db = db.clone();
                scope.spawn(move || db.commit(&put("main", &[key], b"value")))
            });
            fs.gate().pass_one();
            assert_eq!(alone.wait().unwrap().get(), 2);
            fs.gate().wait_until_held();
            assert!(!group.iter().any(PendingCommit::is_done));
            assert_eq!(db.head().get(), 2);
            assert_eq!(contents(&db.snapshot(), "main").len(), 2);
            if is_failing {
                held.fail();
            } else {
                drop(held);
            }
            let group = group.into_iter().map(PendingCommit::wait);
            let blocked = blocked.into_iter().map(|thread| thread.join().unwrap());
            for outcome in group.chain(blocked) {
                assert_eq!(outcome.is_err(), is_failing, "{outcome:?}");
            }
        });
        assert_eq!(db.head().get(), if is_failing { 2 } else { 7 });
    }
}

/// Commits that were not synced: a caller that asks for durability learns that the disk has
/// failed, and so does a caller that closes.
#[test]
fn a_sync_or_a_close_that_fails_says_so() {
    let options = Options {
        durability: Durability::Buffered,
        wal_file_bytes: 1 << 20,
        ..options()
    };
    for is_closing in [false, true] {
        let fs = observed();
        let db = Db::open_in(Arc::new(fs.clone()), options.clone()).unwrap();
        db.commit(&put("main", b"key", b"value")).unwrap();
        fs.gate().fail("sync wal");
        let clone = db.clone();
        let outcome = if is_closing { db.close() } else { db.sync() };
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains("no sync wal"), "{error}");
        fs.gate().lift("sync wal");
        if is_closing {
            let late = clone.commit(&put("main", b"key", b"late"));
            assert!(matches!(late, Err(Error::Closed)), "{late:?}");
        } else {
            assert_poisoned(clone.commit(&put("main", b"key", b"late")), "no sync wal");
            assert_poisoned(clone.sync(), "no sync wal");
        }
        assert_eq!(clone.get("main", b"key").unwrap().unwrap(), b"value");
    }
}

/// The compactor fails: the commits that were acknowledged stand, later ones are
/// refused, and a caller that waits for it learns why.
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
            max_backlog_commits: 10,
            ..options()
        };
        let db = Db::open_in(Arc::new(fs.clone()), options).unwrap();
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

/// The compactor fails while a commit is being synced. That commit is durable when its
/// sync succeeds, so it is acknowledged, and then it has to be visible. It was not: once
/// the store was poisoned, no version was published any more.
#[test]
fn a_commit_under_way_when_the_compactor_fails_is_visible() {
    let fs = observed();
    let options = Options {
        wal_file_bytes: 1 << 20,
        ..options()
    };
    let db = Db::open_in(Arc::new(fs.clone()), options).unwrap();
    let create = fs.gate().hold("create segment");
    for key in 1..=4 {
        db.commit(&put("main", &[key], b"value")).unwrap();
    }
    fs.gate().wait_until_held();
    let _sync = fs.gate().hold("sync wal");
    count(&fs, "write wal");
    let pending = db.commit_async(&put("main", b"late", b"value")).unwrap();
    while count(&fs, "write wal") == 0 {
        std::thread::yield_now();
    }
    create.fail();
    assert_poisoned(db.settle(), "no create segment");
    fs.gate().lift("sync wal");
    assert_eq!(pending.wait().unwrap().get(), 5);
    assert_eq!(db.head().get(), 5);
    assert_eq!(contents(&db.snapshot(), "main").len(), 5);
    assert_poisoned(db.commit(&put("main", b"no", b"")), "no create segment");
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
