//! Goal: two real git histories read back from the store exactly as they are in git.
//!
//! Method: `tests/data/git-history` holds the logs of redb and ripgrep (1691 and 2215
//! commits), and 27 and 33 listings printed by `git ls-tree -r`. Each log is imported
//! at five divisors, with both cascades, and with segments in memory and in files. Each
//! listing must read back byte for byte, before settling, after settling and after
//! reopening. Writes are compared with the forecast of `lithify_policies::forecast`.
//! One case runs through the command line and the real disk.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{
    Alignment, Cascade, Commit, KeyRange, Options, Pacing, Placement, Snapshot, Store, WriteBatch,
};
use lithify_policies::forecast::Forecast;
use lithify_policies::git::{RawLog, Tree, Trees, tree};

const KEYSPACE: &str = "default";
const DIVISORS: [u64; 5] = [2, 3, 4, 8, 10];

struct History {
    name: &'static str,
    batches: Vec<WriteBatch>,
    trees: Vec<Tree>,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/git-history"
    ))
    .join(name)
}

fn unpacked(name: &str) -> Vec<u8> {
    zstd::decode_all(std::fs::File::open(file(name)).unwrap()).unwrap()
}

impl History {
    fn read(name: &'static str, commits: usize, trees: usize) -> Self {
        let log = unpacked(&format!("{name}.rawlog.zst"));
        let commit = |commit: Result<lithify_policies::git::LogCommit, _>| commit.unwrap();
        let history = Self {
            name,
            batches: RawLog::new(&log[..])
                .map(|item| commit(item).batch(KEYSPACE))
                .collect(),
            trees: Trees::new(&unpacked(&format!("{name}.trees.zst"))[..])
                .map(Result::unwrap)
                .collect(),
        };
        assert_eq!(
            (history.batches.len(), history.trees.len()),
            (commits, trees)
        );
        history
    }

    fn all() -> [Self; 2] {
        [
            Self::read("redb", 1691, 27),
            Self::read("ripgrep", 2215, 33),
        ]
    }

    /// Compares every listing with the store.
    fn check(&self, store: &Store) {
        for tree in &self.trees {
            let snapshot = store.snapshot_at(Commit::new(tree.number)).unwrap();
            if listing(&snapshot) != tree.listing {
                panic!("{} differs at commit {}", self.name, tree.number);
            }
        }
    }
}

fn listing(snapshot: &Snapshot) -> Vec<u8> {
    let mut listing = Vec::new();
    for item in snapshot.range(KEYSPACE, KeyRange::all()).unwrap() {
        let (path, value) = item.unwrap();
        tree::write_line(&mut listing, &path, &value).unwrap();
    }
    listing
}

/// Imports a history into memory and checks it three times.
fn round_trip(history: &History, divisor: u64, options: &Options) {
    let fs = Arc::new(MemFs::new());
    let open = || Store::open(fs.clone(), options.clone()).unwrap();
    let mut store = open();
    for group in history.batches.chunks(100) {
        store.commit_group(group).unwrap();
    }
    history.check(&store);
    store.settle().unwrap();
    history.check(&store);
    let alignment = Alignment::uniform(divisor).unwrap();
    let mut forecast = Forecast::new(alignment, options.cascade, 2);
    for batch in &history.batches {
        forecast.add(batch.len() as u64);
    }
    let written = store.stats().counters.merge_entries_written;
    assert_eq!(written, forecast.merged_entries(), "{}", history.name);
    let layout = store.layout();
    drop(store);
    let mut store = open();
    history.check(&store);
    store.settle().unwrap();
    assert_eq!(store.layout().to_string(), layout.to_string());
}

fn round_trips(file_level: Option<u8>) {
    for history in &History::all() {
        for divisor in DIVISORS {
            for cascade in [Cascade::Step, Cascade::Direct] {
                let options = Options {
                    placement: Some(Placement::with_divisor(divisor).unwrap()),
                    cascade,
                    file_level,
                    ..Options::default()
                };
                round_trip(history, divisor, &options);
            }
        }
    }
}

#[test]
fn every_listing_with_segments_in_memory() {
    round_trips(None);
}

#[test]
fn every_listing_with_files_from_level_1() {
    round_trips(Some(1));
}

#[test]
fn every_listing_with_files_from_level_3() {
    round_trips(Some(3));
}

#[test]
fn every_layout_is_the_settled_one_when_commits_settle() {
    for history in &History::all() {
        let placement = Placement::with_divisor(3).unwrap();
        let options = Options {
            placement: Some(placement.clone()),
            pacing: Pacing::Settle,
            file_level: Some(4),
            ..Options::default()
        };
        let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
        let mut touched = Vec::new();
        for batch in &history.batches {
            let head = store.commit(batch).unwrap();
            if !batch.is_empty() {
                touched.push(head);
            }
            if head.get().is_multiple_of(97) {
                let expected = placement.alignment.layout_of(&touched, head, 2);
                let layout = store.layout();
                let segments = layout
                    .keyspaces
                    .iter()
                    .flat_map(|keyspace| &keyspace.segments);
                let windows: Vec<_> = segments.map(|segment| segment.window).collect();
                let expected: Vec<_> = expected.iter().map(|placed| placed.window).collect();
                assert_eq!(windows, expected, "at {head}");
            }
        }
        history.check(&store);
    }
}

/// Runs the binary, and returns what it prints.
fn lithify(arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lithify"));
    command.args(arguments).stdin(Stdio::piped());
    let mut command = assert_cmd::Command::from_std(command);
    let output = command.write_stdin(input).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_listing_through_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    for history in &History::all() {
        let store = directory.path().join(history.name);
        let store = store.to_str().unwrap();
        let log = unpacked(&format!("{}.rawlog.zst", history.name));
        let options = ["--divisor", "8", "--cascade", "direct", "--file-level", "2"];
        lithify(
            &[&["import-git", "-", "--store", store][..], &options].concat(),
            &log,
        );
        let trees = file(&format!("{}.trees.zst", history.name));
        let said = lithify(
            &[
                "check-git",
                "--store",
                store,
                "--trees",
                trees.to_str().unwrap(),
            ],
            b"",
        );
        let expected = format!(
            "{} trees of {} commits are equal",
            history.trees.len(),
            history.batches.len()
        );
        assert!(said.starts_with(&expected), "{said}");
        for tree in &history.trees {
            let at = tree.number.to_string();
            let text = lithify(
                &["scan", "--store", store, "--at", &at, "--format", "tree"],
                b"",
            );
            assert!(
                text.as_bytes() == tree.listing,
                "{} differs at {at}",
                history.name
            );
        }
    }
}
