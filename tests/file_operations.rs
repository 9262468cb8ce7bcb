//! Goal: the order of file operations and events is a reviewed text.
//!
//! Durability is a matter of order: create, write, sync, sync directory, publish, and
//! only then remove. Method: an observed file system writes down every operation, the
//! test adds the store's events where they happen, and people review the snapshot. A
//! changed line here is a changed crash behaviour.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Options, Pacing, Placement, Step, Store, WriteBatch};
use lithify_sim::disk::observed::ObservedFs;

struct Session {
    fs: ObservedFs,
    options: Options,
    store: Option<Store>,
}

impl Session {
    fn new(options: Options) -> Self {
        let fs = ObservedFs::new(Arc::new(MemFs::new()));
        fs.keep_lines();
        Self {
            fs,
            options,
            store: None,
        }
    }

    fn heading(&self, heading: &str) {
        self.fs.note(format!("# {heading}"));
    }

    fn open(&mut self) {
        self.heading("open");
        let mut store = Store::open(Arc::new(self.fs.clone()), self.options.clone()).unwrap();
        store.keep_events();
        self.store = Some(store);
    }

    fn commit(&mut self, keys: &[&str]) {
        self.heading("commit");
        let mut batch = WriteBatch::new();
        for key in keys {
            batch.put("main", key.as_bytes(), b"0123456789");
        }
        self.store.as_mut().unwrap().commit(&batch).unwrap();
        self.note_events();
    }

    fn settle(&mut self) {
        self.heading("settle");
        while self.store.as_mut().unwrap().step().unwrap() != Step::Idle {
            self.note_events();
        }
    }

    fn note_events(&mut self) {
        for event in self.store.as_mut().unwrap().take_events() {
            self.fs.note(format!("    {event:?}"));
        }
    }

    fn close(&mut self) {
        self.heading("close");
        self.store.take().unwrap().close().unwrap();
    }

    fn text(&self) -> String {
        self.fs.take_lines().join("\n")
    }
}

fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(2),
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

/// Level 1 stays in memory: not one operation. Level 2 is the first in a file: one
/// file, one manifest record, whatever the number of segments.
#[test]
fn from_creation_to_the_first_file() {
    let mut session = Session::new(options());
    session.open();
    for key in ["a", "b", "c", "d"] {
        session.commit(&[key]);
        session.settle();
    }
    session.close();
    insta::assert_snapshot!(session.text());
}

/// Reopening an intact store changes nothing. The first commit after it begins a new
/// WAL file, and the first publication a new manifest; files go when the record that
/// makes them useless is durable.
#[test]
fn reopening_and_retiring_files() {
    let mut session = Session::new(options());
    session.open();
    for key in ["a", "b", "c", "d"] {
        session.commit(&[key]);
    }
    session.settle();
    session.close();
    let _ = session.text();
    session.open();
    session.store = None;
    session.open();
    for key in ["e", "f", "g", "h"] {
        session.commit(&[key]);
    }
    session.settle();
    session.close();
    insta::assert_snapshot!(session.text());
}

/// After a crash, whatever no later record proves to be durable is written again into
/// new files, before anything is removed. The second opening has nothing to do.
#[test]
fn reopening_after_a_crash() {
    let mut session = Session::new(options());
    session.open();
    for key in ["a", "b", "c", "d", "e"] {
        session.commit(&[key]);
        session.settle();
    }
    session.store = None;
    let _ = session.text();
    session.open();
    session.store = None;
    session.open();
    insta::assert_snapshot!(session.text());
}

/// A full WAL file is sealed before its successor exists; memory over its budget goes
/// to a file as it is, without a merge.
#[test]
fn rotation_and_spill() {
    let mut session = Session::new(Options {
        file_level: None,
        wal_file_bytes: 100,
        memory_budget_bytes: 200,
        ..options()
    });
    session.open();
    for key in ["a", "b", "c"] {
        session.commit(&[key, "x", "y"]);
        session.settle();
    }
    insta::assert_snapshot!(session.text());
}

/// A group of batches costs one write and one sync.
#[test]
fn a_group_is_one_write_and_one_sync() {
    let mut session = Session::new(options());
    session.open();
    let _ = session.text();
    let batches: Vec<WriteBatch> = (0..3_u8)
        .map(|key| {
            let mut batch = WriteBatch::new();
            batch.put("main", &[b'k', key], b"value");
            batch
        })
        .collect();
    session
        .store
        .as_mut()
        .unwrap()
        .commit_group(&batches)
        .unwrap();
    session.note_events();
    insta::assert_snapshot!(session.text());
}
