//! The end of a store: closed by one, dropped by the last, or refused at the start.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Db, Durability, Error, Options, Pacing, Store};

use crate::{count, in_threads, observed, options, put};

#[test]
fn closing_refuses_commits_of_clones_and_lets_them_read() {
    let fs = MemFs::new();
    let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
    db.commit(&put("main", b"key", b"value")).unwrap();
    let clone = db.clone();
    db.close().unwrap();
    assert!(matches!(
        clone.commit(&put("main", b"key", b"late")),
        Err(Error::Closed)
    ));
    assert!(matches!(
        clone.commit_async(&put("main", b"key", b"late")),
        Err(Error::Closed)
    ));
    assert!(matches!(clone.sync(), Err(Error::Closed)));
    assert!(matches!(clone.settle(), Err(Error::Closed)));
    assert_eq!(clone.get("main", b"key").unwrap().unwrap(), b"value");

    // The directory is free, and a second closing must not touch it.
    let mut next = Store::open(Arc::new(fs.clone()), options()).unwrap();
    next.commit(&put("main", b"key", b"next")).unwrap();
    clone.close().unwrap();
    next.close().unwrap();
    let last = Store::open(Arc::new(fs), options()).unwrap();
    assert_eq!(last.get("main", b"key").unwrap().unwrap(), b"next");
}

/// Threads commit while one closes. Each commit is either there afterwards or was
/// refused.
#[test]
fn closing_during_commits_loses_none() {
    for closing in 0..30 {
        let fs = MemFs::new();
        let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
        let acknowledged: usize = in_threads(4, &db, |thread, db| {
            for number in 0_u8..40 {
                if thread == 0 && number == closing {
                    db.close().unwrap();
                    return usize::from(number);
                }
                match db.commit(&put("main", &[thread, number], b"value")) {
                    Ok(_) => {}
                    Err(Error::Closed) => return usize::from(number),
                    Err(error) => panic!("{error}"),
                }
            }
            40
        })
        .into_iter()
        .sum();
        drop(db);
        let store = Store::open(Arc::new(fs), options()).unwrap();
        assert_eq!(store.head().get(), acknowledged as u64);
    }
}

#[test]
fn dropping_the_last_handle_finishes_what_was_handed_over() {
    let fs = observed();
    let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
    let held = fs.gate().hold("sync wal");
    let pending: Vec<_> = (0..5)
        .map(|key| db.commit_async(&put("main", &[key], b"value")).unwrap())
        .collect();
    fs.gate().wait_until_held();
    let dropping = std::thread::spawn(move || drop(db));
    drop(held);
    dropping.join().unwrap();
    for (number, pending) in (1..).zip(pending) {
        assert!(pending.is_done());
        assert_eq!(pending.wait().unwrap().get(), number);
    }
    let store = Store::open(Arc::new(fs), options()).unwrap();
    assert_eq!(store.head().get(), 5);
}

#[test]
fn a_sync_makes_buffered_commits_durable() {
    let fs = observed();
    let options = Options {
        durability: Durability::Buffered,
        wal_file_bytes: 1 << 20,
        ..options()
    };
    let db = Db::open_in(Arc::new(fs.clone()), options).unwrap();
    db.sync().unwrap();
    db.commit(&put("main", b"key", b"begins a log file"))
        .unwrap();
    db.sync().unwrap();
    fs.take_lines();
    for key in 0..10 {
        db.commit(&put("main", &[key], b"value")).unwrap();
    }
    assert_eq!(count(&fs, "sync wal"), 0);
    db.sync().unwrap();
    assert_eq!(count(&fs, "sync wal"), 1);
    db.sync().unwrap();
    assert_eq!(count(&fs, "sync wal"), 0, "there is nothing new to sync");
}

#[test]
fn the_pacing_of_one_owner_is_refused() {
    for pacing in [Pacing::Manual, Pacing::Settle] {
        let options = Options {
            pacing,
            ..options()
        };
        let error = Db::open_in(Arc::new(MemFs::new()), options).unwrap_err();
        assert!(matches!(error, Error::InvalidOptions(_)), "{error}");
    }
}

#[test]
fn a_store_is_open_once() {
    let fs = MemFs::new();
    let db = Db::open_in(Arc::new(fs.clone()), options()).unwrap();
    assert!(matches!(
        Db::open_in(Arc::new(fs.clone()), options()),
        Err(Error::Locked)
    ));
    drop(db);
    Db::open_in(Arc::new(fs), options()).unwrap();
}
