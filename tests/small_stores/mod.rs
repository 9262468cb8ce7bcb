//! Three small stores, cleanly closed, and what a user sees in them.
//!
//! They are small enough to change every byte of every file and look at everything
//! each time, and together they hold every kind of file and record that the format
//! has. Blocks are the smallest allowed, so that segments have several.

#![allow(
    dead_code,
    reason = "each test file that includes this one uses a part of it"
)]

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::{
    Alignment, Commit, Compression, Error, Event, History, KeyRange, Options, Pacing, Placement,
    RemoveInputs, Result, Slice, Step, Store, WriteBatch,
};

/// The keyspaces that the small stores write to.
pub(crate) const KEYSPACES: [&str; 3] = ["stones", "ores", "late"];

/// The tuning of all small stores: files from level 1 on, nothing automatic.
pub(crate) fn options(compression: Compression) -> Options {
    Options {
        file_level: Some(1),
        block_bytes: 64,
        wal_file_bytes: 400,
        compression,
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

fn with_placement(
    history: History,
    remove_inputs: RemoveInputs,
    compression: Compression,
) -> Options {
    Options {
        placement: Some(Placement {
            alignment: Alignment::uniform(2).unwrap().with_max_level(3),
            min_inputs: 2,
            history,
            remove_inputs,
        }),
        ..options(compression)
    }
}

/// What commit `number` writes: puts, overwrites, deletions, an empty value, an empty
/// key, several keyspaces, and nothing at all at every seventh commit.
pub(crate) fn batch(number: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    if number.is_multiple_of(7) {
        return batch;
    }
    let key = |index: u64| format!("key-{:02}", index % 5).into_bytes();
    batch.put(
        "stones",
        &key(number),
        format!("value of commit {number}").as_bytes(),
    );
    batch.put("stones", &key(number + 2), &[b'x'; 24]);
    batch.delete("stones", &key(number + 3));
    if number.is_multiple_of(3) {
        batch.put("ores", b"", &number.to_be_bytes());
        batch.put("ores", b"empty", b"");
    }
    if number >= 10 {
        batch.put("late", &number.to_be_bytes(), b"late");
    }
    batch
}

fn commit(store: &mut Store, numbers: RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(store.commit(&batch(number)).unwrap().get(), number);
    }
}

fn reopen(fs: &MemFs, options: &Options) -> Store {
    Store::open(Arc::new(fs.clone()), options.clone()).unwrap()
}

/// Several segment files, a manifest with several edits, inputs kept beneath thinned
/// outputs, and WAL files with flushed and with unflushed commits.
pub(crate) fn settled(compression: Compression) -> MemFs {
    let fs = MemFs::new();
    let kept = RemoveInputs::HeadWindow { keep: 5 };
    let options = with_placement(History::Newest, kept, compression);
    let mut store = reopen(&fs, &options);
    commit(&mut store, 1..=5);
    store.settle().unwrap();
    store.close().unwrap();
    let mut store = reopen(&fs, &options);
    commit(&mut store, 6..=8);
    store.settle().unwrap();
    commit(&mut store, 9..=10);
    store.settle().unwrap();
    commit(&mut store, 11..=13);
    store.settle().unwrap();
    store.close().unwrap();
    fs
}

/// Nothing in segment files: a WAL file without commits, one that a rotation sealed,
/// one that was closed, and the newest.
pub(crate) fn unflushed() -> MemFs {
    let fs = MemFs::new();
    let options = Options {
        file_level: Some(9),
        ..with_placement(History::All, RemoveInputs::Always, Compression::None)
    };
    reopen(&fs, &options).close().unwrap();
    let mut store = reopen(&fs, &options);
    commit(&mut store, 1..=4);
    store.close().unwrap();
    let mut store = reopen(&fs, &options);
    commit(&mut store, 5..=6);
    store.close().unwrap();
    fs
}

/// Closed in the middle of compaction, when a segment file was begun. A crash has brought
/// back what was removed in that session, an older manifest among it: no removal is synced.
pub(crate) fn interrupted() -> MemFs {
    let fs = MemFs::new();
    let options = with_placement(History::All, RemoveInputs::Always, Compression::None);
    let mut store = reopen(&fs, &options);
    commit(&mut store, 1..=5);
    store.settle().unwrap();
    store.close().unwrap();
    let mut store = reopen(&fs, &options);
    commit(&mut store, 6..=11);
    // Events are lost, and a later look at the truth makes up for it.
    store.keep_events();
    let before = files(&fs).into_iter();
    let before: Vec<_> = before
        .map(|(name, _)| (fs.read(&name).unwrap(), name))
        .collect();
    let mut published = 0;
    while published < 2 {
        assert_ne!(store.step().unwrap(), Step::Idle);
        let events = store.take_events();
        let is_published = |event: &&Event| matches!(event, Event::Published { .. });
        published += events.iter().filter(is_published).count();
    }
    for _ in 0..4 {
        store.step().unwrap();
    }
    store.close().unwrap();
    for (bytes, name) in before {
        if fs.read(&name).is_err() {
            fs.create(&name).unwrap().append(&bytes).unwrap();
        }
    }
    fs
}

/// The files of a store and their lengths in bytes.
pub(crate) fn files(fs: &MemFs) -> Vec<(String, usize)> {
    let names = fs.list("").unwrap();
    names
        .into_iter()
        .map(|name| {
            let length = fs.read(&name).unwrap().len();
            (name, length)
        })
        .collect()
}

/// Opens with the tuning of the small stores; the placement is the store's own.
pub(crate) fn open(fs: &MemFs) -> Result<Store> {
    let options = Options {
        create: true,
        ..options(Compression::None)
    };
    Store::open(Arc::new(fs.clone()), options)
}

/// What one keyspace holds at one commit; `None` when the commit was thinned out.
type Contents = Option<Vec<(Slice, Slice)>>;

/// Everything a user can see in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// The newest commit.
    pub(crate) head: Commit,
    /// Every keyspace at every commit.
    pub(crate) contents: BTreeMap<(u64, &'static str), Contents>,
    /// The live segments.
    pub(crate) layout: String,
}

/// Opens, settles and looks at everything.
///
/// # Errors
/// Whatever stops it: damage, for one.
pub(crate) fn view(fs: &MemFs) -> Result<View> {
    let mut store = open(fs)?;
    let head = store.head();
    let mut contents = look(&store)?;
    store.settle()?;
    // Settling may thin commits out, and never changes what the others show.
    for (place, after) in look(&store)? {
        let before = contents.insert(place, after.clone()).unwrap();
        assert!(
            after.is_none() || before == after,
            "settling changed {place:?}"
        );
    }
    for keyspace in KEYSPACES {
        for (key, value) in contents[&(head.get(), keyspace)].iter().flatten() {
            let found = store.get(keyspace, key)?;
            assert_eq!(found.as_ref(), Some(value), "a get and a scan disagree");
        }
    }
    Ok(View {
        head,
        contents,
        layout: store.layout().to_string(),
    })
}

fn look(store: &Store) -> Result<BTreeMap<(u64, &'static str), Contents>> {
    let mut contents = BTreeMap::new();
    for number in 0..=store.head().get() {
        for keyspace in KEYSPACES {
            let found = match store.range_at(keyspace, KeyRange::all(), Commit::new(number)) {
                Ok(range) => Some(range.collect::<Result<Vec<_>>>()?),
                Err(Error::Thinned { .. }) => None,
                Err(error) => return Err(error),
            };
            contents.insert((number, keyspace), found);
        }
    }
    Ok(contents)
}
