//! Reading, after a bulk load of new keys, and after many versions of few keys.
//!
//! The floor hands out references, the store copies: a snapshot owns nothing that
//! the caller could borrow from.

use std::ops::Bound;

use lithify::{Commit, Durability, KeyRange, Options, Slice, Store};

use crate::Scale;
use crate::support::data::{KEYSPACE, key, picks};
use crate::support::device::{Device, Place};
use crate::support::floor::{Floor, VersionedFloor};
use crate::table::{Measured, Table};
use crate::write::{Workload, bulk_load};

const WITH_VERSIONS: [&str; 3] = [
    "get as of a random commit",
    "get as of a random commit, all blocks cached",
    "scan as of a random commit",
];

const AFTER_BULK_LOAD: [&str; 6] = [
    "get",
    "get, all blocks cached",
    "get of an absent key",
    "seek and read one",
    "scan",
    "scan backwards",
];

/// Measures reading.
pub(crate) fn run(scale: Scale, table: &mut Table) {
    for device in Device::ALL {
        if AFTER_BULK_LOAD
            .iter()
            .any(|name| table.wants(&named(name, device)))
        {
            after_bulk_load(scale, table, device);
        }
        if WITH_VERSIONS
            .iter()
            .any(|name| table.wants(&named(name, device)))
        {
            with_versions(scale, table, device);
        }
    }
}

fn named(name: &str, device: Device) -> String {
    format!("{name}, {}", device.name())
}

fn after_bulk_load(scale: Scale, table: &mut Table, device: Device) {
    let workload = bulk_load(scale);
    let entries = workload.commits * workload.entries;
    let (place, floor_place) = (device.fresh(), device.fresh());
    let (store, _) = workload.write_store(&place, Options::default());
    let (floor, _) = workload.write_floor(&floor_place);
    let cached_place = device.fresh();
    let cached = open_cached(&cached_place, workload);
    let reads = scale.of(200_000);
    table.compare(
        named(AFTER_BULK_LOAD[0], device),
        "reads",
        || get_store(&store, reads, 0, entries),
        || get_floor(&floor, reads, 0, entries),
    );
    table.compare(
        named(AFTER_BULK_LOAD[1], device),
        "reads",
        || get_store(&cached, reads, 0, entries),
        || get_floor(&floor, reads, 0, entries),
    );
    table.compare(
        named(AFTER_BULK_LOAD[2], device),
        "reads",
        || get_store(&store, reads, entries, 0),
        || get_floor(&floor, reads, entries, 0),
    );
    table.compare(
        named(AFTER_BULK_LOAD[3], device),
        "seeks",
        || seek_store(&store, reads / 4),
        || seek_floor(&floor, reads / 4),
    );
    table.compare(
        named(AFTER_BULK_LOAD[4], device),
        "entries",
        || Measured::time(|| scanned(store.range(KEYSPACE, KeyRange::all()))),
        || Measured::time(|| counted(floor.map.iter())),
    );
    table.compare(
        named(AFTER_BULK_LOAD[5], device),
        "entries",
        || {
            Measured::time(|| {
                let range = store.range(KEYSPACE, KeyRange::all());
                scanned(range.map(Iterator::rev))
            })
        },
        || Measured::time(|| counted(floor.map.iter().rev())),
    );
}

/// A store whose cache holds everything, and does.
fn open_cached(place: &Place, workload: Workload) -> Store {
    let options = Options {
        cache_bytes: 1 << 30,
        ..Options::default()
    };
    let (store, _) = workload.write_store(place, options);
    scanned(store.range(KEYSPACE, KeyRange::all()));
    store
}

/// Reads random keys of `first .. first + expected`, or absent ones behind `first`.
fn numbers(reads: u64, first: u64, expected: u64) -> impl Iterator<Item = u64> {
    let bound = if expected > 0 { expected } else { u64::MAX / 2 };
    picks(2, bound)
        .take(reads as usize)
        .map(move |number| first + number)
}

fn get_store(store: &Store, reads: u64, first: u64, expected: u64) -> Measured {
    let snapshot = store.snapshot();
    Measured::time(|| {
        let found = numbers(reads, first, expected)
            .filter(|&number| {
                let value = snapshot.get(KEYSPACE, &key(number));
                value.expect("the read succeeds").is_some()
            })
            .count();
        assert_eq!(found as u64, if expected > 0 { reads } else { 0 });
        reads
    })
}

fn get_floor(floor: &Floor, reads: u64, first: u64, expected: u64) -> Measured {
    Measured::time(|| {
        let found = numbers(reads, first, expected)
            .filter_map(|number| floor.map.get(&key(number)[..]))
            // Touches the value, as a reader would.
            .filter(|value| std::hint::black_box(value[0]) != 0 || !value.is_empty())
            .count();
        assert_eq!(found as u64, if expected > 0 { reads } else { 0 });
        reads
    })
}

fn seek_store(store: &Store, seeks: u64) -> Measured {
    let snapshot = store.snapshot();
    Measured::time(|| {
        for number in numbers(seeks, 0, 0) {
            let range = snapshot.range(KEYSPACE, KeyRange::from(&key(number)));
            std::hint::black_box(range.expect("the seek succeeds").next());
        }
        seeks
    })
}

fn seek_floor(floor: &Floor, seeks: u64) -> Measured {
    Measured::time(|| {
        for number in numbers(seeks, 0, 0) {
            let key = key(number);
            let from = (Bound::Included(&key[..]), Bound::Unbounded);
            std::hint::black_box(floor.map.range::<[u8], _>(from).next());
        }
        seeks
    })
}

fn scanned(range: lithify::Result<impl Iterator<Item = lithify::Result<(Slice, Slice)>>>) -> u64 {
    let range = range.expect("the scan begins");
    let mut entries = 0;
    for item in range {
        std::hint::black_box(item.expect("the scan goes on"));
        entries += 1;
    }
    entries
}

fn counted<'a>(range: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>) -> u64 {
    let mut bytes = 0;
    let mut entries = 0;
    for (key, value) in range {
        // Touches the bytes, as a reader would.
        bytes += u64::from(key[0]) + u64::from(value[0]);
        entries += 1;
    }
    std::hint::black_box(bytes);
    entries
}

fn with_versions(scale: Scale, table: &mut Table, device: Device) {
    let keys = scale.of(100_000);
    let workload = Workload {
        commits: scale.of(10_000),
        entries: 100,
        keys: Some(keys),
        durability: Durability::Buffered,
    };
    let (place, floor_place) = (device.fresh(), device.fresh());
    let (store, _) = workload.write_store(&place, Options::default());
    let mut floor = VersionedFloor::create(&*floor_place.fs, false);
    workload.play(|entries| {
        floor.commit(entries.iter().map(|(key, value)| (&key[..], &value[..])));
    });
    let cached_place = device.fresh();
    let cached = open_cached(&cached_place, workload);
    let reads = scale.of(200_000);
    let commits = || picks(3, workload.commits).map(|commit| commit + 1);
    let places = || picks(4, keys).zip(commits()).take(reads as usize);
    let get_store = |store: &Store| {
        Measured::time(|| {
            for (number, commit) in places() {
                let value = store.get_at(KEYSPACE, &key(number), Commit::new(commit));
                std::hint::black_box(value.expect("the read succeeds"));
            }
            reads
        })
    };
    let get_floor = || {
        Measured::time(|| {
            for (number, commit) in places() {
                std::hint::black_box(floor.get_at(&key(number), commit));
            }
            reads
        })
    };
    let [get, get_cached, scan] = WITH_VERSIONS;
    table.compare(named(get, device), "reads", || get_store(&store), get_floor);
    table.compare(
        named(get_cached, device),
        "reads",
        || get_store(&cached),
        get_floor,
    );
    let scanned_at = || commits().take(4);
    table.compare(
        named(scan, device),
        "entries",
        || {
            Measured::time(|| {
                let scan = |at| scanned(store.range_at(KEYSPACE, KeyRange::all(), Commit::new(at)));
                scanned_at().map(scan).sum()
            })
        },
        || Measured::time(|| scanned_at().map(|at| counted(floor.range_at(at))).sum()),
    );
}
