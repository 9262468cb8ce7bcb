//! Where should the bytes of small windows live? Prints what each first file level
//! costs: files, directory syncs, bytes written, and speed.
//!
//!     cargo run --release --example residence -- [COMMITS] [ENTRIES] [DIRECTORY]
//!
//! The same batches are committed with every setting, buffered, into a store on disk.
//! `design/decisions/0003-residence.md` draws the conclusion.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an example may look at the clock and at its arguments"
)]

use std::sync::Arc;
use std::time::Instant;

use lithify::fs::OsFs;
use lithify::{Durability, Options, Store, WriteBatch};
use lithify_sim::disk::observed::{ObservedFs, OperationKind};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let commits: u64 = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let entries: u64 = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let directory = arguments
        .next()
        .unwrap_or_else(|| "target/residence".to_owned());
    println!("{commits} commits of {entries} entries (16-byte keys, 100-byte values), divisor 4");
    println!(
        "{:>10} {:>12} {:>7} {:>6} {:>10} {:>8} {:>12}",
        "file level", "window", "files", "syncs", "dir syncs", "written", "entries/s"
    );
    for level in 1..=8 {
        measure(level, commits, entries, &format!("{directory}/{level}"))?;
    }
    Ok(())
}

fn measure(
    level: u8,
    commits: u64,
    entries: u64,
    directory: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let _ = std::fs::remove_dir_all(directory);
    let fs = ObservedFs::new(Arc::new(OsFs::new(directory)));
    let options = Options {
        file_level: Some(level),
        durability: Durability::Buffered,
        memory_budget_bytes: 1 << 30,
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(fs.clone()), options)?;
    let value = [7; 100];
    let start = Instant::now();
    let mut batch = WriteBatch::new();
    for commit in 0..commits {
        batch.clear();
        for entry in 0..entries {
            // A bijective scramble: distinct keys in no order.
            let number = u128::from(commit * entries + entry)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C4A_7B2D_1E35);
            batch.put("main", &number.to_be_bytes(), &value);
        }
        store.commit(&batch)?;
    }
    store.settle()?;
    let seconds = start.elapsed().as_secs_f64();
    let counts = fs.counts();
    let operations = |kind| counts.operations.get(&kind).copied().unwrap_or(0);
    let written: u64 = counts.bytes_written.values().sum();
    println!(
        "{level:>10} {:>12} {:>7} {:>6} {:>10} {:>7.2}x {:>12.0}",
        4_u64.pow(u32::from(level)),
        operations(OperationKind::Create),
        operations(OperationKind::Sync),
        operations(OperationKind::SyncDirectory),
        written as f64 / (commits * entries * 116) as f64,
        (commits * entries) as f64 / seconds,
    );
    store.close()?;
    std::fs::remove_dir_all(directory)?;
    Ok(())
}
