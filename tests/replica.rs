//! Goal: a replica takes the history of its primary and no other, whatever either has
//! merged or thinned out, and follows one that is in use.
//!
//! Method: primaries whose histories have parted at a chosen commit, streams that begin at
//! every commit, and a shared store that commits while a thread carries its changes.

#![allow(
    clippy::disallowed_methods,
    reason = "one of these tests is about a thread that carries changes"
)]

use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::read::CommitChanges;
use lithify::{Commit, Db, Error, History, Options, Pacing, Placement, Replica, Store, WriteBatch};

fn options(history: History) -> Options {
    Options {
        placement: Some(Placement {
            history,
            ..Placement::with_divisor(2).unwrap()
        }),
        file_level: Some(2),
        wal_file_bytes: 400,
        block_bytes: 64,
        // Merges happen when a test says so.
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

fn put(key: u8, value: &str) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(["a", "b"][usize::from(key % 2)], &[key], value.as_bytes());
    batch
}

/// A store with a commit for each value; keys come again and again.
fn primary(history: History, values: &[&str]) -> Store {
    let mut store = Store::open(Arc::new(MemFs::new()), options(history)).unwrap();
    for (position, value) in values.iter().enumerate() {
        store.commit(&put(position as u8 % 3, value)).unwrap();
    }
    store
}

fn changes(store: &Store, since: u64) -> Vec<CommitChanges> {
    let changes = store.changes_since(Commit::new(since)).unwrap();
    changes.map(Result::unwrap).collect()
}

fn replica_of(store: &Store, history: History) -> Replica {
    let mut replica = Replica::open(Arc::new(MemFs::new()), options(history)).unwrap();
    replica.apply_group(&changes(store, 0)).unwrap();
    replica
}

/// Where the error says that histories have parted.
fn parted<T: std::fmt::Debug>(outcome: Result<T, Error>) -> (u64, u64) {
    match outcome.unwrap_err() {
        Error::Diverged { first, last } => (first.get(), last.get()),
        error => panic!("{error}"),
    }
}

const ONE: [&str; 12] = ["1"; 12];

#[test]
fn another_history_is_refused_wherever_it_has_parted_and_the_stream_begins() {
    for other in 1..=11 {
        let mut values = ONE;
        values[other - 1] = "2";
        let stranger = primary(History::All, &values);
        for settles in [false, true] {
            let mut replica = replica_of(&primary(History::All, &ONE[..11]), History::All);
            if settles {
                replica.settle().unwrap();
            }
            for since in 0..=11 {
                let found = parted(replica.apply_group(&changes(&stranger, since)));
                let known = since < other as u64;
                let expected = match known {
                    true => (other as u64, other as u64),
                    false => (1, 11),
                };
                assert_eq!(found, expected, "parted at {other}, since {since}");
                assert_eq!(replica.store().head().get(), 11);
            }
            // The trail is dense enough to name the commit.
            let stream = stranger.changes_since(Commit::new(11)).unwrap();
            assert_eq!(
                parted(replica.compare(stream.trail())),
                (other as u64, other as u64)
            );
        }
    }
}

#[test]
fn the_own_primary_is_known_again_whatever_was_merged() {
    let mut store = primary(History::All, &ONE[..7]);
    let mut replica = replica_of(&store, History::All);
    replica.settle().unwrap();
    for (head, settles) in [(8, true), (9, false), (11, true)] {
        while store.head().get() < head {
            store.commit(&put(9, "more")).unwrap();
        }
        if settles {
            store.settle().unwrap();
        }
        let stream = store.changes_since(replica.store().head()).unwrap();
        replica.compare(stream.trail()).unwrap();
        for changes in stream {
            replica.apply(&changes.unwrap()).unwrap();
        }
        assert_eq!(replica.store().head(), store.head());
    }
    // A past that another handle has counted.
    let last = changes(&store, 10).remove(0);
    store.commit(&WriteBatch::new()).unwrap();
    assert_eq!(changes(&store, 11)[0].before, last.after());
}

#[test]
fn a_group_with_a_hole_in_it_is_refused() {
    let store = primary(History::All, &ONE);
    let mut replica = replica_of(&primary(History::All, &ONE[..8]), History::All);
    for (commits, expected, found) in [
        (&[3, 5][..], 4, 5),
        (&[8, 10], 9, 10),
        (&[9, 11], 10, 11),
        (&[10], 9, 10),
    ] {
        let all = changes(&store, 0);
        let group: Vec<_> = commits.iter().map(|it| all[it - 1].clone()).collect();
        match replica.apply_group(&group).unwrap_err() {
            Error::Gap {
                expected: one,
                found: other,
            } => {
                assert_eq!((one.get(), other.get()), (expected, found));
            }
            error => panic!("{error}"),
        }
        assert_eq!(replica.store().head().get(), 8);
    }
    // Out of order as well.
    let all = changes(&store, 0);
    let group = [all[9].clone(), all[8].clone()];
    assert!(matches!(
        replica.apply_group(&group),
        Err(Error::Gap { .. })
    ));
}

/// A primary that has thinned its history out, and a replica that had followed before.
fn thinned_pair(history: History, values: &[&str]) -> (Store, Replica) {
    let mut store = primary(history, values);
    let mut replica = replica_of(&store, history);
    store.settle().unwrap();
    replica.settle().unwrap();
    (store, replica)
}

#[test]
fn thinned_histories_are_compared_by_the_values_at_the_beginning() {
    for history in [History::Newest, History::Last(2)] {
        let (mut store, mut replica) = thinned_pair(history, &ONE[..11]);
        let mut values = ONE;
        values[10] = "2";
        let stranger = primary(history, &values);
        let refused = replica.apply_group(&changes(&stranger, 11));
        assert_eq!(parted(refused), (1, 11));
        store.commit(&put(2, "1")).unwrap();
        replica.apply_group(&changes(&store, 11)).unwrap();
        replica.settle().unwrap();
        store.settle().unwrap();
        assert_eq!(replica.store().layout(), store.layout());
        // What is not known any more is refused, and not passed over.
        let first = changes(&primary(history, &ONE[..1]), 0);
        let refused = replica.apply(&first[0]).unwrap_err();
        assert!(matches!(refused, Error::Thinned { .. }), "{refused}");
    }
}

#[test]
fn a_thinned_replica_says_from_where_it_can_compare() {
    let (mut store, mut replica) = thinned_pair(History::Newest, &ONE[..8]);
    store.commit(&put(2, "1")).unwrap();
    let ninth = changes(&store, 8).remove(0);
    let mut early = ninth.clone();
    early.before.base = Commit::new(3);
    match replica.apply(&early).unwrap_err() {
        Error::Incomparable { base, head } => assert_eq!((base.get(), head.get()), (3, 8)),
        error => panic!("{error}"),
    }
    replica.apply(&ninth).unwrap();
}

#[test]
fn a_store_that_cannot_become_a_replica_stays_a_primary() {
    let fs = Arc::new(MemFs::new());
    let mut store = Store::open(fs.clone(), options(History::All)).unwrap();
    store.commit(&put(1, "1")).unwrap();
    store.close().unwrap();
    let other = Options {
        placement: Some(Placement::with_divisor(3).unwrap()),
        ..options(History::All)
    };
    let refused = Replica::open(fs.clone(), other).unwrap_err();
    assert!(
        matches!(refused, Error::OptionsMismatch { .. }),
        "{refused}"
    );
    assert!(
        !fs.list("")
            .unwrap()
            .contains(&lithify::files::REPLICA.to_owned())
    );
    Store::open(fs, options(History::All)).unwrap();
}

/// The way to replicate a store that is in use: its own process carries the changes.
#[test]
fn a_replica_follows_a_store_that_threads_write_to() {
    let paced = Options {
        pacing: Pacing::Bounded,
        ..options(History::All)
    };
    let db = Db::open_in(Arc::new(MemFs::new()), paced).unwrap();
    let fs = Arc::new(MemFs::new());
    let mut replica = Replica::open(fs.clone(), options(History::All)).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let db = db.clone();
            scope.spawn(move || {
                for commit in 0..40 {
                    db.commit(&put(writer * 40 + commit, "value")).unwrap();
                }
            });
        }
        let (db, replica) = (db.clone(), &mut replica);
        scope.spawn(move || {
            let mut stream = db.snapshot().changes_since(Commit::ZERO).unwrap();
            while replica.store().head().get() < 120 {
                stream.go_on(&db.snapshot()).unwrap();
                let group: Vec<_> = stream.by_ref().map(Result::unwrap).collect();
                replica.apply_group(&group).unwrap();
            }
        });
    });
    db.settle().unwrap();
    replica.settle().unwrap();
    assert_eq!(replica.store().layout(), db.layout());
    assert!(matches!(
        Db::open_in(fs.clone(), Options::default()),
        Err(Error::Locked)
    ));
    replica.close().unwrap();
    assert!(matches!(
        Db::open_in(fs.clone(), Options::default()),
        Err(Error::IsReplica)
    ));
    // The primary is gone: another takes its place.
    db.close().unwrap();
    let replica = Replica::open(fs.clone(), Options::default()).unwrap();
    replica.promote().unwrap().close().unwrap();
    let db = Db::open_in(fs, Options::default()).unwrap();
    assert_eq!(db.commit(&put(1, "own")).unwrap().get(), 121);
    assert_eq!(db.get("a", &[2]).unwrap().as_deref(), Some(&b"value"[..]));
    db.close().unwrap();
}

#[test]
fn a_stream_goes_on_without_reading_again_what_it_has() {
    let mut store = primary(History::All, &ONE[..5]);
    let mut stream = store.changes_since(Commit::new(2)).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().commit.get(), 3);
    store.commit(&put(1, "6")).unwrap();
    store.settle().unwrap();
    stream.go_on(&store.snapshot()).unwrap();
    let rest: Vec<_> = stream.by_ref().map(Result::unwrap).collect();
    assert_eq!(rest, changes(&store, 3));
    assert!(stream.next().is_none());
    let shorter = primary(History::All, &ONE[..2]);
    let refused = stream.go_on(&shorter.snapshot()).unwrap_err();
    assert!(matches!(refused, Error::BeyondHead { .. }), "{refused}");
}
