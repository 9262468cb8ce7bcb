//! Goal: a bug that was found once is never found again.
//!
//! Each test tells the story of one bug: what a user would have seen, and why. The
//! histories are the smallest that show it.

use std::sync::Arc;

use lithify::fs::MemFs;
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
