//! Open a store on disk, commit, read the present and the past.
//!
//!     cargo run --example quickstart -- [DIRECTORY]

#![allow(
    clippy::disallowed_methods,
    reason = "an example may look at its arguments"
)]

use std::sync::Arc;

use lithify::fs::OsFs;
use lithify::{KeyRange, Options, Store, WriteBatch};

fn main() -> lithify::Result<()> {
    let directory = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/quickstart".to_owned());
    let mut store = Store::open(Arc::new(OsFs::new(directory)), Options::default())?;

    let mut batch = WriteBatch::new();
    batch.put("stones", b"granite", b"igneous");
    batch.put("stones", b"shale", b"sedimentary");
    let first = store.commit(&batch)?;

    let mut batch = WriteBatch::new();
    batch.put("stones", b"shale", b"metamorphic: it is slate now");
    batch.delete("stones", b"granite");
    let second = store.commit(&batch)?;

    for commit in [first, second] {
        println!("as of commit {commit}:");
        for entry in store.range_at("stones", KeyRange::all(), commit)? {
            let (key, value) = entry?;
            println!(
                "  {} = {}",
                String::from_utf8_lossy(&key),
                String::from_utf8_lossy(&value)
            );
        }
    }
    for change in store.diff("stones", first, second)? {
        println!("changed: {}", String::from_utf8_lossy(&change?.key));
    }
    store.close()
}
