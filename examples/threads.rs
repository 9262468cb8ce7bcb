//! One store, several threads: writers that block, one that does not, and readers.
//!
//!     cargo run --example threads -- [DIRECTORY]

#![allow(
    clippy::disallowed_methods,
    reason = "an example may look at its arguments and start threads"
)]

use std::sync::Arc;

use lithify::fs::OsFs;
use lithify::{Db, KeyRange, Options, WriteBatch};

fn batch(quarry: &str, day: u32) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put("output", quarry.as_bytes(), &(day * 3).to_be_bytes());
    batch.put("days", quarry.as_bytes(), &day.to_be_bytes());
    batch
}

fn main() -> lithify::Result<()> {
    let directory = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/threads".to_owned());
    let db = Db::open_in(Arc::new(OsFs::new(directory)), Options::default())?;
    let before = db.head();

    std::thread::scope(|scope| {
        for quarry in ["carrara", "purbeck", "solnhofen"] {
            let db = db.clone();
            // Each commit is durable when the call returns. Commits of several threads
            // share a write and a sync.
            scope.spawn(move || {
                for day in 1..=20 {
                    db.commit(&batch(quarry, day)).expect("the disk works");
                }
            });
        }
        let db = db.clone();
        scope.spawn(move || {
            // Hand over, go on, and ask for the outcome at the end. A pending commit is
            // also a future.
            let hand_over = |day| db.commit_async(&batch("portland", day));
            let pending: Vec<_> = (1..=20).map(hand_over).collect();
            for commit in pending {
                let commit = commit.and_then(lithify::PendingCommit::wait);
                commit.expect("the disk works");
            }
        });
    });

    // A snapshot waits for nobody, and does not change any more.
    let snapshot = db.snapshot();
    for entry in snapshot.range("days", KeyRange::all())? {
        let (quarry, day) = entry?;
        let day: [u8; 4] = day[..].try_into().expect("days have four bytes");
        let quarry = String::from_utf8_lossy(&quarry);
        println!("{quarry}: day {}", u32::from_be_bytes(day));
    }

    db.settle()?;
    let commits = db.head().get() - before.get();
    println!("{commits} commits, layout:\n{}", db.layout());
    println!("{:?}", db.pressure());
    db.close()
}
