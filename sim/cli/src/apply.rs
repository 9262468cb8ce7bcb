//! `apply`: commits batches from JSON lines on standard input.
//!
//! Lines that can be read without waiting become one group with one append and one
//! sync. So a long input needs few syncs, and a client that waits for each number gets
//! it at once. If a batch of a group is refused, the batches before it are committed
//! one by one.

use std::io::Read;

use clap::Args;
use lithify::{Error, Store, WriteBatch};
use lithify_sim::cli::args::FormatArgument;
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::output::Output;

use super::lines::{Lines, parse};
use super::operations::Operation;
use super::placement::PlacementArguments;
use super::store::{KeyspaceArgument, StoreArgument};
use super::tuning::TuningArguments;
use super::write::acknowledge;

const EXAMPLES: &str = "\
Examples:
  echo '[{\"put\":\"stone\",\"value\":\"granite\"},{\"delete\":\"sand\"}]' |
      lithify apply --store S
  echo '[{\"put\":\"a\",\"value\":{\"hex\":\"00ff\"},\"keyspace\":\"other\"}]' |
      lithify apply --store S

Each line is one commit: an array of operations. An empty array is an empty commit. Bytes that \
are not UTF-8 are written {\"hex\":\"00ff\"}. Prints the number of each commit when the commit is \
acknowledged. A malformed line exits with 3; the commits before it stay.

Lines that are available without waiting are acknowledged together, with one sync: at most --group \
lines, and about one megabyte. If the disk fails, no line that the message names is acknowledged.";

/// Commits batches from lines of JSON
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Apply {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// Maximum number of commits that are acknowledged together, with one sync
    #[arg(long, value_name = "N", default_value = "256",
          value_parser = clap::value_parser!(u64).range(1..=65_536))]
    group: u64,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    placement: PlacementArguments,
    #[command(flatten)]
    tuning: TuningArguments,
}

/// Runs the command.
pub(crate) fn run(arguments: &Apply) -> Outcome {
    let store = arguments
        .store
        .open_or_create(&arguments.placement, &arguments.tuning)?;
    let mut applied = Applied {
        store,
        output: Output::for_writing(),
        format: arguments.format,
        group: Vec::new(),
        first_line: 1,
    };
    let mut lines = Lines::new(std::io::stdin().lock());
    let taken = applied.take_all(&mut lines, arguments);
    // A refusal of a gathered batch is reported before the error that ended the
    // gathering.
    applied.commit_gathered()?;
    taken?;
    applied.store.close()?;
    applied.output.finish()
}

struct Applied {
    store: Store,
    output: Output,
    format: FormatArgument,
    /// The batches that were read and not committed yet.
    group: Vec<WriteBatch>,
    /// The line of the first of these batches.
    first_line: u64,
}

impl Applied {
    fn take_all(&mut self, lines: &mut Lines<impl Read>, arguments: &Apply) -> Outcome {
        while lines.read()? {
            let batch = batch(&lines.line, &arguments.keyspace.keyspace)
                .map_err(|what| at_lines(lines.number, 1)(Exit::Input.because(what)))?;
            self.group.push(batch);
            let is_full = self.group.len() as u64 >= arguments.group;
            if is_full || !lines.is_at_hand() {
                self.commit_gathered()?;
            }
        }
        Ok(())
    }

    /// Commits the group. When this call returns, the group is acknowledged.
    fn commit_gathered(&mut self) -> Outcome {
        let group = std::mem::take(&mut self.group);
        let first = self.first_line;
        self.first_line += group.len() as u64;
        match self.commit(&group) {
            // One refused batch refuses the whole group: the batches before it are
            // committed one by one.
            Err(Error::Limit { .. }) => {
                for (number, batch) in (first..).zip(group.chunks(1)) {
                    let commits = self.commit(batch);
                    self.acknowledge(commits.map_err(|error| at_lines(number, 1)(error.into()))?)?;
                }
                Ok(())
            }
            commits => {
                let at_lines = at_lines(first, group.len());
                self.acknowledge(commits.map_err(|error| at_lines(error.into()))?)
            }
        }
    }

    /// Commits batches, and returns their numbers.
    fn commit(&mut self, group: &[WriteBatch]) -> Result<std::ops::Range<u64>, Error> {
        let first = self.store.head().next().get();
        if group.is_empty() {
            return Ok(first..first);
        }
        let last = self.store.commit_group(group)?;
        Ok(first..last.next().get())
    }

    fn acknowledge(&mut self, commits: std::ops::Range<u64>) -> Outcome {
        for commit in commits {
            acknowledge(&mut self.output, self.format, commit)?;
        }
        self.output.flush()
    }
}

/// Adds the numbers of `count` lines to a failure.
fn at_lines(first: u64, count: usize) -> impl Fn(Failure) -> Failure {
    move |failure| match first + count as u64 - 1 {
        last if last > first => failure.prefixed(&format!("lines {first} to {last}")),
        _ => failure.prefixed(&format!("line {first}")),
    }
}

fn batch(line: &[u8], default_keyspace: &str) -> Result<WriteBatch, String> {
    let operations: Vec<Operation> = parse(line, "a batch")?;
    let mut batch = WriteBatch::new();
    for operation in &operations {
        operation.add_to(&mut batch, default_keyspace);
    }
    Ok(batch)
}

/// Parses a line as a batch.
#[cfg(fuzzing)]
pub(super) fn take_line(line: &[u8]) {
    let _ = parse::<Vec<Operation>>(line, "a batch");
}
