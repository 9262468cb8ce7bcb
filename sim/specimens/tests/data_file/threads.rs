//! Readers and writers in every phase of a compaction of the background thread.
//!
//! A gate in the file system holds the thread at a disk operation until the test has done
//! its own work. No test sleeps or measures time.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests are about threads; scopes end them"
)]

use std::sync::Arc;
use std::time::Duration;

use lithify::fs::MemFs;
use lithify_sim::disk::gate::Gate;
use lithify_sim::disk::observed::ObservedFs;
use lithify_sim::system::Failure;
use lithify_specimens::data_file::{Options, Policy, Role, Shared};

use crate::fixture::{Model, delete, eager, put};

/// A store whose background thread works only on request.
fn shared(role: Role) -> (Shared, Gate) {
    let fs = ObservedFs::new(Arc::new(MemFs::new()));
    let gate = fs.gate().clone();
    let options = Options { role, ..eager() };
    (Shared::open(Arc::new(fs), &options).unwrap(), gate)
}

fn fill(store: &Shared) {
    for round in ["old", "new"] {
        for key in ["a", "b", "c"] {
            store.commit(&[vec![put(key, round)]]).unwrap();
        }
    }
}

fn value(store: &Shared, key: &str) -> Option<String> {
    let value = store.get(key.as_bytes()).unwrap();
    value.map(|value| String::from_utf8(value).unwrap())
}

/// While the copy is held, four threads write and read, each with its own key.
#[test]
fn writers_and_readers_go_on_during_the_copy() {
    for operation in [
        "create data.db.tmp",
        "write data.db.tmp at 72 ",
        "write data.db.tmp at 89 ",
        "sync all of data.db.tmp",
        "sync directory",
    ] {
        let (store, gate) = shared(Role::Primary);
        fill(&store);
        let held = gate.hold(operation);
        std::thread::scope(|scope| {
            let compaction = scope.spawn(|| store.compact());
            gate.wait_until_held();
            let clients: Vec<_> = (0..4)
                .map(|client| {
                    let store = store.clone();
                    scope.spawn(move || {
                        let key = format!("client {client}");
                        for number in 0..20 {
                            let number = number.to_string();
                            store.commit(&[vec![put(&key, &number)]]).unwrap();
                            assert_eq!(value(&store, &key), Some(number));
                            assert_eq!(value(&store, "c"), Some("new".to_owned()));
                        }
                    })
                })
                .collect();
            clients
                .into_iter()
                .for_each(|client| client.join().unwrap());
            store
                .commit(&[vec![delete("a"), put("b", "newest")]])
                .unwrap();
            drop(held);
            let report = compaction.join().unwrap().unwrap();
            assert_eq!(report.entries_copied, 3, "{operation}");
            assert_eq!(report.entries_caught_up, 82, "{operation}");
        });
        assert_eq!(value(&store, "a"), None, "{operation}");
        assert_eq!(value(&store, "b"), Some("newest".to_owned()));
        assert_eq!(value(&store, "client 3"), Some("19".to_owned()));
        assert_eq!(store.statistics().compactions, 1);
    }
}

/// During the swap clients wait, and a reader that was opened before does not. The commits
/// of the clients happen after the swap and are not lost.
#[test]
fn clients_wait_for_the_swap_and_readers_of_before_do_not() {
    for operation in [
        "write data.db.tmp at 0 ",
        "rename data.db to data.db.old",
        "rename data.db.tmp to data.db",
    ] {
        let (store, gate) = shared(Role::Primary);
        fill(&store);
        let reader = store.reader();
        let seen = || -> Model { reader.pairs().collect::<Result<_, _>>().unwrap() };
        let before = seen();
        let held = gate.hold(operation);
        std::thread::scope(|scope| {
            let compaction = scope.spawn(|| store.compact());
            gate.wait_until_held();
            let clients: Vec<_> = (0..4)
                .map(|client| {
                    let store = store.clone();
                    scope.spawn(move || {
                        let key = format!("client {client}");
                        assert_eq!(value(&store, "a"), Some("new".to_owned()));
                        store.commit(&[vec![put(&key, "1")]]).unwrap();
                        assert_eq!(value(&store, &key), Some("1".to_owned()));
                    })
                })
                .collect();
            assert_eq!(seen(), before, "{operation}");
            drop(held);
            clients
                .into_iter()
                .for_each(|client| client.join().unwrap());
            let report = compaction.join().unwrap().unwrap();
            assert_eq!(
                report.entries_caught_up, 0,
                "{operation}: nothing was written before the swap"
            );
        });
        assert_eq!(seen(), before);
        assert_eq!(store.statistics().head, 10);
        assert_eq!(store.statistics().keys, 7);
    }
}

#[test]
fn the_background_thread_compacts_when_its_interval_has_passed() {
    let options = Options {
        policy: Policy {
            interval: Duration::from_millis(1),
            ..eager().policy
        },
        ..eager()
    };
    let store = Shared::open(Arc::new(MemFs::new()), &options).unwrap();
    fill(&store);
    // The wait has no limit: no caller requests a compaction here.
    while store.statistics().compactions == 0 || store.statistics().space.dead_bytes() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(value(&store, "a"), Some("new".to_owned()));
}

/// The interval is an hour, and the copy is held, so neither ends by itself.
#[test]
fn closing_waits_neither_for_the_interval_nor_for_the_copy() {
    let (store, gate) = shared(Role::Primary);
    fill(&store);
    let held = gate.hold("write data.db.tmp at 72 ");
    std::thread::scope(|scope| {
        let compaction = scope.spawn(|| store.compact());
        gate.wait_until_held();
        let closing = scope.spawn(|| store.close());
        // The close stops the copy at its next step, however late the close comes.
        while store.commit(&[vec![]]).is_ok() {
            std::thread::yield_now();
        }
        drop(held);
        closing.join().unwrap().unwrap();
        assert_eq!(
            compaction.join().unwrap(),
            Err(Failure::Other("the store is closed".to_owned()))
        );
    });
    assert_eq!(
        value(&store, "a"),
        Some("new".to_owned()),
        "it can still be read"
    );
    assert!(store.compact().is_err());
}

#[test]
fn the_last_handle_ends_the_thread_and_lets_go_of_the_store() {
    let fs = Arc::new(MemFs::new());
    let store = Shared::open(fs.clone(), &eager()).unwrap();
    let clone = store.clone();
    drop(store);
    clone.commit(&[vec![put("a", "1")]]).unwrap();
    drop(clone);
    let store = Shared::open(fs, &eager()).expect("the lock is free");
    assert_eq!(value(&store, "a"), Some("1".to_owned()));
}

#[test]
fn a_replica_never_compacts_and_a_promoted_one_does() {
    let (primary, _) = shared(Role::Primary);
    fill(&primary);
    let (store, _) = shared(Role::Replica);
    store
        .replicate(&primary.changes_since(0, 100).unwrap())
        .unwrap();
    assert_eq!(store.check(), Ok(None));
    assert!(store.compact().is_err());
    assert_eq!(store.statistics().compactions, 0);
    store.promote().unwrap();
    assert!(store.check().unwrap().is_some());
    assert_eq!(store.statistics().chain, primary.statistics().chain);
}
