//! Synced commits: by one thread, and by many at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::write::{Latencies, write};
use crate::Result;
use crate::child::Stage;
use crate::data::Data;
use crate::engine::{Durability, Engine};
use crate::figure::Figure;

/// One thread, commits in a row.
pub(super) fn durable(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let engine = stage.open(Durability::Synced)?;
    let entries = stage.sizes().entries(100_000);
    let written = write(
        &*engine,
        &stage.data,
        entries,
        stage.sizes().batch(10),
        |number, _| Data::key(number),
    )?;
    engine.close()?;
    Ok(vec![
        Figure::rate("commits", written.commits, written.seconds),
        written.latencies.median(),
        written.latencies.p99(),
    ])
}

/// Several threads, each of which commits in a row, for a while.
pub(super) fn group(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let engine = stage.open(Durability::Synced)?;
    for (round, &threads) in (1..).zip(&stage.sizes().threads) {
        let (latencies, commits, seconds) = together(stage, &*engine, threads, round)?;
        let mut of_threads = |figure: Figure| {
            figures.push(Figure {
                name: format!("{threads} threads, {}", figure.name),
                ..figure
            });
        };
        of_threads(Figure::rate("commits", commits, seconds));
        of_threads(latencies.median());
        of_threads(latencies.p99());
    }
    engine.close()?;
    Ok(figures)
}

fn together(
    stage: &Stage<'_>,
    engine: &dyn Engine,
    threads: u64,
    round: u64,
) -> Result<(Latencies, u64, f64)> {
    let stop = AtomicBool::new(false);
    let duration = Duration::from_secs_f64(stage.sizes().seconds(3.0));
    let batch = stage.sizes().batch(1);
    let start = Instant::now();
    let outcomes = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|thread| {
                let stop = &stop;
                // Keys that no other thread and no other round writes.
                let first = (round << 48) | (thread << 32);
                scope.spawn(move || until_stopped(engine, &stage.data, first, batch, stop))
            })
            .collect();
        std::thread::sleep(duration);
        stop.store(true, Ordering::Relaxed);
        handles
            .into_iter()
            .map(|handle| handle.join().expect("a writer reports its failure"))
            .collect::<Vec<_>>()
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut latencies = Latencies::new();
    let mut commits = 0;
    for outcome in outcomes {
        let (of_thread, commits_of_thread) = outcome?;
        latencies.add(&of_thread);
        commits += commits_of_thread;
    }
    Ok((latencies, commits, seconds))
}

fn until_stopped(
    engine: &dyn Engine,
    data: &Data,
    first: u64,
    batch: u64,
    stop: &AtomicBool,
) -> Result<(Latencies, u64)> {
    let mut writer = engine.writer()?;
    let mut latencies = Latencies::new();
    let mut commits = 0;
    while !stop.load(Ordering::Relaxed) {
        let from = first + commits * batch;
        let entries: Vec<_> = (from..from + batch)
            .map(|number| (Data::key(number), data.value(number)))
            .collect();
        let before = Instant::now();
        writer.commit(&entries)?;
        latencies.record(before.elapsed());
        commits += 1;
    }
    Ok((latencies, commits))
}
