//! A store with one owner and one key, whose history tests write step by step.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Options, Pacing, Placement, Store, WriteBatch};

pub(crate) fn open(fs: &MemFs) -> Store {
    let options = Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(1),
        pacing: Pacing::Manual,
        ..Options::default()
    };
    Store::open(Arc::new(fs.clone()), options).unwrap()
}

pub(crate) fn put(store: &mut Store, value: &[u8]) {
    let mut batch = WriteBatch::new();
    batch.put("main", b"key", value);
    store.commit(&batch).unwrap();
}
