//! The options of the engine as settings, with names and small values.

use lithify::{
    Alignment, Cascade, Compression, Durability, History, Options, Pacing, Placement, RemoveInputs,
    Thresholds,
};

use super::Lithify;
use crate::history::Batch;
use crate::system::{Setting, Settings, Values, unknown_value};

/// The name of this setting in every system of the engine.
pub(in crate::systems) const OPEN_FILES: &str = "open-files";
/// The name of this setting in every system of the engine.
pub(in crate::systems) const ROOM: &str = "room";

pub(in crate::systems) const SETTINGS: &[Setting] = &[
    Setting::fixed(
        "divisor",
        "commits of a window, level by level",
        &["2", "2", "3", "2,3", "4"],
    ),
    Setting::fixed(
        "min-inputs",
        "segments that a merge needs",
        &["2", "2", "3"],
    ),
    Setting::fixed(
        "history",
        "versions that a merge keeps",
        &["all", "last-3", "newest", "last-1"],
    ),
    Setting::fixed(
        "remove-inputs",
        "when inputs of merges go",
        &[
            "always",
            "head-window-2",
            "never",
            "head-window-4",
            "up-to-level-1",
            "up-to-level-0",
            "head-window-3-up-to-level-1",
        ],
    ),
    Setting::tuning(
        "cascade",
        "how a commit reaches the levels that close",
        &["step", "direct"],
    ),
    Setting::tuning(
        "file-level",
        "lowest level that lives in files",
        &["1", "2", "3"],
    ),
    Setting::tuning(
        "memory-budget",
        "bytes of segments in memory",
        &["100000", "300", "0"],
    ),
    Setting::tuning("wal-file", "bytes of a WAL file", &["300", "150", "4000"]),
    Setting::tuning(
        "manifest-file",
        "bytes of a manifest",
        &["0", "400", "65536"],
    ),
    Setting::tuning(
        "durability",
        "when a commit is acknowledged",
        &["synced", "buffered", "by-batch"],
    ),
    Setting::tuning("compression", "of blocks", &["none", "none", "lz4"]),
    Setting::tuning("cache", "bytes of decoded blocks kept", &["0", "4000"]),
    Setting::tuning("block", "bytes of a block", &["64", "64", "200"]),
    Setting::tuning(
        OPEN_FILES,
        "segment files that are open at once",
        &["32", "1", "2", "3"],
    ),
    Setting::tuning("filter-bits", "of each key", &["10", "10", "0", "1"]),
    Setting::tuning(
        "filtered-run",
        "entries of a run in memory that has a filter",
        &["512", "1", "3"],
    ),
    Setting::tuning(
        "unmerged",
        "entries of a merge that is left to its first reader",
        &["8192", "0", "3", "12"],
    ),
    Setting::tuning(
        ROOM,
        "bytes of zeros written at once ahead of the end of a log that is synced",
        &["262144", "200", "0", "600"],
    ),
    Setting::tuning(
        "spare-writes",
        "writes to keyspaces that are remembered one by one",
        &["64", "0", "3"],
    ),
    Setting::tuning(
        "read-ahead",
        "bytes that a sequential reader fetches",
        &["131072", "1", "150"],
    ),
    Setting::tuning(
        "append",
        "bytes of an append to a segment file",
        &["262144", "1", "200"],
    ),
    Setting::tuning(
        "appends-for-a-sync",
        "appends between syncs of a segment file",
        &["16", "16", "1", "2"],
    ),
    Setting::tuning(
        "long-index",
        "bytes of an index behind which blocks grow",
        &["67108864", "60", "1"],
    ),
    Setting::tuning(
        "step",
        "entries that a step of the compactor reads",
        &["1024", "1", "3"],
    ),
    Setting::tuning(
        "gathered",
        "entries that a stream of changes gathers",
        &["262144", "1", "4"],
    ),
    Setting::tuning(
        "gathered-bytes",
        "bytes that a stream of changes gathers",
        &["33554432", "1", "30"],
    ),
    Setting::tuning(
        "near-marks",
        "marks of a trail that stand close together",
        &["64", "1", "2"],
    ),
    Setting::tuning(
        "entries-for-a-search",
        "entries of a run in memory for each search before it has a filter",
        &["8", "1", "1000000"],
    ),
    Setting::tuning(
        "sorted-entries",
        "entries up to which a merge in memory sorts",
        &["65536", "0", "6"],
    ),
];

/// When commits are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::systems) enum Promise {
    Synced,
    Buffered,
    /// Every batch has a durability of its own: a batch with an odd number of writes is synced.
    ByBatch,
}

impl Promise {
    /// The durability of this batch, if it has one of its own.
    pub(in crate::systems) fn own(self, batch: &Batch) -> Option<Durability> {
        match (self, batch.writes.len() % 2) {
            (Self::ByBatch, 0) => Some(Durability::Buffered),
            (Self::ByBatch, _) => Some(Durability::Synced),
            (Self::Synced | Self::Buffered, _) => None,
        }
    }

    /// Whether a commit of these batches is durable when it returns.
    pub(in crate::systems) fn syncs(self, batches: &[Batch]) -> bool {
        let is_synced = |batch: &Batch| self.own(batch) == Some(Durability::Synced);
        match self {
            Self::Synced => true,
            Self::Buffered => false,
            Self::ByBatch => batches.iter().any(is_synced),
        }
    }
}

/// When commits of a store with these settings are durable.
pub(in crate::systems) fn promise(settings: &Settings) -> Result<Promise, String> {
    Ok(
        match Values::new(&Lithify, settings)?.choice("durability")? {
            "buffered" => Promise::Buffered,
            "by-batch" => Promise::ByBatch,
            _ => Promise::Synced,
        },
    )
}

/// The engine's options. [`promise`] has the rest of the durability.
pub(in crate::systems) fn options(settings: &Settings) -> Result<Options, String> {
    let values = Values::new(&Lithify, settings)?;
    let value = |name: &str| values.value(name);
    let options = Options {
        placement: Some(Placement {
            alignment: alignment(value("divisor"))?,
            min_inputs: number("min-inputs", value("min-inputs"))?,
            history: history(value("history"))?,
            remove_inputs: remove_inputs(value("remove-inputs"))?,
        }),
        create: true,
        cascade: match value("cascade") {
            "step" => Cascade::Step,
            "direct" => Cascade::Direct,
            other => return Err(unknown_value(SETTINGS, "cascade", other)),
        },
        file_level: Some(number("file-level", value("file-level"))?),
        memory_budget_bytes: number("memory-budget", value("memory-budget"))?,
        wal_file_bytes: number("wal-file", value("wal-file"))?,
        manifest_file_bytes: number("manifest-file", value("manifest-file"))?,
        block_bytes: number("block", value("block"))?,
        cache_bytes: number("cache", value("cache"))?,
        compression: match value("compression") {
            "none" => Compression::None,
            "lz4" => Compression::Lz4,
            other => return Err(unknown_value(SETTINGS, "compression", other)),
        },
        filter_bits_per_key: number("filter-bits", value("filter-bits"))?,
        max_open_files: number(OPEN_FILES, value(OPEN_FILES))?,
        thresholds: thresholds(&values)?,
        durability: match promise(settings)? {
            Promise::Buffered => Durability::Buffered,
            Promise::Synced | Promise::ByBatch => Durability::Synced,
        },
        pacing: Pacing::Manual,
        ..Options::default()
    };
    options.check().map_err(|error| error.to_string())?;
    Ok(options)
}

/// The thresholds at which the engine changes its behaviour.
fn thresholds(values: &Values<'_>) -> Result<Thresholds, String> {
    let value = |name: &str| values.value(name);
    Ok(Thresholds {
        filtered_run_entries: number("filtered-run", value("filtered-run"))?,
        entries_for_a_search: number("entries-for-a-search", value("entries-for-a-search"))?,
        unmerged_entries: number("unmerged", value("unmerged"))?,
        sorted_entries: number("sorted-entries", value("sorted-entries"))?,
        log_room_bytes: number(ROOM, value(ROOM))?,
        spare_writes: number("spare-writes", value("spare-writes"))?,
        read_ahead_bytes: number("read-ahead", value("read-ahead"))?,
        append_bytes: number("append", value("append"))?,
        appends_for_a_sync: number("appends-for-a-sync", value("appends-for-a-sync"))?,
        long_index_bytes: number("long-index", value("long-index"))?,
        step_entries: number("step", value("step"))?,
        gathered_entries: number("gathered", value("gathered"))?,
        gathered_bytes: number("gathered-bytes", value("gathered-bytes"))?,
        near_marks: number("near-marks", value("near-marks"))?,
    })
}

fn alignment(text: &str) -> Result<Alignment, String> {
    let radices: Result<Vec<u64>, String> = text
        .split(',')
        .map(|part| number("divisor", part))
        .collect();
    let alignment = match radices?.as_slice() {
        [divisor] => Alignment::uniform(*divisor),
        radices => Alignment::mixed(radices),
    };
    alignment.map_err(|error| error.to_string())
}

fn history(text: &str) -> Result<History, String> {
    match (text, text.strip_prefix("last-")) {
        ("all", _) => Ok(History::All),
        ("newest", _) => Ok(History::Newest),
        (_, Some(commits)) => Ok(History::Last(number("history", commits)?)),
        _ => Err(unknown_value(SETTINGS, "history", text)),
    }
}

fn remove_inputs(text: &str) -> Result<RemoveInputs, String> {
    if let Some(text) = text.strip_prefix("head-window-") {
        let (keep, level) = match text.split_once("-up-to-level-") {
            Some((keep, level)) => (keep, Some(number("remove-inputs", level)?)),
            None => (text, None),
        };
        let keep = number("remove-inputs", keep)?;
        return Ok(match level {
            Some(level) => RemoveInputs::HeadWindowUpToLevel { keep, level },
            None => RemoveInputs::HeadWindow { keep },
        });
    }
    if let Some(level) = text.strip_prefix("up-to-level-") {
        return Ok(RemoveInputs::UpToLevel(number("remove-inputs", level)?));
    }
    match text {
        "always" => Ok(RemoveInputs::Always),
        "never" => Ok(RemoveInputs::Never),
        _ => Err(unknown_value(SETTINGS, "remove-inputs", text)),
    }
}

pub(in crate::systems) fn number<T: std::str::FromStr>(
    name: &str,
    text: &str,
) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("the setting {name} is {text:?}, which is not a number in range"))
}
