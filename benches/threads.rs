//! The threaded driver: durable commits from many threads, and how long a commit can
//! take while the compactor works.
//!
//! Goal and method of the first table are those of `ratios`: the store and a floor take
//! turns, and the ratios of neighbouring turns count. The floor here is the least group
//! commit that one would write by hand: a buffer under a mutex, the thread that finds no writer
//! at work writes and syncs the buffer of all, and a condition variable wakes everybody.
//! It orders and syncs records and does nothing else: no numbers, no index, no reads.
//! Settling is not counted, compaction at the same time is.
//!
//! The second table has the time that single commits took during an ingest without
//! syncs: by one owner, whose commits merge a bounded amount themselves, by a shared
//! store, whose compactor runs beside them, and by the log and map of `ratios`.
//!
//! `cargo bench -p lithify --bench threads` runs everything, `cargo bench -p lithify --bench threads -- stall`
//! the second table. Without `--bench` every workload runs once with little data.

#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark reads the clock and its arguments, starts threads, and uses a part \
              of what the others use"
)]

#[path = "support/mod.rs"]
mod support;
#[path = "ratios/table.rs"]
mod table;

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lithify::fs::whole::append_all;
use lithify::fs::{File, Fs};
use lithify::{Db, Durability, Options, Store, WriteBatch};
use support::data::{KEYSPACE, key, value};
use support::device::{Device, Place};
use support::floor::Floor;
use table::{Measured, Table};

/// The least group commit.
struct GroupFloor {
    file: Arc<dyn File>,
    state: Mutex<GroupState>,
    changed: Condvar,
}

#[derive(Default)]
struct GroupState {
    buffer: Vec<u8>,
    is_writing: bool,
    /// Groups begun and groups durable.
    begun: u64,
    durable: u64,
}

impl GroupFloor {
    fn create(fs: &dyn Fs) -> Self {
        fs.create_dir("").expect("the directory can be made");
        let file = fs.create("log").expect("the log can be made");
        fs.sync_dir("").expect("the name can be made durable");
        Self {
            file,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn commit(&self, key: &[u8], value: &[u8]) {
        let mut record = vec![0; 8];
        record.extend_from_slice(key);
        record.extend_from_slice(value);
        let length = record.len() as u32 - 8;
        record[..4].copy_from_slice(&length.to_le_bytes());
        let checksum = crc32fast::hash(&record[8..]);
        record[4..8].copy_from_slice(&checksum.to_le_bytes());

        let mut state = self.state.lock().expect("nobody panics");
        state.buffer.extend_from_slice(&record);
        let group = state.begun + 1;
        while state.durable < group {
            if state.is_writing {
                state = self.changed.wait(state).expect("nobody panics");
                continue;
            }
            state.is_writing = true;
            state.begun += 1;
            let group = state.begun;
            let mut bytes = std::mem::take(&mut state.buffer);
            drop(state);
            append_all(&*self.file, &bytes).expect("the log takes more");
            self.file.sync_data().expect("the log can be synced");
            bytes.clear();
            state = self.state.lock().expect("nobody panics");
            if state.buffer.is_empty() {
                state.buffer = bytes;
            }
            state.is_writing = false;
            state.durable = group;
            self.changed.notify_all();
        }
    }
}

/// Lets every thread commit its share of the entries, and times all of it.
fn in_threads(threads: u64, commits: u64, commit: impl Fn(u64) + Sync) -> Measured {
    let each = commits / threads;
    Measured::time(|| {
        thread::scope(|scope| {
            for thread in 0..threads {
                let commit = &commit;
                scope.spawn(move || {
                    let first = thread * each;
                    (first..first + each).for_each(commit);
                });
            }
        });
        each * threads
    })
}

fn single(number: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(KEYSPACE, &key(number), &value(number));
    batch
}

fn open(place: &Place, durability: Durability) -> Db {
    let options = Options {
        durability,
        ..Options::default()
    };
    Db::open_in(place.fs.clone(), options).expect("a store can be made")
}

fn durable_commits(table: &mut Table, scale: u64) {
    for (threads, commits) in [(1, 10_000), (8, 80_000), (32, 160_000)] {
        let commits = (commits / scale).max(threads);
        table.compare(
            format!("durable, 1 a commit, {threads} threads, OsFs"),
            "commits",
            || {
                let place = Device::Disk.fresh();
                let db = open(&place, Durability::Synced);
                in_threads(threads, commits, |number| {
                    db.commit(&single(number)).expect("the commit succeeds");
                })
            },
            || {
                let place = Device::Disk.fresh();
                let floor = GroupFloor::create(&*place.fs);
                in_threads(threads, commits, |number| {
                    floor.commit(&key(number), &value(number));
                })
            },
        );
    }
    let commits = (80_000 / scale).max(1);
    table.compare(
        "durable, 1 a commit, 1 thread that waits at the end, OsFs".to_owned(),
        "commits",
        || {
            let place = Device::Disk.fresh();
            let db = open(&place, Durability::Synced);
            Measured::time(|| {
                let hand_over = |number| db.commit_async(&single(number));
                let pending: Result<Vec<_>, _> = (0..commits).map(hand_over).collect();
                let pending = pending.expect("the batches are small");
                for commit in pending {
                    commit.wait().expect("the commit succeeds");
                }
                commits
            })
        },
        || {
            let place = Device::Disk.fresh();
            let floor = GroupFloor::create(&*place.fs);
            in_threads(8, commits, |number| {
                floor.commit(&key(number), &value(number));
            })
        },
    );
}

/// The time that each commit of an ingest took.
fn ingest(commits: u64, mut commit: impl FnMut(&WriteBatch, u64)) -> Vec<Duration> {
    let mut batch = WriteBatch::new();
    let times = (0..commits).map(|number| {
        batch.clear();
        for entry in number * 100..(number + 1) * 100 {
            batch.put(KEYSPACE, &key(entry), &value(entry));
        }
        let start = Instant::now();
        commit(&batch, number);
        start.elapsed()
    });
    times.collect()
}

fn print_stalls(name: &str, runs: Vec<Vec<Duration>>) {
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
    let median = |of: &dyn Fn(&[Duration]) -> f64| {
        let mut numbers: Vec<f64> = runs.iter().map(|times| of(times)).collect();
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    };
    let quantile = |share: f64| {
        median(&|times| {
            let mut sorted = times.to_vec();
            sorted.sort_unstable();
            microseconds(sorted[((sorted.len() - 1) as f64 * share) as usize])
        })
    };
    let rate = median(&|times| {
        let elapsed: Duration = times.iter().sum();
        times.len() as f64 / elapsed.as_secs_f64()
    });
    println!(
        "| {name:<28} | {rate:>9.0} | {:>8.0} | {:>8.0} | {:>8.0} | {:>8.0} |",
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        quantile(1.0),
    );
}

fn stalls(scale: u64, turns: usize) {
    println!(
        "\n| {:<28} | {:>9} | {:>8} | {:>8} | {:>8} | {:>8} |",
        "ingest, 100 a commit, OsFs", "commits/s", "p50 us", "p99", "p99.9", "longest"
    );
    println!(
        "|{:-<30}|{:->11}|{:->10}|{:->10}|{:->10}|{:->10}|",
        "", "", "", "", "", ""
    );
    let commits = (10_000 / scale).max(1);
    let mut runs = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..turns {
        let place = Device::Disk.fresh();
        let db = open(&place, Durability::Buffered);
        runs[0].push(ingest(commits, |batch, _| {
            db.commit(batch).expect("the commit succeeds");
        }));
        eprintln!("{:?}", db.pressure());
        drop(db);
        let place = Device::Disk.fresh();
        let options = Options {
            durability: Durability::Buffered,
            ..Options::default()
        };
        let mut store = Store::open(place.fs.clone(), options).expect("a store can be made");
        runs[1].push(ingest(commits, |batch, _| {
            store.commit(batch).expect("the commit succeeds");
        }));
        let place = Device::Disk.fresh();
        let mut floor = Floor::create(&*place.fs, false);
        runs[2].push(ingest(commits, |_, number| {
            let entries: Vec<_> = (number * 100..(number + 1) * 100)
                .map(|entry| (key(entry), value(entry)))
                .collect();
            floor.commit(entries.iter().map(|(key, value)| (&key[..], &value[..])));
        }));
    }
    let names = [
        "Db, compactor beside",
        "Store, compactor inside",
        "floor: log and map",
    ];
    for (name, runs) in names.into_iter().zip(runs) {
        print_stalls(name, runs);
    }
}

fn main() {
    support::planted::refuse();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_full = arguments.iter().any(|argument| argument == "--bench");
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let (scale, turns) = if is_full { (1, 3) } else { (1000, 1) };
    let mut table = Table::new(turns, filter.cloned().into_iter().collect(), false);
    let wants_stalls = table.wants("stall");
    if filter.is_none() || !wants_stalls {
        durable_commits(&mut table, scale);
        println!("{table}");
    }
    if wants_stalls {
        stalls(scale, turns);
    }
}
