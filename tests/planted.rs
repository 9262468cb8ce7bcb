//! Goal: the bugs that are planted for the laboratory can be told apart, stay where they
//! were switched on, and are bugs.
//!
//! Method: the catalogue is checked as data. The switch is watched through what an empty
//! commit does, because nothing else shows it. Four bugs of different kinds (of the
//! plain history, of reopening, of a crash, of an error) run a history that is right
//! without them and wrong with them. That every bug can be found is for the laboratory
//! to show, not for this file.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::planted::{Bug, with};
use lithify::{Options, Pacing, Placement, Store, WriteBatch};
use lithify_sim::disk::observed::{Fault, ObservedFs};
use lithify_sim::disk::power_loss::Run;
use lithify_sim::disk::{Budget, Image, Model, SimFs};

fn put(keyspace: &str, key: &[u8], value: &[u8]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(keyspace, key, value);
    batch
}

/// What the first commit of a new store is numbered when it is empty: 1, or 0 with the
/// bug `empty-commit-skipped`.
fn first_empty_commit() -> u64 {
    let mut store = Store::open(Arc::new(MemFs::new()), Options::default()).unwrap();
    store.commit(&WriteBatch::new()).unwrap().get()
}

#[test]
fn names_are_unique_and_kebab_case() {
    let names: BTreeSet<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
    assert_eq!(names.len(), Bug::ALL.len());
    for name in names {
        let mut words = name.split('-');
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        assert!(words.all(is_word), "{name}");
    }
}

/// A report prints all of this in one row, and the laboratory reads the pattern.
#[test]
fn the_catalogue_is_complete() {
    const AREAS: [&str; 16] = [
        "wal",
        "sequencer",
        "segment",
        "manifest",
        "compactor",
        "retention",
        "recovery",
        "reading",
        "replica",
        "threads",
        "identity",
        "verify",
        "damaged",
        "transaction",
        "backup",
        "salvage",
    ];
    let mut areas = BTreeSet::new();
    for bug in Bug::ALL {
        let about = bug.about();
        let (kind, number) = about.pattern.split_at(1);
        let number = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let is_pattern = "MREO".contains(kind) && number.parse::<u32>().is_ok();
        assert!(is_pattern, "{bug:?}: {}", about.pattern);
        assert!(about.story.ends_with('.') && !about.story.contains('\n'));
        assert!(!about.oracle.is_empty() && !about.trigger.is_empty());
        assert!(AREAS.contains(&about.area), "{bug:?}: {}", about.area);
        areas.insert(about.area);
    }
    assert_eq!(areas.len(), AREAS.len(), "every area has a bug");
}

#[test]
fn a_bug_is_active_inside_and_nowhere_else() {
    let bug = Some(Bug::EmptyCommitSkipped);
    assert_eq!(first_empty_commit(), 1);
    with(bug, || {
        assert_eq!(first_empty_commit(), 0);
        assert_eq!(with(None, first_empty_commit), 1);
        assert_eq!(with(Some(Bug::OldestWins), first_empty_commit), 1);
        assert_eq!(first_empty_commit(), 0, "and it is back");
    });
    assert_eq!(first_empty_commit(), 1);
}

#[test]
fn what_was_active_before_is_restored_after_a_panic() {
    let panicked = catch_unwind(|| with(Some(Bug::EmptyCommitSkipped), || panic!("a bug")));
    assert!(panicked.is_err());
    assert_eq!(first_empty_commit(), 1);
    with(Some(Bug::EmptyCommitSkipped), || {
        let panicked = catch_unwind(AssertUnwindSafe(|| with(None, || panic!("a bug"))));
        assert!(panicked.is_err());
        assert_eq!(first_empty_commit(), 0);
    });
}

/// Runs `check` without a bug and with this one; only the first run may succeed.
fn misbehaves_only_with(bug: Bug, check: impl Fn() -> bool) {
    assert!(with(None, &check), "the engine is right without {bug:?}");
    assert!(!with(Some(bug), &check), "nobody notices {bug:?}");
}

#[test]
fn the_last_write_of_a_batch_counts() {
    misbehaves_only_with(Bug::BatchFirstWriteWins, || {
        let mut store = Store::open(Arc::new(MemFs::new()), Options::default()).unwrap();
        let mut batch = put("main", b"key", b"first");
        batch.put("main", b"key", b"last");
        store.commit(&batch).unwrap();
        store.get("main", b"key").unwrap().as_deref() == Some(&b"last"[..])
    });
}

#[test]
fn a_window_that_was_merged_in_memory_is_merged_again_after_opening() {
    let options = Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        pacing: Pacing::Settle,
        ..Options::default()
    };
    misbehaves_only_with(Bug::RestartForgetsClosings, || {
        let fs = Arc::new(MemFs::new());
        let mut store = Store::open(fs.clone(), options.clone()).unwrap();
        for key in [b"a", b"b", b"c", b"d"] {
            store.commit(&put("main", key, b"value")).unwrap();
        }
        let before = store.layout();
        store.close().unwrap();
        let mut store = Store::open(fs, options.clone()).unwrap();
        store.settle().unwrap();
        store.layout() == before
    });
}

#[test]
fn an_acknowledged_commit_survives_a_power_failure() {
    misbehaves_only_with(Bug::AckBeforeSync, || {
        let fs = SimFs::new();
        let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
        store.commit(&put("main", b"key", b"value")).unwrap();
        let end = fs.log_length();
        let mut survives = true;
        Run::new(Image::default(), &fs).power_fails(Model::DEFAULT, end.., Budget::ALL, |loss| {
            let store = Store::open(Arc::new(loss.disk()), Options::default()).unwrap();
            survives &= store.head().get() == 1;
        });
        survives
    });
}

#[test]
fn a_sync_that_failed_acknowledges_nothing() {
    misbehaves_only_with(Bug::SyncErrorSwallowed, || {
        let fs = ObservedFs::new(Arc::new(MemFs::new()));
        let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
        store.commit(&put("main", b"key", b"one")).unwrap();
        let fault = Fault {
            // The commit is one append, and then one sync.
            after: fs.changes() + 1,
            error: ErrorKind::Other,
            is_sticky: false,
            written: 0,
        };
        fs.set_fault(Some(fault));
        store.commit(&put("main", b"key", b"two")).is_err()
    });
}
