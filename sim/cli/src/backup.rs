//! `backup` and `restore`: copies a store as of one commit, and makes a store from a
//! backup.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use lithify::backup::restore as restore_store;
use lithify::fs::OsFs;
use lithify::{BackedUp, Commit, Error};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::store::StoreArgument;

const BACKUP_EXAMPLES: &str = "\
Examples:
  lithify backup --store S --to /backups/S
  lithify backup --store S --to /backups/S            # again: copies only what is new
  lithify verify --store /backups/S                   # get, scan, history, .. read it, too

Copies the newest commit, with the history that the store keeps. Every byte is checked on its way,
and a damaged one ends the command with 5. Segment files never change, so a later backup into the
same directory copies only new ones; a backup that was interrupted leaves the one before it, and
the next one goes on. The directory must be missing or empty, or hold backups of this store.

The store must not be open for writing: a program that has it open makes backups itself, while it
goes on (Db::backup).";

const RESTORE_EXAMPLES: &str = "\
Examples:
  lithify restore --from /backups/S --to S
  lithify restore --from /backups/S --to S --at 100    # as it was at an earlier commit

The directory must be missing or empty. What comes out is another store: its backups need a
directory of their own, and a replica of the old store refuses its commits where they differ.

The newest commit is restored by copying files. An earlier one is restored by making the commits
again, which needs all of history: a store that has thinned it out can be restored as of its newest
commit only. For one state of it there is `export --store /backups/S --at N`.";

/// Copies a store to another directory
#[derive(Args, Debug)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(crate) struct Backup {
    #[command(flatten)]
    store: StoreArgument,
    /// The directory of the backups
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
    #[command(flatten)]
    format: FormatArgument,
}

/// Makes a store of a backup
#[derive(Args, Debug)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(crate) struct Restore {
    /// The directory of the backup
    #[arg(long, value_name = "DIRECTORY")]
    from: PathBuf,
    /// The directory of the new store
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
    /// As of this commit [default: the newest]
    #[arg(long, value_name = "COMMIT")]
    at: Option<u64>,
    #[command(flatten)]
    format: FormatArgument,
}

/// The result of `restore`.
#[derive(Serialize)]
struct Restored {
    commit: Commit,
}

/// Runs `backup`.
pub(crate) fn backup(arguments: &Backup) -> Outcome {
    let mut store = arguments.store.open_unused()?;
    let under_way = store.begin_backup(Arc::new(OsFs::new(&arguments.to)));
    let done = under_way.and_then(lithify::Backup::finish);
    let done = done.map_err(|error| of_directory(error, &arguments.to))?;
    let mut output = Output::for_writing();
    match arguments.format.format {
        Format::Text => output.line(text_of(&done).as_bytes())?,
        Format::Json => output.json(&done)?,
    }
    output.finish()
}

fn text_of(done: &BackedUp) -> String {
    let BackedUp {
        commit,
        copied_files,
        copied_bytes,
        kept_files,
        kept_bytes,
    } = done;
    format!(
        "backed up commit {commit}: {copied_files} segment files copied ({copied_bytes} bytes), \
         {kept_files} there already ({kept_bytes} bytes)"
    )
}

/// Runs `restore`.
pub(crate) fn restore(arguments: &Restore) -> Outcome {
    let fs = |path: &PathBuf| Arc::new(OsFs::new(path));
    let at = arguments.at.map(Commit::new);
    let commit = restore_store(fs(&arguments.from), fs(&arguments.to), at);
    let commit = commit.map_err(|error| match error {
        Error::BackupRefused { .. } => of_directory(error, &arguments.to),
        error => of_directory(error, &arguments.from),
    })?;
    let mut output = Output::for_writing();
    match arguments.format.format {
        Format::Text => output.line(format!("restored commit {commit}").as_bytes())?,
        Format::Json => output.json(&Restored { commit })?,
    }
    output.finish()
}

/// Adds the directory to an error, if the error is about it.
pub(crate) fn of_directory(error: Error, path: &std::path::Path) -> Failure {
    let names_directory = matches!(
        error,
        Error::BackupRefused { .. }
            | Error::NotAStore { .. }
            | Error::NotHeld { .. }
            | Error::Locked
    );
    let is_missing = |error: &Error| match error {
        Error::Io { file, source, .. } => {
            file.is_empty() && source.kind() != std::io::ErrorKind::StorageFull
        }
        _ => false,
    };
    let words = path.display().to_string();
    if is_missing(&error) {
        return Exit::Store.because(error).prefixed(&words);
    }
    match names_directory {
        true => Failure::from(error).prefixed(&words),
        false => Failure::from(error),
    }
}
