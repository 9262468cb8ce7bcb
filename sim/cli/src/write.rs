//! `put`, `delete`, `compact`: small changes to a store.

use std::ffi::OsString;

use clap::Args;
use lithify::{Options, Stats, Store, WriteBatch};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::bytes::of_argument;
use super::placement::PlacementArguments;
use super::store::{KeyspaceArgument, StoreArgument};
use super::tuning::TuningArguments;

const PUT_EXAMPLES: &str = "\
Examples:
  lithify put --store S stone granite
  lithify put --store S --divisor 8 stone granite   # creates S with divisor 8

Prints the number of the commit.";

const DELETE_EXAMPLES: &str = "\
Examples:
  lithify delete --store S stone

Prints the number of the commit. The deletion of a key that does not exist is a commit too.";

const COMPACT_EXAMPLES: &str = "\
Examples:
  lithify compact --store S
  lithify settle --store S --file-level 1 --compression zstd

Merges until no merge is due. The layout is then the one that follows from the commits. Creates \
no commit. Segments move from memory to segment files, and log files are removed when all their \
commits are in segment files.

To make a store with few keys that are often overwritten small: create it with --history newest, \
write with --wal-file 65536 --file-level 1, then run compact. Short log files can be removed \
earlier, and segments reach files from a lower level on. This costs more syncs and small files \
while you write.";

/// Sets a key in a commit of its own
#[derive(Args, Debug)]
#[command(after_help = PUT_EXAMPLES)]
pub(crate) struct Put {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// The key, as bytes
    key: OsString,
    /// The value, as bytes
    value: OsString,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    placement: PlacementArguments,
    #[command(flatten)]
    tuning: TuningArguments,
}

/// Deletes a key in a commit of its own
#[derive(Args, Debug)]
#[command(after_help = DELETE_EXAMPLES)]
pub(crate) struct Delete {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// The key, as bytes
    key: OsString,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    tuning: TuningArguments,
}

/// Merges what is due
#[derive(Args, Debug)]
#[command(visible_alias = "settle", after_help = COMPACT_EXAMPLES)]
pub(crate) struct Compact {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    tuning: TuningArguments,
}

/// The result of `compact`.
#[derive(Serialize)]
struct Compacted {
    commit: u64,
    live_segments: u64,
    merges: u64,
    entries_written: u64,
}

/// Runs `put`.
pub(crate) fn put(arguments: &Put) -> Outcome {
    let mut batch = WriteBatch::new();
    batch.put(
        &arguments.keyspace.keyspace,
        of_argument(&arguments.key),
        of_argument(&arguments.value),
    );
    let store = arguments
        .store
        .open_or_create(&arguments.placement, &arguments.tuning)?;
    commit(store, &batch, arguments.format)
}

/// Runs `delete`.
pub(crate) fn delete(arguments: &Delete) -> Outcome {
    let mut batch = WriteBatch::new();
    batch.delete(&arguments.keyspace.keyspace, of_argument(&arguments.key));
    let store = arguments.store.open_existing(&arguments.tuning)?;
    commit(store, &batch, arguments.format)
}

fn commit(mut store: Store, batch: &WriteBatch, format: FormatArgument) -> Outcome {
    let commit = store.commit(batch)?;
    store.close()?;
    let mut output = Output::for_writing();
    acknowledge(&mut output, format, commit.get())?;
    output.finish()
}

/// Prints the number of an acknowledged commit.
pub(crate) fn acknowledge(output: &mut Output, format: FormatArgument, commit: u64) -> Outcome {
    #[derive(Serialize)]
    struct Acknowledged {
        commit: u64,
    }
    match format.format {
        Format::Text => output.line(commit.to_string().as_bytes()),
        Format::Json => output.json(&Acknowledged { commit }),
    }
}

/// Runs `compact`.
pub(crate) fn compact(arguments: &Compact) -> Outcome {
    let stats = match arguments.store.is_replica() {
        true => compact_replica(arguments)?,
        false => {
            let options = arguments.tuning.compacting();
            let mut store = arguments.store.open_existing_with(options)?;
            store.settle()?;
            let stats = store.stats();
            store.close()?;
            stats
        }
    };
    let compacted = Compacted {
        commit: stats.head,
        live_segments: stats.live_segments,
        merges: stats.counters.merges,
        entries_written: stats.counters.merge_entries_written,
    };
    let mut output = Output::for_writing();
    match arguments.format.format {
        Format::Json => output.json(&compacted)?,
        Format::Text => {
            let Compacted {
                commit,
                live_segments,
                merges,
                entries_written,
            } = compacted;
            let line = format!(
                "settled at commit {commit}: {live_segments} live segments, {merges} merges wrote \
                 {entries_written} entries"
            );
            output.line(line.as_bytes())?;
        }
    }
    output.finish()
}

/// Merging makes no commit, so a replica may merge.
fn compact_replica(arguments: &Compact) -> Outcome<Stats> {
    let mut replica = arguments.store.open_replica(Options {
        create: false,
        ..arguments.tuning.compacting()
    })?;
    replica.settle()?;
    let stats = replica.store().stats();
    replica.close()?;
    Ok(stats)
}
