//! `export`: the state at a commit as lines of JSON, one for each key of each keyspace.
//!
//! The store is read in key order, line by line, so the memory does not grow with the
//! store. [`StateLine`] defines the line, and `import` reads the same form.

use clap::Args;
use lithify::{KeyRange, Snapshot};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::bytes::{BYTES_HELP, JsonBytes};
use super::store::{AtArgument, ReadArgument, check_keyspace};

const EXAMPLES: &str = "\
Examples:
  lithify export --store S > state.jsonl
  lithify export --store S --at 10 --keyspace other | gzip > state.jsonl.gz
  lithify export --store S | lithify import --store T     # the state, without its history

Prints a line for each key that has a value: {\"keyspace\":\"k\",\"key\":\"a\",\"value\":\"1\"}, keyspace by
keyspace in the order of their first use, and in key order.

Which of three to choose:
  export    one state, as text that other programs read; `import` makes commits of its own of it
  changes   every commit with its number: `follow` takes it over with the history, as a replica
  backup    the files of the store, checked byte by byte: the fastest, and with the history";

/// Prints the state at a commit as lines of JSON
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{BYTES_HELP}"))]
pub(crate) struct Export {
    #[command(flatten)]
    store: ReadArgument,
    #[command(flatten)]
    at: AtArgument,
    /// Only this keyspace [default: all]
    #[arg(long, value_name = "NAME")]
    keyspace: Option<String>,
}

/// A key with its value.
#[derive(Serialize)]
struct StateLine<'a> {
    keyspace: &'a str,
    key: JsonBytes<'a>,
    value: JsonBytes<'a>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Export) -> Outcome {
    let store = arguments.store.open()?;
    let snapshot = arguments.at.snapshot(&store)?;
    let keyspaces = match &arguments.keyspace {
        Some(keyspace) => {
            check_keyspace(&store, keyspace)?;
            vec![keyspace.clone()]
        }
        None => snapshot.keyspaces(),
    };
    let mut output = Output::for_reading();
    for keyspace in keyspaces {
        write_keyspace(&snapshot, &keyspace, &mut output)?;
    }
    output.finish()
}

fn write_keyspace(snapshot: &Snapshot, keyspace: &str, output: &mut Output) -> Outcome {
    let mut range = snapshot.range(keyspace, KeyRange::all())?;
    while let Some((key, value)) = range.next_ref()? {
        output.json(&StateLine {
            keyspace,
            key: JsonBytes(key),
            value: JsonBytes(value),
        })?;
    }
    Ok(())
}
