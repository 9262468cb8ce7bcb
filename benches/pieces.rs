//! Single operations of a store, by criterion: for someone who changes one of them and
//! wants to see that, with confidence intervals. For what the numbers mean next to
//! something else, see the `ratios` target.
//!
//! Everything is in memory, so that the device is not measured.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark reads the clock"
)]

#[path = "support/data.rs"]
mod data;
#[path = "support/planted.rs"]
mod planted;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use data::{KEYSPACE, key, picks, value};
use lithify::fs::MemFs;
use lithify::predict::{Assumptions, predict};
use lithify::{
    Alignment, Cascade, Commit, Durability, KeyRange, Options, Pacing, Placement, Store, WriteBatch,
};

fn batch(first: u64, entries: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for number in first..first + entries {
        batch.put(KEYSPACE, &key(number), &value(number));
    }
    batch
}

fn empty_store(options: Options) -> Store {
    let options = Options {
        durability: Durability::Buffered,
        ..options
    };
    Store::open(Arc::new(MemFs::new()), options).expect("a store can be made")
}

/// A settled store of this many commits of ten new keys each.
fn store_of(commits: u64, options: Options) -> Store {
    let mut store = empty_store(options);
    for commit in 0..commits {
        store
            .commit(&batch(commit * 10, 10))
            .expect("the commit succeeds");
    }
    store.settle().expect("the store can be settled");
    store
}

/// One commit, with the merges that it pays for.
fn commits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    for entries in [1, 10, 100] {
        let mut store = empty_store(Options::default());
        let mut first = 0;
        group.throughput(Throughput::Elements(entries));
        group.bench_function(format!("{entries} entries"), |bencher| {
            bencher.iter_batched(
                || {
                    first += entries;
                    batch(first, entries)
                },
                |batch| store.commit(&batch).expect("the commit succeeds"),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// Reads of segments in memory, and of segments in files with a warm cache.
fn reads(criterion: &mut Criterion) {
    const COMMITS: u64 = 1300;
    let in_files = Options {
        file_level: Some(3),
        ..Options::default()
    };
    for (name, options) in [("memory", Options::default()), ("files", in_files)] {
        let store = store_of(COMMITS, options);
        let mut numbers = picks(7, COMMITS * 10);
        let mut group = criterion.benchmark_group(format!("read from {name}"));
        group.throughput(Throughput::Elements(1));
        let mut next = || numbers.next().expect("the stream has no end");
        group.bench_function("get", |bencher| {
            bencher.iter(|| black_box(store.get(KEYSPACE, &key(next()))));
        });
        group.bench_function("get of an absent key", |bencher| {
            bencher.iter(|| black_box(store.get(KEYSPACE, &key(next() + COMMITS * 10))));
        });
        group.bench_function("get as of a commit", |bencher| {
            bencher.iter(|| {
                let number = next();
                let at = Commit::new(1 + number % COMMITS);
                black_box(store.get_at(KEYSPACE, &key(number), at))
            });
        });
        group.bench_function("seek", |bencher| {
            bencher.iter(|| {
                let range = store.range(KEYSPACE, KeyRange::from(&key(next())));
                black_box(range.expect("the seek succeeds").next())
            });
        });
        group.throughput(Throughput::Elements(COMMITS * 10));
        group.bench_function("scan", |bencher| {
            bencher.iter(|| {
                let range = store.range(KEYSPACE, KeyRange::all());
                black_box(range.expect("the scan begins").count())
            });
        });
        group.finish();
    }
}

/// One window of four commits of two thousand entries.
fn merges(criterion: &mut Criterion) {
    const INPUTS: u64 = 4;
    const EACH: u64 = 2000;
    let unmerged = |file_level| {
        let placement = Placement {
            alignment: Alignment::mixed(&[INPUTS]).expect("four is a radix"),
            ..Placement::default()
        };
        let mut store = empty_store(Options {
            placement: Some(placement),
            file_level,
            pacing: Pacing::Manual,
            ..Options::default()
        });
        for input in 0..INPUTS {
            store
                .commit(&batch(input * EACH, EACH))
                .expect("the commit succeeds");
        }
        store
    };
    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Elements(INPUTS * EACH));
    for (name, file_level) in [("in memory", None), ("to a file", Some(1))] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || unmerged(file_level),
                |mut store| {
                    store.settle().expect("the merge succeeds");
                    store
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// The closed forms, far beyond what can be run.
fn predictions(criterion: &mut Criterion) {
    let alignment = Alignment::uniform(4).expect("four is a divisor");
    criterion.bench_function("predict a trillion commits", |bencher| {
        bencher.iter(|| {
            let commits = black_box(1_000_000_000_000);
            predict(&alignment, Cascade::Step, commits, &Assumptions::default())
        });
    });
}

fn main() {
    planted::refuse();
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    commits(&mut criterion);
    reads(&mut criterion);
    merges(&mut criterion);
    predictions(&mut criterion);
    criterion.final_summary();
}
