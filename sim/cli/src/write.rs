//! `put`, `delete`, `compact`: small changes to a store.

use std::ffi::OsString;

use clap::Args;
use lithify::{Options, Stats, Store, WriteBatch};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;

use super::bytes::of_argument;
use super::placement::PlacementArguments;
use super::store::{KeyspaceArgument, StoreArgument};
use super::tuning::TuningArguments;

const PUT_EXAMPLES: &str = "\
Examples:
  lithify put --store S stone granite
  lithify put --store S --divisor 8 stone granite     # creates S with divisor 8

Prints the number of the commit.";

const DELETE_EXAMPLES: &str = "\
Examples:
  lithify delete --store S stone

Prints the number of the commit. Deleting a key that has no value is a commit too.";

const COMPACT_EXAMPLES: &str = "\
Examples:
  lithify compact --store S
  lithify settle --store S --file-level 1 --compression zstd

Merges until nothing is left to merge: the layout is then the one that follows from the
commits. Consumes no commit number. What was in memory moves to segment files, and log files
whose commits are all in segment files go.

Which versions of a key stay is fixed by --history when the store is created: one key that is
overwritten often leaves one version with --history newest. Its commits are in the log until
they are in segment files, and the log's newest file stays until a later one has begun. So a
store of often overwritten keys is small with log files that are short, and with files from a
low level on: put and apply with --wal-file 65536 --file-level 1, then compact. The price is
more syncs and small files while writing.";

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
    tuning: TuningArguments,
}

/// Merges what is due
#[derive(Args, Debug)]
#[command(visible_alias = "settle", after_help = COMPACT_EXAMPLES)]
pub(crate) struct Compact {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    tuning: TuningArguments,
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
    commit(store, &batch)
}

/// Runs `delete`.
pub(crate) fn delete(arguments: &Delete) -> Outcome {
    let mut batch = WriteBatch::new();
    batch.delete(&arguments.keyspace.keyspace, of_argument(&arguments.key));
    commit(arguments.store.open_existing(&arguments.tuning)?, &batch)
}

fn commit(mut store: Store, batch: &WriteBatch) -> Outcome {
    let commit = store.commit(batch)?;
    store.close()?;
    say(&commit.to_string())
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
    let (head, segments) = (stats.head, stats.live_segments);
    let (merges, entries) = (stats.counters.merges, stats.counters.merge_entries_written);
    say(&format!(
        "settled at commit {head}: {segments} live segments, {merges} merges wrote {entries} entries"
    ))
}

/// Merging is no commit: a replica may do it.
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

fn say(line: &str) -> Outcome {
    let mut output = Output::for_writing();
    output.line(line.as_bytes())?;
    output.finish()
}
