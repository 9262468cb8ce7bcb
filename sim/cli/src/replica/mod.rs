//! `changes`, `follow`, `promote`: a replica, fed through a pipe.

mod follow;
mod stream;

use clap::Args;
use lithify::{Commit, Options};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;

use super::store::StoreArgument;
use super::tuning::TuningArguments;
use stream::{CommitLine, Header};

pub(crate) use follow::{Follow, follow};

const CHANGES_EXAMPLES: &str = "\
Examples:
  lithify changes --store S
  lithify changes --store S --since 100 | lithify follow --store R

Prints a header and then a line for each commit after --since, as `follow` reads them. The header
says what came before them, for which all history up to --since is read once. Each line ends with a
digest of the stream up to it, so that `follow` refuses the first that has changed on its way. Fails when history
was thinned out so far that what a commit wrote is not known exactly any more.";

const PROMOTE_EXAMPLES: &str = "\
Examples:
  lithify promote --store R
  lithify put --store R stone granite

The old primary must not commit any more.";

/// Prints what every commit wrote, for a replica
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
    tuning: TuningArguments,
}

/// Runs `changes`.
pub(crate) fn changes(arguments: &ShowChanges) -> Outcome {
    let store = arguments.store.open()?;
    let changes = store.changes_since(Commit::new(arguments.since))?;
    let mut output = Output::for_reading();
    let header = Header::new(&store, arguments.since, changes.trail());
    output.json(&header)?;
    let mut digest = header.contents();
    for changes in changes {
        let changes = changes?;
        digest = digest.with(changes.commit, changes.after());
        output.json(&CommitLine::new(&changes, digest))?;
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
    output.line(format!("a primary from commit {head} on").as_bytes())?;
    output.finish()
}

/// Takes a line for one of a stream of changes.
#[cfg(fuzzing)]
pub(super) fn take_line(line: &[u8]) {
    stream::take_line(line);
}
