//! `changes`, `follow`, `promote`: a replica that is fed through a pipe.

mod follow;

use clap::Args;
use lithify::stream::Sender;
use lithify::{Commit, Options};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;

use super::store::StoreArgument;
use super::tuning::TuningArguments;

pub(crate) use follow::{Follow, follow};

const CHANGES_EXAMPLES: &str = "\
Examples:
  lithify changes --store S
  lithify changes --store S --since 100 | lithify follow --store R

Prints a header, and a line for each commit after --since, for the command follow. The header \
describes the commits up to --since, so their history is read once. Each line ends with a digest \
of the stream up to this line: follow refuses the first line that was changed on the way. Fails if \
history was thinned out so that the writes of a commit are not known exactly.";

const PROMOTE_EXAMPLES: &str = "\
Examples:
  lithify promote --store R
  lithify put --store R stone granite

The old primary must not commit any more.";

/// Prints the writes of each commit, for a replica
#[derive(Args, Debug)]
#[command(after_help = CHANGES_EXAMPLES)]
pub(crate) struct ShowChanges {
    #[command(flatten)]
    store: StoreArgument,
    /// Begin after this commit
    #[arg(long, value_name = "COMMIT", default_value_t = 0)]
    since: u64,
}

/// Turns a replica into a primary
#[derive(Args, Debug)]
#[command(after_help = PROMOTE_EXAMPLES)]
pub(crate) struct Promote {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    tuning: TuningArguments,
}

/// The newest commit of a store that has become a primary.
#[derive(serde::Serialize)]
struct Promoted {
    head: u64,
}

/// Runs `changes`.
pub(crate) fn changes(arguments: &ShowChanges) -> Outcome {
    let store = arguments.store.open_unused()?;
    let changes = store.changes_since(Commit::new(arguments.since))?;
    let mut output = Output::for_reading();
    let mut sender = Sender::new(store.placement(), &changes);
    output.json(sender.header())?;
    for changes in changes {
        output.json(&sender.line(changes?))?;
    }
    output.finish()
}

/// Runs `promote`.
pub(crate) fn promote(arguments: &Promote) -> Outcome {
    let replica = arguments.store.open_replica(Options {
        create: false,
        ..arguments.tuning.options()
    })?;
    let store = replica.promote()?;
    let head = store.head();
    store.close()?;
    let mut output = Output::for_writing();
    match arguments.format.format {
        Format::Text => output.line(format!("a primary from commit {head} on").as_bytes())?,
        Format::Json => output.json(&Promoted { head: head.get() })?,
    }
    output.finish()
}

/// Parses a line as a line of a stream of changes.
#[cfg(fuzzing)]
pub(super) fn take_line(line: &[u8]) {
    follow::take_line(line);
}
