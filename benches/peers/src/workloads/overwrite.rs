//! Few keys written many times: what an engine does with versions that nobody reads.
//!
//! lithify keeps all of them, unless it plays as `newest`; no peer keeps any.

use super::ingest::{MAX_WAIT, megabytes};
use super::read::timed_scan;
use super::write::write;
use crate::Result;
use crate::child::Stage;
use crate::data::{Data, pick};
use crate::disk;
use crate::engine::{Direction, Durability};
use crate::figure::{Figure, Unit};
use crate::process;

const KEYS: u64 = 10_000;

pub(super) fn play(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let engine = stage.open(Durability::Buffered)?;
    let entries = stage.sizes().entries(1_000_000);
    let keys = KEYS.min(entries / 10);
    // The first entries write each key once, so that the number of keys is known.
    let key = |number| {
        if number < keys {
            number
        } else {
            pick(3, number, keys)
        }
    };
    let peak = disk::Peak::watch(&stage.task.directory);
    let written = write(
        &*engine,
        &stage.data,
        entries,
        stage.sizes().batch(10),
        |number, _| Data::key(key(number)),
    )?;
    engine.sync()?;
    process::wait_until_quiet(MAX_WAIT);
    engine.read(&mut |view| timed_scan(view, Direction::Forward, keys).map(drop))?;
    engine.close()?;
    let kept = disk::allocated_bytes(&stage.task.directory);
    Ok(vec![
        Figure::rate("entries", written.entries, written.seconds),
        written.latencies.longest(),
        Figure::cost("disk when closed", Unit::Megabytes, megabytes(kept)),
        Figure::cost("peak disk", Unit::Megabytes, megabytes(peak.finish())),
    ])
}
