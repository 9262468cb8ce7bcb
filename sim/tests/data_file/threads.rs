//! Readers and writers in every phase of a compaction that a background thread does.
//!
//! A file system stops the thread at a gate, an operation on the disk, until the test has
//! done what it wants to do meanwhile. Nothing sleeps and nothing is timed.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests are about threads; scopes end them"
)]

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use lithify::fs::{Access, File, Fs, Lock, LockKind, MemFs};
use lithify_sim::system::Failure;
use lithify_sim::systems::data_file::{Options, Policy, Role, Shared};

use crate::fixture::{Model, delete, eager, put};

/// Where a thread is stopped.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The operation that is stopped, for one time.
    closed_for: Option<String>,
    is_waiting: bool,
}

impl Gate {
    fn close_for(&self, operation: &str) {
        self.state.lock().unwrap().closed_for = Some(operation.to_owned());
    }

    /// An operation passes, or waits.
    fn pass(&self, operation: &str) {
        let mut state = self.state.lock().unwrap();
        if state.closed_for.as_deref() != Some(operation) {
            return;
        }
        state.is_waiting = true;
        self.changed.notify_all();
        while state.closed_for.is_some() {
            state = self.changed.wait(state).unwrap();
        }
        state.is_waiting = false;
    }

    /// Returns when a thread waits.
    fn wait(&self) {
        let state = self.state.lock().unwrap();
        drop(
            self.changed
                .wait_while(state, |state| !state.is_waiting)
                .unwrap(),
        );
    }

    fn open(&self) {
        self.state.lock().unwrap().closed_for = None;
        self.changed.notify_all();
    }
}

#[derive(Debug)]
struct GatedFs {
    inner: MemFs,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct GatedFile {
    inner: Arc<dyn File>,
    /// The name under which it was created or opened.
    name: String,
    gate: Arc<Gate>,
}

impl GatedFs {
    fn file(&self, name: &str, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(GatedFile {
            inner,
            name: name.to_owned(),
            gate: self.gate.clone(),
        })
    }
}

impl Fs for GatedFs {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.gate.pass(&format!("create {name}"));
        Ok(self.file(name, self.inner.create(name)?))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        Ok(self.file(name, self.inner.open(name, access)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.gate.pass(&format!("rename {from} {to}"));
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        self.inner.create_dir(name)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.gate.pass("sync_dir");
        self.inner.sync_dir(dir)
    }

    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        self.inner.lock(name, kind)
    }
}

impl File for GatedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.append(bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.gate.pass(&format!("write {} {offset}", self.name));
        self.inner.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, buffer)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.inner.set_len(length)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.gate.pass(&format!("sync {}", self.name));
        self.inner.sync()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }
}

/// A store whose background thread wakes up only when it is asked.
fn shared(role: Role) -> (Shared, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let fs = GatedFs {
        inner: MemFs::new(),
        gate: gate.clone(),
    };
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

/// While the copy stands still, four threads write and read, each its own key.
#[test]
fn writers_and_readers_go_on_during_the_copy() {
    for operation in [
        "create data.db.tmp",
        "write data.db.tmp 56",
        "write data.db.tmp 73",
        "sync data.db.tmp",
        "sync_dir",
    ] {
        let (store, gate) = shared(Role::Primary);
        fill(&store);
        gate.close_for(operation);
        std::thread::scope(|scope| {
            let compaction = scope.spawn(|| store.compact());
            gate.wait();
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
            gate.open();
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

/// In the swap the store is held, so clients wait; a reader that was opened before does
/// not. Whatever the clients do happens after the swap, and is not lost.
#[test]
fn clients_wait_for_the_swap_and_readers_of_before_do_not() {
    for operation in [
        "write data.db.tmp 0",
        "rename data.db data.db.old",
        "rename data.db.tmp data.db",
    ] {
        let (store, gate) = shared(Role::Primary);
        fill(&store);
        let reader = store.reader();
        let seen = || -> Model { reader.pairs().collect::<Result<_, _>>().unwrap() };
        let before = seen();
        gate.close_for(operation);
        std::thread::scope(|scope| {
            let compaction = scope.spawn(|| store.compact());
            gate.wait();
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
            gate.open();
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
    // However long it takes: nobody asks the thread to.
    while store.statistics().compactions == 0 || store.statistics().space.dead_bytes() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(value(&store, "a"), Some("new".to_owned()));
}

/// The interval is an hour, and the copy would not end by itself.
#[test]
fn closing_waits_neither_for_the_interval_nor_for_the_copy() {
    let (store, gate) = shared(Role::Primary);
    fill(&store);
    gate.close_for("write data.db.tmp 56");
    std::thread::scope(|scope| {
        let compaction = scope.spawn(|| store.compact());
        gate.wait();
        let closing = scope.spawn(|| store.close());
        // The copy is stopped at its next step by the close, whenever that comes.
        while store.commit(&[vec![]]).is_ok() {
            std::thread::yield_now();
        }
        gate.open();
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
    store.promote();
    assert!(store.check().unwrap().is_some());
    assert_eq!(store.statistics().chain, primary.statistics().chain);
}
