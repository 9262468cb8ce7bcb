//! Who waits for what: readers for nobody, commits for their own log and, beyond the
//! limit, for the compactor; asynchronous commits for nothing.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use lithify::fs::MemFs;
use lithify::{Db, Options, Pressure, Store};
use lithify_sim::disk::gate::Held;

use crate::{contents, count, observed, options, put};

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
        let fs = observed();
        let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
        let is_held = fs.gate().hold(held);
        let commit = |number: u64| db.commit(&put("main", &number.to_be_bytes(), b"value"));
        for number in 0..50 {
            commit(number).unwrap();
        }
        fs.gate().wait_until_held();
        for number in 50..100 {
            commit(number).unwrap();
            assert_eq!(contents(&db.snapshot(), "main").len() as u64, number + 1);
        }
        drop(is_held);
        db.settle().unwrap();
        assert_eq!(db.layout().digest(), digest(options(), 100), "{held}");
    }
}

#[test]
fn readers_do_not_wait_for_a_commit() {
    let fs = observed();
    let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
    db.commit(&put("main", b"key", b"old")).unwrap();
    let held = fs.gate().hold("sync wal");
    let pending = db.commit_async(&put("main", b"key", b"new")).unwrap();
    fs.gate().wait_until_held();
    assert!(!pending.is_done());
    assert_eq!(db.get("main", b"key").unwrap().unwrap(), b"old");
    assert_eq!(db.stats().head, 1, "nor does anybody who asks for numbers");
    drop(held);
    assert_eq!(pending.wait().unwrap().get(), 2);
    assert_eq!(db.get("main", b"key").unwrap().unwrap(), b"new");
}

/// While one sync is under way, ten commits come. They share the next one.
#[test]
fn commits_that_come_together_share_a_sync() {
    let fs = observed();
    let options = Options {
        wal_file_bytes: 1 << 20,
        ..options()
    };
    let db = Db::open_in(Arc::new(fs.clone()), options).unwrap();
    db.commit(&put("main", b"first", b"begins a log file"))
        .unwrap();
    fs.take_lines();
    let held = fs.gate().hold("sync wal");
    let first = db.commit_async(&put("main", b"key", b"value")).unwrap();
    fs.gate().wait_until_held();
    let others: Vec<_> = (0..10)
        .map(|key| db.commit_async(&put("main", &[key], b"value")).unwrap())
        .collect();
    drop(held);
    assert_eq!(first.wait().unwrap().get(), 2);
    for (number, other) in (3..).zip(others) {
        assert_eq!(other.wait().unwrap().get(), number);
    }
    assert_eq!(count(&fs, "sync wal"), 2);
}

/// Commits from another thread while the compactor is held, until they have to wait and
/// `is_reached`; then lets go.
fn commit_until(
    db: &Db,
    held: Held,
    commits: std::ops::Range<u64>,
    is_reached: impl Fn(Pressure) -> bool,
) {
    thread::scope(|scope| {
        // Dropped when an assertion fails here, so that the other thread can end.
        let held = held;
        scope.spawn(|| {
            for number in commits {
                commit(db, number);
            }
        });
        while !is_reached(db.pressure()) || db.pressure().waits == 0 {
            thread::yield_now();
        }
        assert!(db.get("main", &0_u64.to_be_bytes()).unwrap().is_some());
        drop(held);
    });
    db.settle().unwrap();
}

fn commit(db: &Db, number: u64) {
    let batch = put("main", &number.to_be_bytes(), b"value");
    db.commit(&batch).unwrap();
}

#[test]
fn commits_wait_when_the_compactor_is_too_far_behind() {
    const LIMIT: u64 = 20;
    let fs = observed();
    let options = Options {
        max_backlog_commits: LIMIT,
        ..options()
    };
    let db = Db::open_in(Arc::new(fs.clone()), options.clone()).unwrap();
    let held = fs.gate().hold("sync segment");
    (0..8).for_each(|number| commit(&db, number));
    fs.gate().wait_until_held();
    commit_until(&db, held, 8..200, |pressure| {
        assert_eq!(pressure.max_backlog_commits, LIMIT);
        assert!(pressure.backlog_commits <= LIMIT + 1, "{pressure:?}");
        pressure.backlog_commits == LIMIT + 1
    });
    assert_eq!(db.layout().digest(), digest(options, 200));
}

/// Memory is over its budget and the compactor hangs. Commits go on for as long as what it
/// has read pays for them, at sixteen entries each, and then wait, long before the limit.
#[test]
fn commits_are_paid_for_when_memory_is_over_its_budget() {
    const BUDGET: u64 = 8000;
    let fs = observed();
    let options = Options {
        memory_budget_bytes: BUDGET as usize,
        file_level: Some(10),
        ..options()
    };
    let db = Db::open_in(Arc::new(fs.clone()), options.clone()).unwrap();
    let held = fs.gate().hold("sync segment");
    let mut begun = 0;
    while db.stats().memory_bytes <= BUDGET {
        commit(&db, begun);
        begun += 1;
    }
    fs.gate().wait_until_held();
    let waited = db.pressure().waits;
    commit_until(&db, held, begun..600, |pressure| {
        assert_eq!(pressure.free_memory_bytes, BUDGET);
        assert!(pressure.memory_bytes <= 2 * BUDGET, "{pressure:?}");
        let stats = db.stats();
        let read = stats.counters.merge_entries_read + stats.counters.moved_entries;
        // One of them is under way, and one was free. How many come before the first wait depends
        // on the speed of the compactor; `threads_model` has the prices.
        assert!((stats.head - begun) * 16 <= read, "{stats:?}");
        // Asked before the numbers above, which on a busy machine may be from before the first
        // of these commits; and some that came before may have waited.
        pressure.waits > waited
    });
    let pressure = db.pressure();
    assert!(pressure.memory_bytes <= BUDGET, "{pressure:?}");
    assert_eq!(db.layout().digest(), digest(options, 600));
}

/// One commit takes more memory than there may be. The compactor has read more than the
/// next commit costs, so it is the limit that this one waits for.
#[test]
fn commits_wait_when_memory_is_short() {
    const BUDGET: u64 = 4000;
    let fs = observed();
    let options = Options {
        memory_budget_bytes: BUDGET as usize,
        ..options()
    };
    let db = Db::open_in(Arc::new(fs.clone()), options).unwrap();
    let held = fs.gate().hold("sync segment");
    let mut large = put("main", &0_u64.to_be_bytes(), b"value");
    (0..100_u8).for_each(|key| large.put("large", &[key], &[key; 100]));
    db.commit(&large).unwrap();
    fs.gate().wait_until_held();
    commit_until(&db, held, 1..2, |pressure| {
        assert_eq!(pressure.max_memory_bytes, 2 * BUDGET);
        assert!(pressure.memory_bytes > 2 * BUDGET, "{pressure:?}");
        assert_eq!(db.head().get(), 1);
        true
    });
    let pressure = db.pressure();
    assert!(pressure.memory_bytes <= BUDGET, "{pressure:?}");
    assert_eq!(db.head().get(), 2);
}

/// More commits than the inbox has room for, while the compactor does not look. It
/// learns of all of them all the same.
#[test]
fn a_full_inbox_raises_lag_and_loses_nothing() {
    const COMMITS: u64 = 5000;
    let fs = observed();
    let options = Options {
        max_backlog_commits: u64::MAX,
        memory_budget_bytes: 1 << 24,
        wal_file_bytes: 1 << 20,
        file_level: Some(3),
        ..options()
    };
    let db = Db::open_in(Arc::new(fs.clone()), options.clone()).unwrap();
    let held = fs.gate().hold("create segment");
    (0..8).for_each(|number| commit(&db, number));
    fs.gate().wait_until_held();
    (8..COMMITS).for_each(|number| commit(&db, number));
    let pressure = db.pressure();
    assert!(pressure.dropped_events > 0, "{pressure:?}");
    assert!(pressure.lag_commits > 4096, "{pressure:?}");
    assert_eq!(db.stats().lag, pressure.lag_commits);
    drop(held);
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
    let fs = observed();
    let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
    let put = |value: &[u8]| db.commit_async(&put("main", b"key", value)).unwrap();
    assert_eq!(block_on(put(b"one")).unwrap().get(), 1);

    let held = fs.gate().hold("sync wal");
    drop(put(b"two"));
    let (third, fourth) = (put(b"three"), put(b"four"));
    fs.gate().wait_until_held();
    assert!(!third.is_done() && !fourth.is_done());
    let waits = thread::spawn(move || block_on(third));
    drop(held);
    assert_eq!(waits.join().unwrap().unwrap().get(), 3);
    while !fourth.is_done() {
        thread::yield_now();
    }
    assert_eq!(fourth.wait().unwrap().get(), 4);
    let second = db.snapshot_at(lithify::Commit::new(2)).unwrap();
    assert_eq!(second.get("main", b"key").unwrap().unwrap(), b"two");
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
    let fs = observed();
    let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
    let held = fs.gate().hold("sync wal");
    let mut pending = pin!(db.commit_async(&put("main", b"key", b"value")).unwrap());
    let waker = Waker::from(Arc::new(Drops(std::sync::Mutex::new(Some(db)))));
    assert!(
        pending
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(held);
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

/// A waker that panicked ended its leader, and everybody else in the group was told that
/// the store had failed, although all commits were durable and visible.
#[test]
fn a_waker_that_panics_harms_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker of somebody else's");
        }
    }
    let fs = observed();
    let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
    let held = fs.gate().hold("sync wal");
    let first = db.commit_async(&put("main", b"a", b"value")).unwrap();
    let mut panics = pin!(db.commit_async(&put("main", b"b", b"value")).unwrap());
    let last = db.commit_async(&put("main", b"c", b"value")).unwrap();
    let waker = Waker::from(Arc::new(Panics));
    let mut context = Context::from_waker(&waker);
    assert!(panics.as_mut().poll(&mut context).is_pending());
    drop(held);
    assert_eq!(first.wait().unwrap().get(), 1);
    assert_eq!(last.wait().unwrap().get(), 3);
    while !panics.is_done() {
        thread::yield_now();
    }
    assert_eq!(block_on(panics).unwrap().get(), 2);
    db.commit(&put("main", b"d", b"value")).unwrap();
    db.close().unwrap();
}
