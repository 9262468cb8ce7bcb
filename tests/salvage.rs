//! Goal: what is written into a new store of a damaged one is as it was, or named as lost; a loss is
//! named as narrowly as the damage allows; the damaged store stays as it was.
//!
//! Method: the small stores are damaged at every byte and lose each file in turn, and every commit
//! of what comes out is compared. Single cases then show what must come out. The laboratory compares
//! with its model (oracle `salvage`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lithify::damaged::{Salvage, Salvaged, Takes, salvage};
use lithify::fs::{Fs, MemFs};
use lithify::{
    Commit, Compression, Error, History, KeyRange, Options, Pacing, Placement, RemoveInputs, Store,
    WriteBatch,
};

mod small_stores;

use small_stores::{KEYSPACES, interrupted, settled, unflushed};

type Files = BTreeMap<String, Vec<u8>>;
type State = BTreeMap<(String, Vec<u8>), Vec<u8>>;

fn files(fs: &MemFs) -> Files {
    let names = fs.list("").unwrap().into_iter();
    let read = |name: String| (name.clone(), fs.read(&name).unwrap());
    names.map(read).collect()
}

fn disk(files: &Files) -> MemFs {
    let fs = MemFs::new();
    for (name, bytes) in files {
        fs.create(name).unwrap().append(bytes).unwrap();
    }
    fs
}

fn state(store: &Store, keyspaces: &[&str], at: u64) -> Option<State> {
    let mut state = State::new();
    for &keyspace in keyspaces {
        let range = store.range_at(keyspace, KeyRange::all(), Commit::new(at));
        let range = match range {
            Err(Error::Thinned { .. }) => return None,
            range => range.unwrap(),
        };
        for item in range {
            let (key, value) = item.unwrap();
            state.insert((keyspace.to_owned(), key.to_vec()), value.to_vec());
        }
    }
    Some(state)
}

/// Every state that can be read, by commit.
fn states(store: &Store) -> BTreeMap<u64, State> {
    let commits = 0..=store.head().get();
    let read = |at: u64| Some((at, state(store, &KEYSPACES, at)?));
    commits.filter_map(read).collect()
}

fn open(fs: &MemFs) -> Store {
    let options = Options {
        create: false,
        ..Options::default()
    };
    Store::open(Arc::new(fs.clone()), options).unwrap()
}

fn salvaged(from: &MemFs, how: &Salvage) -> Result<(Salvaged, Store), Error> {
    let (before, to) = (files(from), MemFs::new());
    let done = salvage(Arc::new(from.clone()), Arc::new(to.clone()), how);
    assert_eq!(files(from), before, "the old store was changed");
    let done = done?;
    let report = lithify::verify::verify(&to).unwrap();
    assert!(report.is_sound(), "{report}");
    let store = open(&to);
    assert_eq!(store.head(), done.head);
    Ok((done, store))
}

/// Whether the report says that this key may be wrong at this commit.
fn is_named(done: &Salvaged, keyspace: &str, key: &[u8], at: u64) -> bool {
    let at = Commit::new(at);
    let of_loss = done.losses.iter().any(|loss| match &loss.takes {
        Takes::Nothing => false,
        Takes::Commits { first, .. } => *first <= at,
        Takes::Versions {
            keyspace: name,
            first,
            from,
            to,
            ..
        } => {
            let is_key = &from[..] <= key && to.as_ref().is_none_or(|to| key <= &to[..]);
            name == keyspace && *first <= at && is_key
        }
    });
    of_loss || done.unproven.as_ref().is_some_and(|it| it.first <= at)
}

/// Compares every commit of what comes out.
fn compare(whole: &BTreeMap<u64, State>, done: &Salvaged, store: &Store, what: &str) {
    for (&at, found) in &states(store) {
        let commit = Commit::new(at);
        let is_thinned = done.thinned.iter().any(|range| range.contains(&commit));
        let Some(expected) = whole.get(&at).filter(|_| !is_thinned) else {
            assert!(is_thinned || commit > done.exact_through, "{what}: {at}");
            continue;
        };
        if commit <= done.exact_through {
            assert_eq!(found, expected, "{what}: {at} is called exact");
        }
        let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
        for key in keys {
            let is_right = found.get(key) == expected.get(key);
            let is_named = is_named(done, &key.0, &key.1, at);
            assert!(is_right || is_named, "{what}: {key:?} at {at}, {done:#?}");
        }
    }
}

fn small() -> [MemFs; 3] {
    [settled(Compression::None), unflushed(), interrupted()]
}

#[test]
fn an_intact_store_is_salvaged_as_it_is() {
    for fs in small() {
        let whole = states(&open(&disk(&files(&fs))));
        let (done, store) = salvaged(&fs, &Salvage::default()).unwrap();
        let newest = *whole.keys().last().unwrap();
        assert_eq!(done.exact_through.get(), newest);
        assert_eq!((done.head.get(), &done.losses[..]), (newest, &[][..]));
        compare(&whole, &done, &store, "whole");
        assert_eq!(states(&store)[&newest], whole[&newest]);
    }
}

#[test]
fn what_comes_out_is_right_or_named_whichever_byte_is_damaged() {
    let mut incomplete = 0;
    for fs in small() {
        let whole = states(&open(&disk(&files(&fs))));
        let files = files(&fs);
        for (name, bytes) in &files {
            for position in 0..bytes.len() {
                let mut damaged = files.clone();
                damaged.get_mut(name).unwrap()[position] ^= 1 << (position % 8);
                let what = format!("byte {position} of {name}");
                let (done, store) = salvaged(&disk(&damaged), &Salvage::default())
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
                compare(&whole, &done, &store, &what);
                incomplete += u64::from(done.exact_through < done.head);
            }
        }
    }
    assert!(incomplete > 100, "{incomplete}");
}

#[test]
fn what_comes_out_is_right_or_named_whichever_file_is_gone() {
    for fs in small() {
        let whole = states(&open(&disk(&files(&fs))));
        let files = files(&fs);
        for name in files.keys() {
            let mut damaged = files.clone();
            damaged.remove(name);
            let (done, store) = salvaged(&disk(&damaged), &Salvage::default()).unwrap();
            compare(&whole, &done, &store, name);
            let how = Salvage {
                exact_only: true,
                ..Salvage::default()
            };
            let (done, store) = salvaged(&disk(&damaged), &how).unwrap();
            assert!(done.head <= done.exact_through, "{name}: {done:#?}");
            let newest = done.head.get();
            assert_eq!(states(&store)[&newest], whole[&newest], "{name}");
        }
    }
}

fn options(placement: Placement) -> Options {
    Options {
        placement: Some(placement),
        pacing: Pacing::Manual,
        file_level: Some(1),
        block_bytes: 64,
        ..Options::default()
    }
}

fn commit(store: &mut Store, keyspace: &str, key: &str, value: &str) {
    let mut batch = WriteBatch::new();
    batch.put(keyspace, key.as_bytes(), value.as_bytes());
    store.commit(&batch).unwrap();
}

/// Sixteen commits in segment files, in two keyspaces.
fn in_files(placement: Placement) -> MemFs {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options(placement)).unwrap();
    for number in 0..8 {
        let value = format!("value {number:020}");
        commit(&mut store, "a", &format!("key-{number}"), &value);
        commit(&mut store, "b", &format!("key-{number}"), &value);
    }
    store.settle().unwrap();
    store.close().unwrap();
    fs
}

/// Damages the block that has the value of key 3 in one of the keyspaces.
fn damage_a_block(damaged: &mut Files) {
    let value = b"value 00000000000000000003";
    let segments = damaged.iter_mut();
    let segments = segments.filter(|(name, _)| name.starts_with("segment-"));
    let place = |bytes: &[u8]| bytes.windows(value.len()).position(|it| it == value);
    let mut found = segments.filter_map(|(_, bytes)| Some((place(bytes)?, bytes)));
    let (place, bytes) = found.next().expect("the value is in a file");
    bytes[place] ^= 1;
}

/// The log has not been removed yet, and has what the block had.
#[test]
fn what_the_log_still_has_is_not_lost() {
    let fs = in_files(Placement::with_divisor(2).unwrap());
    let mut damaged = files(&fs);
    damage_a_block(&mut damaged);
    let (done, store) = salvaged(&disk(&damaged), &Salvage::default()).unwrap();
    assert_eq!((done.head.get(), done.exact_through.get()), (16, 16));
    let lost: Vec<_> = done.losses.iter().map(|loss| &loss.takes).collect();
    assert_eq!(lost, [&Takes::Nothing]);
    let whole = open(&fs);
    for at in 0..=16 {
        assert_eq!(
            state(&store, &["a", "b"], at),
            state(&whole, &["a", "b"], at)
        );
    }
}

/// A block takes its keys from its keyspace, and nothing else.
#[test]
fn a_lost_block_takes_its_keys_only() {
    let placement = Placement::with_divisor(2).unwrap();
    let fs = in_files(placement.clone());
    // The first commit after an opening begins another log, and the old one goes with the next file.
    let mut store = Store::open(Arc::new(fs.clone()), options(placement)).unwrap();
    (17..=32).for_each(|number| commit(&mut store, "c", &number.to_string(), "later"));
    store.settle().unwrap();
    store.close().unwrap();
    let mut damaged = files(&fs);
    damage_a_block(&mut damaged);
    let (done, store) = salvaged(&disk(&damaged), &Salvage::default()).unwrap();
    assert_eq!(done.head, Commit::new(32));
    let lost: Vec<_> = done.losses.iter().map(|loss| &loss.takes).collect();
    let [Takes::Versions { keyspace, .. }] = &lost[..] else {
        panic!("{lost:?}");
    };
    let other = if keyspace == "a" { "b" } else { "a" };
    let whole = open(&fs);
    for at in 0..=16 {
        assert_eq!(state(&store, &[other], at), state(&whole, &[other], at));
    }
    let left = state(&store, &[keyspace], 16).unwrap();
    assert!((4..8).contains(&left.len()), "{left:?}");
    assert!(!left.contains_key(&(keyspace.clone(), b"key-3".to_vec())));
}

/// A log that goes back to the first commit proves everything. Without it the segment files list what
/// they hold, and only names are lost. Without identity the files say which store they are of.
#[test]
fn without_manifest_and_identity_everything_but_names_comes_out() {
    for has_log in [true, false] {
        let placement = Placement::with_divisor(2).unwrap();
        let fs = in_files(placement.clone());
        let whole = state(&open(&disk(&files(&fs))), &["a", "b"], 16).unwrap();
        let mut damaged = files(&fs);
        damaged.retain(|name, _| {
            let is_log = name.starts_with("wal-") && has_log;
            name.starts_with("segment-") || is_log
        });
        let how = Salvage {
            placement: Some(placement.clone()),
            ..Salvage::default()
        };
        let (done, store) = salvaged(&disk(&damaged), &how).unwrap();
        assert_eq!(done.head, Commit::new(16), "{done:#?}");
        assert!(!done.is_placement_known);
        assert_eq!(store.placement(), &placement);
        let unproven = done.unproven.as_ref();
        let first = unproven.map(|unproven| (unproven.first.get(), unproven.files.is_empty()));
        let proven = done.exact_through.get();
        assert_eq!(
            (proven, first),
            if has_log {
                (16, None)
            } else {
                (0, Some((1, false)))
            }
        );
        assert_eq!(done.unnamed.len(), if has_log { 0 } else { 2 });
        let names = store.snapshot().keyspaces();
        assert_eq!(names.len(), 2, "{names:?}");
        for (name, old) in names.iter().zip(["a", "b"]) {
            let is_kept = name == old || done.unnamed.contains(name);
            assert!(is_kept, "{name} of {:?}", done.unnamed);
            let found = state(&store, &[name], 16).unwrap().into_iter();
            let found = found.map(|((_, key), value)| (key, value));
            let expected = whole.iter().filter(|((keyspace, _), _)| keyspace == old);
            let expected = expected.map(|((_, key), value)| (key.clone(), value.clone()));
            assert!(found.eq(expected), "{name}");
        }
    }
}

/// A merge that drops history drops deletions, too. A file that was merged, and that a crash has
/// brought back, must not bring back what it had.
#[test]
fn without_a_manifest_no_deleted_key_comes_back() {
    let placement = Placement {
        history: History::Newest,
        remove_inputs: RemoveInputs::Always,
        ..Placement::with_divisor(2).unwrap()
    };
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options(placement)).unwrap();
    commit(&mut store, "a", "deleted", "1");
    commit(&mut store, "a", "kept", "2");
    store.settle().unwrap();
    let old = files(&fs);
    let mut batch = WriteBatch::new();
    batch.delete("a", b"deleted");
    store.commit(&batch).unwrap();
    commit(&mut store, "a", "other", "4");
    store.settle().unwrap();
    store.close().unwrap();
    let mut damaged = files(&fs);
    let is_segment = |name: &String| name.starts_with("segment-");
    let merged = old.into_iter().filter(|(name, _)| is_segment(name));
    damaged.extend(merged);
    damaged.retain(|name, _| is_segment(name));
    assert_eq!(damaged.len(), 2, "the merged file and the one of the merge");
    let (done, store) = salvaged(&disk(&damaged), &Salvage::default()).unwrap();
    let name = &done.unnamed[0];
    let keys: Vec<_> = state(&store, &[name], 4).unwrap().into_keys().collect();
    let key = |key: &str| (name.clone(), key.as_bytes().to_vec());
    assert_eq!(keys, [key("kept"), key("other")]);
}

/// A commit that is lost may have been the first to write to a keyspace: the later commits to that
/// keyspace are whole, and have its number.
#[test]
fn a_keyspace_whose_name_is_lost_comes_out_under_another() {
    let fs = MemFs::new();
    let placement = Placement::with_divisor(2).unwrap();
    let mut store = Store::open(Arc::new(fs.clone()), options(placement)).unwrap();
    commit(&mut store, "a", "x", "1");
    commit(&mut store, "lost", "y", "2");
    commit(&mut store, "lost", "z", "3");
    commit(&mut store, "c", "z", "4");
    store.close().unwrap();
    let mut damaged = files(&fs);
    let log = damaged.get_mut("wal-000001").unwrap();
    let place = log.windows(4).position(|bytes| bytes == b"lost").unwrap();
    log[place] ^= 1;
    let (done, store) = salvaged(&disk(&damaged), &Salvage::default()).unwrap();
    assert_eq!((done.head.get(), done.exact_through.get()), (4, 1));
    let [loss] = &done.losses[..] else {
        panic!("{:?}", done.losses)
    };
    let (first, last) = (Commit::new(2), Some(Commit::new(2)));
    assert_eq!(loss.takes, Takes::Commits { first, last });
    assert_eq!(done.unnamed, ["keyspace-1"]);
    let found = |keyspace: &str| store.get(keyspace, b"z").unwrap();
    assert_eq!(found("keyspace-1").as_deref(), Some(&b"3"[..]));
    assert_eq!(found("c").as_deref(), Some(&b"4"[..]));
    assert_eq!(store.get("keyspace-1", b"y").unwrap(), None);
}

/// Nothing is begun where something is, nor of nothing, nor of a store that is being restored.
#[test]
fn what_is_refused() {
    let whole = unflushed();
    let full = settled(Compression::None);
    let before = files(&full);
    let how = Salvage::default();
    let outcome = salvage(Arc::new(whole.clone()), Arc::new(full.clone()), &how);
    assert!(matches!(outcome, Err(Error::BackupRefused { .. })));
    assert_eq!(files(&full), before);
    let outcome = salvage(Arc::new(MemFs::new()), Arc::new(MemFs::new()), &how);
    assert!(matches!(outcome, Err(Error::NotAStore { .. })));
    whole.create("restoring").unwrap();
    let outcome = salvage(Arc::new(whole.clone()), Arc::new(MemFs::new()), &how);
    assert!(matches!(outcome, Err(Error::NotAStore { .. })));
    whole.remove("restoring").unwrap();
    let _open = open(&whole);
    let outcome = salvage(Arc::new(whole.clone()), Arc::new(MemFs::new()), &how);
    assert!(matches!(outcome, Err(Error::Locked)));
}
