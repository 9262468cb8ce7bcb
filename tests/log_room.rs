//! Goal: a log whose commits are synced has zeros ahead of its end, and nobody takes them for
//! anything else.
//!
//! Method: small stores in memory. What a crash makes of the zeros is for the laboratory; here
//! are the lengths of files, and what opening, closing and `verify` make of a file that ends in
//! zeros, or in something that should be zeros.

use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::verify::verify;
use lithify::{Durability, Options, Pacing, Store, Thresholds, WriteBatch};

const LOG: &str = "wal-000001";

fn options(durability: Durability) -> Options {
    Options {
        durability,
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

fn open(fs: &MemFs, options: &Options) -> Store {
    Store::open(Arc::new(fs.clone()), options.clone()).unwrap()
}

fn commit(store: &mut Store, commits: u64) {
    let mut batch = WriteBatch::new();
    for commit in 0..commits {
        batch.clear();
        batch.put("main", &commit.to_be_bytes(), &[7; 1000]);
        store.commit(&batch).unwrap();
    }
}

/// The lengths that the log has had, one commit after the other, each once.
fn lengths(options: &Options, commits: u64) -> Vec<usize> {
    let fs = MemFs::new();
    let mut store = open(&fs, options);
    let mut lengths = Vec::new();
    for _ in 0..commits {
        lengths.push(fs.read(LOG).unwrap().len());
        commit(&mut store, 1);
    }
    lengths.dedup();
    lengths
}

/// A thousand commits of a kilobyte, and nine syncs with a new length.
#[test]
fn few_commits_make_the_file_longer() {
    let lengths = lengths(&options(Durability::Synced), 1000);
    let kib: Vec<usize> = lengths.iter().map(|length| length / 1024).collect();
    assert!(lengths.iter().all(|length| length % 4096 == 0));
    assert_eq!(kib, [4, 12, 28, 60, 124, 252, 508, 768, 1028]);
}

#[test]
fn a_log_that_is_not_synced_has_no_room() {
    assert_eq!(lengths(&options(Durability::Buffered), 100).len(), 100);
    let without = Options {
        thresholds: Thresholds {
            log_room_bytes: 0,
            ..Thresholds::USUAL
        },
        ..options(Durability::Synced)
    };
    assert_eq!(lengths(&without, 100).len(), 100);
}

/// A closed store has the same bytes whatever the room was.
#[test]
fn closing_gives_the_room_back() {
    let closed = |log_room_bytes: u64| {
        let options = Options {
            thresholds: Thresholds {
                log_room_bytes,
                ..Thresholds::USUAL
            },
            ..options(Durability::Synced)
        };
        let fs = MemFs::new();
        let mut store = open(&fs, &options);
        commit(&mut store, 20);
        store.close().unwrap();
        fs.read(LOG).unwrap()
    };
    assert!(closed(0).len() > 20_000);
    for room in [1000, 4096, 1 << 20] {
        assert!(closed(room) == closed(0), "room of {room} bytes");
    }
}

/// A store that was not closed: the log ends in zeros, and they are nothing.
#[test]
fn zeros_are_the_end_of_the_log() {
    let fs = MemFs::new();
    let mut store = open(&fs, &options(Durability::Synced));
    commit(&mut store, 20);
    drop(store);
    let bytes = fs.read(LOG).unwrap();
    assert_eq!((bytes.len(), bytes.last()), (28 * 1024, Some(&0)));
    let report = verify(&fs).unwrap();
    assert!(report.is_sound());
    let texts: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(
        texts.iter().all(|text| !text.contains("torn tail")),
        "{texts:?}"
    );
    for read_only in [true, false] {
        let fs: Arc<dyn Fs> = Arc::new(fs.deep_copy());
        let store = match read_only {
            true => Store::open_read_only(fs, Options::default()),
            false => Store::open(fs, Options::default()),
        };
        assert_eq!(store.unwrap().head().get(), 20);
    }
    let damaged = Store::open_damaged(Arc::new(fs), Options::default()).unwrap();
    assert!(damaged.losses().is_empty(), "{:?}", damaged.losses());
}

/// Not so when a bit of it has flipped: that is told, and costs nothing.
#[test]
fn what_should_be_zeros_is_a_torn_tail_or_damage() {
    let fs = MemFs::new();
    let mut store = open(&fs, &options(Durability::Synced));
    commit(&mut store, 20);
    drop(store);
    let bytes = fs.read(LOG).unwrap();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() = 1;
    fs.overwrite(LOG, flipped).unwrap();
    let report = verify(&fs).unwrap();
    assert!(report.is_sound());
    let is_told = |text: &String| text.contains("torn tail");
    assert!(
        report
            .findings
            .iter()
            .map(ToString::to_string)
            .any(|text| is_told(&text))
    );
    assert_eq!(open(&fs.deep_copy(), &Options::default()).head().get(), 20);
    // Zeros in the middle are a lost write, since later records prove what was there.
    let mut holed = bytes;
    holed[5000..6000].fill(0);
    fs.overwrite(LOG, holed).unwrap();
    assert!(!verify(&fs).unwrap().is_sound());
    let opened = Store::open(Arc::new(fs), Options::default());
    assert!(matches!(opened, Err(lithify::Error::Damage(_))));
}
