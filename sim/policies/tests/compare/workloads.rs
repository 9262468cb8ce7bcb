//! Goal: workloads agree with their sources. Method: shares counted over many operations, and
//! histories that are small enough to read.

use lithify_policies::compare::git::{self, Grouping};
use lithify_policies::compare::{History, Read, Write};
use lithify_policies::git::{FileChange, LogCommit};
use lithify_sim::keyed::Seed;

use super::support::{put, synthetic};

/// The kinds of operations of a history, in percent.
#[derive(Debug, Default)]
struct Shares {
    points: f64,
    scans: f64,
    inserts: f64,
    updates: f64,
    /// Updates of the key that was read directly before.
    modifies: f64,
}

const LOADED: usize = 10;

fn shares(name: &str, operations: u64) -> Shares {
    let history = synthetic(name, operations, 1, 7);
    let mut shares = Shares::default();
    let mut newest = 999;
    let mut last_read = None;
    for (place, commit) in history.commits.iter().enumerate() {
        if place >= LOADED {
            let key = commit.writes[0].key;
            if last_read == Some(Read::Point(key)) {
                shares.modifies += 1.0;
                shares.points -= 1.0;
            } else if key > newest {
                newest = key;
                shares.inserts += 1.0;
            } else {
                shares.updates += 1.0;
            }
        }
        last_read = commit.reads.last().copied();
        for read in &commit.reads {
            match read {
                Read::Point(_) => shares.points += 1.0,
                Read::Scan(_) => shares.scans += 1.0,
            }
        }
    }
    let percent = 100.0 / operations as f64;
    Shares {
        points: percent * shares.points,
        scans: percent * shares.scans,
        inserts: percent * shares.inserts,
        updates: percent * shares.updates,
        modifies: percent * shares.modifies,
    }
}

/// The mixes of the property files: reads, scans, inserts, updates, read-modify-writes. An
/// update of a hot key directly after its read counts as a read-modify-write, so the shares
/// have a tolerance.
#[test]
fn ycsb_mixes() {
    let expected = [
        ("ycsb-a", [50.0, 0.0, 0.0, 50.0, 0.0], 2.5),
        ("ycsb-b", [95.0, 0.0, 0.0, 5.0, 0.0], 1.0),
        ("ycsb-c", [100.0, 0.0, 0.0, 0.0, 0.0], 0.0),
        ("ycsb-d", [95.0, 0.0, 5.0, 0.0, 0.0], 1.0),
        ("ycsb-e", [0.0, 95.0, 5.0, 0.0, 0.0], 1.0),
        ("ycsb-f", [50.0, 0.0, 0.0, 0.0, 50.0], 2.0),
    ];
    for (name, mix, tolerance) in expected {
        let found = shares(name, 10_000);
        let found_mix = [
            found.points,
            found.scans,
            found.inserts,
            found.updates,
            found.modifies,
        ];
        for (expected, found) in mix.iter().zip(found_mix) {
            let difference = (expected - found).abs();
            assert!(
                difference <= tolerance,
                "{name}: {found_mix:?}, expected {mix:?}"
            );
        }
    }
}

/// A record is a key of 23 bytes and ten fields of 100 bytes. All fields are written together.
#[test]
fn ycsb_records() {
    let history = synthetic("ycsb-a", 1000, 1, 0);
    let writes = || history.commits.iter().flat_map(|commit| &commit.writes);
    assert!(writes().all(|write| write.bytes == 1023 && !write.is_tombstone));
    let loaded: usize = history.commits[..LOADED]
        .iter()
        .map(|one| one.writes.len())
        .sum();
    assert_eq!(loaded, 1000);
}

/// Workload D reads new keys, A to C read hot keys at any position.
#[test]
fn the_latest_are_read_in_d_only() {
    let among_newest = |name: &str| {
        let history = synthetic(name, 5000, 1, 3);
        let (mut keys, mut reads, mut newest) = (0, 0, 0);
        for commit in &history.commits {
            keys = commit
                .writes
                .iter()
                .fold(keys, |most, write| write.key.max(most));
            for read in &commit.reads {
                if let Read::Point(key) = read {
                    reads += 1;
                    newest += u32::from(keys - key < 100);
                }
            }
        }
        f64::from(newest) / f64::from(reads)
    };
    // Of 1000 ranks with exponent 0.99, the first hundred have a share of 69 percent.
    assert!((0.64..0.74).contains(&among_newest("ycsb-d")));
    assert!(among_newest("ycsb-b") < 0.3);
}

/// Uniform requests use every key with the same probability. With 1000 keys and 40,000
/// operations, each key is written 20 times on average, while the hottest Zipfian key is
/// written thousands of times.
#[test]
fn requests_can_be_uniform() {
    let writes_of_keys = |name: &str| {
        let history = synthetic(name, 40_000, 1, 3);
        let mut counts = vec![0_u32; 1000];
        for commit in &history.commits[LOADED..] {
            counts[commit.writes[0].key as usize] += 1;
        }
        counts
    };
    let uniform = writes_of_keys("ycsb-a:requests=uniform");
    assert!(uniform.iter().all(|count| (3..45).contains(count)));
    // For equal shares, the statistic is near 999, with a deviation of 45.
    let mean = f64::from(uniform.iter().sum::<u32>()) / 1000.0;
    let squares = uniform.iter().map(|&one| (f64::from(one) - mean).powi(2));
    let statistic = squares.sum::<f64>() / mean;
    assert!((800.0..1200.0).contains(&statistic), "{statistic}");
    assert!(writes_of_keys("ycsb-a").iter().max() > Some(&1000));
    assert_eq!(
        synthetic("ycsb-d:requests=latest", 500, 1, 3).commits,
        synthetic("ycsb-d", 500, 1, 3).commits
    );
}

/// Of a hundred operations, 85 are gets, 14 puts and one a seek. Keys have 48 bytes, values 34
/// bytes on average.
#[test]
fn mixgraph_mix_and_sizes() {
    let history = synthetic("mixgraph", 20_000, 1, 5);
    let reads = || history.commits.iter().flat_map(|commit| &commit.reads);
    let scans = reads().filter(|read| matches!(read, Read::Scan(_))).count() as f64;
    let puts = history.commits.len() as f64;
    assert!((scans / 200.0 - 1.0).abs() < 0.3, "{scans}");
    assert!((puts / 200.0 - 14.0).abs() < 1.0, "{puts}");
    let bytes = history.commits.iter().flat_map(|commit| &commit.writes);
    let bytes: u64 = bytes.map(|write| u64::from(write.bytes)).sum();
    let mean = bytes as f64 / puts - 48.0;
    // Scale 25.45 and shape 0.2615: the mean is 25.45 / (1 - 0.2615), plus a little for
    // rounding up.
    assert!((33.0..38.0).contains(&mean), "{mean}");
}

/// Reads after a commit are distributed evenly over all keys written so far.
#[test]
fn reads_are_even() {
    let history = synthetic("dense", 4000, 1, 2);
    let mut places = 0.0;
    for (place, commit) in history.commits.iter().enumerate() {
        let [Read::Point(key)] = commit.reads[..] else {
            panic!("one read after each commit");
        };
        assert!(key as usize <= place, "only what exists is read");
        places += (f64::from(key) + 0.5) / (place as f64 + 1.0);
    }
    assert!((places / 4000.0 - 0.5).abs() < 0.02);
}

#[test]
fn deletions_follow_at_a_distance() {
    let writes = |commits: u64| -> Vec<Vec<(u32, bool)>> {
        let history = synthetic("insert-then-delete:2", commits, 1, 0);
        let of = |commit: &lithify_policies::compare::Commit| {
            commit
                .writes
                .iter()
                .map(|one| (one.key, one.is_tombstone))
                .collect()
        };
        history.commits.iter().map(of).collect()
    };
    let expected: [&[(u32, bool)]; 6] = [
        &[(0, false)],
        &[],
        &[(1, false)],
        &[(0, true)],
        &[(2, false)],
        &[(1, true)],
    ];
    assert_eq!(writes(6), expected);
    assert_eq!(synthetic("dense", 3, 1, 0).commits[0].seconds, 60);
}

/// If a commit contains several writes of a key, the last one counts. The clock never goes
/// backwards.
#[test]
fn commits_are_in_order() {
    let mut history = History::new("twice", 1);
    let key = history.new_key(0);
    let deletion = Write {
        is_tombstone: true,
        ..put(key)
    };
    history.push(9, vec![put(key), deletion]);
    history.push(3, Vec::new());
    assert_eq!(history.commits[0].writes, [deletion]);
    assert_eq!(history.commits[1].seconds, 9);
}

#[test]
fn a_git_history_weighs_paths_and_values() {
    let change = |path: &str, value: Option<&str>| FileChange {
        path: path.into(),
        before: None,
        value: value.map(Into::into),
    };
    let log = || {
        let commit = |time_seconds, changes| {
            Ok(LogCommit {
                id: String::new(),
                time_seconds: Some(time_seconds),
                changes,
            })
        };
        [
            commit(
                50,
                vec![change("a", Some("12345")), change("dir/b", Some("123"))],
            ),
            commit(
                40,
                vec![
                    change("a", None),
                    change("c", Some("1")),
                    change("dir/d", Some("")),
                ],
            ),
        ]
    };
    let read = |grouping| git::history("log", log(), grouping, Seed(0)).unwrap();
    let history: History = read(Grouping::Directory);
    let writes = |place: usize| -> Vec<(u32, bool)> {
        let writes = history.commits[place].writes.iter();
        writes.map(|one| (one.bytes, one.is_tombstone)).collect()
    };
    assert_eq!(writes(0), [(6, false), (8, false)]);
    assert_eq!(writes(1), [(1, true), (2, false), (5, false)]);
    // Files at the root share one keyspace. The clock does not go backwards.
    assert_eq!(history.keyspace_of, [0, 1, 0, 1]);
    assert_eq!(history.commits[1].seconds, 50);
    let keyspaces = |grouping| read(grouping).keyspaces;
    assert_eq!(
        (keyspaces(Grouping::One), keyspaces(Grouping::Path)),
        (1, 4)
    );
}
