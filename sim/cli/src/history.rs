//! `history`: the versions of one key.

use std::ffi::OsString;

use clap::Args;
use lithify_policies::git::quote::quote;
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::bytes::{BYTES_HELP, JsonBytes, of_argument, shown};
use super::source::SourceArgument;
use super::store::KeyspaceArgument;

const EXAMPLES: &str = "\
Examples:
  lithify history --store S README.md
  lithify history --store S README.md --format json

Text output has a line for each version, the oldest first: commit, put or delete, value, with \
tabs between them. In JSON the value of a deletion is null. Exits with 1 if no commit wrote the \
key.";

/// Prints the versions of a key, oldest first
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{BYTES_HELP}"))]
pub(crate) struct History {
    #[command(flatten)]
    source: SourceArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// The key, as bytes
    key: OsString,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Item<'a> {
    commit: u64,
    value: Option<JsonBytes<'a>>,
}

/// Runs the command.
pub(crate) fn run(arguments: &History) -> Outcome {
    let source = arguments.source.open(&arguments.keyspace, None)?;
    let key = of_argument(&arguments.key);
    let versions = source.history(&arguments.keyspace.keyspace, key)?;
    if versions.is_empty() {
        return Err(Exit::Negative.because(format!("no commit wrote key {}", shown(key))));
    }
    let mut output = Output::for_reading();
    for version in &versions {
        let commit = version.commit.get();
        match (arguments.format.format, &version.value) {
            (Format::Json, value) => output.json(&Item {
                commit,
                value: value.as_deref().map(JsonBytes),
            })?,
            (Format::Text, Some(value)) => {
                output.fields(&[commit.to_string().as_bytes(), b"put", &quote(value)])?;
            }
            (Format::Text, None) => output.fields(&[commit.to_string().as_bytes(), b"delete"])?,
        }
    }
    output.finish()
}
