//! `changes`, `follow`, `promote`: a replica, fed through a pipe.
//!
//! The stream is lines of JSON: a header with the placement, then a line for each commit.
//! `follow` refuses a stream of another placement, a gap, and a commit that differs from
//! the one it holds; what was applied before stays.

use clap::Args;
use lithify::read::{CommitChanges, Operation as Change};
use lithify::{Commit, Options, Placement};
use serde::{Deserialize, Serialize};

use super::exit::{Exit, Failure, Outcome};
use super::lines::{parse, read_line};
use super::operations::{Operation, OperationLine};
use super::output::Output;
use super::store::{DEFAULT_KEYSPACE, StoreArgument};
use super::tuning::TuningArguments;

/// The version of the stream.
const STREAM_VERSION: u32 = 1;

const CHANGES_EXAMPLES: &str = "\
Examples:
  lithify changes --store S
  lithify changes --store S --since 100 | lithify follow --store R

Prints a header and then a line for each commit after --since, as `follow` reads them. Fails
when history was thinned out so far that what a commit wrote is not known exactly any more.";

const FOLLOW_EXAMPLES: &str = "\
Examples:
  lithify changes --store S | lithify follow --store R
  diff <(lithify layout --store S) <(lithify layout --store R)   # equal when both are settled

Makes R a replica: it takes no other commits until it is promoted. Commits that R holds already
are compared; a gap or a difference ends the command with 3 and names the commit. Prints the
number of every commit once it is acknowledged.";

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

/// Takes the commits of a primary from standard input
#[derive(Args, Debug)]
#[command(after_help = FOLLOW_EXAMPLES)]
pub(crate) struct Follow {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    tuning: TuningArguments,
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

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// The version of the stream.
    changes: u32,
    placement: Placement,
    since: u64,
    head: u64,
}

#[derive(Serialize)]
struct CommitLine<'a> {
    commit: u64,
    operations: Vec<OperationLine<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitInput {
    commit: u64,
    operations: Vec<Operation>,
}

/// Runs `changes`.
pub(crate) fn changes(arguments: &ShowChanges) -> Outcome {
    let store = arguments.store.open()?;
    let changes = store.changes_since(Commit::new(arguments.since))?;
    let mut output = Output::for_reading();
    output.json(&Header {
        changes: STREAM_VERSION,
        placement: store.placement().clone(),
        since: arguments.since,
        head: store.head().get(),
    })?;
    for changes in changes {
        let changes = changes?;
        output.json(&CommitLine {
            commit: changes.commit.get(),
            operations: changes.operations.iter().map(OperationLine::from).collect(),
        })?;
    }
    output.finish()
}

/// Runs `follow`.
pub(crate) fn follow(arguments: &Follow) -> Outcome {
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    if !read_line(&mut input, &mut line)? {
        return Err(Exit::Input.because("line 1: the stream has no header"));
    }
    let at_line = |number: u64| move |failure: Failure| failure.prefixed(&format!("line {number}"));
    let header: Header = parse(&line, "a header of changes")
        .map_err(|what| at_line(1)(Exit::Input.because(what)))?;
    if header.changes != STREAM_VERSION {
        let what = format!(
            "the stream has version {}, this program reads version {STREAM_VERSION}",
            header.changes
        );
        return Err(at_line(1)(Exit::Input.because(what)));
    }
    let mut replica = arguments.store.open_replica(Options {
        placement: Some(header.placement),
        ..arguments.tuning.options()
    })?;
    let mut output = Output::for_writing();
    let mut number = 1;
    while read_line(&mut input, &mut line)? {
        number += 1;
        let changes = parse::<CommitInput>(&line, "a commit")
            .map_err(|what| at_line(number)(Exit::Input.because(what)))?;
        let before = replica.store().head();
        let head = replica
            .apply(&changes_of(&changes))
            .map_err(|error| at_line(number)(error.into()))?;
        if head > before {
            output.line(head.to_string().as_bytes())?;
            output.flush()?;
        }
    }
    replica.close()?;
    output.finish()
}

fn changes_of(input: &CommitInput) -> CommitChanges {
    let operations = input.operations.iter().map(|operation| {
        let (keyspace, key, value) = operation.parts(DEFAULT_KEYSPACE);
        Change {
            keyspace: keyspace.to_owned(),
            key: key.to_vec(),
            value: value.map(<[u8]>::to_vec),
        }
    });
    CommitChanges {
        commit: Commit::new(input.commit),
        operations: operations.collect(),
    }
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
