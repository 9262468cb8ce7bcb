//! Goal: a settled store of each sample system takes no more space than its rule allows, and
//! the rule allows no more than what can happen.
//!
//! Method: drawn settings, commits, steps of background work, processes that die, and openings
//! with other settings. Whenever the store has settled, the disk is compared with
//! [`Engine::space_limit`] and [`Engine::file_limit`], which know the history and not the
//! store. A limit that no history reaches could hide an unneeded file, so each limit is reached
//! to the byte.

use std::sync::Arc;

use lithify_sim::disk::SimFs;
use lithify_sim::history::{Batch, History, Key, Value, Write};
use lithify_sim::keyed::{Domain, Draws, Seed};
use lithify_sim::system::{Engine, Instance, Settings, System};
use lithify_specimens::data_file::DataFileSystem;
use lithify_specimens::snapshot_log::SnapshotLogSystem;
use lithify_specimens::wal_ratio::WalRatioSystem;

const SEEDS: u64 = 300;

/// A store, its disk and its commits.
struct Run {
    system: &'static dyn System,
    engine: Arc<dyn Engine>,
    fs: SimFs,
    /// `None` only during a call.
    instance: Option<Box<dyn Instance>>,
    history: History,
}

impl Run {
    fn new(system: &'static dyn System, settings: &Settings) -> Self {
        let engine = system.configure(settings).expect("the settings are legal");
        let fs = SimFs::new();
        let instance = engine.open(Arc::new(fs.clone())).expect("it opens");
        Self {
            system,
            engine,
            fs,
            instance: Some(instance),
            history: History::default(),
        }
    }

    fn instance(&mut self) -> &mut dyn Instance {
        &mut **self.instance.as_mut().expect("the store is open")
    }

    fn commit(&mut self, batch: Batch) {
        let outcome = self.instance().commit(std::slice::from_ref(&batch));
        outcome.expect("the disk is healthy");
        self.history.push(batch);
    }

    /// The process dies, and the next one has other settings. Commits that were not
    /// acknowledged may be lost.
    fn reopen(&mut self, settings: &Settings) {
        self.instance = None;
        let engine = self.system.configure(settings);
        self.engine = engine.expect("the settings are legal");
        let opened = self.engine.open(Arc::new(self.fs.clone()));
        let instance = opened.expect("it opens");
        self.history.truncate(instance.head());
        self.instance = Some(instance);
    }

    /// Does one step of background work, if there is any.
    fn step(&mut self) {
        if let Some(task) = self.instance().tasks().first() {
            self.instance().run(task).expect("the disk is healthy");
        }
    }

    /// Settles the store and returns the number of bytes left until the limit. Returns an error
    /// if a limit is exceeded.
    fn room(&mut self) -> Result<u64, String> {
        let settled = self.instance().settle().expect("the disk is healthy");
        assert!(settled, "background work ends");
        let (batches, state) = (
            self.history.batches(),
            self.history.state(self.history.head()),
        );
        let image = self.fs.image();
        for (file, bytes) in image.files() {
            let limit = self.engine.file_limit(file, batches, state);
            if let Some(limit) = limit.filter(|limit| bytes.len() as u64 > *limit) {
                return Err(format!("{file} has {} bytes of {limit}", bytes.len()));
            }
        }
        let limit = self.engine.space_limit(batches, state);
        let limit = limit.expect("each sample system has a limit");
        let taken = image.total_bytes() as u64;
        let files: Vec<_> = image
            .files()
            .map(|(name, bytes)| (name, bytes.len()))
            .collect();
        limit
            .checked_sub(taken)
            .ok_or_else(|| format!("{taken} bytes of {limit}: {files:?}"))
    }
}

fn settings(system: &dyn System, draws: &mut Draws) -> Settings {
    let known = system.settings().iter();
    let draw = |setting: &lithify_sim::system::Setting| {
        let value = *draws.pick(setting.values);
        (setting.name.to_owned(), value.to_owned())
    };
    known.map(draw).collect()
}

fn batch(draws: &mut Draws, tag: u32) -> Batch {
    let mut write = || Write {
        key: Key {
            keyspace: draws.below(2) as u16,
            key: draws.below(4) as u32,
        },
        value: (draws.below(4) > 0).then(|| Value {
            length: draws.below(120) as u32,
            tag,
        }),
    };
    let writes = (0..3).map(|_| write()).collect();
    Batch { writes }
}

/// Plays one seed. Returns the smallest number of bytes that was left until the limit.
fn play(system: &'static dyn System, seed: u64) -> Result<u64, String> {
    let mut draws = Seed(seed).draws(Domain::Options, 0);
    let mut run = Run::new(system, &settings(system, &mut draws));
    let mut least = u64::MAX;
    let mut draws = Seed(seed).draws(Domain::Workload, 0);
    for tag in 0..60 {
        match draws.weighted(&[8, 12, 1, 1]) {
            0 => run.commit(batch(&mut draws, tag)),
            1 => run.step(),
            2 => run.reopen(&settings(system, &mut draws)),
            _ => least = least.min(run.room()?),
        }
    }
    Ok(least.min(run.room()?))
}

/// Plays all seeds. Returns the number of seeds in which the limit was reached to the byte.
fn tight(system: &'static dyn System) -> usize {
    let room = |seed: u64| match play(system, seed) {
        Ok(room) => room,
        Err(beyond) => panic!("seed {seed}: {beyond}"),
    };
    (0..SEEDS).map(room).filter(|room| *room == 0).count()
}

#[test]
fn a_log_with_snapshots_is_one_snapshot_and_what_came_since() {
    let reached = tight(&SnapshotLogSystem);
    assert!(reached > 100, "the limit is reached in {reached} seeds");
}

#[test]
fn a_log_that_rewrites_itself_keeps_its_ratio() {
    let reached = tight(&WalRatioSystem);
    assert!(reached > 50, "the limit is reached in {reached} seeds");
}

#[test]
fn a_data_file_keeps_its_share_of_dead_space() {
    tight(&DataFileSystem);
}

fn put(length: u32) -> Batch {
    let key = Key {
        keyspace: 0,
        key: 0,
    };
    let value = Some(Value { length, tag: 1 });
    Batch {
        writes: vec![Write { key, value }],
    }
}

fn chosen(settings: &[(&str, &str)]) -> Settings {
    let pairs = settings.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Without a longest interval, a log may be one byte below the threshold. Here the threshold is
/// 2. The log has a base of 41 bytes, a dead put, and a live put that is 40 bytes shorter. Its
/// length is one byte less than twice the live bytes.
#[test]
fn a_log_one_byte_below_its_threshold_is_left_alone_and_the_next_byte_is_not() {
    let live = 41 + 18 + "a/k000".len() as u64 + 10;
    // After a rewrite the log holds only live bytes, so the rest of the limit is left.
    for (length, room) in [(50, 0), (51, live - 1)] {
        let mut run = Run::new(&WalRatioSystem, &chosen(&[("threshold", "2")]));
        run.commit(put(length));
        run.commit(put(10));
        assert_eq!(run.room(), Ok(room), "a first value of {length} bytes");
    }
}

/// A compaction of a file with everything ever written leaves a backup of this size. With the
/// smallest threshold, it leaves a data file without dead space. So the limit is reached except
/// for the bytes of openings, of which this one process has none. The limit allows one opening
/// for each commit, and one that has committed nothing.
#[test]
fn a_compaction_of_everything_leaves_the_longest_backup() {
    const OPENING_BYTES: u64 = 16;
    let settings = chosen(&[("threshold", "0.000001"), ("minimum-size", "0")]);
    let mut run = Run::new(&DataFileSystem, &settings);
    for length in [100, 0, 40] {
        run.commit(put(length));
    }
    assert_eq!(run.room(), Ok(4 * OPENING_BYTES));
}
