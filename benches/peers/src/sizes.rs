//! How much each row does. The numbers of a row are those of `--scale 1`.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::data::MAX_VALUE_BYTES;

/// What the command line says about sizes; the harness hands it on to every child.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sizes {
    /// Multiplies all numbers of entries and all durations.
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    pub(crate) scale: f64,
    /// Entries in a commit, instead of what the row says.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) batch: Option<u64>,
    /// Bytes of a value.
    #[arg(long, default_value_t = 100, value_parser = value_bytes)]
    pub(crate) value_bytes: usize,
    /// Threads that commit together in the row `group`.
    #[arg(long, value_delimiter = ',', default_values_t = [8, 32])]
    pub(crate) threads: Vec<u64>,
    /// Threads that read in the row `mixed`.
    #[arg(long, default_value_t = 7)]
    pub(crate) readers: u64,
    /// Megabytes of cache for each peer that has a cache, and for lithify where the row says so.
    #[arg(long, default_value_t = 512)]
    pub(crate) cache_mb: u64,
}

impl Sizes {
    /// As many as `full` at this scale, and enough to be worth a measurement.
    pub(crate) fn entries(&self, full: u64) -> u64 {
        ((full as f64 * self.scale) as u64).max(1_000)
    }

    /// As long as `full` seconds at this scale.
    pub(crate) fn seconds(&self, full: f64) -> f64 {
        (full * self.scale.min(1.0)).max(0.2)
    }

    /// Entries in a commit, where the row has `usual`.
    pub(crate) fn batch(&self, usual: u64) -> u64 {
        self.batch.unwrap_or(usual)
    }
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if scale > 0.0 && scale <= 100.0 => Ok(scale),
        _ => Err("a scale is above 0 and at most 100".to_owned()),
    }
}

fn value_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if (1..=MAX_VALUE_BYTES).contains(&bytes) => Ok(bytes),
        _ => Err(format!("a value has between 1 and {MAX_VALUE_BYTES} bytes")),
    }
}
