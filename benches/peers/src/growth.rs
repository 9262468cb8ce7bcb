//! What becomes of a time when its N doubles, for lithify alone.
//!
//! Each case is played with N, 2N and 4N of something that lies around, and the processor time of
//! the same work is taken. Work in proportion to N doubles; the commit beside other keyspaces
//! must not grow at all. More than doubling is a fault, whatever the times are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lithify::fs::OsFs;
use lithify::{Db, Durability, Options, Placement, RemoveInputs, WriteBatch};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::data::Data;
use crate::figure::{Figure, Unit};
use crate::process::processor_time;
use crate::sizes::Sizes;

/// The factors of N.
pub(crate) const FACTORS: [u64; 3] = [1, 2, 4];

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Case {
    /// `verify` of a store with N keyspaces.
    Verify,
    /// A commit to one keyspace beside N others.
    CommitBeside,
    /// Building a batch with N new keyspaces.
    BuildBatch,
    /// Committing it.
    CommitBatch,
    /// N commits whose inputs stay for long.
    HeadWindow,
    /// N commits whose inputs stay for ever.
    Never,
}

impl Case {
    /// All cases.
    pub(crate) const ALL: [Self; 6] = [
        Self::Verify,
        Self::CommitBeside,
        Self::BuildBatch,
        Self::CommitBatch,
        Self::HeadWindow,
        Self::Never,
    ];

    /// For a reader.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Verify => "verify, N keyspaces",
            Self::CommitBeside => "a commit beside N keyspaces",
            Self::BuildBatch => "building a batch of N new keyspaces",
            Self::CommitBatch => "committing it",
            Self::HeadWindow => "N commits, inputs kept for long",
            Self::Never => "N commits, inputs kept for ever",
        }
    }

    /// What N is.
    pub(crate) fn n(self, sizes: &Sizes) -> u64 {
        sizes.entries(match self {
            Self::Verify => 1_000,
            Self::CommitBeside => 4_000,
            Self::BuildBatch | Self::CommitBatch => 16_000,
            Self::HeadWindow => 1_000,
            Self::Never => 10_000,
        })
    }

    /// The processor time of the case with `factor` times N.
    pub(crate) fn play(self, directory: &Path, sizes: &Sizes, factor: u64) -> Result<Figure> {
        let n = self.n(sizes) * factor;
        let time = match self {
            Self::Verify => verify(directory, n)?,
            Self::CommitBeside => commit_beside(directory, n)?,
            Self::BuildBatch => timed(|| Ok(batch_of_keyspaces(n)))?.0,
            Self::CommitBatch => commit_batch(directory, n)?,
            Self::HeadWindow => commits(directory, n, RemoveInputs::HeadWindow { keep: 1 << 40 })?,
            Self::Never => commits(directory, n, RemoveInputs::Never)?,
        };
        Ok(Figure::cost(
            self.title(),
            Unit::Seconds,
            time.as_secs_f64(),
        ))
    }
}

fn verify(directory: &Path, keyspaces: u64) -> Result<Duration> {
    let db = open(directory, RemoveInputs::Always)?;
    db.commit(&batch_of_keyspaces(keyspaces))?;
    db.close()?;
    let (time, report) = timed(|| Ok(lithify::verify::verify(&OsFs::new(directory))?))?;
    drop(report);
    Ok(time)
}

fn commit_beside(directory: &Path, keyspaces: u64) -> Result<Duration> {
    const COMMITS: u32 = 200;
    let db = open(directory, RemoveInputs::Always)?;
    db.commit(&batch_of_keyspaces(keyspaces))?;
    db.settle()?;
    let mut batch = WriteBatch::new();
    let (time, ()) = timed(|| {
        for number in 0..u64::from(COMMITS) {
            batch.clear();
            batch.put("0", &Data::key(number), b"value");
            db.commit(&batch)?;
        }
        Ok(())
    })?;
    db.close()?;
    Ok(time / COMMITS)
}

fn commit_batch(directory: &Path, keyspaces: u64) -> Result<Duration> {
    let db = open(directory, RemoveInputs::Always)?;
    let batch = batch_of_keyspaces(keyspaces);
    let (time, _) = timed(|| Ok(db.commit(&batch)?))?;
    db.close()?;
    Ok(time)
}

fn commits(directory: &Path, commits: u64, remove_inputs: RemoveInputs) -> Result<Duration> {
    let db = open(directory, remove_inputs)?;
    let mut batch = WriteBatch::new();
    let (time, ()) = timed(|| {
        for number in 0..commits {
            batch.clear();
            batch.put("k", &Data::key(number), b"value");
            db.commit(&batch)?;
        }
        Ok(db.settle()?)
    })?;
    db.close()?;
    Ok(time)
}

fn open(directory: &Path, remove_inputs: RemoveInputs) -> Result<Db> {
    let options = Options {
        placement: Some(Placement {
            remove_inputs,
            ..Placement::default()
        }),
        durability: Durability::Buffered,
        ..Options::default()
    };
    Ok(Db::open_in(Arc::new(OsFs::new(directory)), options)?)
}

fn batch_of_keyspaces(keyspaces: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for number in 0..keyspaces {
        batch.put(&number.to_string(), b"key", b"value");
    }
    batch
}

/// The processor time of all threads while `work` runs, and what it returns.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
    let before = processor_time();
    let value = work()?;
    Ok((processor_time() - before, value))
}
