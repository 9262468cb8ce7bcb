//! `fsync_benchmark`: measures the cost of a sync on this disk.
//!
//! Each strategy writes entries of 64 bytes to a file of its own, until the requested
//! number is written or a second is over. The file is beside the log, and so on the
//! same device. The last sync is part of the time, except for the strategy that never
//! syncs.

use std::path::Path;
use std::time::{Duration, Instant};

use lithify::fs::whole::append_all;
use lithify::fs::{Fs, OsFs};
use serde_json::Value;

use super::message::{Code, Fields, Json, Refusal, Request};

/// The largest number of entries in one message.
const MAX_ENTRIES: u64 = 1_000_000;

/// The longest time of a strategy, so that a slow disk does not block the node.
const LIMIT: Duration = Duration::from_secs(1);

/// The time between two syncs of `batch_10ms`.
const BATCH: Duration = Duration::from_millis(10);

/// One entry: 8 bytes of header and 56 of payload.
const ENTRY: [u8; 64] = [b'e'; 64];

const DIRECTORY_PREFIX: &str = "fsync-benchmark-";

/// When entries are synced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Always,
    Batch,
    None,
}

impl Strategy {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        match value.as_str() {
            Some("always") => Ok(Self::Always),
            Some("batch_10ms") => Ok(Self::Batch),
            Some("none") => Ok(Self::None),
            _ => Err(Code::Malformed.because(format!(
                "{value} is no strategy; there are always, batch_10ms and none"
            ))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Batch => "batch_10ms",
            Self::None => "none",
        }
    }

    fn durability(self) -> &'static str {
        match self {
            Self::Always => "each entry is synced before the next",
            Self::Batch => "entries are synced together, every 10 ms",
            Self::None => "entries are never synced: the operating system decides",
        }
    }
}

/// The result of a measurement.
struct Measured {
    entries: u64,
    duration: Duration,
    /// The longest time for which a written entry was not durable.
    longest_unsynced: Duration,
}

/// Measures the strategies that the message names.
pub(super) fn run(directory: &Path, request: &Request) -> Result<Fields, Refusal> {
    let entries = request.number("entries", 1..=MAX_ENTRIES)?;
    let strategies = match request.field("strategies")? {
        one @ Value::String(_) => vec![Strategy::parse(one)?],
        _ => request
            .list("strategies")?
            .iter()
            .map(Strategy::parse)
            .collect::<Result<_, _>>()?,
    };
    let failed =
        |error: std::io::Error| Code::Crash.because(format!("the benchmark cannot write: {error}"));
    let place = tempfile::Builder::new()
        .prefix(DIRECTORY_PREFIX)
        .tempdir_in(directory)
        .map_err(failed)?;
    let fs = OsFs::new(place.path());
    let mut results = Vec::new();
    for (number, strategy) in strategies.into_iter().enumerate() {
        let measured = measure(&fs, &format!("{number}"), strategy, entries).map_err(failed)?;
        results.push(describe(strategy, &measured));
    }
    Ok(vec![("results", Json::List(results))])
}

fn measure(fs: &OsFs, name: &str, strategy: Strategy, entries: u64) -> std::io::Result<Measured> {
    let file = fs.create(name)?;
    let started = Instant::now();
    let mut unsynced_since = None;
    let mut longest_unsynced = Duration::ZERO;
    let mut written = 0;
    while written < entries && started.elapsed() < LIMIT {
        append_all(&*file, &ENTRY)?;
        written += 1;
        let since = *unsynced_since.get_or_insert_with(Instant::now);
        let is_due = match strategy {
            Strategy::Always => true,
            Strategy::Batch => since.elapsed() >= BATCH || written == entries,
            Strategy::None => false,
        };
        if is_due {
            file.sync_data()?;
            longest_unsynced = longest_unsynced.max(since.elapsed());
            unsynced_since = None;
        }
    }
    if strategy != Strategy::None && unsynced_since.is_some() {
        file.sync_data()?;
    }
    Ok(Measured {
        entries: written,
        duration: started.elapsed(),
        longest_unsynced,
    })
}

fn describe(strategy: Strategy, measured: &Measured) -> Json {
    let rate = measured.entries as f64 / measured.duration.as_secs_f64().max(1e-9);
    let window = match strategy {
        // With this strategy an entry counts as written only after its sync.
        Strategy::Always => "0 ms".to_owned(),
        Strategy::Batch => format!("{:.1} ms", measured.longest_unsynced.as_secs_f64() * 1e3),
        Strategy::None => "unbounded".to_owned(),
    };
    Json::Object(vec![
        ("strategy", strategy.name().into()),
        ("ops_per_sec", ((rate * 10.0).round() / 10.0).into()),
        ("durability", strategy.durability().into()),
        ("data_loss_window", window.into()),
        ("entries", measured.entries.into()),
    ])
}

/// Removes the directories that benchmarks of killed processes have left. A directory
/// that cannot be removed stays; it does no harm.
pub(super) fn sweep(directory: &Path) {
    let Ok(children) = std::fs::read_dir(directory) else {
        return;
    };
    for child in children.flatten() {
        let name = child.file_name();
        if name.to_string_lossy().starts_with(DIRECTORY_PREFIX) {
            let _ = std::fs::remove_dir_all(child.path());
        }
    }
}
