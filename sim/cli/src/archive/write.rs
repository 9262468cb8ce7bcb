//! The commands of `archive`: each runs, and prints what it has done.

use std::sync::Arc;

use lithify::fs::{Fs, OsFs};
use lithify::{Commit, Error as StoreError};
use lithify_archive::list::Row;
use lithify_archive::local::Pushed;
use lithify_archive::{Error, Objects, Reader, Verified};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::output::Output;
use lithify_sim::cli::table::{Column, Table};
use serde::Serialize;

use super::{From, Pull, Push, Restore, Trim, failure, place};
use crate::backup::of_directory;

/// The result of `pull` and `restore`.
#[derive(Serialize)]
struct Reached {
    commit: Commit,
}

/// The result of `ls`.
#[derive(Serialize)]
struct Listing<'a> {
    archive: String,
    head: Commit,
    settled: Commit,
    placement: &'a lithify::Placement,
    objects: Vec<Row>,
}

pub(super) fn push(arguments: &Push) -> Outcome {
    let place = place(&arguments.to)?;
    let mut store = arguments.store.open_unused()?;
    let pushed = lithify_archive::push(&*place, &mut store);
    let pushed = pushed.map_err(|error| failure(error, &arguments.to))?;
    let Pushed {
        commit,
        commits,
        logs,
        windows,
    } = pushed;
    let text = format!(
        "archived commit {commit}: {commits} commits new, in {logs} log objects; {windows} windows \
         written"
    );
    print(arguments.format, &text, &pushed)
}

pub(super) fn pull(arguments: &Pull) -> Outcome {
    let reader = open(&arguments.from)?;
    let path = &arguments.store.path;
    let fs: Arc<dyn Fs> = Arc::new(OsFs::new(path));
    let pulled = lithify_archive::pull(&reader, &fs);
    let commit = pulled.map_err(|error| of_either(error, &arguments.from, path))?;
    print(
        arguments.format,
        &format!("pulled commit {commit}"),
        &Reached { commit },
    )
}

pub(super) fn restore(arguments: &Restore) -> Outcome {
    let reader = open(&arguments.from)?;
    let fs: Arc<dyn Fs> = Arc::new(OsFs::new(&arguments.to));
    let restored = lithify_archive::restore(&reader, &fs, arguments.at.map(Commit::new));
    let commit = restored.map_err(|error| of_either(error, &arguments.from, &arguments.to))?;
    print(
        arguments.format,
        &format!("restored commit {commit}"),
        &Reached { commit },
    )
}

pub(super) fn ls(arguments: &From) -> Outcome {
    let reader = open(&arguments.from)?;
    let objects = reader
        .list()
        .map_err(|error| failure(error, &arguments.from))?;
    let reach = reader.reach();
    let listing = Listing {
        archive: reader.archive().id().to_string(),
        head: reach.head,
        settled: reach.settled,
        placement: reader.placement(),
        objects,
    };
    let mut output = Output::for_reading();
    match arguments.format.format {
        Format::Json => output.json(&listing)?,
        Format::Text => {
            let Listing { archive, head, .. } = &listing;
            let divisor = &listing.placement.alignment;
            let line = format!("archive {archive}, divisor {divisor}, newest commit {head}");
            output.line(line.as_bytes())?;
            output.table(&table_of(&listing.objects))?;
        }
    }
    output.finish()
}

fn table_of(objects: &[Row]) -> Table {
    let columns = [
        Column::Text("object"),
        Column::Number("first"),
        Column::Number("last"),
        Column::Number("bytes"),
    ];
    let mut table = Table::new(&columns);
    let number = |commit: Option<Commit>| commit.map_or(String::new(), |it| it.to_string());
    for object in objects {
        table.row([
            object.name.clone(),
            number(object.first),
            number(object.last),
            object.bytes.to_string(),
        ]);
    }
    table
}

pub(super) fn verify(arguments: &From) -> Outcome {
    let place = place(&arguments.from)?;
    let objects: &dyn Objects = &*place;
    let verified = lithify_archive::verify(objects);
    let verified = verified.map_err(|error| failure(error, &arguments.from))?;
    let mut output = Output::for_reading();
    match arguments.format.format {
        Format::Json => output.json(&verified)?,
        Format::Text => {
            for line in lines_of(&verified) {
                output.line(line.as_bytes())?;
            }
        }
    }
    output.finish()?;
    match verified.damage.len() {
        0 => Ok(()),
        count => Err(Exit::Damage.because(format!("{}: {count} findings", arguments.from))),
    }
}

fn lines_of(verified: &Verified) -> Vec<String> {
    let Verified {
        head,
        commits,
        objects,
        bytes,
        foreign,
        damage,
        ..
    } = verified;
    let mut lines = damage.clone();
    lines.extend(
        foreign
            .iter()
            .map(|name| format!("foreign: {name:?} is no object of an archive")),
    );
    lines.push(format!(
        "{commits} of {head} commits read in order, {objects} objects with {bytes} bytes, {} \
         findings",
        damage.len()
    ));
    lines
}

pub(super) fn trim(arguments: &Trim) -> Outcome {
    let reader = open(&arguments.to)?;
    let trimmed = reader
        .trim()
        .map_err(|error| failure(error, &arguments.to))?;
    let text = format!(
        "removed {} windows and the commits of {} log objects ({} bytes)",
        trimmed.windows, trimmed.logs, trimmed.bytes
    );
    print(arguments.format, &text, &trimmed)
}

fn open(name: &str) -> Outcome<Reader> {
    Reader::open(place(name)?).map_err(|error| failure(error, name))
}

/// An error of the archive, or of the directory beside it.
fn of_either(error: Error, place: &str, path: &std::path::Path) -> Failure {
    match error {
        Error::Store(error @ StoreError::Diverged { .. }) => {
            Failure::from(error).prefixed(&path.display().to_string())
        }
        Error::Store(error) => of_directory(error, path),
        Error::Directory { .. } | Error::Ahead { .. } => {
            failure(error, &path.display().to_string())
        }
        error => failure(error, place),
    }
}

fn print(format: FormatArgument, text: &str, value: &impl Serialize) -> Outcome {
    let mut output = Output::for_writing();
    match format.format {
        Format::Text => output.line(text.as_bytes())?,
        Format::Json => output.json(value)?,
    }
    output.finish()
}
