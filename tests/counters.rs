//! Goal: what a workload costs is a reviewed text, exact on every machine.
//!
//! Wall time on a shared machine is noise; the engine is deterministic, so its costs
//! can be counted instead. Method: each workload is played on a store over an observed
//! file system in memory, paced as by default. The table has one column for each
//! variant, and one row for each thing that is counted: bytes by kind of file, file
//! operations, merges, steps, and how many segments reads look at. A changed number is
//! a change of performance, for better or worse, and has to be explained.
//!
//! Keys have 16 bytes and values 100; nothing is compressed, so that no library's
//! version shows.

use std::fmt::Write as _;
use std::sync::Arc;

use lithify::files::FileKind;
use lithify::fs::MemFs;
use lithify::{
    Cascade, Commit, Durability, History, Options, Pacing, Placement, RemoveInputs, Store,
    WriteBatch,
};
use lithify_sim::disk::observed::{ObservedFs, OperationKind};

const COMMITS: u64 = 1000;
const VALUE: [u8; 100] = [b'v'; 100];

/// What every commit writes.
#[derive(Clone, Copy)]
enum Writes {
    /// This many keys that were never written before, in no order.
    New { entries: u64 },
    /// Four of this many keys.
    Overwrite { keys: u64 },
    /// One key in each of three keyspaces: every commit, every 7th, every 50th.
    Sparse,
}

const FOUR_NEW: Writes = Writes::New { entries: 4 };

/// One column of a table.
struct Variant {
    name: &'static str,
    writes: Writes,
    options: Options,
}

/// A bijection on 64 bits (the finaliser of `SplitMix64`), so that keys are spread
/// and still differ.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn key(number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mix(number).to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

fn batch(writes: Writes, commit: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    match writes {
        Writes::New { entries } => {
            for number in commit * entries..(commit + 1) * entries {
                batch.put("main", &key(number), &VALUE);
            }
        }
        Writes::Overwrite { keys } => {
            for number in commit * 4..(commit + 1) * 4 {
                batch.put("main", &key(mix(number) % keys), &VALUE);
            }
        }
        Writes::Sparse => {
            for (keyspace, every) in [("main", 1), ("weekly", 7), ("rare", 50)] {
                if commit.is_multiple_of(every) {
                    batch.put(keyspace, &key(commit), &VALUE);
                }
            }
        }
    }
    batch
}

/// The highest and the summed value of something that was counted again and again.
#[derive(Default)]
struct Series {
    most: u64,
    sum: u64,
}

impl Series {
    fn add(&mut self, value: u64) {
        self.most = self.most.max(value);
        self.sum += value;
    }
}

/// Plays a variant and returns the rows of its column.
fn play(variant: &Variant) -> Vec<(&'static str, u64)> {
    let fs = ObservedFs::new(Arc::new(MemFs::new()));
    let mut store = Store::open(Arc::new(fs.clone()), variant.options.clone()).unwrap();
    let (mut steps, mut changes, mut entries) =
        (Series::default(), Series::default(), Series::default());
    let (mut memory, mut head_reads, mut past_reads) =
        (Series::default(), Series::default(), Series::default());
    for commit in 1..=COMMITS {
        let (before, changes_before) = (store.stats().counters, fs.changes());
        store.commit(&batch(variant.writes, commit)).unwrap();
        let after = store.stats().counters;
        steps.add(after.steps - before.steps);
        changes.add(fs.changes() - changes_before);
        let worked = |counters: lithify::stats::Counters| {
            counters.merge_entries_read + counters.moved_entries
        };
        entries.add(worked(after) - worked(before));
        memory.add(store.stats().memory_bytes);
        head_reads.add(store.snapshot().segments_read("main").unwrap() as u64);
    }
    let unsettled = store.stats().counters.steps;
    store.settle().unwrap();
    for range in store.readable_commits() {
        for commit in range.start().get()..=range.end().get() {
            let snapshot = store.snapshot_at(Commit::new(commit)).unwrap();
            past_reads.add(snapshot.segments_read("main").unwrap() as u64);
        }
    }
    let readable = store
        .readable_commits()
        .iter()
        .map(|range| range.end().get() - range.start().get() + 1)
        .sum();
    let stats = store.stats();
    let counts = fs.counts();
    let bytes = |kind| counts.bytes_written.get(&kind).copied().unwrap_or(0);
    let operations = |kind| counts.operations.get(&kind).copied().unwrap_or(0);
    let wal_bytes = stats.wal_bytes_written + stats.wal_room_bytes_written;
    assert_eq!(bytes(FileKind::Wal), wal_bytes);
    assert_eq!(
        bytes(FileKind::Segment),
        stats.counters.segment_file_bytes,
        "every segment file that was begun was published"
    );
    vec![
        ("bytes to wal files", bytes(FileKind::Wal)),
        ("zeros ahead of records", stats.wal_room_bytes_written),
        ("bytes to segment files", bytes(FileKind::Segment)),
        ("bytes to manifest files", bytes(FileKind::Manifest)),
        ("files created", operations(OperationKind::Create)),
        ("writes", operations(OperationKind::Write)),
        ("syncs", operations(OperationKind::Sync)),
        ("directory syncs", operations(OperationKind::SyncDirectory)),
        ("renames", operations(OperationKind::Rename)),
        ("files removed", operations(OperationKind::Remove)),
        ("entries committed", stats.counters.level_zero_entries),
        ("merges", stats.counters.merges),
        ("segments merged", stats.counters.merge_inputs),
        ("entries read by merges", stats.counters.merge_entries_read),
        (
            "entries written by merges",
            stats.counters.merge_entries_written,
        ),
        (
            "most of them at one commit",
            stats.counters.longest_pause_entries,
        ),
        ("entries moved", stats.counters.moved_entries),
        ("manifest records", stats.counters.edits),
        ("steps within commits", steps.sum),
        ("  most in one commit", steps.most),
        ("  left to settle", stats.counters.steps - unsettled),
        ("entries merged in one commit, most", entries.most),
        ("file operations in one commit, most", changes.most),
        ("bytes of segments in memory, most", memory.most),
        ("bytes of segments in memory, last", stats.memory_bytes),
        ("live segments, last", stats.live_segments),
        ("live entries, last", stats.live_entries),
        ("segments read at the head, most", head_reads.most),
        ("  summed over all commits", head_reads.sum),
        ("segments read as of a commit, most", past_reads.most),
        ("  summed over readable commits", past_reads.sum),
        ("readable commits", readable),
    ]
}

/// Plays the variants of a table and compares it with the reviewed one.
fn check(name: &str, variants: &[Variant]) {
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(name, table(variants));
    });
}

fn table(variants: &[Variant]) -> String {
    let columns: Vec<_> = variants.iter().map(play).collect();
    let mut text = format!("{:<36}", format!("after {COMMITS} commits"));
    for variant in variants {
        let _ = write!(text, " {:>15}", variant.name);
    }
    for (row, (name, _)) in columns[0].iter().enumerate() {
        let _ = write!(text, "\n{name:<36}");
        for column in &columns {
            let _ = write!(text, " {:>15}", column[row].1);
        }
    }
    text
}

fn with_divisor(divisor: u64) -> Options {
    Options {
        placement: Some(Placement::with_divisor(divisor).unwrap()),
        ..Options::default()
    }
}

fn variant(name: &'static str, writes: Writes, options: Options) -> Variant {
    Variant {
        name,
        writes,
        options,
    }
}

#[test]
fn new_keys_by_divisor() {
    let column = |name, divisor, file_level| {
        let options = Options {
            file_level: Some(file_level),
            ..with_divisor(divisor)
        };
        variant(name, FOUR_NEW, options)
    };
    check(
        "new_keys_by_divisor",
        &[
            column("2, files from 6", 2, 6),
            column("4, files from 3", 4, 3),
            column("8, files from 2", 8, 2),
            column("16, files from 2", 16, 2),
        ],
    );
}

#[test]
fn new_keys_by_cascade() {
    let column = |name, divisor, cascade| {
        let options = Options {
            cascade,
            file_level: Some(4),
            ..with_divisor(divisor)
        };
        variant(name, FOUR_NEW, options)
    };
    check(
        "new_keys_by_cascade",
        &[
            column("2, step", 2, Cascade::Step),
            column("2, direct", 2, Cascade::Direct),
            column("4, step", 4, Cascade::Step),
            column("4, direct", 4, Cascade::Direct),
        ],
    );
}

#[test]
fn new_keys_by_file_level() {
    let column = |name, file_level| {
        let options = Options {
            file_level,
            ..with_divisor(4)
        };
        variant(name, FOUR_NEW, options)
    };
    check(
        "new_keys_by_file_level",
        &[
            column("files from 1", Some(1)),
            column("files from 2", Some(2)),
            column("files from 3", Some(3)),
            column("files from 4", Some(4)),
            column("by default", None),
        ],
    );
}

/// Commits so large that a bounded amount of merging is less than all of it.
#[test]
fn large_commits_by_pacing() {
    let column = |name, pacing, cascade| {
        let options = Options {
            pacing,
            cascade,
            file_level: Some(4),
            ..with_divisor(4)
        };
        variant(name, Writes::New { entries: 200 }, options)
    };
    check(
        "large_commits_by_pacing",
        &[
            column("bounded", Pacing::Bounded, Cascade::Step),
            column("bounded, direct", Pacing::Bounded, Cascade::Direct),
            column("settle", Pacing::Settle, Cascade::Step),
        ],
    );
}

#[test]
fn new_keys_by_tuning() {
    let column = |name, tuning| variant(name, FOUR_NEW, tuning);
    check(
        "new_keys_by_tuning",
        &[
            column("default", with_divisor(4)),
            column(
                "buffered",
                Options {
                    durability: Durability::Buffered,
                    ..with_divisor(4)
                },
            ),
            column(
                "64 KiB wal files",
                Options {
                    wal_file_bytes: 64 * 1024,
                    ..with_divisor(4)
                },
            ),
            column(
                "64 KiB memory",
                Options {
                    memory_budget_bytes: 64 * 1024,
                    ..with_divisor(4)
                },
            ),
            column(
                "no filters",
                Options {
                    file_level: Some(3),
                    filter_bits_per_key: 0,
                    ..with_divisor(4)
                },
            ),
        ],
    );
}

#[test]
fn overwrites_by_retention() {
    let column = |name, history, remove_inputs| {
        let placement = Placement {
            history,
            remove_inputs,
            ..Placement::default()
        };
        let options = Options {
            placement: Some(placement),
            file_level: Some(3),
            ..Options::default()
        };
        variant(name, Writes::Overwrite { keys: 50 }, options)
    };
    check(
        "overwrites_by_retention",
        &[
            column("all history", History::All, RemoveInputs::Always),
            column("last 16", History::Last(16), RemoveInputs::Always),
            column("newest", History::Newest, RemoveInputs::Always),
            column("newest, kept", History::Newest, RemoveInputs::Never),
            column(
                "newest, window",
                History::Newest,
                RemoveInputs::HeadWindow { keep: 100 },
            ),
        ],
    );
}

#[test]
fn sparse_keyspaces() {
    let column = |name, min_inputs, cascade| {
        let placement = Placement {
            min_inputs,
            ..Placement::default()
        };
        let options = Options {
            placement: Some(placement),
            cascade,
            file_level: Some(3),
            ..Options::default()
        };
        variant(name, Writes::Sparse, options)
    };
    check(
        "sparse_keyspaces",
        &[
            column("2 inputs", 2, Cascade::Step),
            column("2, direct", 2, Cascade::Direct),
            column("3 inputs", 3, Cascade::Step),
            column("3, direct", 3, Cascade::Direct),
            column("4 inputs", 4, Cascade::Step),
        ],
    );
}
