//! Histories and runs for the tests.

use lithify_policies::compare::workloads::{self, Scale};
use lithify_policies::compare::{History, Outcome, RunOptions, Write, run};
use lithify_policies::policies::{Policy, registry};
use lithify_sim::keyed::Seed;

/// The policy of a spec.
pub(crate) fn policy(spec: &str) -> Box<dyn Policy> {
    registry::build(&spec.parse().unwrap()).unwrap()
}

/// The synthetic history of a spec.
pub(crate) fn synthetic(spec: &str, commits: u64, keyspaces: usize, seed: u64) -> History {
    let scale = Scale {
        commits,
        keyspaces,
        seconds: 60,
        seed: Seed(seed),
    };
    workloads::build(&spec.parse().unwrap(), scale).unwrap()
}

/// Runs a history with callbacks in order.
pub(crate) fn play(spec: &str, history: &History) -> Outcome {
    play_with(spec, history, &RunOptions::default())
}

/// Runs a history with these options.
pub(crate) fn play_with(spec: &str, history: &History, options: &RunOptions) -> Outcome {
    run(&*policy(spec), history, options).unwrap()
}

/// One stream. Each of these commits writes a new key to it.
pub(crate) fn touched(commits: &[u64], head: u64) -> History {
    touched_streams(&[commits.to_vec()], head)
}

/// Several streams. Each of these commits writes a new key to its stream.
pub(crate) fn touched_streams(streams: &[Vec<u64>], head: u64) -> History {
    let mut history = History::new("touched", streams.len());
    for commit in 1..=head {
        let mut writes = Vec::new();
        for (stream, commits) in streams.iter().enumerate() {
            if commits.contains(&commit) {
                let key = history.new_key(stream);
                writes.push(put(key));
            }
        }
        history.push(commit * 60, writes);
    }
    history
}

/// One keyspace. Each commit writes these keys. Negative keys are deletions.
pub(crate) fn keyed(commits: &[Vec<i64>]) -> History {
    let mut history = History::new("keyed", 1);
    let keys = commits.iter().flatten().map(|key| key.unsigned_abs()).max();
    for _ in 0..=keys.unwrap_or(0) {
        history.new_key(0);
    }
    for (place, keys) in commits.iter().enumerate() {
        let writes = keys.iter().map(|&key| Write {
            is_tombstone: key < 0,
            ..put(key.unsigned_abs() as u32)
        });
        history.push(place as u64 * 60, writes.collect());
    }
    history
}

pub(crate) fn put(key: u32) -> Write {
    Write {
        key,
        bytes: 100,
        is_tombstone: false,
    }
}

/// The live segments as `first..last@level`.
pub(crate) fn shape(outcome: &Outcome) -> Vec<String> {
    let names = outcome
        .live
        .iter()
        .map(|segment| format!("{}..{}@{}", segment.first, segment.last, segment.level));
    names.collect()
}
