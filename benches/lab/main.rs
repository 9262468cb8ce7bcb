//! How fast the laboratory is, per core.
//!
//! Each row is a median of several turns. There is no neighbour to run beside it, so the
//! first row is one: the same file operations on the engine's in-memory file system,
//! which records nothing. Rates are of this machine; ratios travel better.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock"
)]

#[path = "../support/planted.rs"]
mod planted;
mod redb;

use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lithify::fs::{File, Fs, MemFs};
use lithify_sim::disk::{Budget, Frontier, Model, SimFs, SkippedBarrier, explore};
use lithify_sim::finding::shrink::shrink;
use lithify_sim::history::{Batch, Key, Value, Write};
use lithify_sim::judge::Enabled;
use lithify_sim::judge::oracle::Oracle;
use lithify_sim::keyed::{Domain, Seed};
use lithify_sim::run::execute::execute;
use lithify_sim::run::generate::{Recipe, generate};
use lithify_sim::run::plan::{Action, Crash, Survivors};
use lithify_sim::run::workload::{WORKLOADS, Workload};
use lithify_sim::search::campaign::Campaign;
use lithify_sim::stop::Stop;
use lithify_sim::system::{Settings, System};
use lithify_sim::systems::lithify::Lithify;

use self::redb::Redb;

/// As in the command line: allocation decides much of these rates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TURNS: usize = 5;

static LONG: Workload = Workload {
    name: "long",
    operations: 600,
    ..WORKLOADS[1]
};

/// A name, what is counted, and what does it.
type Row = (&'static str, &'static str, fn() -> u64);

fn main() {
    planted::refuse();
    // `cargo bench` passes flags of its own harness.
    let filter = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let rows: [Row; 7] = [
        ("file operations, MemFs", "operations", || {
            file_operations(Arc::new(MemFs::new()), |_| {})
        }),
        ("file operations, SimFs", "operations", simulated_operations),
        ("crash images", "images", crash_images),
        ("recoveries with all oracles", "recoveries", recoveries),
        ("the same of redb", "recoveries", recoveries_of_redb),
        ("commits without crashes", "commits", commits),
        ("plans generated and executed", "plans", plans),
    ];
    println!("| {:<30} | {:>12} | {:<10} |", "", "a second", "of");
    println!("|{:-<32}|{:->13}:|{:-<12}|", "", "", "");
    for (name, unit, run) in rows {
        if filter.as_deref().is_none_or(|filter| name.contains(filter)) {
            println!("| {name:<30} | {:>12.0} | {unit:<10} |", median(run));
        }
    }
    if filter.as_deref().is_none_or(|filter| filter == "shrink") {
        shrink_a_long_trace();
    }
}

/// A failing trace of a thousand lines, made small: lines, runs and seconds.
fn shrink_a_long_trace() {
    let recipe = Recipe {
        workload: &LONG,
        fixed: Settings::from([("durability".to_owned(), "synced".to_owned())]),
        // The log is never synced, so the crash at the end loses what was acknowledged.
        skipped: vec![SkippedBarrier {
            verb: "sync_data".to_owned(),
            file: "wal-".to_owned(),
            after: String::new(),
        }],
        ..Recipe::new(&Lithify)
    };
    let mut plan = generate(&recipe, Seed(1));
    plan.actions.truncate(999);
    plan.actions.push(Action::Crash(Crash {
        before: None,
        survivors: Survivors::Only(Vec::new()),
        fill: "zero".to_owned(),
    }));
    let start = Instant::now();
    let shrunk = shrink(&plan, Stop::after(Duration::from_secs(60))).expect("it fails");
    println!(
        "\na failing trace of {} lines became {} lines in {} runs and {:.2} s",
        plan.actions.len(),
        shrunk.plan.actions.len(),
        shrunk.runs,
        start.elapsed().as_secs_f64()
    );
}

fn median(run: fn() -> u64) -> f64 {
    let mut rates: Vec<f64> = (0..TURNS)
        .map(|_| {
            let start = Instant::now();
            let count = run();
            count as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[TURNS / 2]
}

/// Appends of 64 bytes to a few files, each synced once in a while, and read back.
fn file_operations(fs: Arc<dyn Fs>, forget: impl Fn(u64)) -> u64 {
    const ROUNDS: u64 = 40_000;
    let files: Vec<Arc<dyn File>> = (0..4)
        .map(|number| fs.create(&format!("file-{number}")).expect("nothing fails"))
        .collect();
    let mut buffer = [0; 64];
    let mut operations = 0;
    for round in 0..ROUNDS {
        let file = &files[round as usize % files.len()];
        file.append(&[round as u8; 64]).expect("nothing fails");
        file.read_at((round / 8) * 64, &mut buffer)
            .expect("nothing fails");
        operations += 2;
        if round.is_multiple_of(16) {
            file.sync_data().expect("nothing fails");
            operations += 1;
        }
        forget(round);
    }
    black_box(buffer);
    operations
}

fn simulated_operations() -> u64 {
    let fs = SimFs::new();
    file_operations(Arc::new(fs.clone()), |round| {
        if round.is_multiple_of(10_000) {
            fs.forget_log();
        }
    })
}

/// Images of a small execution, made and digested but not opened.
fn crash_images() -> u64 {
    let plan = generate(&Recipe::new(&Lithify), Seed(4));
    let execution = execute(&plan, &Enabled::default(), false);
    let mut images = 0;
    for _ in 0..4 {
        for epoch in &execution.epochs {
            let mut frontier = Frontier::new(Model::DEFAULT, epoch.start.clone(), &epoch.log);
            while frontier.next().is_some() {
                if frontier.is_crash_point() {
                    let mut draws = Seed(1).draws(Domain::CrashImages, frontier.position() as u64);
                    explore::explore(&frontier, Budget::SMALL, &mut draws, &mut |_, image| {
                        black_box(image.digest());
                        images += 1;
                        ControlFlow::Continue(())
                    });
                }
                frontier.advance();
            }
        }
    }
    images
}

fn recoveries() -> u64 {
    recoveries_of(&Lithify, 6, Enabled::default())
}

fn recoveries_of_redb() -> u64 {
    // It syncs files that are clean, which is no mistake of a store that does not promise
    // otherwise.
    recoveries_of(&Redb, 1, Enabled::without([Oracle::Counters]))
}

/// Crashes the default small workload everywhere.
fn recoveries_of(system: &'static dyn System, seeds: u64, enabled: Enabled) -> u64 {
    let campaign = Campaign {
        enabled,
        determinism_one_in: 0,
        ..Campaign::new(system)
    };
    let (ledger, found) = campaign.run(0..seeds);
    assert!(found.is_none(), "{}", found.expect("something").finding);
    ledger.recovered
}

/// The engine on the simulated file system, settled after every commit.
fn commits() -> u64 {
    const COMMITS: u64 = 20_000;
    let engine = Lithify
        .configure(&Settings::from([
            ("wal-file".to_owned(), "65536".to_owned()),
            ("file-level".to_owned(), "8".to_owned()),
        ]))
        .expect("the values are right");
    let fs = SimFs::new();
    let mut instance = engine.open(Arc::new(fs.clone())).expect("nothing fails");
    for commit in 0..COMMITS {
        let write = Write {
            key: Key {
                keyspace: 0,
                key: (commit % 64) as u32,
            },
            value: Some(Value {
                length: 16,
                tag: commit as u32,
            }),
        };
        let batch = Batch {
            writes: vec![write],
        };
        instance
            .commit(std::slice::from_ref(&batch))
            .expect("nothing fails");
        if commit.is_multiple_of(256) {
            instance.settle().expect("nothing fails");
            fs.forget_log();
        }
    }
    COMMITS
}

fn plans() -> u64 {
    const PLANS: u64 = 300;
    for seed in 0..PLANS {
        let plan = generate(&Recipe::new(&Lithify), Seed(seed));
        assert!(execute(&plan, &Enabled::default(), false).finding.is_none());
    }
    PLANS
}
