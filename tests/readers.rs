//! Goal: readers are not disturbed, and files live exactly as long as they are needed.
//!
//! Snapshots are taken at random moments and read again after everything else has
//! happened; the directory listing is compared with what the store needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::{
    Commit, Error, History, KeyRange, Options, Pacing, Placement, RemoveInputs, Slice, Snapshot,
    Store, WriteBatch,
};
use proptest::prelude::*;

fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(1),
        wal_file_bytes: 100,
        cache_bytes: 0,
        pacing: Pacing::Settle,
        ..Options::default()
    }
}

fn put(key: u8, value: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put("main", &[key], &value.to_be_bytes());
    batch
}

fn contents(snapshot: &Snapshot) -> Vec<(Slice, Slice)> {
    snapshot
        .range("main", KeyRange::all())
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

proptest! {
    /// A snapshot says the same before and after any number of commits, merges and
    /// removals, also when history is thinned out around it.
    #[test]
    fn snapshots_stay_what_they_are(
        keys in proptest::collection::vec(0_u8..6, 1..60),
        taken in proptest::collection::btree_set(0_usize..60, 1..8),
        history in prop_oneof![Just(History::All), Just(History::Newest)],
    ) {
        let placement = Placement { history, ..Placement::with_divisor(2).unwrap() };
        let options = Options { placement: Some(placement), ..options() };
        let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
        let mut state = BTreeMap::new();
        let mut snapshots = Vec::new();
        for (position, key) in keys.iter().enumerate() {
            if taken.contains(&position) {
                snapshots.push((store.snapshot(), state.clone()));
            }
            store.commit(&put(*key, position as u64)).unwrap();
            state.insert(Slice::from(&[*key]), Slice::from(&(position as u64).to_be_bytes()));
        }
        for (snapshot, state) in snapshots {
            prop_assert_eq!(contents(&snapshot), state.into_iter().collect::<Vec<_>>());
        }
    }
}

fn segment_files(fs: &MemFs) -> Vec<String> {
    fs.list("")
        .unwrap()
        .into_iter()
        .filter(|name| name.starts_with("segment-"))
        .collect()
}

/// A file that a reader holds stays after the merge that made it useless, and goes
/// when the reader does.
#[test]
fn files_wait_for_readers() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options()).unwrap();
    for number in 0..2 {
        store.commit(&put(b'a', number)).unwrap();
    }
    let snapshot = store.snapshot();
    let held = segment_files(&fs);
    assert_eq!(held.len(), 1);
    for number in 2..4 {
        store.commit(&put(b'a', number)).unwrap();
    }
    let files = segment_files(&fs);
    assert!(files.contains(&held[0]), "{files:?}");
    assert_eq!(
        contents(&snapshot),
        [(Slice::from(b"a"), Slice::from(&1_u64.to_be_bytes()))]
    );
    drop(snapshot);
    store.settle().unwrap();
    let files = segment_files(&fs);
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(!files.contains(&held[0]), "{files:?}");
}

/// What an interrupted job leaves behind is swept at opening; what is not ours stays. The
/// number of a log stays taken, although no other file has a higher one: a manifest above
/// it comes first, so that an opening that writes nothing else remembers it too.
#[test]
fn orphans_are_swept_and_foreign_files_stay() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options()).unwrap();
    for number in 0..3 {
        store.commit(&put(b'a', number)).unwrap();
    }
    store.close().unwrap();
    let needed = fs.list("").unwrap();
    for stray in [
        "segment-000900",
        "wal-000900",
        "manifest-000001",
        "notes.txt",
        "segment-9.tmp",
    ] {
        fs.create(stray).unwrap();
    }
    drop(Store::open(Arc::new(fs.clone()), options()).unwrap());
    let mut store = Store::open(Arc::new(fs.clone()), options()).unwrap();
    let mut expected = needed;
    expected.retain(|name| !name.starts_with("manifest-"));
    expected.extend(["notes.txt", "segment-9.tmp", "manifest-000901"].map(str::to_owned));
    expected.sort();
    assert_eq!(fs.list("").unwrap(), expected);
    for number in 3..5 {
        store.commit(&put(b'a', number)).unwrap();
    }
    let newest = segment_files(&fs).pop().unwrap();
    assert!(
        newest.as_str() > "segment-000900",
        "a number seen on disk is not used again: {newest}"
    );
}

#[test]
fn a_second_writer_is_locked_out_and_readers_share() {
    let fs = Arc::new(MemFs::new());
    let mut store = Store::open(fs.clone(), options()).unwrap();
    store.commit(&put(b'a', 1)).unwrap();
    assert!(matches!(
        Store::open(fs.clone(), options()),
        Err(Error::Locked)
    ));
    let beside = Store::open_read_only(fs.clone(), options()).unwrap();
    assert_eq!(beside.head(), Commit::new(1));
    drop(store);
    // Who reads beside a writer holds no lock, and keeps nobody out.
    drop(Store::open(fs.clone(), options()).unwrap());
    let reader = Store::open_read_only(fs.clone(), options()).unwrap();
    let mut other = Store::open_read_only(fs.clone(), options()).unwrap();
    assert!(matches!(Store::open(fs, options()), Err(Error::Locked)));
    assert_eq!(reader.head(), Commit::new(1));
    assert!(matches!(other.commit(&put(b'a', 2)), Err(Error::ReadOnly)));
}

/// A reader shows the settled layout without touching the disk.
#[test]
fn a_reader_shows_what_a_writer_would() {
    let fs = MemFs::new();
    let options = Options {
        file_level: Some(3),
        ..options()
    };
    let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    for number in 0..15 {
        store.commit(&put(number as u8 % 4, number)).unwrap();
    }
    let layout = store.layout();
    drop(store);
    let files = fs.list("").unwrap();
    let reader = Store::open_read_only(Arc::new(fs.clone()), options).unwrap();
    assert_eq!(layout.diff(&reader.layout()), "");
    assert_eq!(fs.list("").unwrap(), files);
}

/// Thinned-out commits are refused with their nearest readable neighbours, and kept
/// inputs make them readable again.
#[test]
fn thinned_commits_name_their_neighbours() {
    let placement = Placement {
        history: History::Newest,
        ..Placement::with_divisor(4).unwrap()
    };
    let thinned = Options {
        placement: Some(placement.clone()),
        ..options()
    };
    let kept = Options {
        placement: Some(Placement {
            remove_inputs: RemoveInputs::HeadWindow { keep: 5 },
            ..placement
        }),
        ..options()
    };
    let mut stores =
        [thinned, kept].map(|options| Store::open(Arc::new(MemFs::new()), options).unwrap());
    for store in &mut stores {
        for number in 1..=9 {
            store.commit(&put(b'a', number)).unwrap();
        }
    }
    let at = |store: &Store, commit: u64| store.get_at("main", b"a", Commit::new(commit));
    let error = at(&stores[0], 6).unwrap_err().to_string();
    assert_eq!(
        error,
        "commit 6 was thinned out by retention; the nearest readable commits are 4 before and 8 after"
    );
    let error = at(&stores[0], 1).unwrap_err().to_string();
    assert_eq!(
        error,
        "commit 1 was thinned out by retention; the nearest readable commits are none before and 4 after"
    );
    assert_eq!(
        at(&stores[1], 6).unwrap(),
        Some(Slice::from(&6_u64.to_be_bytes()))
    );
    assert!(at(&stores[1], 2).is_err(), "five behind the closing at 8");
    assert_eq!(
        stores[1].readable_commits(),
        [Commit::new(4)..=Commit::new(9)],
        "the window before the kept ones is readable at its edge"
    );
}

/// The limits are refused by name, and nothing is written.
#[test]
fn limits_are_named() {
    let mut store = Store::open(Arc::new(MemFs::new()), options()).unwrap();
    let refused =
        |batch: &WriteBatch, store: &mut Store| store.commit(batch).unwrap_err().to_string();
    let mut batch = WriteBatch::new();
    batch.put("main", &vec![0; lithify::limits::KEY_BYTES + 1], b"");
    assert_eq!(
        refused(&batch, &mut store),
        "the longest key in bytes is 61441, the limit is 61440: nothing was written"
    );
    let mut batch = WriteBatch::new();
    batch.put(&"n".repeat(256), b"key", b"");
    assert_eq!(
        refused(&batch, &mut store),
        "the longest keyspace name in bytes is 256, the limit is 255: nothing was written"
    );
    let mut batch = WriteBatch::new();
    batch.put("main", b"key", &vec![0; lithify::limits::VALUE_BYTES + 1]);
    assert!(refused(&batch, &mut store).starts_with("the longest value in bytes is 33554433"));
    assert_eq!(store.head(), Commit::ZERO);
    assert_eq!(store.commit(&put(b'a', 1)).unwrap(), Commit::new(1));
}

#[test]
fn placement_is_fixed_at_creation() {
    let fs = Arc::new(MemFs::new());
    drop(Store::open(fs.clone(), options()).unwrap());
    let other = Options {
        placement: Some(Placement::with_divisor(3).unwrap()),
        ..options()
    };
    assert_eq!(
        Store::open(fs.clone(), other).unwrap_err().to_string(),
        "the store was created with divisor 2 and cannot be opened with 3: divisor fixes the layout for good"
    );
    let any = Options {
        placement: None,
        ..options()
    };
    assert_eq!(
        Store::open(fs, any)
            .unwrap()
            .placement()
            .alignment
            .to_string(),
        "2"
    );
}
