//! `get`: the value of one key.

use std::ffi::OsString;

use clap::Args;
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::bytes::{JsonBytes, of_argument, shown};
use super::source::SourceArgument;
use super::store::{AtArgument, KeyspaceArgument};

const EXAMPLES: &str = "\
Examples:
  lithify get --store S README.md
  lithify get --store S README.md --at 10
  lithify get --store S README.md --damaged    # reads a damaged store
  lithify get --archive s3://bucket/S README.md --at 10
  lithify get --store S $'odd\\xff' --format json

Text output is the value and a newline. Exits with 1 if the key has no value.";

/// Prints the value of a key
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Get {
    #[command(flatten)]
    source: SourceArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// The key, as bytes
    key: OsString,
    #[command(flatten)]
    at: AtArgument,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Item<'a> {
    at: u64,
    key: JsonBytes<'a>,
    value: JsonBytes<'a>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Get) -> Outcome {
    let keyspace = &arguments.keyspace;
    let snapshot = arguments.source.open(keyspace, arguments.at.at)?;
    let key = of_argument(&arguments.key);
    let at = snapshot.commit().get();
    let Some(value) = snapshot.get(&keyspace.keyspace, key)? else {
        let key = shown(key);
        return Err(Exit::Negative.because(format!("key {key} has no value at commit {at}")));
    };
    let mut output = Output::for_reading();
    match arguments.format.format {
        Format::Text => output.line(&value)?,
        Format::Json => output.json(&Item {
            at,
            key: JsonBytes(key),
            value: JsonBytes(&value),
        })?,
    }
    output.finish()
}
