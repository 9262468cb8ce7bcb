//! Goal: whatever the power failure leaves of what was not synced, the store opens with
//! every acknowledged commit, with nothing after a commit that is missing, and with the
//! layout it would have had.
//!
//! Method: a small workload that writes several WAL files, segment files and manifests
//! runs once. For every operation of it, crash images are opened, checked against the
//! right answers, settled, and opened again. Recovery is itself run on a disk that loses
//! power at each of *its* operations.
//!
//! This is one history under one persistence model, checked by code that the laboratory
//! does not share. The laboratory does more: other histories and models, faults, and
//! shrinking.

use std::fmt::Display;
use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::{
    Commit, Durability, History, KeyRange, Options, Pacing, Placement, RemoveInputs, Slice, Store,
    WriteBatch,
};
use lithify_sim::disk::power_loss::{PowerLoss, Run};
use lithify_sim::disk::{Budget, Coverage, Image, Known, Mark, Model as Persistence, SimFs};

const COMMITS: u64 = 24;
/// WAL files of a few commits, or of many.
const SHORT: u64 = 300;
const LONG: u64 = 3000;

fn options(durability: Durability, wal_file_bytes: u64) -> Options {
    Options {
        placement: Some(Placement {
            history: History::All,
            remove_inputs: RemoveInputs::HeadWindow { keep: 3 },
            ..Placement::with_divisor(2).unwrap()
        }),
        file_level: Some(2),
        wal_file_bytes,
        memory_budget_bytes: 700,
        block_bytes: 64,
        cache_bytes: 0,
        pacing: Pacing::Settle,
        durability,
        ..Options::default()
    }
}

fn batch(commit: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    // Batches of several sectors, so that a torn one has a middle, and so that a sector
    // with whole batches in it can be lost before one that survives.
    let value = vec![commit as u8; if commit % 4 == 2 { 1200 } else { 30 }];
    batch.put("main", &[b'k', (commit % 3) as u8], &value);
    if commit.is_multiple_of(3) {
        batch.delete("main", &[b'k', ((commit + 1) % 3) as u8]);
    }
    if commit.is_multiple_of(5) {
        batch.put("rare", &commit.to_be_bytes(), b"value");
    }
    batch
}

type Contents = Vec<(Slice, Slice)>;

fn contents(store: &Store, commit: u64) -> [Contents; 2] {
    ["main", "rare"].map(|keyspace| {
        let range = store
            .range_at(keyspace, KeyRange::all(), Commit::new(commit))
            .unwrap();
        range.map(Result::unwrap).collect()
    })
}

/// The right answers, from a store whose disk never fails.
struct Model {
    contents: Vec<[Contents; 2]>,
    layouts: Vec<String>,
}

impl Model {
    fn new(options: &Options) -> Self {
        let mut store = Store::open(Arc::new(MemFs::new()), options.clone()).unwrap();
        let mut layouts = vec![store.layout().to_string()];
        for commit in 1..=COMMITS {
            store.commit(&batch(commit)).unwrap();
            layouts.push(store.layout().to_string());
        }
        let contents = (0..=COMMITS)
            .map(|commit| contents(&store, commit))
            .collect();
        Self { contents, layouts }
    }

    /// Opens a disk after a crash, checks everything, and returns the newest commit.
    fn check(&self, fs: Arc<dyn Fs>, options: &Options, least: u64, story: &dyn Display) -> u64 {
        let mut store =
            Store::open(fs, options.clone()).unwrap_or_else(|error| panic!("{story}: {error}"));
        let head = store.head().get();
        assert!(
            head >= least,
            "{story}: {least} acknowledged, {head} recovered"
        );
        self.check_contents(&store, head, story);
        store
            .settle()
            .unwrap_or_else(|error| panic!("{story}: {error}"));
        assert_eq!(
            store.layout().to_string(),
            self.layouts[head as usize],
            "{story}"
        );
        self.check_contents(&store, head, story);
        head
    }

    fn check_contents(&self, store: &Store, head: u64, story: &dyn Display) {
        for commit in 0..=head {
            assert_eq!(
                contents(store, commit),
                self.contents[commit as usize],
                "{story} at {commit}"
            );
        }
    }
}

/// Runs the workload, and marks which commits were promised to be durable, or shown.
fn run(options: &Options) -> Run {
    let fs = SimFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    for commit in 1..=COMMITS {
        store.commit(&batch(commit)).unwrap();
        if options.durability == Durability::Synced {
            fs.mark(Mark::Acknowledged(commit));
        }
        // In between the store is opened again, once after a clean close and once not.
        if commit == 9 || commit == 17 {
            if commit == 9 {
                drop(store);
            } else {
                store.close().unwrap();
            }
            store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
            fs.mark(Mark::Served(commit));
        }
    }
    store.close().unwrap();
    fs.mark(Mark::Acknowledged(COMMITS));
    Run::new(Image::default(), &fs)
}

/// The oldest commit that may be the newest after a crash.
fn least(known: Known) -> u64 {
    known.acknowledged.max(known.served)
}

fn check_every_moment(options: &Options) {
    let model = Model::new(options);
    let run = run(options);
    let moments = run.moments().count();
    assert!(moments > 100, "{moments} operations are worth it");
    let coverage = run.power_fails(Persistence::DEFAULT, .., Budget::SMALL, |loss| {
        let fs = Arc::new(loss.disk());
        let head = model.check(fs.clone(), options, least(loss.known()), loss);
        // What one opening has shown, the next one shows.
        model.check(fs, options, head, loss);
    });
    assert!(coverage.images > 2_000, "{coverage}");
    for moment in run.moments() {
        let least = least(run.known(moment));
        let story = format!("the process dies {}", run.describe(moment));
        let fs = Arc::new(run.process_dies(moment));
        model.check(fs, options, least, &story);
    }
}

#[test]
fn acknowledged_commits_survive_at_every_operation() {
    check_every_moment(&options(Durability::Synced, SHORT));
}

#[test]
fn buffered_commits_survive_as_a_prefix() {
    check_every_moment(&options(Durability::Buffered, SHORT));
    check_every_moment(&options(Durability::Buffered, LONG));
}

/// The process dies, and while the store recovers the power fails. What a reader of the first recovery
/// could have seen is still there after the second.
#[test]
fn recovery_survives_its_own_crashes() {
    // The first operations are the opening itself, and deserve most.
    const OPENING: Budget = Budget {
        enumerate: 32,
        bound: 0,
        samples: 12,
    };
    const LATER: Budget = Budget {
        enumerate: 0,
        bound: 0,
        samples: 1,
    };
    for durability in [Durability::Synced, Durability::Buffered] {
        let options = options(durability, SHORT);
        let model = Model::new(&options);
        let run = run(&options);
        let mut coverage = Coverage::default();
        for moment in run.moments() {
            // First only the process dies. What it had not synced yet looks durable to
            // the next one, and is not.
            let fs = run.process_dies(moment);
            let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
            fs.mark(Mark::Served(store.head().get()));
            store.settle().unwrap();
            drop(store);
            let recovery = Run::new(Image::default(), &fs);
            let later = moment + 10;
            for (positions, budget) in [(moment..later, OPENING), (later..usize::MAX, LATER)] {
                let check = |loss: &PowerLoss<'_>| {
                    let story = format!("the process dies {}; {loss}", run.describe(moment));
                    model.check(Arc::new(loss.disk()), &options, least(loss.known()), &story);
                };
                coverage.add(recovery.power_fails(Persistence::DEFAULT, positions, budget, check));
            }
        }
        assert!(coverage.images > 15_000, "{coverage}");
    }
}
