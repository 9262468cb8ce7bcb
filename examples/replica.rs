//! A store in use, a replica that a thread keeps up with it, and a change of roles.
//!
//!     cargo run --example replica -- [DIRECTORY]

#![allow(
    clippy::disallowed_methods,
    reason = "an example may look at its arguments and start threads"
)]

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use lithify::fs::OsFs;
use lithify::{Db, Error, Options, Replica, WriteBatch};

/// Carries commits whenever it is told that there are more.
fn carry(db: &Db, mut replica: Replica, committed: Receiver<()>) -> lithify::Result<Replica> {
    // The first commit that is new to the replica shows whether both have one history.
    let mut stream = db.snapshot().changes_since(replica.store().head())?;
    for () in committed {
        // What is visible is durable, unless options or a batch say otherwise: call
        // `db.sync()` behind `db.snapshot()` then.
        stream.go_on(&db.snapshot())?;
        let group: Vec<_> = stream.by_ref().collect::<lithify::Result<_>>()?;
        replica.apply_group(&group)?;
    }
    Ok(replica)
}

fn main() -> lithify::Result<()> {
    let directory = std::env::args().nth(1);
    let directory = directory.unwrap_or_else(|| "target/replica".to_owned());
    let place = |name: &str| Arc::new(OsFs::new(format!("{directory}/{name}")));
    std::fs::create_dir_all(&directory).expect("the directory can be made");

    // Whoever of the two was promoted last is the primary.
    let mut names = ["one", "two"];
    let mut opened = Db::open_in(place(names[0]), Options::default());
    if let Err(Error::IsReplica) = opened {
        names.reverse();
        opened = Db::open_in(place(names[0]), Options::default());
    }
    let db = opened?;
    let replica = Replica::open(place(names[1]), Options::default())?;

    let (tell, committed) = sync_channel(1);
    let mut replica = std::thread::scope(|scope| {
        let db = &db;
        let carrier = scope.spawn(move || carry(db, replica, committed));
        for tonnes in 0_u32..100 {
            let mut batch = WriteBatch::new();
            batch.put("quarries", b"carrara", &tonnes.to_be_bytes());
            db.commit(&batch)?;
            // When this is full, the carrier has yet to look.
            let _ = tell.try_send(());
        }
        let _ = tell.send(());
        drop(tell);
        carrier.join().expect("the carrier does not panic")
    })?;

    db.settle()?;
    replica.settle()?;
    assert_eq!(replica.store().layout(), db.layout());
    println!("both at commit {}:\n{}", db.head(), db.layout());

    // The old primary becomes a replica first, so that there are never two primaries.
    db.close()?;
    let old = Replica::open(place(names[0]), Options::default())?;
    let new = replica.promote()?;
    println!("{} is the primary from here on", names[1]);
    old.close()?;
    new.close()
}
