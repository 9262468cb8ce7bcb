//! Transactions: what they read, what they refuse, and that many of them together are as if they
//! had run one after the other.
//!
//! The laboratory judges the same under every schedule, fault and crash (system `lithify-db`); here
//! are the stories, and real threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use lithify::fs::{Access, Fs, MemFs};
use lithify::{Commit, Db, Error, History, Options, Placement, Result, Slice, Transaction, limits};
use proptest::prelude::*;

fn open() -> Db {
    Db::open_in_memory().unwrap()
}

fn conflict_of(outcome: Result<Commit>) -> Option<Vec<u8>> {
    match outcome {
        Err(Error::Conflict { key, .. }) => key,
        other => panic!("no conflict with a key: {other:?}"),
    }
}

/// Two people increase a counter at the same time: the second one is told, and nothing is lost.
#[test]
fn an_update_is_not_lost() -> Result<()> {
    let db = open();
    let counters = db.keyspace("counters")?;
    counters.put("visits", [1])?;
    let read = |transaction: &Transaction| {
        Ok::<_, Error>(transaction.get(&counters, "visits")?.unwrap()[0])
    };
    let (mut first, mut second) = (db.begin(), db.begin());
    let (a, b) = (read(&first)?, read(&second)?);
    first.put(&counters, "visits", [a + 1])?;
    second.put(&counters, "visits", [b + 1])?;
    assert_eq!(first.commit()?.get(), 2);
    assert_eq!(conflict_of(second.commit()), Some(b"visits".to_vec()));
    assert_eq!(db.head().get(), 2, "a refused transaction takes no number");
    assert_eq!(counters.get("visits")?.unwrap(), [2]);
    Ok(())
}

/// Each doctor on call sees another one and goes home (the usual example of write skew).
#[test]
fn a_decision_that_rests_on_a_key_fails_when_the_key_changes() -> Result<()> {
    let db = open();
    let on_call = db.keyspace("on call")?;
    on_call.put("ada", "yes")?;
    on_call.put("bob", "yes")?;
    let leave = |transaction: &mut Transaction, own: &str, other: &str| {
        if transaction.contains(&on_call, other)? {
            transaction.delete(&on_call, own)?;
        }
        Ok::<_, Error>(())
    };
    let (mut first, mut second) = (db.begin(), db.begin());
    leave(&mut first, "ada", "bob")?;
    leave(&mut second, "bob", "ada")?;
    first.commit()?;
    assert_eq!(conflict_of(second.commit()), Some(b"ada".to_vec()));
    assert_eq!(on_call.keys().count(), 1);
    Ok(())
}

/// A key that was not there when a range was walked is a conflict where it was walked, and none
/// behind the last key that was asked for.
#[test]
fn a_phantom_is_a_conflict_where_the_range_was_walked() -> Result<()> {
    let db = open();
    let rooms = db.keyspace("rooms")?;
    rooms.put("b", "taken")?;
    rooms.put("d", "taken")?;
    let walk_all = |transaction: &Transaction| transaction.range(&rooms, "a".."z").count();
    for (new, is_conflict) in [("a", true), ("e", true), ("zz", false)] {
        let mut transaction = db.begin();
        walk_all(&transaction);
        transaction.put(&rooms, "walked", "all")?;
        rooms.put(new, "taken")?;
        assert_eq!(transaction.commit().is_err(), is_conflict, "{new}");
        rooms.delete(new)?;
        rooms.delete("walked")?;
    }
    for (new, is_conflict) in [("a", true), ("c", false)] {
        let mut transaction = db.begin();
        let first = transaction.range(&rooms, "a".."z").next().unwrap()?.0;
        assert_eq!(first, "b");
        transaction.put(&rooms, "walked", "a little")?;
        rooms.put(new, "taken")?;
        assert_eq!(transaction.commit().is_err(), is_conflict, "{new}");
        rooms.delete(new)?;
        rooms.delete("walked")?;
    }
    let mut transaction = db.begin();
    assert_eq!(transaction.iter(&rooms).next_back().unwrap()?.0, "d");
    transaction.put(&rooms, "e", "taken")?;
    rooms.put("c", "taken")?;
    transaction.commit()?;
    Ok(())
}

#[test]
fn a_key_that_was_deleted_was_written() -> Result<()> {
    let db = open();
    let keys = db.keyspace("keys")?;
    keys.put("a", "1")?;
    let mut transaction = db.begin();
    transaction.get(&keys, "a")?;
    transaction.put(&keys, "b", "2")?;
    keys.delete("a")?;
    assert_eq!(conflict_of(transaction.commit()), Some(b"a".to_vec()));
    Ok(())
}

/// Where retention thins history out, a merge drops a deletion from the oldest segment. Nobody can
/// tell whether the key was there, so the transaction is refused.
#[test]
fn a_deletion_that_a_merge_has_dropped_is_still_a_conflict() -> Result<()> {
    let placement = Placement {
        history: History::Newest,
        ..Placement::with_divisor(2)?
    };
    let db = Db::builder("").placement(placement).open_in_memory()?;
    let keys = db.keyspace("keys")?;
    keys.put("a", "1")?;
    let mut transaction = db.begin();
    transaction.get(&keys, "a")?;
    transaction.put(&keys, "b", "2")?;
    keys.delete("a")?;
    db.settle()?;
    assert_eq!(
        db.layout().keyspaces[0].segments[0].entries,
        0,
        "the deletion is gone"
    );
    let refused = transaction.commit().unwrap_err();
    assert!(
        matches!(refused, Error::Conflict { key: None, .. }),
        "{refused}"
    );
    Ok(())
}

/// A blind write reads nothing, and a transaction without a write has happened when it began.
#[test]
fn what_reads_nothing_or_writes_nothing_never_conflicts() -> Result<()> {
    let db = open();
    let keys = db.keyspace("keys")?;
    let (mut blind, looking) = (db.begin(), db.begin());
    blind.put(&keys, "a", "blind")?;
    assert!(looking.get(&keys, "a")?.is_none());
    let head = keys.put("a", "seen")?;
    assert_eq!(blind.commit()?, head.next());
    assert_eq!(looking.commit()?, Commit::ZERO);
    assert_eq!(db.head().get(), 2);
    Ok(())
}

/// What no commit could hold is refused at once, and what was written before stays.
#[test]
fn what_is_too_large_is_refused_when_it_is_written() -> Result<()> {
    let db = open();
    let keys = db.keyspace("keys")?;
    let mut transaction = db.begin();
    transaction.put(&keys, "a", "1")?;
    let too_long = vec![0; limits::VALUE_BYTES + 1];
    let refused = [
        transaction.put(&keys, "b", &too_long),
        transaction.put(&keys, &too_long[..=limits::KEY_BYTES], "b"),
        transaction.delete(&keys, &too_long[..=limits::KEY_BYTES]),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(Error::Limit { .. })), "{refused:?}");
    }
    transaction.commit()?;
    assert_eq!(keys.keys().count(), 1);
    Ok(())
}

/// Work that writes through the handle what it reads through the transaction is in its own way. It
/// comes to an end.
#[test]
fn work_that_is_in_its_own_way_gives_up() -> Result<()> {
    let db = open();
    let keys = db.keyspace("keys")?;
    let outcome = db.transaction(|transaction| {
        transaction.get(&keys, "a")?;
        keys.put("a", "1")?;
        transaction.put(&keys, "b", "2")
    });
    assert!(matches!(outcome, Err(Error::Conflict { .. })));
    assert_eq!(db.head().get(), u64::from(limits::TRANSACTION_ATTEMPTS));
    Ok(())
}

/// A conflict names the commit that was read, however far was looked since.
#[test]
fn a_conflict_names_the_commit_that_was_read() -> Result<()> {
    let db = open();
    let keys = db.keyspace("keys")?;
    let read = keys.put("a", "1")?;
    let mut transaction = db.begin();
    transaction.get(&keys, "a")?;
    transaction.put(&keys, "b", "2")?;
    keys.put("other", "1")?;
    keys.put("a", "2")?;
    let refused = transaction.commit().unwrap_err();
    assert!(matches!(&refused, Error::Conflict { since, .. } if *since == read));
    assert_eq!(
        refused.to_string(),
        "key \"a\" of keyspace \"keys\" was written after commit 1, as of which the transaction has \
         read it: nothing was written; try again"
    );
    Ok(())
}

/// After an error a range hands nothing out, not even what it has fetched already: it would pass
/// for all there is.
#[test]
fn a_range_is_over_after_an_error() -> Result<()> {
    let fs = MemFs::new();
    let options = Options {
        placement: Some(Placement::with_divisor(2)?),
        file_level: Some(1),
        cache_bytes: 0,
        block_bytes: 64,
        ..Options::default()
    };
    let db = Db::open_in(Arc::new(fs.clone()), options)?;
    let keys = db.keyspace("keys")?;
    keys.put("a", [1; 80])?;
    keys.put("k", [2; 80])?;
    db.settle()?;
    let mut transaction = db.begin();
    transaction.put(&keys, "z", "own")?;
    let mut range = transaction.iter(&keys);
    assert_eq!(range.next_back().unwrap()?.0, "z", "and k was fetched");
    let segment = db
        .files()
        .into_iter()
        .find(|name| name.starts_with("segment-"));
    let file = fs
        .open(&segment.expect("there is one"), Access::Write)
        .unwrap();
    file.write_at(0, &vec![0; file.len().unwrap() as usize])
        .unwrap();
    assert!(matches!(range.next().unwrap(), Err(Error::Damage(_))));
    assert!(range.next().is_none() && range.next_back().is_none());
    Ok(())
}

#[test]
fn an_error_of_the_work_gives_the_transaction_up() -> Result<()> {
    let db = open();
    let keys = db.keyspace("keys")?;
    let outcome = db.transaction(|transaction| {
        transaction.put(&keys, "a", "1")?;
        db.snapshot_at(Commit::new(9)).map(|_| ())
    });
    assert!(matches!(outcome, Err(Error::BeyondHead { .. })));
    assert_eq!(db.head(), Commit::ZERO);
    Ok(())
}

/// Money moves between accounts from several threads at once, and none is made or lost.
#[test]
#[expect(clippy::disallowed_methods, reason = "threads are what is tried")]
fn threads_that_move_money_keep_the_sum() -> Result<()> {
    const ACCOUNTS: u8 = 4;
    const MOVES: u32 = 150;
    let db = open();
    let accounts = db.keyspace("accounts")?;
    for account in 0..ACCOUNTS {
        accounts.put([account], 100_u32.to_be_bytes())?;
    }
    let amount = |value: Slice| u32::from_be_bytes(value[..].try_into().unwrap());
    let sum = |transaction: &Transaction| -> Result<u32> {
        transaction
            .iter(&accounts)
            .map(|item| Ok(amount(item?.1)))
            .sum()
    };
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (db, accounts, amount, sum) = (&db, &accounts, &amount, &sum);
            scope.spawn(move || {
                for turn in 0..MOVES {
                    let from = [((turn + thread) % u32::from(ACCOUNTS)) as u8];
                    let to = [((turn * 7 + thread + 1) % u32::from(ACCOUNTS)) as u8];
                    db.transaction(|transaction| {
                        assert_eq!(sum(transaction)?, 400, "a transaction sees one state");
                        let has = amount(transaction.get(accounts, from)?.unwrap());
                        transaction.put(accounts, from, (has - 1).to_be_bytes())?;
                        let has = amount(transaction.get(accounts, to)?.unwrap());
                        transaction.put(accounts, to, (has + 1).to_be_bytes())
                    })
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(sum(&db.begin())?, 400);
    assert_eq!(db.head().get(), u64::from(ACCOUNTS) + 3 * u64::from(MOVES));
    Ok(())
}

proptest! {
    /// A range with the writes of the transaction over it, walked from both ends, is the map that
    /// has them in it.
    #[test]
    fn a_transaction_walks_its_own_writes(
        stored in proptest::collection::btree_map(0_u8..12, 0_u8..9, 0..10),
        own in proptest::collection::btree_map(0_u8..12, prop::option::of(0_u8..9), 0..10),
        turns in proptest::collection::vec(any::<bool>(), 30),
        bounds in (0_u8..13, 0_u8..13),
    ) {
        let db = open();
        let keys = db.keyspace("keys").unwrap();
        for (key, value) in &stored {
            keys.put([*key], [*value]).unwrap();
        }
        let mut transaction = db.begin();
        let mut expected: BTreeMap<u8, u8> = stored;
        for (key, value) in own {
            match value {
                Some(value) => {
                    transaction.put(&keys, [key], [value]).unwrap();
                    expected.insert(key, value);
                }
                None => {
                    transaction.delete(&keys, [key]).unwrap();
                    expected.remove(&key);
                }
            }
        }
        let (low, high) = (bounds.0.min(bounds.1), bounds.0.max(bounds.1));
        let mut expected = expected.range(low..high);
        let mut range = transaction.range(&keys, [low]..[high]);
        for is_back in turns {
            let (found, expected) = match is_back {
                true => (range.next_back(), expected.next_back()),
                false => (range.next(), expected.next()),
            };
            let found = found.map(|item| item.map(|(key, value)| (key[0], value[0])).unwrap());
            prop_assert_eq!(found, expected.map(|(key, value)| (*key, *value)));
        }
    }
}
