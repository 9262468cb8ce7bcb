//! The handles that programs hold: what somebody guesses who knows other embedded stores, that
//! handles read what snapshots read, and what is refused.

use std::collections::BTreeMap;

use lithify::fs::OsFs;
use lithify::read::{Diff, Range};
use lithify::transaction::Overlay;
use lithify::{
    Batch, Commit, Compression, Db, Durability, Error, Keyspace, Options, Placement, Result, Slice,
    Transaction, View, limits,
};
use proptest::prelude::*;

/// A slice in a struct of a program: bytes where the format has bytes, numbers in JSON.
#[test]
fn slices_can_be_stored_with_serde() {
    let slice = Slice::from("ab");
    let json = serde_json::to_string(&slice).unwrap();
    assert_eq!(json, "[97,98]");
    for text in [json.as_str(), "\"ab\""] {
        assert_eq!(serde_json::from_str::<Slice>(text).unwrap(), slice);
    }
    assert!(serde_json::from_str::<Slice>("[256]").is_err());
}

/// The ten calls that were tried first by somebody who had read no documentation.
#[test]
fn first_guesses_compile_and_do_what_they_say() -> Result<()> {
    let directory = tempfile::tempdir().unwrap();
    let db = Db::open(directory.path().join("not/there/yet"))?;
    let files = db.keyspace("files")?;
    let n = files.put("README.md", b"hello")?;
    files.put("x", vec![1, 2, 3])?;
    assert_eq!(files.get("README.md")?.unwrap(), b"hello");
    assert!(files.contains("x")?);
    assert_eq!(files.first()?.unwrap().0, "README.md");
    assert_eq!(files.last()?.unwrap().0, "x");
    files.delete("x")?;
    for entry in files.range("A"..="Z") {
        let (key, value) = entry?;
        assert_eq!(
            (key, value),
            (Slice::from("README.md"), Slice::from("hello"))
        );
    }
    assert_eq!(files.iter().rev().count(), 1);
    assert_eq!(files.prefix("READ").count(), 1);
    assert_eq!(files.keys().collect::<Result<Vec<_>>>()?, ["README.md"]);
    assert_eq!(files.values().collect::<Result<Vec<_>>>()?, ["hello"]);

    assert_eq!(files.at(n)?.get("README.md")?.unwrap(), "hello");
    assert_eq!(files.history("x")?.len(), 2);
    let changed = files.diff(2, 3)?.collect::<Result<Vec<_>>>()?;
    assert_eq!((&changed[0].key, &changed[0].after), (&"x".into(), &None));

    let mut batch = db.batch();
    batch.put(&files, "a", "1");
    batch.delete(&files, "README.md");
    batch.durability(Durability::Buffered);
    assert_eq!(batch.len(), 2);
    let n = batch.commit()?;
    assert_eq!(n, db.head());

    let (next, commit) = db.transaction(|transaction| {
        let value = transaction.get(&files, "a")?.unwrap();
        let next = value[0] + 1;
        transaction.put(&files, "a", [next])?;
        Ok(next)
    })?;
    assert_eq!((next, commit), (b'2', db.head()));
    assert_eq!(files.get("a")?.unwrap(), "2");
    for entry in &files {
        assert_eq!(entry?.0, "a");
    }
    db.close()
}

/// What is handed to threads and kept in structs.
#[test]
fn handles_cross_threads() {
    fn crosses_threads<T: Send + Sync + 'static>() {}
    crosses_threads::<Keyspace>();
    crosses_threads::<View>();
    crosses_threads::<Batch>();
    crosses_threads::<Transaction>();
    crosses_threads::<Slice>();
    crosses_threads::<Range>();
    crosses_threads::<Diff>();
    crosses_threads::<Overlay>();
}

#[test]
fn a_builder_says_how_a_store_is_opened() -> Result<()> {
    let directory = tempfile::tempdir().unwrap();
    let builder = Db::builder(directory.path())
        .placement(Placement::with_divisor(3)?)
        .durability(Durability::Buffered)
        .cache_bytes(0)
        .compression(Compression::Lz4)
        .memory_budget_bytes(1 << 20);
    let db = builder.clone().open()?;
    db.keyspace("k")?.put("a", "b")?;
    db.close()?;
    let other = Db::builder(directory.path()).placement(Placement::with_divisor(2)?);
    assert!(matches!(other.open(), Err(Error::OptionsMismatch { .. })));
    let missing = builder.clone().create(false).open_in_memory();
    assert!(matches!(missing, Err(Error::NotAStore { .. })));

    let missing = Options {
        create: false,
        ..Options::default()
    };
    let missing = builder.clone().options(missing).open_in_memory();
    assert!(matches!(missing, Err(Error::NotAStore { .. })));

    let reopened = Db::open_in(
        std::sync::Arc::new(OsFs::new(directory.path())),
        Options::default(),
    )?;
    assert_eq!(reopened.placement(), Placement::with_divisor(3)?);
    assert_eq!(reopened.keyspace("k")?.get("a")?.unwrap(), "b");
    assert!(matches!(builder.open(), Err(Error::Locked)));
    Ok(())
}

#[test]
fn names_are_checked() -> Result<()> {
    let db = Db::open_in_memory()?;
    let refused = |name: &str| db.keyspace(name).unwrap_err().to_string();
    assert_eq!(
        refused(""),
        r#""" cannot be a keyspace's name: it is empty"#
    );
    let too_long = "n".repeat(limits::KEYSPACE_NAME_BYTES + 1);
    assert!(refused(&too_long).starts_with("the keyspace name in bytes is"));
    assert!(db.keyspace(&too_long[1..]).is_ok());
    assert_eq!(db.keyspaces(), [""; 0], "a handle makes no keyspace");
    db.keyspace("files")?.put("a", "1")?;
    assert_eq!(db.keyspaces(), ["files"]);
    assert_eq!(db.readable_commits(), [Commit::new(1)..=Commit::new(1)]);
    let changes = db
        .changes_since(Commit::ZERO)?
        .collect::<Result<Vec<_>>>()?;
    assert_eq!(changes[0].operations[0].key, b"a");
    Ok(())
}

#[test]
fn a_handle_of_another_store_is_refused_and_writes_nothing() -> Result<()> {
    let (here, there) = (Db::open_in_memory()?, Db::open_in_memory()?);
    let (own, foreign) = (here.keyspace("files")?, there.keyspace("files")?);
    let is_foreign = |error: Error| match error {
        Error::ForeignKeyspace(name) => name == "files",
        _ => false,
    };
    let mut batch = here.batch();
    batch.put(&own, "a", "1");
    batch.put(&foreign, "b", "2");
    assert!(is_foreign(batch.commit().unwrap_err()));

    let mut transaction = here.begin();
    assert!(is_foreign(transaction.get(&foreign, "a").unwrap_err()));
    assert!(is_foreign(transaction.put(&foreign, "a", "1").unwrap_err()));
    assert!(is_foreign(transaction.delete(&foreign, "a").unwrap_err()));
    let mut range = transaction.range(&foreign, "a".."b");
    assert!(is_foreign(range.next().unwrap().unwrap_err()));
    assert!(range.next().is_none(), "an error ends a range");
    assert_eq!(here.head(), Commit::ZERO);
    // A clone of the handle of a store is the same store.
    let clone = here.clone().keyspace("files")?;
    transaction.put(&clone, "a", "1")?;
    assert_eq!(transaction.commit()?.get(), 1);
    Ok(())
}

#[test]
fn a_refused_view_says_so_in_the_first_item() -> Result<()> {
    let db = Db::open_in_memory()?;
    let files = db.keyspace("files")?;
    files.put("a", "1")?;
    assert!(matches!(files.at(2), Err(Error::BeyondHead { .. })));
    assert_eq!(files.at(0)?.iter().count(), 0, "before the first commit");
    assert!(files.diff(7, 1).is_err());
    Ok(())
}

proptest! {
    /// What handles read at each commit is what a map of maps has there.
    #[test]
    fn handles_read_what_was_written(
        writes in proptest::collection::vec((0_u8..2, 0_u8..6, prop::option::of(0_u8..9)), 1..40),
        bounds in (0_u8..7, 0_u8..7),
    ) {
        let db = Db::builder("").placement(Placement::with_divisor(2).unwrap());
        let db = db.open_in_memory().unwrap();
        let keyspaces = ["one", "two"].map(|name| db.keyspace(name).unwrap());
        let mut states = vec![[BTreeMap::new(), BTreeMap::new()]];
        for (keyspace, key, value) in writes {
            let place = usize::from(keyspace);
            let mut state = states.last().unwrap().clone();
            match value {
                Some(value) => {
                    state[place].insert(vec![key], vec![value]);
                    keyspaces[place].put([key], [value]).unwrap();
                }
                None => {
                    state[place].remove(&vec![key]);
                    keyspaces[place].delete([key]).unwrap();
                }
            }
            states.push(state);
        }
        let owned = |item: Result<(Slice, Slice)>| {
            let (key, value) = item.unwrap();
            (key.to_vec(), value.to_vec())
        };
        let (low, high) = (bounds.0.min(bounds.1), bounds.0.max(bounds.1));
        for (commit, state) in (0_u64..).zip(&states) {
            for (keyspace, state) in keyspaces.iter().zip(state) {
                let view = keyspace.at(commit).unwrap();
                prop_assert_eq!(view.commit(), Commit::new(commit));
                prop_assert!(view.iter().map(owned).eq(state.clone()));
                prop_assert!(view.iter().rev().map(owned).eq(state.clone().into_iter().rev()));
                let inside = state.range(vec![low]..vec![high]);
                let inside = inside.map(|(key, value)| (key.clone(), value.clone()));
                prop_assert!(view.range([low]..[high]).map(owned).eq(inside));
                prop_assert_eq!(view.first().unwrap().map(|it| owned(Ok(it))), pair(state.first_key_value()));
                prop_assert_eq!(view.last().unwrap().map(|it| owned(Ok(it))), pair(state.last_key_value()));
                prop_assert!(view.keys().map(|key| key.unwrap().to_vec()).eq(state.keys().cloned()));
                prop_assert!(view.values().map(|it| it.unwrap().to_vec()).eq(state.values().cloned()));
                for key in 0..6 {
                    prop_assert_eq!(view.contains([key]).unwrap(), state.contains_key(&vec![key]));
                    let got = view.get([key]).unwrap();
                    prop_assert_eq!(got.as_deref(), state.get(&vec![key]).map(Vec::as_slice));
                }
            }
        }
        for keyspace in &keyspaces {
            prop_assert!(keyspace.iter().map(owned).eq(keyspace.view().iter().map(owned)));
        }
    }
}

fn pair(entry: Option<(&Vec<u8>, &Vec<u8>)>) -> Option<(Vec<u8>, Vec<u8>)> {
    entry.map(|(key, value)| (key.clone(), value.clone()))
}
