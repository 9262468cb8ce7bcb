//! Goal: of a damaged store everything that is whole can be read, everything else is refused
//! with the damage that was named when the store was opened, and nothing is written.
//!
//! The small stores are damaged at every byte. What they answer is compared with what they
//! answered before; the laboratory compares with its model (oracle `damaged-reads`).

use std::collections::BTreeMap;
use std::sync::Arc;

use lithify::damaged::Takes;
use lithify::fs::{Fs, MemFs};
use lithify::{
    Commit, Compression, Error, KeyRange, Options, Pacing, Placement, Store, WriteBatch,
};

mod small_stores;

use small_stores::{KEYSPACES, interrupted, settled, unflushed};

type Files = BTreeMap<String, Vec<u8>>;

fn files(fs: &MemFs) -> Files {
    let names = fs.list("").unwrap().into_iter();
    names
        .map(|name| {
            let bytes = fs.read(&name).unwrap();
            (name, bytes)
        })
        .collect()
}

fn disk(files: &Files) -> MemFs {
    let fs = MemFs::new();
    for (name, bytes) in files {
        fs.create(name).unwrap().append(bytes).unwrap();
    }
    fs
}

/// Everything that can be read, by commit and keyspace; `None` where a read is refused because
/// of damage that the store has named.
fn answers(store: &Store, head: u64) -> BTreeMap<(u64, &'static str), Option<String>> {
    let mut answers = BTreeMap::new();
    for at in 0..=head {
        for keyspace in KEYSPACES {
            let pairs = || {
                let range = store.range_at(keyspace, KeyRange::all(), Commit::new(at))?;
                range.collect::<lithify::Result<Vec<_>>>()
            };
            let answer = match pairs() {
                Ok(pairs) => Some(format!("{pairs:?}")),
                Err(Error::Damage(damage)) => {
                    let mut named = store.losses().iter();
                    let is_named = named.any(|loss| loss.damage == damage);
                    assert!(is_named, "{damage} is not among {:#?}", store.losses());
                    None
                }
                Err(error) => Some(error.to_string()),
            };
            answers.insert((at, keyspace), answer);
        }
    }
    answers
}

/// Every byte of every file, one after the other.
#[test]
fn a_flipped_bit_takes_something_or_nothing_and_never_lies() {
    let mut taken: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for whole in [settled(Compression::None), unflushed(), interrupted()] {
        let whole = files(&whole);
        let before = Store::open_damaged(Arc::new(disk(&whole)), Options::default()).unwrap();
        assert_eq!(before.losses(), []);
        let head = before.head().get();
        let expected = answers(&before, head);
        assert!(expected.values().all(Option::is_some));
        for (name, bytes) in &whole {
            for position in 0..bytes.len() {
                let mut damaged = whole.clone();
                damaged.get_mut(name).unwrap()[position] ^= 1 << (position % 8);
                let fs = disk(&damaged);
                let store = Store::open_damaged(Arc::new(fs.clone()), Options::default());
                let store = store.unwrap_or_else(|error| panic!("{name} {position}: {error}"));
                let kind = name.trim_end_matches(|byte: char| byte.is_ascii_digit());
                let counts = taken.entry(kind.to_owned()).or_default();
                for (question, answer) in answers(&store, head) {
                    let was = &expected[&question];
                    // A manifest that has lost its end may know more of the past.
                    let was_thinned = was.as_ref().is_some_and(|was| was.contains("thinned"));
                    let is_right = answer.is_none() || answer == *was || was_thinned;
                    // The last record of a log has no witness.
                    let is_beyond = question.0 > store.head().get() && name.starts_with("wal");
                    assert!(
                        is_right || is_beyond && store.losses().is_empty(),
                        "byte {position} of {name}: {question:?} is {answer:?}, and was {was:?}"
                    );
                    counts.0 += u64::from(answer.is_none());
                    counts.1 += 1;
                }
                drop(store);
                assert_eq!(files(&fs), damaged, "byte {position} of {name}");
            }
        }
    }
    for (kind, (refused, all)) in &taken {
        println!("{kind}: {refused} of {all} reads are refused");
        assert!(refused < all, "{kind}: nothing is read");
    }
}

fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

fn commit(store: &mut Store, keyspace: &str, key: &str, value: &str) {
    let mut batch = WriteBatch::new();
    batch.put(keyspace, key.as_bytes(), value.as_bytes());
    store.commit(&batch).unwrap();
}

/// A log of five commits, the second of which is damaged.
#[test]
fn behind_a_lost_commit_the_keys_are_read_that_were_written_again() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options()).unwrap();
    commit(&mut store, "a", "x", "1");
    commit(&mut store, "a", "y", "lost");
    commit(&mut store, "a", "x", "3");
    commit(&mut store, "b", "z", "4");
    commit(&mut store, "a", "w", "5");
    store.close().unwrap();
    let mut whole = files(&fs);
    let log = whole.get_mut("wal-000001").unwrap();
    let place = log.windows(4).position(|bytes| bytes == b"lost").unwrap();
    log[place] ^= 1;
    assert!(matches!(
        Store::open(Arc::new(disk(&whole)), options()),
        Err(Error::Damage(_))
    ));
    let store = Store::open_damaged(Arc::new(disk(&whole)), options()).unwrap();
    assert_eq!(store.head(), Commit::new(5));
    let [loss] = store.losses() else {
        panic!("{:?}", store.losses())
    };
    let (first, last) = (Commit::new(2), Some(Commit::new(2)));
    assert_eq!(loss.takes, Takes::Commits { first, last });
    let text = loss.to_string();
    assert!(text.ends_with("lost are the commits 2 to 2"), "{text}");
    let get = |keyspace: &str, key: &str| store.get(keyspace, key.as_bytes());
    assert_eq!(get("a", "x").unwrap().unwrap(), b"3", "commit 3 wrote it");
    assert_eq!(get("a", "w").unwrap().unwrap(), b"5");
    for (keyspace, key) in [("a", "y"), ("a", "v"), ("b", "z"), ("c", "x")] {
        // The lost commit may have written the key, or named the keyspace.
        let refused = matches!(get(keyspace, key), Err(Error::Damage(_)));
        assert!(refused, "{keyspace}/{key}");
    }
    let first = store.get_at("a", b"x", Commit::new(1)).unwrap();
    assert_eq!(first.unwrap(), b"1", "before the damage nothing is lost");
    assert!(store.get_at("b", b"z", Commit::new(1)).unwrap().is_none());
    assert!(matches!(
        store.changes_since(Commit::new(3)),
        Err(Error::Damage(_))
    ));
}

/// The manifest of a store that has everything in its log.
#[test]
fn without_a_manifest_the_log_is_read() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options()).unwrap();
    commit(&mut store, "a", "x", "1");
    commit(&mut store, "a", "y", "2");
    store.close().unwrap();
    let mut whole = files(&fs);
    whole.retain(|name, _| !name.starts_with("manifest"));
    let store = Store::open_damaged(Arc::new(disk(&whole)), options()).unwrap();
    let at = Commit::new(2);
    assert_eq!(store.get_at("a", b"y", at).unwrap().unwrap(), b"2");
    assert!(store.get_at("a", b"z", at).unwrap().is_none());
    // Segments may have held more.
    assert!(matches!(store.get("a", b"y"), Err(Error::Damage(_))));
    let beyond = store.get_at("a", b"y", Commit::new(9));
    assert!(matches!(beyond, Err(Error::Damage(_))));
    let [loss] = store.losses() else {
        panic!("{:?}", store.losses())
    };
    assert!(loss.to_string().contains("nobody knows how many"), "{loss}");
}

/// Found by the laboratory (oracle `damaged-reads`).
///
/// Segments can hold commits that a loss of power took from a buffered log. When the end of
/// the manifest is gone too, nothing names these segments. Files that were merged into them
/// were missing, and yet the last commit of the log was called the newest one.
#[test]
fn a_manifest_that_lost_its_end_ends_no_history() {
    let fs = MemFs::new();
    let options = Options {
        file_level: Some(1),
        pacing: Pacing::Settle,
        durability: lithify::Durability::Buffered,
        ..options()
    };
    let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    for number in 1..=8 {
        commit(&mut store, "a", &format!("k{number}"), &number.to_string());
    }
    store.close().unwrap();
    let whole = files(&fs);
    let newest = |kind: &str| {
        let names = whole.keys().filter(|name| name.starts_with(kind));
        names.max().unwrap().clone()
    };
    let (log, manifest) = (newest("wal-"), newest("manifest-"));
    let mut unknown_ends = 0;
    for manifest_length in 0..whole[&manifest].len() {
        // The log has its header, or its header and some commits.
        for log_length in (0..whole[&log].len()).step_by(16) {
            let mut damaged = whole.clone();
            damaged
                .get_mut(&manifest)
                .unwrap()
                .truncate(manifest_length);
            damaged.get_mut(&log).unwrap().truncate(log_length);
            let Ok(store) = Store::open_damaged(Arc::new(disk(&damaged)), options.clone()) else {
                assert!(manifest_length < whole[&manifest].len() / 2);
                continue;
            };
            let mut takes = store.losses().iter().map(|loss| &loss.takes);
            let is_unknown = takes.any(|takes| matches!(takes, Takes::Commits { last: None, .. }));
            unknown_ends += usize::from(is_unknown);
            assert!(
                is_unknown || store.losses().is_empty() || store.head() >= Commit::new(8),
                "{manifest_length} {log_length}: up to {}, {:#?}",
                store.head(),
                store.losses()
            );
        }
    }
    assert!(unknown_ends > 0);
}

/// What was merged was kept, and takes the place of a damaged output.
#[test]
fn kept_inputs_take_the_place_of_a_damaged_segment() {
    let fs = MemFs::new();
    let mut placement = Placement::with_divisor(2).unwrap();
    placement.remove_inputs = lithify::RemoveInputs::Never;
    let options = Options {
        placement: Some(placement),
        file_level: Some(1),
        pacing: Pacing::Settle,
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    for number in 1..=4 {
        commit(&mut store, "a", &format!("k{number}"), &number.to_string());
    }
    store.close().unwrap();
    let mut whole = files(&fs);
    let newest = whole
        .keys()
        .filter(|name| name.starts_with("segment"))
        .max();
    let newest = newest.unwrap().clone();
    whole.remove(&newest);
    let store = Store::open_damaged(Arc::new(disk(&whole)), options).unwrap();
    assert!(!store.losses().is_empty());
    assert!(
        store
            .losses()
            .iter()
            .all(|loss| loss.takes == Takes::Nothing)
    );
    for number in 1..=4 {
        let found = store.get("a", format!("k{number}").as_bytes()).unwrap();
        assert_eq!(found.unwrap(), number.to_string().as_bytes());
    }
}
