//! Goal: a backup is its store as of one commit, whatever the placement; a later one copies what is
//! new and nothing else; what is restored is what was backed up, and another store; and nothing that
//! is not whole, not ours, or not held is taken for what it is not.
//!
//! Method: stores in memory, with every placement that keeps or drops something, backed up in the
//! middle of their histories. What a crash leaves is for the laboratory's system `backup`.

#![allow(
    clippy::disallowed_methods,
    reason = "one of these tests is about threads that go on committing"
)]

use std::sync::Arc;

use lithify::backup::restore;
use lithify::files::{FileKind, parse_file_name};
use lithify::fs::{Access, Fs, MemFs};
use lithify::verify::verify;
use lithify::{
    BackedUp, Commit, Db, Error, History, KeyRange, Options, Pacing, Placement, RemoveInputs,
    Replica, Store, WriteBatch,
};

fn options(history: History, remove_inputs: RemoveInputs) -> Options {
    Options {
        placement: Some(Placement {
            history,
            remove_inputs,
            ..Placement::with_divisor(2).unwrap()
        }),
        file_level: Some(2),
        wal_file_bytes: 300,
        block_bytes: 64,
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

fn usual() -> Options {
    options(History::All, RemoveInputs::Always)
}

fn batch(number: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    let keyspace = if number.is_multiple_of(3) { "b" } else { "a" };
    let key = [(number % 7) as u8];
    match number.is_multiple_of(5) {
        true => batch.delete(keyspace, &key),
        false => batch.put(keyspace, &key, format!("value {number}").as_bytes()),
    }
    batch
}

/// Commits up to this number, and compacts on some of the way.
fn fill(store: &mut Store, last: u64) {
    for number in store.head().get() + 1..=last {
        store.commit(&batch(number)).unwrap();
        if number % 6 == 1 {
            store.settle().unwrap();
        }
    }
}

fn back_up(store: &mut Store, to: &MemFs) -> Result<BackedUp, Error> {
    store.begin_backup(Arc::new(to.clone()))?.finish()
}

fn read(fs: &MemFs) -> Store {
    let options = Options {
        create: false,
        ..Options::default()
    };
    Store::open_read_only(Arc::new(fs.clone()), options).unwrap()
}

/// Another disk, on which other numbers are drawn: they are counted here, and random on a real one.
fn disk(number: u64) -> MemFs {
    let fs = MemFs::new();
    (0..1000 * number).for_each(|_| drop(fs.fresh_number("x")));
    fs
}

/// The layout, and everything that can be read.
fn contents(store: &Store) -> String {
    format!("{}\n{}", store.layout(), readable(store))
}

/// Everything that can be read, as text.
fn readable(store: &Store) -> String {
    let mut text = format!("{:?}\n", store.readable_commits());
    let ranges = store.readable_commits();
    for commit in ranges
        .iter()
        .flat_map(|it| it.start().get()..=it.end().get())
    {
        for keyspace in ["a", "b"] {
            let range = store.range_at(keyspace, KeyRange::all(), Commit::new(commit));
            for item in range.unwrap() {
                let (key, value) = item.unwrap();
                let words = (key.escape_ascii(), value.escape_ascii());
                text += &format!("{commit} {keyspace} {} {}\n", words.0, words.1);
            }
        }
    }
    text
}

fn restored(from: &MemFs, at: Option<u64>) -> Result<MemFs, Error> {
    let to = disk(7);
    let at = at.map(Commit::new);
    restore(Arc::new(from.clone()), Arc::new(to.clone()), at)?;
    Ok(to)
}

fn is_sound(fs: &MemFs) -> bool {
    let report = verify(fs).unwrap();
    assert!(report.is_sound(), "{report}");
    true
}

fn segment_files(fs: &MemFs) -> Vec<String> {
    let mut names = fs.list("").unwrap();
    names.retain(|name| matches!(parse_file_name(name), Some((FileKind::Segment, _))));
    names
}

#[test]
fn a_backup_is_the_store_as_of_one_commit() {
    let histories = [History::All, History::Last(5), History::Newest];
    let removals = [
        RemoveInputs::Always,
        RemoveInputs::Never,
        RemoveInputs::HeadWindow { keep: 6 },
    ];
    let cases = histories.iter().flat_map(|history| {
        let cases = removals.iter().map(move |removal| (*history, *removal));
        cases.flat_map(|case| [0, 1, 9, 23, 40].map(|last| (case, last)))
    });
    for ((history, removal), last) in cases {
        let fs = MemFs::new();
        let options = options(history, removal);
        let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
        fill(&mut store, last);
        let backup = MemFs::new();
        let done = back_up(&mut store, &backup).unwrap();
        assert_eq!(done.commit.get(), last);
        // What an opening for reading would find, before anything else is merged.
        let before = contents(&read(&fs.deep_copy()));
        let found = contents(&read(&backup));
        assert_eq!(found, before, "{history:?} {removal:?} {last}");
        store.settle().unwrap();
        let expected = contents(&store);
        assert!(is_sound(&backup));
        let copy = restored(&backup, None).unwrap();
        assert!(is_sound(&copy));
        let mut copy = Store::open(Arc::new(copy), options.clone()).unwrap();
        copy.settle().unwrap();
        assert_eq!(contents(&copy), expected);
        // It goes on like the store that it was made of.
        fill(&mut store, last + 9);
        fill(&mut copy, last + 9);
        store.settle().unwrap();
        copy.settle().unwrap();
        assert_eq!(contents(&copy), contents(&store));
    }
}

#[test]
fn a_later_backup_copies_what_is_new() {
    let mut store = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    let backup = MemFs::new();
    let mut before: Vec<String> = Vec::new();
    let mut kept = 0;
    for last in (4..120).step_by(7) {
        fill(&mut store, last);
        let now = store.files();
        let needed = |name: &&String| name.starts_with("segment-");
        let needed: Vec<String> = now.iter().filter(needed).cloned().collect();
        let done = back_up(&mut store, &backup).unwrap();
        let files = segment_files(&backup);
        let common = files.iter().filter(|name| before.contains(name)).count() as u64;
        assert_eq!(done.kept_files, common);
        assert_eq!(done.copied_files, files.len() as u64 - common);
        assert!(
            files.iter().all(|name| needed.contains(name)),
            "{files:?} of {needed:?}"
        );
        assert_eq!(
            backup.list("").unwrap().len(),
            files.len() + 5,
            "nothing is left over"
        );
        let copy = read(&backup);
        assert_eq!(copy.head(), store.head());
        kept += common;
        before = files;
    }
    assert!(kept > 10, "{kept}");
    assert!(is_sound(&backup));
    let again = back_up(&mut store, &backup).unwrap();
    assert_eq!((again.copied_files, again.copied_bytes), (0, 0));
    // A read-only handle backs up as well.
    let done = back_up(&mut read(&backup), &MemFs::new()).unwrap();
    assert_eq!(done.commit, store.head());
}

#[test]
fn commits_that_come_meanwhile_are_not_in_it() {
    let mut store = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    fill(&mut store, 41);
    let backup = MemFs::new();
    let mut under_way = store.begin_backup(Arc::new(backup.clone())).unwrap();
    let locked = store.begin_backup(Arc::new(backup.clone()));
    assert!(matches!(locked, Err(Error::Locked)));
    let mut steps = 0;
    let done = loop {
        let head = store.head().get();
        fill(&mut store, head + 5);
        store.settle().unwrap();
        steps += 1;
        if let Some(done) = under_way.step().unwrap() {
            break done;
        }
    };
    assert_eq!(done.commit.get(), 41);
    assert!(
        steps > 2 && done.copied_files == steps - 1,
        "{steps} {done:?}"
    );
    let mut calm = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    fill(&mut calm, 41);
    calm.settle().unwrap();
    assert_eq!(readable(&read(&backup)), readable(&calm));
    // What the backup held goes when the store looks the next time.
    drop(under_way);
    let head = store.head().get();
    fill(&mut store, head + 40);
    store.settle().unwrap();
    let files = store.files();
    store.close().unwrap();
    assert!(files.len() < 12, "{files:?}");
}

#[test]
fn any_commit_can_be_restored() {
    let mut store = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    fill(&mut store, 30);
    let backup = MemFs::new();
    back_up(&mut store, &backup).unwrap();
    let mut calm = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    for at in 0..=30 {
        fill(&mut calm, at);
        calm.settle().unwrap();
        let copy = restored(&backup, Some(at)).unwrap();
        assert!(is_sound(&copy));
        assert_eq!(contents(&read(&copy)), contents(&calm), "{at}");
    }
    let refused = restored(&backup, Some(31)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the backup does not hold commit 31: it can be restored as of the commits 0 to 30"
    );
    let mut store = Store::open(Arc::new(MemFs::new()), {
        options(History::Newest, RemoveInputs::Always)
    });
    let thinned = store.as_mut().unwrap();
    fill(thinned, 30);
    thinned.settle().unwrap();
    let backup = MemFs::new();
    back_up(thinned, &backup).unwrap();
    restored(&backup, Some(30)).unwrap();
    let refused = restored(&backup, Some(29)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the backup does not hold commit 29: it can be restored as of the commits 30 to 30"
    );
}

#[test]
fn what_is_restored_is_another_store() {
    let mut store = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    fill(&mut store, 30);
    let backup = MemFs::new();
    back_up(&mut store, &backup).unwrap();
    let before = contents(&read(&backup));
    for at in [None, Some(20)] {
        let copy = restored(&backup, at).unwrap();
        let mut copy = Store::open(Arc::new(copy), Options::default()).unwrap();
        fill(&mut copy, 50);
        let refused = back_up(&mut copy, &backup).unwrap_err().to_string();
        assert!(refused.contains("of another store"), "{refused}");
        assert_eq!(contents(&read(&backup)), before);
    }
    // A replica of the old one takes commits of the new one only where both are the same.
    let mut replica = Replica::open(Arc::new(MemFs::new()), usual()).unwrap();
    let copy = restored(&backup, Some(20)).unwrap();
    let mut copy = Store::open(Arc::new(copy), usual()).unwrap();
    for changes in store.changes_since(Commit::ZERO).unwrap() {
        replica.apply(&changes.unwrap()).unwrap();
    }
    let mut other = WriteBatch::new();
    other.put("a", b"another", b"history");
    for _ in 20..31 {
        copy.commit(&other).unwrap();
    }
    let changes = copy.changes_since(Commit::new(30)).unwrap();
    for changes in changes {
        let refused = replica.apply(&changes.unwrap());
        assert!(
            matches!(refused, Err(Error::Diverged { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn directories_that_are_refused() {
    let mut store = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    fill(&mut store, 30);
    let refused = |outcome: Result<BackedUp, Error>| match outcome {
        Err(Error::BackupRefused { reason }) => reason,
        other => panic!("{other:?}"),
    };
    // Other people's files, and a store.
    let foreign = MemFs::new();
    foreign.create("photo.jpg").unwrap();
    assert!(refused(back_up(&mut store, &foreign)).contains("photo.jpg"));
    assert_eq!(foreign.list("").unwrap(), ["photo.jpg"]);
    let own = disk(3);
    let mut other = Store::open(Arc::new(own.clone()), usual()).unwrap();
    fill(&mut other, 30);
    other.close().unwrap();
    let before = own.list("").unwrap();
    assert!(refused(back_up(&mut store, &own)).contains("no file named \"backup\""));
    assert_eq!(own.list("").unwrap(), before);
    // Backups of another store.
    let backup = disk(9);
    let mut other = Store::open(Arc::new(own.clone()), usual()).unwrap();
    back_up(&mut other, &backup).unwrap();
    assert!(refused(back_up(&mut store, &backup)).contains("another store"));
    // Without its identity nothing says whose backups these are, and they can still be read.
    let nameless = backup.deep_copy();
    nameless.remove("identity").unwrap();
    for store in [&mut store, &mut other] {
        let damaged = back_up(store, &nameless).unwrap_err().to_string();
        assert!(damaged.contains("identity of the backup"), "{damaged}");
    }
    assert_eq!(contents(&read(&nameless)), contents(&read(&backup)));
    back_up(&mut other, &backup).unwrap();
    assert!(is_sound(&backup));
    // A copy of the store that has the marker of backups.
    let copy = own.deep_copy();
    copy.remove("lock").unwrap();
    copy.create("backup").unwrap();
    assert!(refused(back_up(&mut other, &copy)).contains("the number of the store itself"));
    // Nobody commits to one.
    let open = Store::open(Arc::new(backup.clone()), Options::default());
    assert!(matches!(open, Err(Error::IsBackup)));
    let open = Replica::open(Arc::new(backup.clone()), Options::default());
    assert!(matches!(open, Err(Error::IsBackup)));
    // Nothing is restored into what is there.
    for full in [&backup, &foreign, &own] {
        let outcome = restore(Arc::new(backup.clone()), Arc::new(full.clone()), None);
        assert!(matches!(outcome, Err(Error::BackupRefused { .. })));
    }
    let outcome = restored(&MemFs::new(), None);
    assert!(matches!(outcome, Err(Error::NotAStore { .. })));
}

/// The files of a store were put back as they had been: the same store as far as anybody can tell,
/// with numbers that it gives out a second time.
#[test]
fn a_store_that_was_set_back_needs_another_directory() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), usual()).unwrap();
    fill(&mut store, 30);
    store.close().unwrap();
    // Numbers are drawn from a counter here, and from chance on a disk.
    let old = fs.deep_copy();
    (0..1000).for_each(|_| drop(old.fresh_number("x")));
    let mut store = Store::open(Arc::new(fs), usual()).unwrap();
    fill(&mut store, 90);
    let backup = MemFs::new();
    back_up(&mut store, &backup).unwrap();
    let before = contents(&read(&backup));
    let mut old = Store::open(Arc::new(old), usual()).unwrap();
    for (last, words) in [
        (60, "was set back since"),
        (120, "it holds another segment-"),
    ] {
        fill(&mut old, last);
        let refused = back_up(&mut old, &backup).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
        assert_eq!(contents(&read(&backup)), before);
    }
}

/// Every byte of every file that a backup takes something from.
#[test]
fn damage_is_not_copied() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), usual()).unwrap();
    fill(&mut store, 12);
    store.settle().unwrap();
    store.close().unwrap();
    let names = segment_files(&fs);
    assert!(!names.is_empty());
    for name in names {
        let bytes = fs.read(&name).unwrap();
        for position in 0..bytes.len() {
            let damaged = fs.deep_copy();
            let mut bytes = bytes.clone();
            bytes[position] ^= 0x10;
            let mut store = Store::open_read_only(Arc::new(damaged.clone()), usual()).unwrap();
            damaged.overwrite(&name, bytes).unwrap();
            let backup = MemFs::new();
            let outcome = back_up(&mut store, &backup);
            match &outcome {
                Err(Error::Damage(damage)) => assert_eq!(damage.file, name),
                // The preamble tells another version from damage.
                other => panic!("{name} {position}: {other:?}"),
            }
            let read = Store::open_read_only(Arc::new(backup), Options::default());
            assert!(matches!(read, Err(Error::NotAStore { .. })));
        }
        // A file that has lost its end.
        let damaged = fs.deep_copy();
        let mut store = Store::open_read_only(Arc::new(damaged.clone()), usual()).unwrap();
        let file = damaged.open(&name, Access::Write).unwrap();
        file.set_len(bytes.len() as u64 - 1).unwrap();
        let outcome = back_up(&mut store, &MemFs::new());
        assert!(matches!(outcome, Err(Error::Damage(_))), "{outcome:?}");
    }
}

/// What is there already is not read again, but for its first bytes and its length.
#[test]
fn a_damaged_backup_is_named_as_such() {
    let mut store = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    fill(&mut store, 30);
    let backup = MemFs::new();
    back_up(&mut store, &backup).unwrap();
    let files = segment_files(&backup);
    for name in [&files[0], "wal-", "manifest-"] {
        let damaged = backup.deep_copy();
        let names = damaged.list("").unwrap();
        let name = names.iter().find(|it| it.starts_with(name)).unwrap();
        let mut bytes = damaged.read(name).unwrap();
        bytes[36 + 20] ^= 1;
        bytes[20] ^= 1;
        damaged.overwrite(name, bytes).unwrap();
        let outcome = back_up(&mut store, &damaged);
        let Err(Error::Damage(damage)) = outcome else {
            panic!("{name}: {outcome:?}");
        };
        assert!(damage.file.ends_with(" of the backup"), "{damage}");
    }
}

/// One that is dropped after so many steps leaves the one before it, and the next one goes on.
#[test]
fn an_interrupted_backup_changes_nothing_and_the_next_goes_on() {
    let mut store = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    fill(&mut store, 30);
    let backup = MemFs::new();
    back_up(&mut store, &backup).unwrap();
    let before = contents(&read(&backup));
    fill(&mut store, 101);
    for steps in 0..8 {
        let backup = backup.deep_copy();
        let mut under_way = store.begin_backup(Arc::new(backup.clone())).unwrap();
        let mut copied = 0;
        for _ in 0..steps {
            copied += u64::from(under_way.step().unwrap().is_none());
        }
        let is_done = copied < steps;
        drop(under_way);
        if !is_done {
            assert_eq!(contents(&read(&backup)), before, "{steps}");
        }
        let done = back_up(&mut store, &backup).unwrap();
        assert!(done.kept_files >= copied, "{steps}: {done:?}");
        assert_eq!(done.commit.get(), 101);
        assert!(is_sound(&backup));
        if is_done {
            return;
        }
    }
    panic!("the backup has more than seven steps");
}

/// Until it is whole, nothing opens it, and the next attempt begins anew.
#[test]
fn an_interrupted_restoring_is_begun_anew() {
    let mut store = Store::open(Arc::new(MemFs::new()), usual()).unwrap();
    fill(&mut store, 30);
    let backup = MemFs::new();
    back_up(&mut store, &backup).unwrap();
    let to = restored(&backup, Some(11)).unwrap();
    to.create("restoring").unwrap();
    let open = Store::open(Arc::new(to.clone()), Options::default());
    assert!(open.unwrap_err().to_string().contains("was interrupted"));
    let open = Store::open_read_only(Arc::new(to.clone()), Options::default());
    assert!(open.is_err());
    restore(Arc::new(backup.clone()), Arc::new(to.clone()), None).unwrap();
    assert!(is_sound(&to));
    assert_eq!(contents(&read(&to)), contents(&read(&backup)));
}

#[test]
fn threads_go_on_while_a_backup_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let db = Db::builder(path("store"))
        .options(Options {
            pacing: Pacing::Bounded,
            ..usual()
        })
        .open()
        .unwrap();
    let keyspace = db.keyspace("a").unwrap();
    std::thread::scope(|scope| {
        for writer in 0..3_u64 {
            let keyspace = keyspace.clone();
            scope.spawn(move || {
                for number in 0..200 {
                    let key = (writer * 1000 + number).to_be_bytes();
                    keyspace.put(key, b"value").unwrap();
                }
            });
        }
        for _ in 0..6 {
            let before = db.head();
            let done = db.backup(path("backup")).unwrap();
            assert!(done.commit >= before);
            let fs = Arc::new(lithify::fs::OsFs::new(path("backup")));
            assert!(verify(&*fs).unwrap().is_sound());
            let copy = Store::open_read_only(fs, Options::default()).unwrap();
            assert_eq!(copy.head(), done.commit);
            // Each commit puts another key, so each of them shows.
            let keys = copy.range("a", KeyRange::all()).unwrap().count() as u64;
            assert_eq!(keys, done.commit.get());
        }
    });
    db.close().unwrap();
}
