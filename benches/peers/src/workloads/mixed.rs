//! One writer and several readers at once.
//!
//! The writer has a fixed pace, so that reads are compared at equal writes; how many commits it
//! managed is reported, too, and when it fell behind, reads are not compared. Each reader takes a new view for every
//! hundred gets, as a server does that answers requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ingest::MAX_WAIT;
use super::write::write;
use crate::Result;
use crate::child::Stage;
use crate::data::{Data, pick};
use crate::engine::{Durability, Engine};
use crate::figure::Figure;
use crate::process;

/// Commits a second.
const PACE: u32 = 500;
const GETS_OF_A_VIEW: u64 = 100;

pub(super) fn play(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let entries = stage.sizes().entries(1_000_000);
    let opened = stage.open(Durability::Buffered)?;
    let engine = &*opened;
    write(engine, &stage.data, entries, 100, |number, _| {
        Data::key(number)
    })?;
    engine.sync()?;
    process::wait_until_quiet(MAX_WAIT);

    let stop = AtomicBool::new(false);
    let duration = Duration::from_secs_f64(stage.sizes().seconds(5.0));
    let start = Instant::now();
    let (commits, reads) = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..stage.sizes().readers)
            .map(|reader| {
                scope.spawn({
                    let stop = &stop;
                    move || gets(engine, entries, 100 + reader, stop)
                })
            })
            .collect();
        let commits = paced(stage, engine, entries, start, duration);
        stop.store(true, Ordering::Relaxed);
        let reads = readers
            .into_iter()
            .map(|reader| reader.join().expect("a reader reports its failure"))
            .sum::<Result<u64>>();
        (commits, reads)
    });
    let seconds = start.elapsed().as_secs_f64();
    opened.close()?;
    let gets = Figure::rate("gets", reads?, seconds);
    let commits = Figure::rate("commits at the pace of 500", commits?, seconds).not_compared();
    let has_kept_pace = commits.value >= 0.9 * f64::from(PACE);
    let gets = if has_kept_pace {
        gets
    } else {
        gets.not_compared()
    };
    Ok(vec![gets, commits])
}

/// Commits at the pace until `duration` has passed; after a late one the next ones do not wait.
fn paced(
    stage: &Stage<'_>,
    engine: &dyn Engine,
    entries: u64,
    start: Instant,
    duration: Duration,
) -> Result<u64> {
    let batch = stage.sizes().batch(10);
    let mut writer = engine.writer()?;
    let mut commits = 0;
    let mut due = start;
    while start.elapsed() < duration {
        let from = commits * batch;
        let pending: Vec<_> = (from..from + batch)
            .map(|number| {
                (
                    Data::key(pick(9, number, entries)),
                    stage.data.value(number),
                )
            })
            .collect();
        writer.commit(&pending)?;
        commits += 1;
        due += Duration::from_secs(1) / PACE;
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(wait);
        }
    }
    Ok(commits)
}

/// Gets of random keys until `stop`; how many there were.
fn gets(engine: &dyn Engine, entries: u64, seed: u64, stop: &AtomicBool) -> Result<u64> {
    let mut value = Vec::new();
    let mut reads = 0;
    while !stop.load(Ordering::Relaxed) {
        engine.read(&mut |view| {
            for _ in 0..GETS_OF_A_VIEW {
                let is_found = view.get(&Data::key(pick(seed, reads, entries)), &mut value)?;
                assert!(is_found, "a key that was written is absent");
                reads += 1;
            }
            Ok(())
        })?;
    }
    Ok(reads)
}
