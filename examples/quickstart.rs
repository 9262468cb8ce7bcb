//! Open a store on disk, commit, read the present and the past, decide and write in one.
//!
//!     cargo run --example quickstart -- [DIRECTORY]

#![allow(
    clippy::disallowed_methods,
    reason = "an example may look at its arguments"
)]

use lithify::Db;

fn main() -> lithify::Result<()> {
    let directory = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/quickstart".to_owned());
    let db = Db::open(directory)?;
    let stones = db.keyspace("stones")?;

    let mut batch = db.batch();
    batch.put(&stones, "granite", "igneous");
    batch.put(&stones, "shale", "sedimentary");
    let first = batch.commit()?;

    // It reads its own writes, and runs again when somebody else has written what it read.
    let (_, second) = db.transaction(|transaction| {
        if transaction.contains(&stones, "shale")? {
            transaction.put(&stones, "shale", "metamorphic: it is slate now")?;
        }
        transaction.delete(&stones, "granite")
    })?;

    for commit in [first, second] {
        println!("as of commit {commit}:");
        for entry in &stones.at(commit)? {
            let (key, value) = entry?;
            println!("  {} = {}", key.escape_ascii(), value.escape_ascii());
        }
    }
    for change in stones.diff(first, second)? {
        println!("changed: {}", change?.key.escape_ascii());
    }
    db.close()
}
