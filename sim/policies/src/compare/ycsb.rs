//! The core workloads A to F of YCSB (Cooper et al., SoCC 2010), as in its property files.
//!
//! First a thousand records are loaded, a hundred in each commit. Then the operations follow,
//! and each operation that writes is one commit. Keys have 23 bytes, values have ten fields of
//! 100 bytes. An update writes all ten fields. By default, workloads A, B, C and F read and
//! update scrambled Zipfian keys, D reads the latest keys, and E scans from a Zipfian key.
//! Each workload can also use another request distribution.

use std::str::FromStr;

use lithify_sim::keyed::{Domain, Seed};

use super::history::{History, Read, Write};
use super::zipfian::{Zipfian, scatter};

const LOADED: u64 = 1000;
const LOADED_AT_ONCE: u64 = 100;
const RECORD_BYTES: u32 = 23 + 10 * 100;

/// The distribution of the keys that operations use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requests {
    /// Some keys are hot. Their positions are scattered.
    Zipfian,
    /// New keys are hot.
    Latest,
    /// All keys have the same probability.
    Uniform,
}

impl FromStr for Requests {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "zipfian" => Ok(Self::Zipfian),
            "latest" => Ok(Self::Latest),
            "uniform" => Ok(Self::Uniform),
            _ => Err("it is zipfian, latest or uniform".to_owned()),
        }
    }
}

/// The operations of a workload, in percent. The rest are reads.
#[derive(Clone, Copy, Debug)]
struct Mix {
    update: u64,
    insert: u64,
    scan: u64,
    read_modify_write: u64,
}

fn mix(letter: char) -> Option<Mix> {
    let none = Mix {
        update: 0,
        insert: 0,
        scan: 0,
        read_modify_write: 0,
    };
    Some(match letter {
        'a' => Mix { update: 50, ..none },
        'b' => Mix { update: 5, ..none },
        'c' => none,
        'd' => Mix { insert: 5, ..none },
        'e' => Mix {
            insert: 5,
            scan: 95,
            ..none
        },
        'f' => Mix {
            read_modify_write: 50,
            ..none
        },
        _ => return None,
    })
}

/// The workload with this letter, with this number of operations after loading.
pub(super) fn history(
    letter: char,
    requests: Requests,
    operations: u64,
    seconds: u64,
    seed: Seed,
) -> Option<History> {
    let mix = mix(letter)?;
    let mut history = History::new(format!("ycsb-{letter}"), 1);
    let mut clock = 0;
    let put = |key: u32| Write {
        key,
        bytes: RECORD_BYTES,
        is_tombstone: false,
    };
    for _ in 0..LOADED / LOADED_AT_ONCE {
        let writes = (0..LOADED_AT_ONCE).map(|_| put(history.new_key(0)));
        let writes = writes.collect();
        clock += seconds;
        history.push(clock, writes);
    }
    let mut zipfian = Zipfian::new(LOADED);
    for operation in 0..operations {
        let mut draws = seed.draws(Domain::Comparison, operation);
        let keys = history.keyspace_of.len() as u64;
        zipfian.grow(keys);
        let key = match requests {
            Requests::Latest => keys - 1 - zipfian.draw(&mut draws),
            Requests::Zipfian => scatter(zipfian.draw(&mut draws), keys),
            Requests::Uniform => draws.below(keys),
        } as u32;
        let kind = draws.below(100);
        let (insert, update) = (mix.insert, mix.insert + mix.update);
        let (scan, modify) = (update + mix.scan, update + mix.scan + mix.read_modify_write);
        if (scan..modify).contains(&kind) {
            history.read(Read::Point(key));
        }
        if kind < insert {
            let key = history.new_key(0);
            clock += seconds;
            history.push(clock, vec![put(key)]);
        } else if kind < update || (scan..modify).contains(&kind) {
            clock += seconds;
            history.push(clock, vec![put(key)]);
        } else if kind < scan {
            history.read(Read::Scan(key));
        } else {
            history.read(Read::Point(key));
        }
    }
    Some(history)
}
