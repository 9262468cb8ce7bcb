//! Goal: a process that is killed at any moment of an import loses nothing that it has
//! acknowledged, and running the same command again completes the import.
//!
//! Method: `lithify import-git --acknowledge` runs on a synthetic history with a small
//! divisor, files from level 2 on, no memory budget and short WAL files, so that WAL
//! rotation, segment files, manifest records and removals all happen. After a drawn
//! number of acknowledgements and a drawn delay the process gets SIGKILL. Then the
//! store, opened by the library, must hold a prefix of the history, commit by commit,
//! that includes all acknowledged commits. The next process continues with the same
//! store, so later kills hit recovery and resumption too. All draws follow from seeds,
//! but the moment of a kill depends on the machine. A failure names its seed and round,
//! and the failed store is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lithify::fs::OsFs;
use lithify::{Commit, KeyRange, Options, Store};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const KILLS: u64 = 100;
/// The number of kills of one import before it may finish.
const ROUNDS: u64 = 10;
const COMMITS: usize = 200;

/// The writes of one commit: path number, and the value's number or a deletion.
type Writes = Vec<(u8, Option<u32>)>;

/// The draws of one store.
struct Draws(TestRunner);

impl Draws {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let generator = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self(TestRunner::new_with_rng(Config::default(), generator))
    }

    fn draw<T: std::fmt::Debug>(&mut self, strategy: impl Strategy<Value = T>) -> T {
        strategy.new_tree(&mut self.0).unwrap().current()
    }
}

fn history(draws: &mut Draws) -> Vec<Writes> {
    let written = proptest::option::weighted(0.8, any::<u32>());
    let writes = proptest::collection::btree_map(0_u8..40, written, 0..6);
    let commits = draws.draw(proptest::collection::vec(writes, COMMITS));
    // A log has no deletion of a path that does not exist.
    let mut present = BTreeSet::new();
    let mut is_told = |&(number, written): &(u8, Option<u32>)| match written {
        Some(_) => {
            present.insert(number);
            true
        }
        None => present.remove(&number),
    };
    let writes_of = |writes: BTreeMap<_, _>| writes.into_iter().filter(&mut is_told).collect();
    commits.into_iter().map(writes_of).collect()
}

fn path(number: u8) -> String {
    format!("folder-{}/file-{number}", number % 3)
}

fn value(number: u32) -> Vec<u8> {
    format!("100644 blob {}", object(number)).into_bytes()
}

fn object(number: u32) -> String {
    format!("{:040x}", u64::from(number) + 1)
}

/// The history as `git log --raw` prints it.
fn log(history: &[Writes]) -> String {
    let zero = "0".repeat(40);
    let mut text = String::new();
    // The old side of a line must be what the previous commits have written.
    let mut tree = BTreeMap::new();
    for (commit, writes) in history.iter().enumerate() {
        text += &format!("commit {commit:040x} {commit}\n");
        if !writes.is_empty() {
            text += "\n";
        }
        for (number, written) in writes {
            let old = match *written {
                Some(written) => tree.insert(*number, object(written)),
                None => tree.remove(number),
            };
            let (mode, old, letter) = match &old {
                Some(old) => ("100644", old, if written.is_some() { "M" } else { "D" }),
                None => ("000000", &zero, "A"),
            };
            text += &match written {
                Some(written) => format!(":{mode} 100644 {old} {} {letter}", object(*written)),
                None => format!(":{mode} 000000 {old} {zero} {letter}"),
            };
            text += &format!("\t{}\n", path(*number));
        }
    }
    text
}

fn import(store: &Path, log: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lithify"));
    command
        .args([
            "import-git",
            "-",
            "--acknowledge",
            "--divisor",
            "2",
            "--file-level",
            "2",
        ])
        .args([
            "--memory-budget",
            "0",
            "--wal-file",
            "2000",
            "--group",
            "3",
            "--store",
        ])
        .arg(store)
        .stdin(std::fs::File::open(log).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Runs an import, and kills it some time after this many acknowledgements. Returns the
/// last acknowledged commit, and whether the import was still running.
fn run_and_kill(mut command: Command, acknowledgements: u64, delay: Duration) -> (u64, bool) {
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let mut acknowledged = 0;
    for _ in 0..acknowledgements {
        line.clear();
        if stdout.read_line(&mut line).unwrap() == 0 {
            break;
        }
        acknowledged = line.trim().parse().unwrap_or(acknowledged);
    }
    let begun = Instant::now();
    while begun.elapsed() < delay {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    // The last line may be cut; every whole line was acknowledged before the kill.
    let whole = rest
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    let last = whole.filter_map(|line| line.trim().parse().ok()).max();
    (acknowledged.max(last.unwrap_or(0)), !status.success())
}

/// Checks that the store holds a prefix of the history, and returns its head.
fn check_prefix(directory: &Path, history: &[Writes]) -> u64 {
    let options = Options {
        create: false,
        ..Options::default()
    };
    let fs = Arc::new(OsFs::new(directory));
    let store = match Store::open_read_only(fs.clone(), options) {
        // Killed before the store was created.
        Err(lithify::Error::NotAStore { .. }) => return 0,
        store => store.unwrap(),
    };
    let report = lithify::verify::verify(&*fs).unwrap();
    assert!(report.is_sound(), "{report}");
    let mut tree = BTreeMap::new();
    for changes in store.changes_since(Commit::ZERO).unwrap() {
        let changes = changes.unwrap();
        let expected: BTreeMap<Vec<u8>, Option<Vec<u8>>> = history
            [changes.commit.get() as usize - 1]
            .iter()
            .map(|(number, written)| (path(*number).into(), written.map(value)))
            .collect();
        let found: Vec<_> = changes
            .operations
            .into_iter()
            .map(|found| (found.key, found.value))
            .collect();
        assert!(
            found.iter().cloned().eq(expected.clone()),
            "commit {}",
            changes.commit
        );
        tree.extend(expected);
    }
    tree.retain(|_, value| value.is_some());
    let live = store.range("default", KeyRange::all()).unwrap();
    let live = live.map(|item| {
        let (path, value) = item.unwrap();
        (path.to_vec(), Some(value.to_vec()))
    });
    assert!(live.eq(tree), "the tree at the head {}", store.head());
    store.head().get()
}

/// The results of the kills of one import.
#[derive(Debug, Default)]
struct Tally {
    /// Kills that hit a process.
    kills: u64,
    /// Kills that left a part of the history.
    in_the_middle: u64,
    /// Kills that left commits that were not acknowledged.
    beyond_acknowledged: u64,
}

/// Kills one import repeatedly, then lets it finish.
fn torture(seed: u64, tally: &mut Tally) {
    let mut draws = Draws::new(seed);
    let history = history(&mut draws);
    // The directory is kept if the test fails.
    let directory = tempfile::tempdir().unwrap().keep();
    let (store, log_path) = (directory.join("store"), directory.join("log"));
    std::fs::write(&log_path, log(&history)).unwrap();
    let mut known = 0;
    for round in 0..ROUNDS {
        // On average an equal share of the remaining commits, so that all rounds kill a
        // running import.
        let most = 2 * (COMMITS as u64 - known) / (ROUNDS - round + 1);
        let acknowledgements = draws.draw(0..=most);
        let delay = Duration::from_micros(draws.draw(0_u64..4000));
        let command = import(&store, &log_path);
        let (acknowledged, was_running) = run_and_kill(command, acknowledgements, delay);
        let head = check_prefix(&store, &history);
        assert!(
            head >= acknowledged.max(known),
            "seed {seed}, round {round}, in {}: the store has {head} commits, {acknowledged} were \
             acknowledged now and {known} were there before",
            directory.display()
        );
        known = head;
        tally.kills += u64::from(was_running);
        tally.in_the_middle += u64::from(0 < head && head < COMMITS as u64);
        tally.beyond_acknowledged += u64::from(head > acknowledged);
    }
    let output = import(&store, &log_path).output().unwrap();
    assert!(
        output.status.success(),
        "seed {seed}: it cannot be completed"
    );
    assert_eq!(check_prefix(&store, &history), COMMITS as u64);
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_hundred_kills_lose_nothing() {
    let mut tally = Tally::default();
    // An import can end before its kill; further seeds replace such rounds.
    for seed in 0.. {
        torture(seed, &mut tally);
        if tally.kills >= KILLS {
            break;
        }
    }
    assert!(tally.in_the_middle > KILLS / 2, "{tally:?}");
    assert!(tally.beyond_acknowledged > 0, "{tally:?}");
}
