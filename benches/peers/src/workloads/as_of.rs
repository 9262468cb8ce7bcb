//! Ten versions of each key, and reads of older states.
//!
//! Write number n writes key n modulo the number of keys, so each round writes every key once
//! and the version as of any commit is known. Engines without history of their own carry the
//! commit number in the key (see `composite`).

use std::time::Instant;

use super::ingest::{MAX_WAIT, megabytes};
use super::write::write;
use crate::Result;
use crate::child::Stage;
use crate::composite;
use crate::data::{Data, pick};
use crate::disk;
use crate::engine::{Direction, Durability, Engine};
use crate::figure::{Figure, Unit};
use crate::process;

const VERSIONS: u64 = 10;
const READS: u64 = 300_000;
const SCANS: u64 = 5;

/// Which commit wrote what.
struct History {
    keys: u64,
    batch: u64,
}

impl History {
    fn of(stage: &Stage<'_>) -> Self {
        Self {
            keys: stage.sizes().entries(100_000),
            batch: stage.sizes().batch(100),
        }
    }

    fn entries(&self) -> u64 {
        self.keys * VERSIONS
    }

    /// Number `turn` of a stream of commits at which every key has a version.
    fn commit(&self, seed: u64, turn: u64) -> u64 {
        let first = self.keys.div_ceil(self.batch);
        let last = self.entries().div_ceil(self.batch);
        first + pick(seed, turn, last - first + 1)
    }

    /// The number of the value that `key` had as of `commit`.
    fn version(&self, key: u64, commit: u64) -> u64 {
        let writes = (commit * self.batch).min(self.entries());
        (writes - 1 - key) / self.keys * self.keys + key
    }
}

/// Writes all versions; also the row that measures it.
pub(super) fn load(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let history = History::of(stage);
    let engine = stage.open(Durability::Buffered)?;
    let has_history = engine.past().is_some();
    let written = write(
        &*engine,
        &stage.data,
        history.entries(),
        history.batch,
        |number, commit| {
            let plain = Data::key(number % history.keys);
            if has_history {
                plain
            } else {
                composite::key(&plain, commit)
            }
        },
    )?;
    let peak_memory = process::peak_memory_bytes();
    engine.sync()?;
    process::wait_until_quiet(MAX_WAIT);
    engine.close()?;
    let entry_bytes = history.entries() * stage.data.entry_bytes();
    let kept = disk::allocated_bytes(&stage.task.directory);
    let mut figures = vec![
        Figure::rate("entries", written.entries, written.seconds),
        Figure::cost(
            "disk, by bytes of entries",
            Unit::Plain,
            kept as f64 / entry_bytes as f64,
        ),
    ];
    figures.extend(
        peak_memory.map(|bytes| Figure::cost("peak memory", Unit::Megabytes, megabytes(bytes))),
    );
    Ok(figures)
}

pub(super) fn get(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let history = History::of(stage);
    let reads = stage.sizes().entries(READS);
    let engine = open_warm(stage, &history)?;
    let mut value = Vec::new();
    let mut seconds = 0.0;
    with_gets(&*engine, &mut |get| {
        let mut read = |seed, turn| -> Result<(u64, u64, u8)> {
            let key = pick(seed, turn, history.keys);
            let commit = history.commit(seed + 1, turn);
            let is_found = get(&Data::key(key), commit, &mut value)?;
            assert!(
                is_found,
                "a key that was written is absent as of commit {commit}"
            );
            Ok((key, commit, value[0]))
        };
        for turn in 0..reads / 4 {
            let (key, commit, first) = read(4, turn)?;
            let expected = stage.data.value(history.version(key, commit));
            assert_eq!(
                first, expected[0],
                "another version is there as of commit {commit}"
            );
        }
        let start = Instant::now();
        for turn in 0..reads {
            read(6, turn)?;
        }
        seconds = start.elapsed().as_secs_f64();
        Ok(())
    })?;
    engine.close()?;
    Ok(vec![Figure::rate("gets", reads, seconds)])
}

/// Reads the value of a key as of a commit.
type Get<'a> = &'a mut dyn FnMut(&[u8], u64, &mut Vec<u8>) -> Result<bool>;

/// Calls `work` with the engine's own read of older states, or with that of `composite`.
fn with_gets(engine: &dyn Engine, work: &mut dyn FnMut(Get<'_>) -> Result<()>) -> Result<()> {
    match engine.past() {
        Some(past) => work(&mut |key, commit, value| past.get(key, commit, value)),
        None => engine.read(&mut |view| {
            work(&mut |key, commit, value| composite::get(view, key, commit, value))
        }),
    }
}

pub(super) fn scan(stage: &Stage<'_>) -> Result<Vec<Figure>> {
    let history = History::of(stage);
    let engine = open_warm(stage, &history)?;
    let start = Instant::now();
    for turn in 0..SCANS {
        let commit = history.commit(8, turn);
        let mut found = 0;
        let mut bytes = 0;
        let mut visit = |key: &[u8], value: &[u8]| {
            found += 1;
            bytes += key.len() + value.len();
        };
        match engine.past() {
            Some(past) => past.scan(commit, &mut visit)?,
            None => engine.read(&mut |view| composite::scan(view, commit, &mut visit))?,
        }
        std::hint::black_box(bytes);
        assert_eq!(
            found, history.keys,
            "a scan as of commit {commit} finds every key"
        );
    }
    let seconds = start.elapsed().as_secs_f64();
    engine.close()?;
    Ok(vec![Figure::rate("entries", SCANS * history.keys, seconds)])
}

/// The store, opened and scanned once.
fn open_warm(stage: &Stage<'_>, history: &History) -> Result<Box<dyn Engine>> {
    let engine = stage.open(Durability::Buffered)?;
    process::wait_until_quiet(MAX_WAIT);
    let mut found = 0;
    engine.read(&mut |view| view.scan(Direction::Forward, &mut |_, _| found += 1))?;
    let expected = match engine.past() {
        Some(_) => history.keys,
        None => history.entries(),
    };
    assert_eq!(found, expected, "a scan finds what was written");
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use super::History;

    #[test]
    fn the_version_as_of_a_commit_is_the_last_write_that_it_includes() {
        // A round is no whole number of commits, and the last commit is not full.
        let history = History { keys: 7, batch: 3 };
        let mut newest = [None; 7];
        let mut commit = 0;
        for write in 0..history.entries() {
            newest[(write % history.keys) as usize] = Some(write);
            let is_last_of_commit =
                (write + 1) % history.batch == 0 || write + 1 == history.entries();
            commit += u64::from(is_last_of_commit);
            if !is_last_of_commit || newest.contains(&None) {
                continue;
            }
            for (key, expected) in (0..).zip(&newest) {
                assert_eq!(
                    Some(history.version(key, commit)),
                    *expected,
                    "key {key}, commit {commit}"
                );
            }
        }
        for turn in 0..100 {
            let commit = history.commit(1, turn);
            assert!(
                (3..=24).contains(&commit),
                "commit {commit} has all keys, or does not exist"
            );
        }
    }
}
