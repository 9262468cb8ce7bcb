//! Opening after the process was killed with 100 MB of entries in the log.
//!
//! Peers are set so that all of it is still in the log. lithify plays with its default options,
//! with which older commits have moved to files, and as `one log` with everything in one file
//! of the log. The kill is a signal, so what has reached the operating system is there; an
//! engine whose buffered commits have not (redb) syncs once before it.

use std::time::Instant;

use super::ingest::MAX_WAIT;
use super::read::timed_scan;
use super::write::write;
use crate::Result;
use crate::child::Stage;
use crate::data::Data;
use crate::engine::{Direction, Durability};
use crate::engines;
use crate::figure::{Better, Figure, Unit};
use crate::process;

const LOG_BYTES: u64 = 100_000_000;

/// Entries that make up the log.
fn entries(stage: &Stage<'_>) -> u64 {
    stage.sizes().entries(LOG_BYTES / stage.data.entry_bytes())
}

/// What may stay in the log: more than there is, or the last commits would move the first ones out.
fn log_bytes() -> Option<u64> {
    Some(LOG_BYTES * 4)
}

/// Writes the log and leaves the store open: the harness kills this process.
pub(super) fn load(stage: &Stage<'_>) -> Result<()> {
    let engine = stage.open_with(Durability::Buffered, log_bytes())?;
    write(
        &*engine,
        &stage.data,
        entries(stage),
        stage.sizes().batch(100),
        |number, _| Data::key(number),
    )?;
    let name = &stage.task.contestant.engine;
    if engines::find(name).is_some_and(|entry| !entry.buffered_survives_kill) {
        engine.sync()?;
    }
    // Neither closed nor dropped: the process is going to be killed with the store open.
    std::mem::forget(engine);
    Ok(())
}

pub(super) fn play(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let entries = entries(stage);
    let start = Instant::now();
    let engine = stage.open_with(Durability::Buffered, log_bytes())?;
    let mut value = Vec::new();
    engine.read(&mut |view| {
        let is_found = view.get(&Data::key(0), &mut value)?;
        assert!(is_found, "the first commit is gone after a kill");
        Ok(())
    })?;
    let open_seconds = start.elapsed().as_secs_f64();
    let scan = || -> Result<f64> {
        let mut seconds = 0.0;
        engine.read(&mut |view| {
            seconds = timed_scan(view, Direction::Forward, entries)?;
            Ok(())
        })?;
        Ok(seconds)
    };
    let first_scan = scan()?;
    process::wait_until_quiet(MAX_WAIT);
    let settled_scan = scan()?;
    engine.close()?;
    Ok(vec![
        Figure::cost("until the first get", Unit::Seconds, open_seconds),
        Figure::rate("first scan, entries", entries, first_scan),
        Figure::rate("scan when quiet, entries", entries, settled_scan),
        Figure {
            better: Better::Higher,
            ..Figure::cost(
                "first scan by scan when quiet",
                Unit::Plain,
                settled_scan / first_scan,
            )
        },
    ])
}
