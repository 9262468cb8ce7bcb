//! Whatever a client does, and whenever a process dies or power fails, the judge of the laboratory
//! has nothing to say: a whole history from bytes, on the disk that can fail.
//!
//! Campaigns draw histories from seeds; a fuzzer looks for those that reach code which others have
//! not reached.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use lithify_cli::systems::{SYSTEMS, parse};
use lithify_sim::finding::replay::replay;
use lithify_sim::history::{Batch, Key, Value, Write};
use lithify_sim::run::plan::{Action, Crash};

#[derive(Arbitrary, Debug)]
enum Step {
    Commit(Vec<(u8, u8, Option<u8>)>),
    Sync,
    Settle,
    Reopen,
    Die,
    LosePower { everything: bool },
    Read(u8),
    Pin(u8),
    Release,
}

impl Step {
    fn action(&self, number: u32) -> Action {
        match self {
            Self::Commit(writes) => Action::Commit(vec![batch(writes, number)]),
            Self::Sync => Action::Sync,
            Self::Settle => Action::Settle,
            Self::Reopen => Action::Reopen,
            Self::Die => Action::Die,
            Self::LosePower { everything: true } => Action::Crash(Crash::losing_everything()),
            Self::LosePower { everything: false } => Action::Crash(Crash::losing_nothing()),
            Self::Read(commit) => Action::Read((*commit).into()),
            Self::Pin(commit) => Action::Pin((*commit).into()),
            Self::Release => Action::Release,
        }
    }
}

/// Few keys and keyspaces, so that histories overwrite.
fn batch(writes: &[(u8, u8, Option<u8>)], number: u32) -> Batch {
    let write = |(index, (keyspace, key, length)): (usize, &(u8, u8, Option<u8>))| Write {
        key: Key {
            keyspace: u16::from(keyspace % 2),
            key: u32::from(key % 5),
        },
        value: length.map(|length| Value {
            length: length.into(),
            tag: number * 256 + index as u32 % 256,
        }),
    };
    Batch {
        writes: writes.iter().enumerate().map(write).collect(),
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    system: u8,
    divisor: bool,
    buffered: bool,
    steps: Vec<Step>,
}

fuzz_target!(|input: Input| {
    let system = SYSTEMS[usize::from(input.system) % SYSTEMS.len()].name();
    let mut settings = String::new();
    if system == "lithify" {
        let durability = if input.buffered { "buffered" } else { "synced" };
        let divisor = if input.divisor { 2 } else { 3 };
        settings = format!("set divisor {divisor}\nset durability {durability}\n");
    }
    let text = format!("lithify-sim 1\nsystem {system}\nmodel posix-min\n{settings}begin\nexpect pass\n");
    let mut plan = parse(&text).expect("it is a trace");
    let steps = input.steps.iter().take(40).zip(1..);
    plan.actions = steps.map(|(step, number)| step.action(number)).collect();
    let judged = replay(&plan, false).expect("the plan can be run");
    assert!(judged.finding.is_none(), "{:?}\n{plan}", judged.finding);
});
