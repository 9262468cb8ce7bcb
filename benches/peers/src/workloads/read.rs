//! Reads of a store that was loaded, closed and opened again, by one thread from one view.
//!
//! Each row first warms up with a scan and with a quarter of its own reads, so that a cache
//! holds what it would hold in a process that runs for long.

use std::time::Instant;

use super::ingest::MAX_WAIT;
use super::write::write;
use crate::Result;
use crate::child::Stage;
use crate::data::{Data, pick};
use crate::engine::{Direction, Durability, View};
use crate::figure::Figure;
use crate::process;

const ENTRIES: u64 = 1_000_000;
const READS: u64 = 500_000;

/// What all rows here read.
pub(super) fn load(stage: &Stage<'_>) -> Result<()> {
    let engine = stage.open(Durability::Buffered)?;
    let entries = stage.sizes().entries(ENTRIES);
    write(
        &*engine,
        &stage.data,
        entries,
        stage.sizes().batch(100),
        |number, _| Data::key(number),
    )?;
    engine.sync()?;
    process::wait_until_quiet(MAX_WAIT);
    engine.close()
}

pub(super) fn get(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let entries = stage.sizes().entries(ENTRIES);
    let mut value = Vec::new();
    points(stage, "gets", |view, pick| {
        let is_found = view.get(&Data::key(pick % entries), &mut value)?;
        assert!(is_found, "a key that was written is absent");
        Ok(())
    })
}

pub(super) fn absent(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let entries = stage.sizes().entries(ENTRIES);
    let mut value = Vec::new();
    points(stage, "gets", |view, pick| {
        let is_found = view.get(&Data::key(entries + pick), &mut value)?;
        assert!(!is_found, "a key that was not written is there");
        Ok(())
    })
}

pub(super) fn seek(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let entries = stage.sizes().entries(ENTRIES);
    points(stage, "seeks", |view, pick| {
        let wanted = Data::key(pick % entries);
        let is_found = view.seek(&wanted, &mut |key, _| {
            assert_eq!(
                *key, *wanted,
                "the first entry behind a key that was written is another one"
            );
        })?;
        assert!(
            is_found,
            "a key that was written has nothing at or behind it"
        );
        Ok(())
    })
}

/// The rate of `read`, which is given a random number below 2^32.
fn points(
    stage: &Stage<'_>,
    name: &str,
    mut read: impl FnMut(&mut dyn View, u64) -> Result<()>,
) -> Result<Vec<Figure>> {
    let reads = stage.sizes().entries(READS);
    let mut seconds = 0.0;
    let engine = stage.open(Durability::Buffered)?;
    process::wait_until_quiet(MAX_WAIT);
    engine.read(&mut |view| {
        view.scan(Direction::Forward, &mut |_, _| {})?;
        for turn in 0..reads / 4 {
            read(view, pick(1, turn, 1 << 32))?;
        }
        let start = Instant::now();
        for turn in 0..reads {
            read(view, pick(2, turn, 1 << 32))?;
        }
        seconds = start.elapsed().as_secs_f64();
        Ok(())
    })?;
    engine.close()?;
    Ok(vec![Figure::rate(name, reads, seconds)])
}

/// The median of three scans after one to warm up.
pub(super) fn scan(stage: &Stage<'_>, direction: Direction) -> Result<Vec<Figure>> {
    let entries = stage.sizes().entries(ENTRIES);
    let mut seconds = Vec::new();
    let engine = stage.open(Durability::Buffered)?;
    process::wait_until_quiet(MAX_WAIT);
    engine.read(&mut |view| {
        for _ in 0..4 {
            seconds.push(timed_scan(view, direction, entries)?);
        }
        Ok(())
    })?;
    engine.close()?;
    seconds.remove(0);
    seconds.sort_by(f64::total_cmp);
    Ok(vec![Figure::rate("entries", entries, seconds[1])])
}

/// Seconds of one scan, which must find this many entries.
pub(super) fn timed_scan(view: &mut dyn View, direction: Direction, entries: u64) -> Result<f64> {
    let mut found = 0;
    let mut bytes = 0;
    let start = Instant::now();
    view.scan(direction, &mut |key, value| {
        found += 1;
        bytes += key.len() + value.len();
    })?;
    let seconds = start.elapsed().as_secs_f64();
    // Somebody looks at the entries, or the compiler would leave them out.
    std::hint::black_box(bytes);
    assert_eq!(found, entries, "a scan finds what was written");
    Ok(seconds)
}
