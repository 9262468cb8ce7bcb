//! The store with real threads: a gate in the file system holds the worker where the test
//! wants it, so nothing here depends on timing.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use lithify::fs::{Access, File, Fs, Lock, LockKind, MemFs, OsFs};
use lithify_sim::systems::wal_ratio::{Operation, Options, Policy, SharedStore, Ticket};

/// Asks the policy all the time, and never rewrites for time alone.
const OPTIONS: Options = Options {
    policy: Policy {
        check_every: 1,
        min_interval: 0,
        max_interval: None,
        threshold: 3,
    },
    piece_bytes: 1 << 20,
};

/// Holds whoever changes something, one operation at a time, from a chosen one on.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The operation that closes the gate.
    closes_at: Option<&'static str>,
    is_closed: bool,
    /// What waits at the gate.
    waiting: Option<String>,
    permits: u32,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Called by the file system before it does something.
    fn pass(&self, operation: String) {
        let mut state = self.state();
        state.is_closed |= state.closes_at.is_some_and(|it| operation.starts_with(it));
        if !state.is_closed {
            return;
        }
        state.waiting = Some(operation);
        self.changed.notify_all();
        while state.is_closed && state.permits == 0 {
            state = self.changed.wait(state).unwrap();
        }
        state.permits = state.permits.saturating_sub(1);
        state.waiting = None;
        self.changed.notify_all();
    }

    fn close_at(&self, operation: &'static str) {
        self.state().closes_at = Some(operation);
    }

    /// Waits until an operation waits, and says which.
    fn arrived(&self) -> String {
        let mut state = self.state();
        loop {
            match &state.waiting {
                Some(operation) => return operation.clone(),
                None => state = self.changed.wait(state).unwrap(),
            }
        }
    }

    /// Lets one operation pass.
    fn permit(&self) {
        let mut state = self.state();
        state.permits += 1;
        self.changed.notify_all();
        while state.permits > 0 {
            state = self.changed.wait(state).unwrap();
        }
    }

    fn open(&self) {
        let mut state = self.state();
        (state.closes_at, state.is_closed) = (None, false);
        self.changed.notify_all();
    }
}

/// A file system with a gate in front.
#[derive(Debug)]
struct Gated {
    inner: MemFs,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct GatedFile {
    inner: Arc<dyn File>,
    gate: Arc<Gate>,
}

impl Gated {
    fn file(&self, inner: Arc<dyn File>) -> Arc<dyn File> {
        let gate = Arc::clone(&self.gate);
        Arc::new(GatedFile { inner, gate })
    }
}

impl Fs for Gated {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.gate.pass(format!("create {name}"));
        self.inner.create(name).map(|file| self.file(file))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.inner.open(name, access).map(|file| self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.gate.pass(format!("rename {from} {to}"));
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.gate.pass(format!("remove {name}"));
        self.inner.remove(name)
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        self.inner.create_dir(name)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.gate.pass("sync_dir".to_owned());
        self.inner.sync_dir(dir)
    }

    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        self.inner.lock(name, kind)
    }
}

impl File for GatedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.gate.pass("append".to_owned());
        self.inner.append(bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.gate.pass("write".to_owned());
        self.inner.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, buffer)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.gate.pass("set_len".to_owned());
        self.inner.set_len(length)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.gate.pass("sync".to_owned());
        self.inner.sync()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass("sync_data".to_owned());
        self.inner.sync_data()
    }
}

fn gated() -> (MemFs, Arc<Gate>, SharedStore) {
    let (memory, gate) = (MemFs::new(), Arc::<Gate>::default());
    let inner = memory.clone();
    let fs = Gated {
        inner,
        gate: Arc::clone(&gate),
    };
    let store = SharedStore::open(Arc::new(fs), OPTIONS).unwrap();
    (memory, gate, store)
}

fn submit(store: &SharedStore, key: &str, value: &str) -> Ticket {
    store.submit(vec![Operation::Put(key.into(), value.into())])
}

/// Lets the clock of the worker go on until its next check is due.
fn pass_the_check_interval() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2 * OPTIONS.policy.check_every) {
        std::hint::spin_loop();
    }
}

/// Four threads write one key each, and the worker is held at the sync that makes the log
/// long enough. A commit that comes then is pending at the pause: it is answered when it
/// is flushed to the old log, and no sooner. One that comes during the pause is answered
/// after the swap. Reads go on all the time, and see what is durable.
#[test]
fn writers_that_the_pause_blocks_are_neither_lost_nor_answered_early() {
    const WRITERS: usize = 4;
    const PUTS: usize = 50;
    let (memory, gate, store) = gated();
    // The base and one pair are 50 bytes, and each put adds 25.
    const FULL: u64 = 3 * 50;
    let mut log_bytes = 0;
    while log_bytes < FULL {
        gate.close_at("sync_data");
        let ticket = submit(&store, "k", "000000");
        assert_eq!(gate.arrived(), "sync_data");
        assert_eq!(ticket.answer(), None, "written is not durable");
        log_bytes = store.status().log_bytes;
        if log_bytes < FULL {
            gate.open();
            ticket.wait().unwrap();
        }
    }
    let pending = submit(&store, "pending", "1");
    pass_the_check_interval();
    std::thread::scope(|scope| {
        gate.permit();
        let mut operations = vec![gate.arrived()];
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
            gate.permit();
            operations.push(gate.arrived());
        }
        assert_eq!(blocked.answer(), None);
        assert_eq!(
            operations,
            [
                "write",
                "sync_data",
                "create wal-new.tmp",
                "write",
                "sync",
                "rename wal-new.tmp wal-00000002.log",
                "sync_dir",
                "remove wal-00000001.log"
            ]
        );
        gate.open();
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

/// What comes while a group is on its way to the disk is the next group, whole.
#[test]
fn commits_that_come_during_a_sync_are_one_group() {
    let (_, gate, store) = gated();
    gate.close_at("sync_data");
    let first = submit(&store, "first", "1");
    assert_eq!(gate.arrived(), "sync_data");
    assert_eq!(first.answer(), None, "written is not durable");
    assert_eq!(store.get(b"first"), None);
    let more: Vec<Ticket> = (0..9).map(|_| submit(&store, "more", "1")).collect();
    gate.open();
    assert_eq!(first.wait(), Ok(1));
    let numbers: Vec<u64> = more
        .into_iter()
        .map(|ticket| ticket.wait().unwrap())
        .collect();
    assert_eq!(numbers, (2..=10).collect::<Vec<_>>());
    assert_eq!(store.status().counters.groups, 2);
    store.close().unwrap();
}

/// On the real disk, with the real clock: what was answered is there, whoever else wrote,
/// and the log has stayed short.
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

/// A store that is open elsewhere is refused; when it is dropped its lock is free.
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
