//! Who waits for what: readers for nobody, commits for their own log and, beyond the
//! limit, for the compactor; asynchronous commits for nothing.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use lithify::fs::MemFs;
use lithify::{Db, Options, Store};

use crate::hooked::{HookedFs, Rule};
use crate::{contents, in_threads, options, put};

/// The same history with one owner, settled.
fn digest(options: Options, commits: u64) -> u64 {
    let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
    for commit in 0..commits {
        store
            .commit(&put("main", &commit.to_be_bytes(), b"value"))
            .unwrap();
    }
    store.settle().unwrap();
    store.layout().digest()
}

#[test]
fn readers_and_commits_do_not_wait_for_the_compactor() {
    for held in [
        "create segment",
        "write segment",
        "sync segment",
        "sync manifest",
        "remove wal",
    ] {
        let fs = HookedFs::default();
        let db = Db::open(Arc::new(fs.clone()), options()).unwrap();
        fs.set(held, Rule::Hold);
        let commit = |number: u64| db.commit(&put("main", &number.to_be_bytes(), b"value"));
        for number in 0..50 {
            commit(number).unwrap();
        }
        fs.wait_until_held();
        for number in 50..100 {
            commit(number).unwrap();
            assert_eq!(contents(&db.snapshot(), "main").len() as u64, number + 1);
        }
        fs.lift(held);
        db.settle().unwrap();
        assert_eq!(db.layout().digest(), digest(options(), 100), "{held}");
    }
}

#[test]
fn readers_do_not_wait_for_a_commit() {
    let fs = HookedFs::default();
    let db = Db::open(Arc::new(fs.clone()), options()).unwrap();
    db.commit(&put("main", b"key", b"old")).unwrap();
    fs.set("sync wal", Rule::Hold);
    let pending = db.commit_async(&put("main", b"key", b"new")).unwrap();
    fs.wait_until_held();
    assert!(!pending.is_done());
    assert_eq!(db.get("main", b"key").unwrap().unwrap(), b"old");
    assert_eq!(db.stats().head, 1, "nor does anybody who asks for numbers");
    fs.lift("sync wal");
    assert_eq!(pending.wait().unwrap().get(), 2);
    assert_eq!(db.get("main", b"key").unwrap().unwrap(), b"new");
}

/// While one sync is under way, ten commits come. They share the next one.
#[test]
fn commits_that_come_together_share_a_sync() {
    let fs = HookedFs::default();
    let options = Options {
        wal_file_bytes: 1 << 20,
        ..options()
    };
    let db = Db::open(Arc::new(fs.clone()), options).unwrap();
    db.commit(&put("main", b"first", b"begins a log file"))
        .unwrap();
    let before = fs.count("sync wal");
    fs.set("sync wal", Rule::Hold);
    let first = db.commit_async(&put("main", b"key", b"value")).unwrap();
    fs.wait_until_held();
    let others: Vec<_> = (0..10)
        .map(|key| db.commit_async(&put("main", &[key], b"value")).unwrap())
        .collect();
    fs.lift("sync wal");
    assert_eq!(first.wait().unwrap().get(), 2);
    for (number, other) in (3..).zip(others) {
        assert_eq!(other.wait().unwrap().get(), number);
    }
    assert_eq!(fs.count("sync wal"), before + 2);
}

#[test]
fn commits_wait_when_the_compactor_is_too_far_behind() {
    const LIMIT: u64 = 20;
    let fs = HookedFs::default();
    let options = Options {
        most_backlog_commits: LIMIT,
        ..options()
    };
    let db = Db::open(Arc::new(fs.clone()), options.clone()).unwrap();
    fs.set("sync segment", Rule::Hold);
    in_threads(2, &db, |thread, db| {
        if thread == 0 {
            for number in 0_u64..200 {
                db.commit(&put("main", &number.to_be_bytes(), b"value"))
                    .unwrap();
            }
            return;
        }
        while db.pressure().waits == 0 {
            thread::yield_now();
        }
        let pressure = db.pressure();
        assert_eq!(pressure.most_backlog_commits, LIMIT);
        assert_eq!(pressure.backlog_commits, LIMIT + 1, "{pressure:?}");
        assert!(db.get("main", &0_u64.to_be_bytes()).unwrap().is_some());
        fs.lift("sync segment");
    });
    db.settle().unwrap();
    assert_eq!(db.layout().digest(), digest(options, 200));
}

#[test]
fn commits_wait_when_memory_is_short() {
    let fs = HookedFs::default();
    let options = Options {
        memory_budget_bytes: 2000,
        file_level: Some(6),
        ..options()
    };
    let db = Db::open(Arc::new(fs.clone()), options.clone()).unwrap();
    fs.set("sync segment", Rule::Hold);
    in_threads(2, &db, |thread, db| {
        if thread == 0 {
            for number in 0_u64..200 {
                db.commit(&put("main", &number.to_be_bytes(), b"value"))
                    .unwrap();
            }
            return;
        }
        // The compactor sits in its sync and reports nothing new, so what it has
        // reported must be enough to make commits wait once it goes on.
        fs.wait_until_held();
        fs.lift("sync segment");
    });
    db.settle().unwrap();
    let pressure = db.pressure();
    assert_eq!(pressure.most_memory_bytes, 4000);
    assert!(pressure.memory_bytes <= 2000, "{pressure:?}");
    assert_eq!(db.layout().digest(), digest(options, 200));
}

/// More commits than the inbox has room for, while the compactor does not look. It
/// learns of all of them all the same.
#[test]
fn a_full_inbox_raises_lag_and_loses_nothing() {
    const COMMITS: u64 = 5000;
    let fs = HookedFs::default();
    let options = Options {
        most_backlog_commits: u64::MAX,
        memory_budget_bytes: 1 << 24,
        wal_file_bytes: 1 << 20,
        file_level: Some(3),
        ..options()
    };
    let db = Db::open(Arc::new(fs.clone()), options.clone()).unwrap();
    fs.set("create segment", Rule::Hold);
    for number in 0..COMMITS {
        db.commit(&put("main", &number.to_be_bytes(), b"value"))
            .unwrap();
    }
    fs.wait_until_held();
    let pressure = db.pressure();
    assert!(pressure.dropped_events > 0, "{pressure:?}");
    assert!(pressure.lag_commits > 4096, "{pressure:?}");
    assert_eq!(db.stats().lag, pressure.lag_commits);
    fs.lift("create segment");
    // Nobody asks the compactor to look: it knows by itself that it has to.
    while db.lag() > 0 {
        thread::yield_now();
    }
    db.settle().unwrap();
    assert_eq!(db.layout().digest(), digest(options, COMMITS));
}

/// What the least executor does.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_pending_commit_can_be_awaited_asked_and_dropped() {
    let fs = HookedFs::default();
    let db = Db::open(Arc::new(fs.clone()), options()).unwrap();
    let put = |value: &[u8]| db.commit_async(&put("main", b"key", value)).unwrap();
    assert_eq!(block_on(put(b"one")).unwrap().get(), 1);

    fs.set("sync wal", Rule::Hold);
    drop(put(b"two"));
    let (third, fourth) = (put(b"three"), put(b"four"));
    fs.wait_until_held();
    assert!(!third.is_done() && !fourth.is_done());
    let waits = thread::spawn(move || block_on(third));
    fs.lift("sync wal");
    assert_eq!(waits.join().unwrap().unwrap().get(), 3);
    while !fourth.is_done() {
        thread::yield_now();
    }
    assert_eq!(fourth.wait().unwrap().get(), 4);
    assert_eq!(
        db.get_at("main", b"key", lithify::Commit::new(2))
            .unwrap()
            .unwrap(),
        b"two"
    );
}

/// A waker that drops the last handle, as an executor does that drops a task when it is
/// woken after its end.
#[test]
fn the_last_handle_may_be_dropped_by_a_waker() {
    struct Drops(std::sync::Mutex<Option<Db>>);
    impl Wake for Drops {
        fn wake(self: Arc<Self>) {
            self.0.lock().unwrap().take();
        }
    }
    let fs = HookedFs::default();
    let db = Db::open(Arc::new(fs.clone()), options()).unwrap();
    fs.set("sync wal", Rule::Hold);
    let mut pending = pin!(db.commit_async(&put("main", b"key", b"value")).unwrap());
    let waker = Waker::from(Arc::new(Drops(std::sync::Mutex::new(Some(db)))));
    assert!(
        pending
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    fs.lift("sync wal");
    // Polling again would replace the waker.
    while !pending.is_done() {
        thread::yield_now();
    }
    assert_eq!(block_on(pending).unwrap().get(), 1);
    // The directory is free as soon as the threads have ended.
    let reopened = loop {
        match Store::open(Arc::new(fs.clone()), options()) {
            Err(lithify::Error::Locked) => thread::yield_now(),
            outcome => break outcome.unwrap(),
        }
    };
    assert_eq!(reopened.head().get(), 1);
}
