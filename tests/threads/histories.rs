//! The same history, by one owner, by many threads, or as the simulator drives it: the
//! same layout and the same contents.

use std::collections::BTreeMap;
use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::{
    Cascade, Commit, Compression, Db, Durability, Error, History, Options, Pacing, Placement,
    RemoveInputs, Snapshot, Store, WriteBatch, verify,
};
use proptest::prelude::*;

use crate::{in_threads, options, put};

const KEYSPACES: [&str; 3] = ["a", "b", "c"];

/// A batch as (keyspace, key, value); no value is a deletion.
type Operations = Vec<(usize, u8, Option<u8>)>;

fn batch(operations: &Operations) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for (keyspace, key, value) in operations {
        match value {
            Some(value) => batch.put(KEYSPACES[*keyspace], &[*key], &[*value; 24]),
            None => batch.delete(KEYSPACES[*keyspace], &[*key]),
        }
    }
    batch
}

/// What every commit shows, or that it cannot be read any more.
fn everything(head: u64, at: impl Fn(Commit) -> Snapshot) -> Vec<String> {
    let at = |commit| (Commit::new(commit), at(Commit::new(commit)));
    let shown = (0..=head).map(at).flat_map(|(commit, snapshot)| {
        KEYSPACES.map(|keyspace| {
            let range = snapshot.range(keyspace, lithify::KeyRange::all());
            match range {
                Ok(range) => format!(
                    "{commit} {:?}",
                    range.map(Result::unwrap).collect::<Vec<_>>()
                ),
                Err(error @ Error::Thinned { .. }) => error.to_string(),
                Err(error) => panic!("{error}"),
            }
        })
    });
    shown.collect()
}

/// Commits every thread's batches at the same time, blocking or not, and returns them in
/// the order that came out.
fn commit_all(db: &Db, histories: &[Vec<Operations>]) -> Vec<Operations> {
    let numbered = in_threads(histories.len() as u8, db, |thread, db| {
        let history = &histories[usize::from(thread)];
        let is_blocking = thread % 2 == 0;
        let pending: Vec<_> = history
            .iter()
            .map(|operations| {
                let batch = batch(operations);
                if is_blocking {
                    return Ok(db.commit(&batch).unwrap());
                }
                Err(db.commit_async(&batch).unwrap())
            })
            .collect();
        let numbers: Vec<u64> = pending
            .into_iter()
            .map(|outcome| outcome.or_else(|pending| pending.wait()).unwrap().get())
            .collect();
        assert!(numbers.is_sorted(), "one thread's commits keep their order");
        numbers.into_iter().zip(history.clone()).collect::<Vec<_>>()
    });
    let order: BTreeMap<u64, Operations> = numbered.into_iter().flatten().collect();
    let count = histories.iter().map(Vec::len).sum::<usize>() as u64;
    assert!(
        order.keys().copied().eq(1..=count),
        "numbers are dense, and nobody shares one"
    );
    order.into_values().collect()
}

/// The same history as the simulator drives it: events are held back, delivered in any
/// order, or lost, and the compactor steps when it is told to.
fn in_turns(options: &Options, order: &[Operations], turns: &[u8]) -> Store {
    let options = Options {
        pacing: Pacing::Manual,
        ..options.clone()
    };
    let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
    store.hold_events();
    let mut turns = turns.iter().map(|turn| usize::from(*turn)).cycle();
    for operations in order {
        store.commit(&batch(operations)).unwrap();
        for turn in turns.by_ref().take(3) {
            match store.held_events().len() {
                0 => drop(store.step().unwrap()),
                held if turn < 100 => store.deliver(turn % held),
                held if turn < 140 => drop(store.lose(turn % held)),
                _ => drop(store.step().unwrap()),
            }
        }
    }
    store.settle().unwrap();
    store
}

fn operations() -> impl Strategy<Value = Operations> {
    let value = prop_oneof![3 => any::<u8>().prop_map(Some), 1 => Just(None)];
    proptest::collection::vec((0_usize..3, 0_u8..8, value), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn threads_and_one_owner_come_to_the_same_layout(
        histories in proptest::collection::vec(
            proptest::collection::vec(operations(), 0..30), 1..5),
        divisor in 2_u64..5,
        min_inputs in 2_u32..4,
        file_level in 1_u8..5,
        memory_budget_bytes in prop_oneof![Just(0_usize), Just(700), Just(1 << 20)],
        max_backlog_commits in prop_oneof![Just(0_u64), Just(3), Just(4096)],
        history in prop_oneof![Just(History::All), Just(History::Newest), Just(History::Last(5))],
        remove_inputs in prop_oneof![
            Just(RemoveInputs::Always),
            Just(RemoveInputs::Never),
            Just(RemoveInputs::HeadWindow { keep: 4 }),
        ],
        durability in prop_oneof![Just(Durability::Synced), Just(Durability::Buffered)],
        cascade in prop_oneof![Just(Cascade::Step), Just(Cascade::Direct)],
        turns in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let options = Options {
            placement: Some(Placement {
                min_inputs,
                history,
                remove_inputs,
                ..Placement::with_divisor(divisor).unwrap()
            }),
            file_level: Some(file_level),
            memory_budget_bytes,
            max_backlog_commits,
            durability,
            cascade,
            compression: Compression::Lz4,
            ..options()
        };
        let shared_fs = MemFs::new();
        let db = Db::open_in(Arc::new(shared_fs.clone()), options.clone()).unwrap();
        let order = commit_all(&db, &histories);
        db.settle().unwrap();

        let mut store = Store::open(Arc::new(MemFs::new()), options.clone()).unwrap();
        for operations in &order {
            store.commit(&batch(operations)).unwrap();
        }
        store.settle().unwrap();

        prop_assert_eq!(store.layout().diff(&db.layout()), "");
        prop_assert_eq!(store.layout().digest(), db.layout().digest());
        let head = order.len() as u64;
        let expected = everything(head, |commit| store.snapshot_at(commit).unwrap());
        let simulated = in_turns(&options, &order, &turns);
        prop_assert_eq!(simulated.layout().digest(), db.layout().digest());
        let found = everything(head, |commit| simulated.snapshot_at(commit).unwrap());
        prop_assert_eq!(&found, &expected);
        let found = everything(head, |commit| db.snapshot_at(commit).unwrap());
        prop_assert_eq!(&found, &expected);

        prop_assert_eq!(db.lag(), 0);
        let files = shared_fs.list("").unwrap();
        prop_assert_eq!(db.files(), files, "nothing is missing, nothing is left over");
        db.close().unwrap();
        let report = verify::verify(&shared_fs).unwrap();
        prop_assert!(report.is_sound(), "{}", report);
        let mut again = Store::open(Arc::new(shared_fs), options).unwrap();
        again.settle().unwrap();
        let found = everything(head, |commit| again.snapshot_at(commit).unwrap());
        prop_assert_eq!(&found, &expected);
    }
}

/// Writers put one value under two keys of two keyspaces; a reader that sees one without the
/// other has seen half a commit.
#[test]
fn readers_see_whole_commits_in_order() {
    const COMMITS: u64 = 400;
    let db = Db::open_in(Arc::new(MemFs::new()), options()).unwrap();
    in_threads(5, &db, |thread, db| {
        if thread < 2 {
            for number in 0..COMMITS {
                let value = [thread, number as u8];
                let mut batch = put("a", b"key", &value);
                batch.put("b", b"other", &value);
                db.commit(&batch).unwrap();
            }
            return;
        }
        let (mut head, mut first) = (Commit::ZERO, None);
        while head.get() < 2 * COMMITS {
            let snapshot = db.snapshot();
            assert!(snapshot.commit() >= head, "commits do not disappear");
            head = snapshot.commit();
            let seen = (
                snapshot.get("a", b"key").unwrap(),
                snapshot.get("b", b"other").unwrap(),
            );
            assert_eq!(seen.0, seen.1, "at {head}");
            let (snapshot, seen) = first.get_or_insert((snapshot, seen));
            assert_eq!(snapshot.get("a", b"key").unwrap(), seen.0, "snapshots stay");
        }
    });
    assert_eq!(db.head().get(), 2 * COMMITS);
}
