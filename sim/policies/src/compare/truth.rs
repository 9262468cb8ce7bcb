//! Goal: the simulated store has the correct content. Method: drawn histories of puts and
//! deletions run under every policy. The records on disk are compared with a replay of the
//! commits, at the end and at every commit that counts as readable. The counters, and the
//! information that policies get about a segment, are compared with the records.

use std::collections::BTreeMap;

use lithify_sim::keyed::Seed;
use proptest::prelude::*;

use super::history::{History, Write};
use super::intervals::contains;
use super::merge::Record;
use super::readable::unreadable;
use super::run::{RunOptions, play};
use super::store::Store;
use crate::policies::registry::{ALL, build};
use crate::policies::segment::{Segment, Stage};

/// Two keyspaces of five keys each.
fn histories() -> impl Strategy<Value = History> {
    let write = (0_u32..10, any::<bool>());
    let commits = proptest::collection::vec(proptest::collection::vec(write, 0..4), 1..60);
    commits.prop_map(|commits| {
        let mut history = History::new("drawn", 2);
        for key in 0..10 {
            history.new_key(key % 2);
        }
        for (place, writes) in commits.into_iter().enumerate() {
            let writes = writes.into_iter().map(|(key, is_tombstone)| Write {
                key,
                bytes: 100 + 7 * key,
                is_tombstone,
            });
            history.push(place as u64 * 1000, writes.collect());
        }
        history
    })
}

/// The commit of the newest version of each key that exists after `commit`.
fn truth(history: &History, commit: u64) -> BTreeMap<u32, u64> {
    let mut newest = BTreeMap::new();
    for (place, commit) in history.commits[..commit as usize].iter().enumerate() {
        for write in &commit.writes {
            match write.is_tombstone {
                true => newest.remove(&write.key),
                false => newest.insert(write.key, place as u64 + 1),
            };
        }
    }
    newest
}

fn records(store: &Store, is_wanted: impl Fn(Stage) -> bool) -> Vec<Record> {
    let segments = store.segments.iter().zip(&store.contents);
    let wanted = segments.filter(|(segment, _)| is_wanted(segment.stage));
    wanted
        .flat_map(|(_, contents)| contents.records.clone())
        .collect()
}

/// The state of the live segments: the newest record of each key, unless it is a tombstone.
fn state(store: &Store) -> BTreeMap<u32, u64> {
    let mut newest: BTreeMap<u32, Record> = BTreeMap::new();
    for record in records(store, |state| matches!(state, Stage::Live | Stage::Busy)) {
        let known = newest.entry(record.key).or_insert(record);
        if record.commit > known.commit {
            *known = record;
        }
    }
    newest.retain(|_, record| !record.is_tombstone);
    newest
        .into_iter()
        .map(|(key, record)| (key, record.commit))
        .collect()
}

fn bytes<'records>(records: impl Iterator<Item = &'records Record>) -> u64 {
    records.map(|record| u64::from(record.bytes)).sum()
}

/// Checks that the information for policies agrees with the records of each segment.
fn check_segments(store: &Store, truth: &BTreeMap<u32, u64>) {
    for (segment, contents) in store.segments.iter().zip(&store.contents) {
        if segment.stage == Stage::Gone {
            assert!(contents.records.is_empty());
            continue;
        }
        let records = || contents.records.iter();
        let tombstones = || records().filter(|record| record.is_tombstone);
        assert_eq!(segment.records, records().count() as u64);
        assert_eq!(segment.bytes, bytes(records()));
        assert_eq!(segment.tombstones, tombstones().count() as u64);
        assert_eq!(segment.tombstone_bytes, bytes(tombstones()));
        let oldest = tombstones().map(|record| record.commit).min();
        assert_eq!(segment.oldest_tombstone, oldest);
        if segment.stage != Stage::Kept {
            let is_newest = |one: &&Record| truth.get(&one.key) == Some(&one.commit);
            assert_eq!(segment.newest_bytes, bytes(records().filter(is_newest)));
        }
    }
    let live = store.live().filter_map(|segment| segment.oldest_tombstone);
    let age = live
        .min()
        .map_or(0, |commit| store.moment.watermark - commit);
    assert_eq!(store.tombstone_age(), age);
}

/// Checks that every written record is counted once, and that the records on disk are counted.
fn check_counts(store: &Store) {
    let by_cause = || store.tally.by_cause.values();
    let segments = || store.segments.iter();
    let on_disk = || segments().filter(|segment| segment.stage != Stage::Gone);
    let sum = |of: fn(&Segment) -> u64| segments().map(of).sum::<u64>();
    assert_eq!(
        by_cause().map(|one| one.records).sum::<u64>(),
        sum(|one| one.records)
    );
    assert_eq!(
        by_cause().map(|one| one.bytes).sum::<u64>(),
        sum(|one| one.bytes)
    );
    assert_eq!(
        store.disk_bytes(),
        on_disk().map(|one| one.bytes).sum::<u64>()
    );
    let paused: (u64, u64) = store
        .tally
        .pauses
        .iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let commits = store
        .tally
        .by_cause
        .get("commit")
        .copied()
        .unwrap_or_default();
    assert_eq!(commits.records + paused.0, sum(|one| one.records));
    assert_eq!(commits.bytes + paused.1, sum(|one| one.bytes));
}

proptest! {
    #[test]
    fn live_segments_hold_the_newest_versions(
        history in histories(),
        spec in proptest::sample::select(ALL),
        remove in proptest::sample::select(&["", ":remove=never", ":remove=head-window/9"][..]),
        reordering in 0_u64..6,
        seed: u64,
        keeps_all_versions: bool,
    ) {
        let takes_removal = spec.starts_with("aligned:") || spec.starts_with("count:");
        let spec = format!("{spec}{}", if takes_removal { remove } else { "" });
        let policy = build(&spec.parse().unwrap()).unwrap();
        let options = RunOptions { keeps_all_versions, reordering, seed: Seed(seed), ..RunOptions::default() };
        let store = play(&*policy, &history, &options).unwrap().store;
        let head = history.commits.len() as u64;
        prop_assert_eq!(state(&store), truth(&history, head), "{}", &spec);
        check_segments(&store, &truth(&history, head));
        // A running merge is counted before its output exists.
        if !spec.starts_with("aligned-paced") {
            check_counts(&store);
        }
        let gaps = unreadable(&store);
        let on_disk = records(&store, |state| state != Stage::Gone);
        for commit in (1..=head).filter(|&commit| !contains(&gaps, commit)) {
            for (key, version) in truth(&history, commit) {
                let found = on_disk.iter().any(|one| one.key == key && one.commit == version);
                prop_assert!(found, "{}: key {} of commit {} at {}", &spec, key, version, commit);
            }
        }
    }
}
