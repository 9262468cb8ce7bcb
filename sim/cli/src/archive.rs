//! `archive`: every commit of a store as objects in an object store.
//!
//! This file has the arguments and the exit codes; `lithify_archive` does the work.

mod write;

use clap::{Args, Subcommand};
use lithify_archive::{Error, Place};
use lithify_sim::cli::args::FormatArgument;
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use std::path::PathBuf;
use std::sync::Arc;

use super::store::StoreArgument;

const EXAMPLES: &str = "\
Examples:
  lithify archive push --store S --to s3://bucket/S      # again and again
  lithify archive ls --from s3://bucket/S
  lithify scan --archive s3://bucket/S --at 100          # and get, history
  lithify archive restore --from s3://bucket/S --to R --at 100
  lithify archive pull --from s3://bucket/S --store R    # a replica
  lithify archive verify --from /backups/S

A place is a directory, or a URL: file:///path, and in a build with --features cloud also \
s3://bucket/prefix, gs://.., az://.., https://... Credentials come from the environment, under \
the names that the tools of the cloud use (AWS_ACCESS_KEY_ID, ..).

An archive keeps every commit. The names of its objects follow from commit numbers and the divisor, \
so a reader needs no list. Two writers collide at the name of the next commit, and one of them is \
refused.";

const PUSH_EXAMPLES: &str = "\
Examples:
  lithify archive push --store S --to /archives/S
  lithify archive push --store S --to s3://bucket/S

Adds the commits that the archive does not have, and creates the archive if there is none. The whole \
history of the store is compared with that of the archive before. A push that was interrupted goes \
on with the next one. The store must keep all history, and must not be open for writing.

Exits with 3 if the archive has another history, and with 4 if another writer was faster.";

const PULL_EXAMPLES: &str = "\
Examples:
  lithify archive pull --from s3://bucket/S --store R
  lithify promote --store R

Makes R a replica, or goes on with one: it takes no commits of its own until it is promoted.";

const RESTORE_EXAMPLES: &str = "\
Examples:
  lithify archive restore --from s3://bucket/S --to R
  lithify archive restore --from s3://bucket/S --to R --at 100

The directory must be missing or empty, or hold an interrupted restore of the same commit.";

const LS_EXAMPLES: &str = "\
Examples:
  lithify archive ls --from s3://bucket/S
  lithify archive ls --from /archives/S --format json";

const VERIFY_EXAMPLES: &str = "\
Examples:
  lithify archive verify --from s3://bucket/S

Reads every object: the whole history in order, and then each object that a list names. Exits with \
5 if there is damage.";

const TRIM_EXAMPLES: &str = "\
Examples:
  lithify archive trim --to s3://bucket/S

Removes objects whose commits are in a wider window, after a check of every byte of that window. \
Every commit stays readable, also for readers that began before.";

/// Keeps every commit of a store in an object store
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Archive {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Adds the new commits of a store
    #[command(after_help = PUSH_EXAMPLES)]
    Push(Push),
    /// Brings a replica to the newest commit
    #[command(after_help = PULL_EXAMPLES)]
    Pull(Pull),
    /// Makes a store, as of any commit
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(Restore),
    /// Lists the objects
    #[command(after_help = LS_EXAMPLES)]
    Ls(From),
    /// Checks every object
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(From),
    /// Removes objects whose commits are in a wider window
    #[command(after_help = TRIM_EXAMPLES)]
    Trim(Trim),
}

#[derive(Args, Debug)]
struct Push {
    #[command(flatten)]
    store: StoreArgument,
    /// The place of the archive
    #[arg(long, value_name = "PLACE")]
    to: String,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Args, Debug)]
struct Pull {
    /// The place of the archive
    #[arg(long, value_name = "PLACE")]
    from: String,
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Args, Debug)]
struct Restore {
    /// The place of the archive
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// The directory of the new store
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
    /// As of this commit [default: the newest]
    #[arg(long, value_name = "COMMIT")]
    at: Option<u64>,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Args, Debug)]
struct From {
    /// The place of the archive
    #[arg(long, value_name = "PLACE")]
    from: String,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Args, Debug)]
struct Trim {
    /// The place of the archive
    #[arg(long, value_name = "PLACE")]
    to: String,
    #[command(flatten)]
    format: FormatArgument,
}

/// Runs the command.
pub(crate) fn run(arguments: &Archive) -> Outcome {
    match &arguments.command {
        Command::Push(arguments) => write::push(arguments),
        Command::Pull(arguments) => write::pull(arguments),
        Command::Restore(arguments) => write::restore(arguments),
        Command::Ls(arguments) => write::ls(arguments),
        Command::Verify(arguments) => write::verify(arguments),
        Command::Trim(arguments) => write::trim(arguments),
    }
}

/// The place with this name.
pub(crate) fn place(name: &str) -> Outcome<Arc<Place>> {
    Place::new(name)
        .map(Arc::new)
        .map_err(|error| failure(error, name))
}

/// The exit code and the line of an error, with the place in front.
pub(crate) fn failure(error: Error, place: &str) -> Failure {
    let exit = match error {
        Error::Store(error) => return Failure::from(error),
        Error::Url { .. } => return Exit::Usage.because(error),
        Error::NoArchive { .. }
        | Error::Failed { .. }
        | Error::Version { .. }
        | Error::Raced { .. }
        | Error::Directory { .. } => Exit::Store,
        Error::Damage { .. }
        | Error::Renamed { .. }
        | Error::Foreign { .. }
        | Error::Missing { .. }
        | Error::Mixed { .. } => Exit::Damage,
        Error::BeyondHead { .. }
        | Error::TooLarge { .. }
        | Error::Placement { .. }
        | Error::Ahead { .. }
        | Error::OtherHistory { .. }
        | Error::Thinned { .. } => Exit::Input,
        // No reply, and what later versions add.
        _ => Exit::Io,
    };
    exit.because(error).prefixed(place)
}
