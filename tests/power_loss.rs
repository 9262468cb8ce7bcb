//! Goal: whatever the power failure leaves of what was not synced, the store opens with
//! every acknowledged commit, with nothing after a commit that is missing, and with the
//! layout it would have had.
//!
//! Method: a small workload that writes several WAL files, segment files and manifests
//! runs once. For every operation of it, some crash images are opened, checked against
//! the model, settled, and opened again. Recovery is itself run on a disk that loses
//! power at each of *its* operations.
//!
//! This samples one persistence model. The laboratory will do more: other models,
//! enumeration, faults, and shrinking.

use std::sync::Arc;

use lithify::fs::{Fs, MemFs};
use lithify::{
    Commit, Durability, History, KeyRange, Options, Pacing, Placement, RemoveInputs, Store,
    WriteBatch,
};
use lithify_sim::power_loss::{Moment, PowerLossFs};

const COMMITS: u64 = 24;

fn options(durability: Durability) -> Options {
    Options {
        placement: Some(Placement {
            history: History::All,
            remove_inputs: RemoveInputs::HeadWindow { keep: 3 },
            ..Placement::with_divisor(2).unwrap()
        }),
        file_level: Some(2),
        wal_file_bytes: 300,
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
    // Batches of several sectors, so that a torn one has a middle.
    let value = vec![commit as u8; if commit.is_multiple_of(4) { 1200 } else { 30 }];
    batch.put("main", &[b'k', (commit % 3) as u8], &value);
    if commit.is_multiple_of(3) {
        batch.delete("main", &[b'k', ((commit + 1) % 3) as u8]);
    }
    if commit.is_multiple_of(5) {
        batch.put("rare", &commit.to_be_bytes(), b"value");
    }
    batch
}

type Contents = Vec<(Vec<u8>, Vec<u8>)>;

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
    fn check(&self, fs: Arc<dyn Fs>, options: &Options, least: u64, story: &str) -> u64 {
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

    fn check_contents(&self, store: &Store, head: u64, story: &str) {
        for commit in 0..=head {
            assert_eq!(
                contents(store, commit),
                self.contents[commit as usize],
                "{story} at {commit}"
            );
        }
    }
}

/// Runs the workload; the number noted is the last commit whose durability was promised.
fn run(options: &Options) -> Vec<Moment> {
    let fs = PowerLossFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
    for commit in 1..=COMMITS {
        store.commit(&batch(commit)).unwrap();
        if options.durability == Durability::Synced {
            fs.note(commit);
        }
        // In between the store is opened again, once after a clean close and once not.
        if commit == 9 || commit == 17 {
            if commit == 9 {
                drop(store);
            } else {
                store.close().unwrap();
            }
            store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
            fs.note(commit);
        }
    }
    store.close().unwrap();
    fs.note(COMMITS);
    fs.moments()
}

fn check_every_moment(durability: Durability, images: u64) {
    let options = options(durability);
    let model = Model::new(&options);
    let moments = run(&options);
    assert!(
        moments.len() > 100,
        "{} operations are enough to be worth it",
        moments.len()
    );
    for (number, moment) in moments.iter().enumerate() {
        let story = format!("operation {number}, {}", moment.operation);
        for seed in 0..images {
            let image = moment.image(seed << 32 | number as u64);
            let story = format!("{story}, image {seed}");
            let head = model.check(Arc::new(image.clone()), &options, moment.noted, &story);
            // What one opening has shown, the next one shows.
            model.check(Arc::new(image), &options, head, &story);
        }
        let image = moment.process_image();
        model.check(
            Arc::new(image),
            &options,
            moment.noted,
            &format!("{story}, process"),
        );
    }
}

#[test]
fn acknowledged_commits_survive_at_every_operation() {
    check_every_moment(Durability::Synced, 12);
}

#[test]
fn buffered_commits_survive_as_a_prefix() {
    check_every_moment(Durability::Buffered, 12);
}

/// The process dies, and while the store recovers the power fails. What a reader of the first recovery
/// could have seen is still there after the second.
#[test]
fn recovery_survives_its_own_crashes() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let options = options(durability);
        let model = Model::new(&options);
        for (number, moment) in run(&options).iter().enumerate() {
            // First only the process dies. What it had not synced yet looks durable to
            // the next one, and is not.
            let fs = moment.after_process_death();
            let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
            let served = store.head().get();
            fs.note(served);
            store.settle().unwrap();
            drop(store);
            for (step, second) in fs.moments().iter().enumerate() {
                let least = moment.noted.max(second.noted);
                let story = format!(
                    "operation {number}, {}; then operation {step} of recovery, {}",
                    moment.operation, second.operation
                );
                // The first operations are the opening itself, and deserve most.
                for seed in 0..if step < 10 { 12 } else { 1 } {
                    let image = second.image(seed << 40 | (number as u64) << 20 | step as u64);
                    model.check(Arc::new(image), &options, least, &story);
                }
            }
        }
    }
}
