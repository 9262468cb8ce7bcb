//! Synthetic histories by name.
//!
//! Except for YCSB and mixgraph, every record has 100 bytes, so that counts of records and
//! of bytes agree, and one key is read after each commit.

use lithify_sim::keyed::{Domain, Seed};
use lithify_sim::names::unknown;

use super::history::{History, Write};
use super::{mixgraph, ycsb};
use crate::policies::spec::{Parameter, Spec, Values};

/// The size of a synthetic history.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The number of commits. For YCSB and mixgraph, the number of operations.
    pub commits: u64,
    /// The number of keyspaces, for workloads with several keyspaces.
    pub keyspaces: usize,
    /// The number of seconds of the commit clock for each commit.
    pub seconds: u64,
    /// The seed of all draws.
    pub seed: Seed,
}

/// A workload with a name.
#[derive(Debug)]
pub struct Workload {
    /// The name.
    pub name: &'static str,
    /// A description in one line.
    pub about: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    build: fn(&Values, Scale) -> Result<History, String>,
}

/// The bytes of a record.
const RECORD_BYTES: u32 = 100;

/// All workloads except `git:PATH`.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "dense",
        about: "each commit writes a new key: the case of the closed forms",
        parameters: &[],
        build: |_, scale| Ok(in_turn("dense", u64::MAX, scale)),
    },
    Workload {
        name: "round-robin",
        about: "each commit overwrites the next of this many keys",
        parameters: &[Parameter {
            name: "keys",
            default: "64",
            about: "how many keys take turns",
        }],
        build: |values, scale| Ok(in_turn("round-robin", values.at_least("keys", 1)?, scale)),
    },
    Workload {
        name: "hot-key",
        about: "each commit writes the same key",
        parameters: &[],
        build: |_, scale| Ok(in_turn("hot-key", 1, scale)),
    },
    Workload {
        name: "scrape",
        about: "each commit writes a new key to every keyspace, like samples of metrics",
        parameters: &[],
        build: |_, scale| Ok(sparse("scrape", scale, |_, _| true)),
    },
    Workload {
        name: "odd-only",
        about: "each odd commit writes a new key, even ones write nothing",
        parameters: &[],
        build: |_, scale| Ok(sparse("odd-only", scale, |commit, _| commit % 2 == 1)),
    },
    Workload {
        name: "bernoulli",
        about: "each commit writes a new key to each keyspace with a fixed probability",
        parameters: &[Parameter {
            name: "q",
            default: "0.1",
            about: "the probability, above 0 and at most 1",
        }],
        build: bernoulli,
    },
    Workload {
        name: "insert-then-delete",
        about: "odd commits write a new key, even ones delete the key that is this many keys old",
        parameters: &[Parameter {
            name: "distance",
            default: "16",
            about: "how many keys are alive, about",
        }],
        build: insert_then_delete,
    },
    ycsb(
        "ycsb-a",
        "half reads, half updates",
        &[ZIPFIAN],
        |values, scale| ycsb_of('a', values, scale),
    ),
    ycsb(
        "ycsb-b",
        "95 % reads, 5 % updates",
        &[ZIPFIAN],
        |values, scale| ycsb_of('b', values, scale),
    ),
    ycsb("ycsb-c", "reads only", &[ZIPFIAN], |values, scale| {
        ycsb_of('c', values, scale)
    }),
    ycsb(
        "ycsb-d",
        "95 % reads of the latest, 5 % inserts",
        &[LATEST],
        |values, scale| ycsb_of('d', values, scale),
    ),
    ycsb(
        "ycsb-e",
        "95 % scans, 5 % inserts",
        &[ZIPFIAN],
        |values, scale| ycsb_of('e', values, scale),
    ),
    ycsb(
        "ycsb-f",
        "half reads, half read-modify-writes",
        &[ZIPFIAN],
        |values, scale| ycsb_of('f', values, scale),
    ),
    Workload {
        name: "mixgraph",
        about: "RocksDB's social graph: 85 % gets, 14 % puts, 1 % seeks, skewed ranges and sizes",
        parameters: &[],
        build: |_, scale| Ok(mixgraph::history(scale.commits, scale.seconds, scale.seed)),
    },
];

/// The distribution of the keys that YCSB operations use, as a parameter.
const ZIPFIAN: Parameter = Parameter {
    name: "requests",
    default: "zipfian",
    about: "which keys are asked for: zipfian (exponent 0.99, scattered), latest or uniform",
};

/// The same for the workload that reads new keys.
const LATEST: Parameter = Parameter {
    default: "latest",
    ..ZIPFIAN
};

const fn ycsb(
    name: &'static str,
    about: &'static str,
    parameters: &'static [Parameter],
    build: fn(&Values, Scale) -> Result<History, String>,
) -> Workload {
    Workload {
        name,
        about,
        parameters,
        build,
    }
}

fn ycsb_of(letter: char, values: &Values, scale: Scale) -> Result<History, String> {
    let requests: ycsb::Requests = values.parse("requests")?;
    ycsb::history(letter, requests, scale.commits, scale.seconds, scale.seed)
        .ok_or_else(|| format!("there is no workload {letter} in YCSB"))
}

/// The history that a spec names.
///
/// # Errors
/// For an unknown name or parameter, with the nearest known one.
pub fn build(spec: &Spec, scale: Scale) -> Result<History, String> {
    let names = WORKLOADS.iter().map(|workload| workload.name);
    let known = WORKLOADS.iter().find(|workload| workload.name == spec.name);
    let Some(known) = known else {
        let names = names.chain(["git:PATH"]);
        return Err(unknown("workload", &spec.name, names));
    };
    let mut history = (known.build)(&spec.values(known.parameters)?, scale)?;
    history.name = spec.to_string();
    Ok(history)
}

fn put(key: u32) -> Write {
    Write {
        key,
        bytes: RECORD_BYTES,
        is_tombstone: false,
    }
}

/// One keyspace with one write in each commit. `keys` keys are written in turn.
fn in_turn(name: &str, keys: u64, scale: Scale) -> History {
    let mut history = History::new(name, 1);
    for place in 0..scale.commits {
        let key = match place < keys {
            true => history.new_key(0),
            false => (place % keys) as u32,
        };
        history.push((place + 1) * scale.seconds, vec![put(key)]);
    }
    history.read_evenly(scale.seed);
    history
}

/// Each commit writes a new key to each keyspace that it touches.
fn sparse(name: &str, scale: Scale, touches: impl Fn(u64, usize) -> bool) -> History {
    let mut history = History::new(name, scale.keyspaces);
    for commit in 1..=scale.commits {
        let touched = (0..scale.keyspaces).filter(|&keyspace| touches(commit, keyspace));
        let writes = touched.map(|keyspace| put(history.new_key(keyspace)));
        let writes = writes.collect();
        history.push(commit * scale.seconds, writes);
    }
    history.read_evenly(scale.seed);
    history
}

fn bernoulli(values: &Values, scale: Scale) -> Result<History, String> {
    let q: f64 = values.parse("q")?;
    if !(q > 0.0 && q <= 1.0) {
        return Err(values.refuse(format!("q={q} is no probability above 0")));
    }
    let bound = (q * (1_u64 << 53) as f64) as u64;
    let touches = |commit: u64, keyspace: usize| {
        let identity = commit * scale.keyspaces as u64 + keyspace as u64;
        scale
            .seed
            .draws(Domain::Comparison, identity)
            .below(1 << 53)
            < bound
    };
    let mut history = sparse("bernoulli", scale, touches);
    history.touch_probability = Some(q);
    Ok(history)
}

fn insert_then_delete(values: &Values, scale: Scale) -> Result<History, String> {
    let distance = values.at_least("distance", 1)?;
    let mut history = History::new("insert-then-delete", 1);
    for commit in 1..=scale.commits {
        let keys = history.keyspace_of.len() as u64;
        let writes = if commit % 2 == 1 {
            vec![put(history.new_key(0))]
        } else if keys >= distance {
            vec![Write {
                is_tombstone: true,
                ..put((keys - distance) as u32)
            }]
        } else {
            Vec::new()
        };
        history.push(commit * scale.seconds, writes);
    }
    history.read_evenly(scale.seed);
    Ok(history)
}
