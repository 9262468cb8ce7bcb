//! Archives of real stores, in a directory and in memory.
//!
//! Goal: what is pushed is read, pulled and restored as it was at every commit; a push is resumable;
//! an archive of another store or history is refused and unchanged. Method: a store with a history that
//! a seed decides, and comparisons with the engine's own answers.

use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::read::KeyRange;
use lithify::{Commit, History, Options, Placement, Replica, Store, WriteBatch};
use lithify_archive::{Error, Objects, Place, Reader, Reply, Request, pull, push, restore, verify};

fn store(divisor: u64) -> Store {
    store_in(Arc::new(MemFs::new()), divisor)
}

fn store_in(fs: Arc<dyn Fs>, divisor: u64) -> Store {
    let options = Options {
        placement: Some(Placement::with_divisor(divisor).unwrap()),
        ..Options::default()
    };
    Store::open(fs, options).unwrap()
}

/// Adds commits; their contents follow from their numbers and from `salt`.
fn fill(store: &mut Store, commits: u64, salt: u64) {
    for _ in 0..commits {
        let number = store.head().get() + 1;
        let mut batch = WriteBatch::new();
        for place in 0..number % 4 {
            let key = [b'k', (number * 7 + place * 3) as u8 % 11, 0xff];
            match (number + place + salt) % 5 {
                0 => batch.delete("stones", &key),
                _ => batch.put("stones", &key, format!("{number} {salt}").as_bytes()),
            }
            batch.put("metals", &key[..2], &[number as u8; 3]);
        }
        store.commit(&batch).unwrap();
    }
}

fn memory() -> Arc<Place> {
    Arc::new(Place::new("memory:").unwrap())
}

fn check(reader: &Reader, store: &Store) {
    assert_eq!(reader.head(), store.head());
    for at in (0..=store.head().get()).map(Commit::new) {
        let (ours, theirs) = (
            store.snapshot_at(at).unwrap(),
            reader.snapshot_at(at).unwrap(),
        );
        for keyspace in ["stones", "metals", "nothing"] {
            let pairs: Vec<_> = ours
                .range(keyspace, KeyRange::all())
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert_eq!(theirs.range(keyspace, &KeyRange::all()).unwrap(), pairs);
            for number in 0..11 {
                let key = [b'k', number, 0xff];
                assert_eq!(
                    theirs.get(keyspace, &key).unwrap(),
                    ours.get(keyspace, &key).unwrap()
                );
            }
        }
    }
    let (ours, theirs) = (store.snapshot(), reader.snapshot());
    for number in 0..11 {
        let key = [b'k', number, 0xff];
        assert_eq!(
            theirs.history("stones", &key).unwrap(),
            ours.history("stones", &key).unwrap()
        );
    }
    let from = Commit::new(store.head().get() / 3);
    let prefix = KeyRange::between(b"k\x02", b"k\x07");
    assert_eq!(
        theirs.range("stones", &prefix).unwrap(),
        ours.range("stones", prefix)
            .unwrap()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    );
    let streamed: Vec<_> = theirs
        .changes_since(from)
        .flat_map(Result::unwrap)
        .collect();
    let expected: Vec<_> = ours
        .changes_since(from)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(streamed.len(), expected.len());
    for (streamed, expected) in streamed.iter().zip(&expected) {
        assert_eq!(streamed.commit, expected.commit);
        // A store that could thin history out counts from another commit.
        if expected.before.base == Commit::ZERO {
            assert_eq!(streamed.before, expected.before);
        }
        assert_eq!(streamed.operations, expected.operations);
    }
}

#[test]
fn every_commit_reads_as_in_the_store() {
    for divisor in [2, 3, 4] {
        let mut store = store(divisor);
        let place = memory();
        for more in [1, 0, 7, 30, 2, 15] {
            fill(&mut store, more, 0);
            let pushed = push(&*place, &mut store).unwrap();
            assert_eq!((pushed.commit, pushed.commits), (store.head(), more));
            check(&Reader::open(place.clone()).unwrap(), &store);
        }
        let reader = Reader::open(place.clone()).unwrap();
        assert_eq!(
            reader.snapshot().keyspaces().unwrap(),
            store.snapshot().keyspaces()
        );
        let trimmed = reader.trim().unwrap();
        assert!(trimmed.windows > 0, "{trimmed:?}");
        // The reader has opened before, and another one after.
        check(&reader, &store);
        check(&Reader::open_with(place.clone(), 0).unwrap(), &store);
        let verified = verify(&*place).unwrap();
        assert!(verified.damage.is_empty(), "{verified:?}");
        assert_eq!(verified.commits, store.head().get());
    }
}

#[test]
fn an_open_reader_sees_later_commits_when_it_looks() {
    let (mut store, place) = (store(2), memory());
    fill(&mut store, 5, 0);
    push(&*place, &mut store).unwrap();
    let mut reader = Reader::open(place.clone()).unwrap();
    fill(&mut store, 6, 0);
    push(&*place, &mut store).unwrap();
    assert_eq!(reader.head(), Commit::new(5));
    let error = reader.snapshot_at(Commit::new(6)).unwrap_err();
    assert!(matches!(error, Error::BeyondHead { .. }));
    reader.refresh().unwrap();
    check(&reader, &store);
}

#[test]
fn a_directory_is_a_place() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("deep/with a space/A");
    let mut store = store(3);
    fill(&mut store, 31, 0);
    let place = Arc::new(Place::new(path.to_str().unwrap()).unwrap());
    assert!(matches!(
        Reader::open(place.clone()).unwrap_err(),
        Error::NoArchive { .. }
    ));
    push(&*place, &mut store).unwrap();
    let url = url::Url::from_directory_path(&path).unwrap();
    let again = Arc::new(Place::new(url.as_str()).unwrap());
    check(&Reader::open(again.clone()).unwrap(), &store);
    assert!(Reader::open(again.clone()).unwrap().trim().unwrap().windows == 0);
    let verified = verify(&*again).unwrap();
    assert_eq!((verified.damage.len(), verified.foreign.len()), (0, 0));
    let names = Reader::open(again).unwrap().list().unwrap();
    assert!(
        names
            .iter()
            .any(|it| it.name == "window/03/00000000000000000027")
    );
}

#[test]
fn a_restored_store_is_the_store_at_that_commit() {
    let (mut store, place) = (store(2), memory());
    fill(&mut store, 41, 0);
    push(&*place, &mut store).unwrap();
    let reader = Reader::open(place).unwrap();
    for at in [0, 1, 17, 32, 41] {
        let fs: Arc<dyn Fs> = Arc::new(MemFs::new());
        let at = Commit::new(at);
        assert_eq!(restore(&reader, &fs, Some(at)).unwrap(), at);
        let mut restored = Store::open(fs.clone(), Options::default()).unwrap();
        assert_eq!(restored.head(), at);
        assert_eq!(restored.placement(), store.placement());
        let pairs = |store: &Store, at| -> Vec<_> {
            store
                .range_at("stones", KeyRange::all(), at)
                .unwrap()
                .map(Result::unwrap)
                .collect()
        };
        assert_eq!(pairs(&restored, at), pairs(&store, at));
        // It is a primary.
        fill(&mut restored, 1, 9);
        let error = restore(&reader, &fs, None).unwrap_err();
        assert!(matches!(error, Error::Directory { .. }), "{error}");
    }
    let fs: Arc<dyn Fs> = Arc::new(MemFs::new());
    let error = restore(&reader, &fs, Some(Commit::new(42))).unwrap_err();
    assert!(matches!(error, Error::BeyondHead { .. }), "{error}");
    assert!(fs.list("").unwrap_or_default().is_empty());
}

#[test]
fn a_replica_is_pulled() {
    let (mut store, place) = (store(2), memory());
    let fs: Arc<dyn Fs> = Arc::new(MemFs::new());
    for more in [9, 0, 14] {
        fill(&mut store, more, 0);
        push(&*place, &mut store).unwrap();
        let reader = Reader::open(place.clone()).unwrap();
        assert_eq!(pull(&reader, &fs).unwrap(), store.head());
        let mut replica = Replica::open(fs.clone(), Options::default()).unwrap();
        replica.settle().unwrap();
        store.settle().unwrap();
        assert_eq!(replica.store().layout(), store.layout());
    }
    // A replica of another history, and a store of its own.
    let reader = Reader::open(place).unwrap();
    for commits in [5, 23, 30] {
        let other: Arc<dyn Fs> = Arc::new(MemFs::new());
        let mut store = store_in(other.clone(), 2);
        fill(&mut store, commits, 1);
        store.close().unwrap();
        let error = pull(&reader, &other).unwrap_err();
        assert!(matches!(error, Error::Directory { .. }), "{error}");
        Replica::open(other.clone(), Options::default())
            .unwrap()
            .close()
            .unwrap();
        let error = pull(&reader, &other).unwrap_err();
        match commits {
            30 => assert!(matches!(error, Error::Ahead { .. }), "{error}"),
            _ => assert!(
                matches!(error, Error::Store(lithify::Error::Diverged { .. })),
                "{error}"
            ),
        }
    }
}

/// Refusals leave the archive as it was.
#[test]
fn another_history_is_refused() {
    let place = memory();
    let mut first = store(2);
    fill(&mut first, 12, 0);
    push(&*place, &mut first).unwrap();
    let names = Reader::open(place.clone()).unwrap().list().unwrap();

    let mut other_history = store(2);
    fill(&mut other_history, 14, 1);
    let mut other_divisor = store(3);
    fill(&mut other_divisor, 14, 0);
    let mut shorter = store(2);
    fill(&mut shorter, 5, 0);
    let mut thinned = Store::open(
        Arc::new(MemFs::new()),
        Options {
            placement: Some(Placement {
                history: History::Newest,
                ..Placement::with_divisor(2).unwrap()
            }),
            ..Options::default()
        },
    )
    .unwrap();
    fill(&mut thinned, 14, 0);
    thinned.settle().unwrap();
    let mut said = Vec::new();
    for store in [
        &mut other_history,
        &mut other_divisor,
        &mut shorter,
        &mut thinned,
    ] {
        said.push(push(&*place, store).unwrap_err().to_string());
    }
    insta::assert_snapshot!(said.join("\n"));
    assert_eq!(Reader::open(place.clone()).unwrap().list().unwrap(), names);
    // A store that keeps what it thins out has all of history.
    let mut keeping = Store::open(
        Arc::new(MemFs::new()),
        Options {
            placement: Some(Placement {
                history: History::Newest,
                remove_inputs: lithify::RemoveInputs::Never,
                ..Placement::with_divisor(2).unwrap()
            }),
            ..Options::default()
        },
    )
    .unwrap();
    let kept = memory();
    for more in [14, 9] {
        fill(&mut keeping, more, 0);
        keeping.settle().unwrap();
        assert_eq!(push(&*kept, &mut keeping).unwrap().commits, more);
    }
    check(&Reader::open(kept).unwrap(), &keeping);
    // The same history from another directory is the same history.
    let mut twin = store(2);
    fill(&mut twin, 15, 0);
    assert_eq!(push(&*place, &mut twin).unwrap().commits, 3);
}

/// A place that fails at the request with this number, and from then on.
struct Failing {
    place: Arc<Place>,
    left: std::sync::atomic::AtomicUsize,
}

impl Objects for Failing {
    fn perform(&self, request: &Request) -> Reply {
        use std::sync::atomic::Ordering::SeqCst;
        let left = self
            .left
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.place.perform(request),
            Err(_) => Reply::Failed("the credentials have expired".to_owned()),
        }
    }
}

/// Interrupted at every request, and then continued.
#[test]
fn a_push_and_a_restore_go_on() {
    let mut store = store(2);
    fill(&mut store, 23, 0);
    for request in 0.. {
        let place = memory();
        let failing = Failing {
            place: place.clone(),
            left: request.into(),
        };
        let outcome = push(&failing, &mut store);
        push(&*place, &mut store).unwrap();
        check(&Reader::open(place.clone()).unwrap(), &store);
        assert!(verify(&*place).unwrap().damage.is_empty());
        match outcome {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, Error::Failed { .. }), "{error}"),
        }
    }
    let place = memory();
    push(&*place, &mut store).unwrap();
    for request in 3.. {
        let failing = Arc::new(Failing {
            place: place.clone(),
            left: request.into(),
        });
        let fs: Arc<dyn Fs> = Arc::new(MemFs::new());
        let interrupted = restore(&Reader::open(failing).unwrap(), &fs, None);
        let reader = Reader::open(place.clone()).unwrap();
        if interrupted.is_ok() {
            break;
        }
        assert_eq!(restore(&reader, &fs, None).unwrap(), store.head());
        let mut restored = Store::open(fs, Options::default()).unwrap();
        fill(&mut restored, 1, 0);
    }
}

/// With the feature there are clouds.
#[cfg(not(feature = "cloud"))]
#[test]
fn places_that_are_none() {
    let mut said = Vec::new();
    for place in [
        "",
        "s3://bucket/prefix",
        "ftp://host/x",
        "file://host/x",
        "gs://",
    ] {
        said.push(Place::new(place).unwrap_err().to_string());
    }
    insta::assert_snapshot!(said.join("\n"));
}
