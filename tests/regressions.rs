//! Goal: a bug that was found once is never found again.
//!
//! Each test tells the story of one bug: what a user would have seen, and why. The
//! histories are the smallest that show it.

use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::{Options, Pacing, Placement, Store, WriteBatch};

fn put(keyspace: &str, key: &[u8]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(keyspace, key, b"value");
    batch
}

/// Found by `tests/model.rs` on its first day, after 1,489 histories.
///
/// A manifest record named every keyspace known when it was written, also those whose
/// first commit was still only in the WAL. Replaying that commit named the keyspace a
/// second time, under a new number, and reads by name found the new, empty one: after
/// reopening, a keyspace seemed to have lost all its data.
#[test]
fn a_keyspace_named_by_manifest_and_wal_is_one_keyspace() {
    let fs = MemFs::new();
    let options = Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(1),
        pacing: Pacing::Manual,
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    store.commit(&put("early", b"a")).unwrap();
    store.commit(&put("early", b"b")).unwrap();
    store.commit(&put("late", b"c")).unwrap();
    // Commits 1 and 2 move to a file; the record that says so already knows "late".
    store.settle().unwrap();
    drop(store);

    let store = Store::open(Arc::new(fs), options).unwrap();
    assert_eq!(
        store.get("late", b"c").unwrap().as_deref(),
        Some(&b"value"[..])
    );
    assert_eq!(store.snapshot().keyspaces(), ["early", "late"]);
}

/// Found by reading the code, before any test did.
///
/// A crash during the creation of a WAL file leaves one without a header. It was swept
/// at opening, but a removal is volatile: a second crash could bring it back, now with
/// a newer WAL file behind it. The store then took it for a damaged link of the chain
/// and refused to open, although every commit was there.
#[test]
fn a_leftover_in_the_middle_of_the_wal_is_not_part_of_it() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    store.commit(&put("main", b"a")).unwrap();
    drop(store);
    // What is not proven durable is written again, into a file with a higher number.
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    store.commit(&put("main", b"b")).unwrap();
    store.close().unwrap();
    let wals: Vec<String> = fs
        .list("")
        .unwrap()
        .into_iter()
        .filter(|name| name.starts_with("wal-"))
        .collect();
    assert_eq!(wals, ["wal-000001", "wal-000003"]);
    fs.create("wal-000002")
        .unwrap()
        .append(b"lithify: half a prea")
        .unwrap();

    let store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    assert_eq!(store.head().get(), 2);
    assert!(
        !fs.list("").unwrap().contains(&"wal-000002".to_owned()),
        "it is swept again"
    );
}
