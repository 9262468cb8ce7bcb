//! `apply`: batches as JSON lines from standard input.

use clap::Args;
use lithify::WriteBatch;

use super::exit::{Exit, Failure, Outcome};
use super::lines::{parse, read_line};
use super::operations::Operation;
use super::output::Output;
use super::placement::PlacementArguments;
use super::store::{KeyspaceArgument, StoreArgument};
use super::tuning::TuningArguments;

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
        let batch = batch(&line, &arguments.keyspace.keyspace)
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

fn batch(line: &[u8], default_keyspace: &str) -> Result<WriteBatch, String> {
    let operations: Vec<Operation> = parse(line, "a batch")?;
    let mut batch = WriteBatch::new();
    for operation in &operations {
        operation.add_to(&mut batch, default_keyspace);
    }
    Ok(batch)
}
