//! `apply`: batches as JSON lines from standard input.

use std::io::BufRead;

use clap::Args;
use lithify::{WriteBatch, limits};
use serde::Deserialize;

use super::bytes::BytesInput;
use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use super::placement::PlacementArguments;
use super::store::{KeyspaceArgument, StoreArgument};
use super::tuning::TuningArguments;

/// The longest line in bytes: a batch of the largest size with every byte escaped.
const LINE_BYTES: u64 = 8 * limits::BATCH_BYTES as u64;

const EXAMPLES: &str = "\
Examples:
  echo '[{\"put\":\"stone\",\"value\":\"granite\"},{\"delete\":\"sand\"}]' | lithify apply --store S
  echo '[{\"put\":\"a\",\"value\":{\"hex\":\"00ff\"},\"keyspace\":\"other\"}]' | lithify apply --store S

Every line is a commit: an array of operations, empty for an empty commit. Bytes that are not
UTF-8 are written {\"hex\":\"00ff\"}. Prints the number of every commit once it is acknowledged.
A malformed line ends the command with 3; the commits before it stay.";

/// Commits batches that are given as lines of JSON
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Apply {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    #[command(flatten)]
    placement: PlacementArguments,
    #[command(flatten)]
    tuning: TuningArguments,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected {\"put\":KEY,\"value\":VALUE} or {\"delete\":KEY}, \
                               each with or without \"keyspace\":NAME"
)]
enum Operation {
    Put(PutOperation),
    Delete(DeleteOperation),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutOperation {
    put: BytesInput,
    value: BytesInput,
    keyspace: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteOperation {
    delete: BytesInput,
    keyspace: Option<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Apply) -> Outcome {
    let mut store = arguments
        .store
        .open_or_create(&arguments.placement, &arguments.tuning)?;
    let mut input = std::io::stdin().lock();
    let mut output = Output::for_writing();
    let mut line = Vec::new();
    let mut number = 0_u64;
    while read_line(&mut input, &mut line)? {
        number += 1;
        let at_line = |failure: Failure| failure.prefixed(&format!("line {number}"));
        let batch = parse(&line, &arguments.keyspace.keyspace)
            .map_err(|what| at_line(Exit::Input.because(what)))?;
        let commit = store
            .commit(&batch)
            .map_err(|error| at_line(error.into()))?;
        output.line(commit.to_string().as_bytes())?;
        output.flush()?;
    }
    store.close()?;
    output.finish()
}

/// Reads a line; false at the end of the input.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Outcome<bool> {
    line.clear();
    let mut limited = std::io::Read::take(input, LINE_BYTES);
    let length = limited
        .read_until(b'\n', line)
        .map_err(|error| Exit::Io.because(format!("cannot read standard input: {error}")))?;
    line.pop_if(|byte| *byte == b'\n');
    Ok(length > 0)
}

fn parse(line: &[u8], default_keyspace: &str) -> Result<WriteBatch, String> {
    let operations: Vec<Operation> = serde_json::from_slice(line).map_err(|error| {
        let what = error.to_string();
        // It counts lines itself, and each line of ours is its first.
        let what = what
            .rsplit_once(" at line ")
            .map_or(&*what, |(what, _)| what);
        format!("not a batch: {what} at column {}", error.column())
    })?;
    let mut batch = WriteBatch::new();
    for operation in &operations {
        match operation {
            Operation::Put(PutOperation {
                put,
                value,
                keyspace,
            }) => {
                let keyspace = keyspace.as_deref().unwrap_or(default_keyspace);
                batch.put(keyspace, put.bytes(), value.bytes());
            }
            Operation::Delete(DeleteOperation { delete, keyspace }) => {
                let keyspace = keyspace.as_deref().unwrap_or(default_keyspace);
                batch.delete(keyspace, delete.bytes());
            }
        }
    }
    Ok(batch)
}
