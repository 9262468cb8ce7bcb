//! Goal: a store that threads share is the same store. For the same history it reaches
//! the layout and the contents that one owner reaches; what it acknowledged is durable;
//! nobody waits for what does not concern them; and whatever goes wrong, nobody hangs.
//!
//! Method: real threads, and a file system that holds, fails or panics at a chosen
//! operation, so that every situation is brought about and none is waited for: no test
//! here reads a clock or sleeps. A test that would find a deadlock hangs. The order in
//! which threads came is taken from the commit numbers that they were given. The
//! interleavings of the protocols themselves are the matter of `tests/threads_model.rs`.

#![allow(
    clippy::disallowed_methods,
    reason = "these tests are about threads, and wait for what they have brought about"
)]

mod close;
mod failures;
mod histories;
mod power;
mod waiting;

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Db, KeyRange, Options, Placement, Slice, Snapshot, WriteBatch};
use lithify_sim::disk::observed::ObservedFs;

/// Small windows, files early, and logs that are soon full.
fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(2),
        wal_file_bytes: 400,
        manifest_file_bytes: 500,
        block_bytes: 64,
        cache_bytes: 0,
        ..Options::default()
    }
}

/// An empty file system that can be held, made to fail, and asked what was done to it.
fn observed() -> ObservedFs {
    let fs = ObservedFs::new(Arc::new(MemFs::new()));
    fs.keep_lines();
    fs
}

/// How many operations with `text` in their line were let through since the last call.
fn count(fs: &ObservedFs, text: &str) -> usize {
    let lines = fs.take_lines();
    lines.iter().filter(|line| line.contains(text)).count()
}

/// Checked by the compiler.
#[test]
fn handles_may_go_anywhere() {
    fn goes_anywhere<T: Send + Sync + 'static>() {}
    goes_anywhere::<Db>();
    goes_anywhere::<lithify::PendingCommit>();
    fn is_cloned<T: Clone>() {}
    is_cloned::<Db>();
}

fn put(keyspace: &str, key: &[u8], value: &[u8]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(keyspace, key, value);
    batch
}

fn contents(snapshot: &Snapshot, keyspace: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let range = snapshot.range(keyspace, KeyRange::all()).unwrap();
    let owned = |item: lithify::Result<(Slice, Slice)>| {
        let (key, value) = item.unwrap();
        (key.to_vec(), value.to_vec())
    };
    range.map(owned).collect()
}

/// Runs `work` in this many threads and returns what they return.
fn in_threads<T: Send>(threads: u8, db: &Db, work: impl Fn(u8, Db) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let db = db.clone();
                scope.spawn(move || work(thread, db))
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}
