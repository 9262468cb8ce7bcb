//! Many new keys, not synced: speed of the commits, and what they cost in the end.
//!
//! The rate ends with the last commit. Bytes written also count what the engine does until it
//! is quiet and closed, so that work put off is not work left out.

use std::time::Duration;

use super::write::write;
use crate::Result;
use crate::child::Stage;
use crate::data::{Data, Key};
use crate::disk;
use crate::engine::Durability;
use crate::figure::{Figure, Unit};
use crate::process;

/// What is written.
pub(super) struct Plan {
    entries: u64,
    key: fn(u64) -> Key,
}

impl Plan {
    pub(super) const RANDOM: Self = Self {
        entries: 1_000_000,
        key: Data::key,
    };
    pub(super) const ASCENDING: Self = Self {
        entries: 1_000_000,
        key: Data::ascending,
    };
    pub(super) const LARGE: Self = Self {
        entries: 5_000_000,
        key: Data::key,
    };
}

/// The longest that a row waits for work that an engine has put off.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(60);

/// Megabytes.
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

pub(super) fn play(stage: &Stage<'_>, plan: Plan) -> Result<Vec<Figure>> {
    let engine = stage.open(Durability::Buffered)?;
    let entries = stage.sizes().entries(plan.entries);
    let peak = disk::Peak::watch(&stage.task.directory);
    let written_before = process::written_bytes();
    let written = write(
        &*engine,
        &stage.data,
        entries,
        stage.sizes().batch(100),
        |number, _| (plan.key)(number),
    )?;
    let peak_memory = process::peak_memory_bytes();
    engine.sync()?;
    process::wait_until_quiet(MAX_WAIT);
    engine.close()?;
    let entry_bytes = (entries * stage.data.entry_bytes()) as f64;

    let mut figures = vec![
        Figure::rate("entries", entries, written.seconds),
        written.latencies.p99(),
        written.latencies.longest(),
    ];
    if let (Some(before), Some(after)) = (written_before, process::written_bytes())
        && after > before
    {
        let amplification = (after - before) as f64 / entry_bytes;
        figures.push(Figure::cost(
            "write amplification",
            Unit::Plain,
            amplification,
        ));
    }
    if let Some(bytes) = peak_memory {
        figures.push(Figure::cost(
            "peak memory",
            Unit::Megabytes,
            megabytes(bytes),
        ));
    }
    figures.push(Figure::cost(
        "peak disk",
        Unit::Megabytes,
        megabytes(peak.finish()),
    ));
    let kept = disk::allocated_bytes(&stage.task.directory) as f64;
    figures.push(Figure::cost(
        "disk, by bytes of entries",
        Unit::Plain,
        kept / entry_bytes,
    ));
    Ok(figures)
}
