//! Writing: commits of several sizes, synced and not, new keys and old ones.

use std::time::{Duration, Instant};

use lithify::{Durability, History, Options, Placement, Store, WriteBatch};

use crate::Scale;
use crate::support::data::{KEYSPACE, Key, VALUE_BYTES, key, picks, value};
use crate::support::device::{Device, Place};
use crate::support::floor::Floor;
use crate::table::{Measured, Table};

/// What is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// Commits.
    pub(crate) commits: u64,
    /// Entries of each.
    pub(crate) entries: u64,
    /// Keys are chosen from this many; `None`: no key is written twice.
    pub(crate) keys: Option<u64>,
    /// When a commit is acknowledged.
    pub(crate) durability: Durability,
}

type Entry = (Key, [u8; VALUE_BYTES]);

impl Workload {
    /// Makes up one commit after the other and hands it to `take`; returns the time
    /// that `take` took.
    pub(crate) fn play(self, mut take: impl FnMut(&[Entry])) -> Duration {
        let mut numbers = picks(1, self.keys.unwrap_or(1));
        let mut batch = Vec::new();
        let mut elapsed = Duration::ZERO;
        for commit in 0..self.commits {
            batch.clear();
            for position in 0..self.entries {
                let write = commit * self.entries + position;
                let number = match self.keys {
                    Some(_) => numbers.next().expect("the stream has no end"),
                    None => write,
                };
                batch.push((key(number), value(write)));
            }
            let start = Instant::now();
            take(&batch);
            elapsed += start.elapsed();
        }
        elapsed
    }

    fn operations(self) -> u64 {
        self.commits * self.entries
    }

    fn is_synced(self) -> bool {
        self.durability == Durability::Synced
    }

    /// Writes to a fresh store, and settles it.
    pub(crate) fn write_store(self, place: &Place, options: Options) -> (Store, Measured) {
        let options = Options {
            durability: self.durability,
            ..options
        };
        let mut store = Store::open(place.fs.clone(), options).expect("a store can be made");
        let mut batch = WriteBatch::new();
        let mut elapsed = self.play(|entries| {
            batch.clear();
            for (key, value) in entries {
                batch.put(KEYSPACE, key, value);
            }
            store.commit(&batch).expect("the commit succeeds");
        });
        elapsed += Measured::time(|| {
            store.settle().expect("the store can be settled");
            0
        })
        .elapsed;
        let measured = Measured {
            operations: self.operations(),
            elapsed,
        };
        (store, measured)
    }

    /// Writes to a fresh floor.
    pub(crate) fn write_floor(self, place: &Place) -> (Floor, Measured) {
        let mut floor = Floor::create(&*place.fs, self.is_synced());
        let elapsed = self.play(|entries| {
            floor.commit(entries.iter().map(|(key, value)| (&key[..], &value[..])));
        });
        let measured = Measured {
            operations: self.operations(),
            elapsed,
        };
        (floor, measured)
    }
}

/// The bulk load that reads and reopening start from.
pub(crate) fn bulk_load(scale: Scale) -> Workload {
    Workload {
        commits: scale.of(10_000),
        entries: 100,
        keys: None,
        durability: Durability::Buffered,
    }
}

/// Measures writing.
pub(crate) fn run(scale: Scale, table: &mut Table) {
    let bulk = bulk_load(scale);
    let overwrite = Workload {
        commits: scale.of(50_000),
        entries: 10,
        keys: Some(10_000),
        durability: Durability::Buffered,
    };
    let single = Workload {
        commits: scale.of(200_000),
        entries: 1,
        ..overwrite
    };
    let synced = |workload: Workload| Workload {
        commits: scale.of(2_000),
        durability: Durability::Synced,
        ..workload
    };
    let all = Options::default();
    // The floor keeps no history; this is the same of the store.
    let newest = Options {
        placement: Some(Placement {
            history: History::Newest,
            ..Placement::default()
        }),
        ..Options::default()
    };
    let workloads = [
        ("ingest, 100 a commit", bulk, &all),
        ("ingest, 100 a commit, synced", synced(bulk), &all),
        ("overwrite, 10 a commit", overwrite, &all),
        ("overwrite, 10 a commit, no history", overwrite, &newest),
        ("overwrite, 10 a commit, synced", synced(overwrite), &all),
        ("overwrite, 1 a commit", single, &all),
    ];
    for (name, workload, options) in workloads {
        for device in Device::ALL {
            table.compare(
                format!("{name}, {}", device.name()),
                "entries",
                || workload.write_store(&device.fresh(), options.clone()).1,
                || workload.write_floor(&device.fresh()).1,
            );
        }
    }
}
