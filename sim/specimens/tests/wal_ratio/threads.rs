//! The store with real threads. A gate in the file system holds the worker at the
//! operations that the test chooses, so no test depends on timing.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the store as it runs for real"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use lithify::fs::{MemFs, OsFs};
use lithify_sim::disk::gate::Gate;
use lithify_sim::disk::observed::ObservedFs;
use lithify_specimens::wal_ratio::{Operation, Options, Policy, SharedStore, Ticket};

/// Asks the policy all the time, and never rewrites only because time has passed.
const OPTIONS: Options = Options {
    policy: Policy {
        check_every: 1,
        min_interval: 0,
        max_interval: None,
        threshold: 3,
    },
    piece_bytes: 1 << 20,
};

/// An empty store. The gate identifies a log by the name with which it was created.
fn gated() -> (MemFs, Gate, SharedStore) {
    let memory = MemFs::new();
    let fs = ObservedFs::new(Arc::new(memory.clone()));
    let gate = fs.gate().clone();
    let store = SharedStore::open(Arc::new(fs), OPTIONS).unwrap();
    (memory, gate, store)
}

fn submit(store: &SharedStore, key: &str, value: &str) -> Ticket {
    store.submit(vec![Operation::Put(key.into(), value.into())])
}

/// Waits until the next check of the worker is due.
fn pass_the_check_interval() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2 * OPTIONS.policy.check_every) {
        std::hint::spin_loop();
    }
}

/// Four threads write one key each, and the worker is held at the sync that makes the log
/// long enough. A commit that arrives then is pending at the pause: it is answered when
/// it was flushed to the old log, and not before. A commit that arrives during the pause
/// is answered after the swap. Reads are possible all the time and see only durable
/// commits.
#[test]
fn writers_that_the_pause_blocks_are_neither_lost_nor_answered_early() {
    const WRITERS: usize = 4;
    const PUTS: usize = 50;
    let (memory, gate, store) = gated();
    // The base of 41 bytes and one pair are 66 bytes. Each put adds 25 bytes.
    const FULL: u64 = 3 * 66;
    let full = loop {
        let held = gate.hold("sync wal");
        let ticket = submit(&store, "k", "000000");
        assert_eq!(gate.wait_until_held(), "sync wal-new.tmp");
        assert_eq!(ticket.answer(), None, "written is not durable");
        if store.status().log_bytes >= FULL {
            break held;
        }
        drop(held);
        ticket.wait().unwrap();
    };
    // From here on, the gate holds every operation.
    let held = gate.hold("");
    drop(full);
    let pending = submit(&store, "pending", "1");
    pass_the_check_interval();
    std::thread::scope(|scope| {
        gate.pass_one();
        let mut operations = vec![gate.wait_until_held()];
        let blocked = submit(&store, "blocked", "1");
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for number in 0..PUTS {
                    let (key, value) = (format!("hot-{writer}"), format!("{number:03}"));
                    store.put(key.as_bytes(), value.as_bytes()).unwrap();
                }
            });
        }
        while !operations.last().unwrap().starts_with("remove") {
            let is_flushed = operations.len() > 2;
            assert_eq!(
                pending.answer().is_some(),
                operations.len() == 3,
                "{operations:?}"
            );
            assert_eq!(
                store.get(b"pending").is_some(),
                is_flushed,
                "{operations:?}"
            );
            assert_eq!(blocked.answer(), None, "{operations:?}");
            assert_eq!(store.get(b"blocked"), None, "{operations:?}");
            gate.pass_one();
            operations.push(gate.wait_until_held());
        }
        assert_eq!(blocked.answer(), None);
        assert_eq!(
            operations,
            [
                "write wal-new.tmp at 216 26 bytes",
                "sync wal-new.tmp",
                "create wal-new.tmp",
                "write wal-new.tmp at 0 92 bytes",
                "sync all of wal-new.tmp",
                "rename wal-new.tmp to wal-00000002.log",
                "sync directory /",
                "remove wal-00000001.log"
            ]
        );
        drop(held);
        blocked.wait().unwrap();
    });
    store.close().unwrap();
    let store = SharedStore::open(Arc::new(memory), OPTIONS).unwrap();
    for (key, value) in [("k", "000000"), ("pending", "1"), ("blocked", "1")] {
        assert_eq!(store.get(key.as_bytes()).as_deref(), Some(value.as_bytes()));
    }
    for writer in 0..WRITERS {
        let value = store.get(format!("hot-{writer}").as_bytes());
        assert_eq!(value.as_deref(), Some(b"049".as_slice()));
    }
}

/// All commits that arrive while a group is written and synced form the next group.
#[test]
fn commits_that_come_during_a_sync_are_one_group() {
    let (_, gate, store) = gated();
    let held = gate.hold("sync wal");
    let first = submit(&store, "first", "1");
    gate.wait_until_held();
    assert_eq!(first.answer(), None, "written is not durable");
    assert_eq!(store.get(b"first"), None);
    let more: Vec<Ticket> = (0..9).map(|_| submit(&store, "more", "1")).collect();
    drop(held);
    assert_eq!(first.wait(), Ok(1));
    let numbers: Vec<u64> = more
        .into_iter()
        .map(|ticket| ticket.wait().unwrap())
        .collect();
    assert_eq!(numbers, (2..=10).collect::<Vec<_>>());
    assert_eq!(store.status().counters.groups, 2);
    store.close().unwrap();
}

/// On the real disk, with the real clock: every acknowledged commit is stored, for any
/// number of writers, and the log stays short.
#[test]
fn threads_on_the_real_disk_lose_nothing() {
    const WRITERS: usize = 8;
    const PUTS: usize = 100;
    let directory = tempfile::tempdir().unwrap();
    let fs = Arc::new(OsFs::new(directory.path()));
    let store = SharedStore::open(fs.clone(), OPTIONS).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                let key = format!("key-{writer}").into_bytes();
                for number in 0..PUTS {
                    let value = format!("{number:03}").into_bytes();
                    store.put(&key, &value).unwrap();
                    assert_eq!(store.get(&key), Some(value), "a thread reads what it wrote");
                }
                store
                    .delete(format!("key-{}", writer + WRITERS).as_bytes())
                    .unwrap();
            });
        }
    });
    let status = store.status();
    assert!(status.counters.rewrites > 0, "{status:?}");
    assert_eq!(status.trouble, None);
    store.close().unwrap();
    let store = SharedStore::open(fs, OPTIONS).unwrap();
    assert_eq!(
        store.read(|table| table.commits()),
        (WRITERS * (PUTS + 1)) as u64
    );
    assert_eq!(store.read(|table| table.pairs().len()), WRITERS);
    for writer in 0..WRITERS {
        let value = store.get(format!("key-{writer}").as_bytes());
        assert_eq!(value.as_deref(), Some(b"099".as_slice()));
    }
}

/// A store that is already open is refused. Dropping the store releases its lock.
#[test]
fn one_process_at_a_time() {
    let memory = MemFs::new();
    let first = SharedStore::open(Arc::new(memory.clone()), OPTIONS).unwrap();
    assert!(SharedStore::open(Arc::new(memory.clone()), OPTIONS).is_err());
    drop(first);
    SharedStore::open(Arc::new(memory), OPTIONS)
        .unwrap()
        .close()
        .unwrap();
}
