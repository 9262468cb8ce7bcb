//! Goal: a store can be read while somebody else has it open for writing, with right answers.
//!
//! `lithify sim run` checks this at drawn places between any two operations of a writer (oracle
//! `beside`). Here are the stories that a user would tell, and real threads on a real file system.

#![allow(
    clippy::disallowed_methods,
    reason = "readers beside a writer are threads here"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use lithify::backup::restore;
use lithify::fs::{Fs, MemFs, OsFs};
use lithify::{Commit, Db, Durability, Error, KeyRange, Options, Placement, Store, WriteBatch};

fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(2),
        wal_file_bytes: 500,
        memory_budget_bytes: 1000,
        ..Options::default()
    }
}

/// Commit n writes n to key n modulo 7.
fn batch(commit: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put("main", &[(commit % 7) as u8], &commit.to_be_bytes());
    batch
}

fn state_after(commits: u64) -> BTreeMap<u8, u64> {
    (1..=commits)
        .map(|commit| ((commit % 7) as u8, commit))
        .collect()
}

fn state_of(store: &Store, at: u64) -> BTreeMap<u8, u64> {
    let snapshot = store.snapshot_at(Commit::new(at)).unwrap();
    let entries = snapshot.range("main", KeyRange::all()).unwrap();
    let entries = entries.map(|entry| {
        let (key, value) = entry.unwrap();
        (key[0], u64::from_be_bytes(value[..].try_into().unwrap()))
    });
    entries.collect()
}

fn is_segment(name: &&String) -> bool {
    name.starts_with("segment-")
}

/// The writer removes every file that the reader was opened with, and the reader goes on.
#[test]
fn a_reader_keeps_its_commit_while_the_writer_goes_on() {
    let fs = Arc::new(MemFs::new());
    let mut writer = Store::open(fs.clone(), options()).unwrap();
    (1..=50).for_each(|commit| _ = writer.commit(&batch(commit)).unwrap());
    writer.settle().unwrap();
    let reader = Store::open_read_only(fs.clone(), options()).unwrap();
    let names = fs.list("").unwrap();
    (51..=300).for_each(|commit| _ = writer.commit(&batch(commit)).unwrap());
    writer.settle().unwrap();
    let left = fs.list("").unwrap();
    let gone = names
        .iter()
        .filter(is_segment)
        .find(|name| !left.contains(name));
    assert!(
        gone.is_some(),
        "no file of the reader was removed: {names:?}"
    );
    assert_eq!(reader.head(), Commit::new(50));
    for commit in [50, 31, 1] {
        assert_eq!(state_of(&reader, commit), state_after(commit));
    }
    let later = Store::open_read_only(fs.clone(), options()).unwrap();
    assert_eq!(later.head(), Commit::new(300));
    assert_eq!(state_of(&later, 299), state_after(299));
    drop(writer);
    assert_eq!(state_of(&reader, 50), state_after(50));
}

/// What is wrong with a store is said as it is without a writer.
#[test]
fn damage_and_mistakes_are_told_beside_a_writer() {
    let fs = Arc::new(MemFs::new());
    let mut writer = Store::open(fs.clone(), options()).unwrap();
    (1..=50).for_each(|commit| _ = writer.commit(&batch(commit)).unwrap());
    writer.settle().unwrap();
    let other = Options {
        placement: Some(Placement::with_divisor(3).unwrap()),
        ..options()
    };
    let mismatch = Store::open_read_only(fs.clone(), other);
    assert!(
        matches!(mismatch, Err(Error::OptionsMismatch { .. })),
        "{mismatch:?}"
    );
    let names = fs.list("").unwrap();
    let name = names.iter().find(is_segment).unwrap();
    fs.remove(name).unwrap();
    let missing = Store::open_read_only(fs.clone(), options()).unwrap_err();
    assert!(missing.to_string().contains(name.as_str()), "{missing}");
    let mut reader = Store::open_read_only(Arc::new(MemFs::new()), options());
    assert!(matches!(reader, Err(Error::NotAStore { .. })), "{reader:?}");
    let fs = Arc::new(MemFs::new());
    let _writer = Store::open(fs.clone(), options()).unwrap();
    reader = Store::open_read_only(fs, options());
    assert!(matches!(
        reader.unwrap().commit(&batch(1)),
        Err(Error::ReadOnly)
    ));
}

/// Handles of a store that is open for reading, in a directory that another handle writes to.
#[test]
fn a_shared_store_can_be_opened_for_reading() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    assert!(matches!(
        Db::open_read_only(&path),
        Err(Error::NotAStore { .. })
    ));
    let left = OsFs::new(directory.path()).list("").unwrap();
    assert!(left.is_empty(), "nothing is created: {left:?}");
    let writer = Db::open(&path).unwrap();
    writer.keyspace("files").unwrap().put("a", "1").unwrap();
    let reader = Db::open_read_only(&path).unwrap();
    let files = reader.keyspace("files").unwrap();
    writer.keyspace("files").unwrap().put("a", "2").unwrap();
    assert_eq!(&files.get("a").unwrap().unwrap()[..], b"1");
    assert!(matches!(files.put("a", "3"), Err(Error::ReadOnly)));
    let written = reader.transaction(|transaction| transaction.put(&files, "a", "3"));
    assert!(matches!(written, Err(Error::ReadOnly)), "{written:?}");
    let later = Db::open_read_only(&path).unwrap();
    let newest = later.keyspace("files").unwrap().get("a").unwrap();
    assert_eq!(&newest.unwrap()[..], b"2");
    let names = OsFs::new(&path).list("").unwrap();
    assert!(matches!(reader.sync(), Err(Error::ReadOnly)));
    let backup = reader.backup(directory.path().join("backup"));
    assert!(matches!(backup, Err(Error::ReadOnly)), "{backup:?}");
    reader.close().unwrap();
    drop(later);
    assert_eq!(OsFs::new(&path).list("").unwrap(), names);
    writer.close().unwrap();
}

/// A reader may show a commit that a power failure can still take. So nothing is made of such a reader
/// that must not be ahead of its store.
#[test]
fn no_backup_is_made_beside_a_writer() {
    let fs = Arc::new(MemFs::new());
    let mut writer = Store::open(fs.clone(), options()).unwrap();
    writer.commit(&batch(1)).unwrap();
    let (to, restored) = (Arc::new(MemFs::new()), Arc::new(MemFs::new()));
    let mut reader = Store::open_read_only(fs.clone(), options()).unwrap();
    assert!(matches!(
        reader.begin_backup(to.clone()),
        Err(Error::Locked)
    ));
    assert!(matches!(
        reader.must_not_be_beside_writer(),
        Err(Error::Locked)
    ));
    for at in [None, Some(Commit::new(1))] {
        let outcome = restore(fs.clone(), restored.clone(), at);
        assert!(matches!(outcome, Err(Error::Locked)), "{outcome:?}");
    }
    for untouched in [&to, &restored] {
        assert!(untouched.list("").unwrap_or_default().is_empty());
    }
    drop((writer, reader));
    let mut reader = Store::open_read_only(fs, options()).unwrap();
    reader.begin_backup(to).unwrap().finish().unwrap();
}

/// A store that is being restored is held by those who restore it, and is not called interrupted.
#[test]
fn a_store_that_is_being_restored_is_locked() {
    let fs = Arc::new(MemFs::new());
    let writer = Store::open(fs.clone(), options()).unwrap();
    fs.create("restoring").unwrap();
    let reader = Store::open_read_only(fs.clone(), options());
    assert!(matches!(reader, Err(Error::Locked)), "{reader:?}");
    drop(writer);
    let reader = Store::open_read_only(fs, options());
    assert!(matches!(reader, Err(Error::NotAStore { .. })), "{reader:?}");
}

/// Ends the readers, also when the writer has panicked.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Readers open the store again and again while a thread commits as fast as it can. Each sees what was
/// acknowledged before it began, and nothing that was not handed in when it had opened.
#[test]
fn readers_beside_a_busy_writer_see_what_was_acknowledged() {
    const COMMITS: u64 = 3000;
    let directory = tempfile::tempdir().unwrap();
    let fs = || Arc::new(OsFs::new(directory.path().join("store")));
    let options = Options {
        durability: Durability::Buffered,
        ..options()
    };
    let db = Db::open_in(fs(), options.clone()).unwrap();
    let (handed_in, acknowledged) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    let read = || {
        let mut opened = 0;
        while !is_over.load(Ordering::SeqCst) {
            let before = acknowledged.load(Ordering::SeqCst);
            let reader = match Store::open_read_only(fs(), options.clone()) {
                Ok(reader) => reader,
                Err(Error::Locked) => continue,
                Err(error) => panic!("{error}"),
            };
            let (head, after) = (reader.head().get(), handed_in.load(Ordering::SeqCst));
            assert!(before <= head && head <= after, "{before} {head} {after}");
            assert_eq!(state_of(&reader, head), state_after(head));
            assert_eq!(state_of(&reader, head / 2), state_after(head / 2));
            opened += 1;
        }
        opened
    };
    let opened: u64 = thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        let over = Over(&is_over);
        for commit in 1..=COMMITS {
            handed_in.store(commit, Ordering::SeqCst);
            db.commit(&batch(commit)).unwrap();
            acknowledged.store(commit, Ordering::SeqCst);
        }
        // A machine with few cores may not have let a reader in yet.
        let reader = Store::open_read_only(fs(), options.clone()).unwrap();
        assert_eq!(state_of(&reader, COMMITS), state_after(COMMITS));
        drop(over);
        readers.map(|reader| reader.join().unwrap()).iter().sum()
    });
    println!("{opened} readers beside {COMMITS} commits");
}
