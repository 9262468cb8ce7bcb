//! The table of ratios: every workload on the store and on its floor, in the same run.
//!
//! Goal: numbers that travel. Rates on a shared machine differ twofold from one
//! minute to the next, ratios of neighbouring runs do not. So the store and the floor
//! take turns, each turn makes a ratio, and the table gives the median of those, the
//! lowest and the highest.
//!
//! The floor is a log and a `BTreeMap` (see `support/floor.rs`), for merges a plain
//! loser tree over sorted arrays. Building a batch counts, making up its data does
//! not. Writing includes settling: all the merges that the writes cause.
//!
//! `cargo bench -p lithify --bench ratios` runs everything, `cargo bench -p lithify --bench ratios -- get OsFs`
//! what has "get" and "OsFs" in its name. A further `--alone` leaves the floor out, for a
//! profiler, and `--thread-time` counts the time of the thread, for a machine that has other
//! work. Without `--bench`, as under `cargo test
//! --all-targets`, every workload runs once with very little data: a check that they
//! still work.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark reads the clock and its arguments"
)]

mod merge;
mod read;
mod reopen;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod write;

use table::Table;

/// How much data a run writes.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Every number of entries or commits is divided by this.
    divisor: u64,
    /// How often the two take turns.
    turns: usize,
}

impl Scale {
    fn of(self, full: u64) -> u64 {
        (full / self.divisor).max(1)
    }
}

fn main() {
    support::planted::refuse();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_full = arguments.iter().any(|argument| argument == "--bench");
    let words = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'));
    let scale = if is_full {
        Scale {
            divisor: 1,
            turns: 3,
        }
    } else {
        Scale {
            divisor: 1000,
            turns: 1,
        }
    };
    let is_alone = arguments.iter().any(|argument| argument == "--alone");
    if arguments.iter().any(|argument| argument == "--thread-time") {
        table::count_thread_time();
    }
    let mut table = Table::new(scale.turns, words.cloned().collect(), is_alone);
    write::run(scale, &mut table);
    read::run(scale, &mut table);
    merge::run(scale, &mut table);
    reopen::run(scale, &mut table);
    println!("{table}");
}
