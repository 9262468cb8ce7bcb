//! `salvage`: what a damaged store still holds, in a new one, and what it does not hold.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use lithify::damaged::{Loss, Salvage as How, Salvaged, Takes, salvage};
use lithify::fs::OsFs;
use lithify::{Commit, Damage, Error, Placement};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::backup::of_directory;
use super::bytes::JsonBytes;
use super::placement::PlacementArguments;
use super::store::StoreArgument;

const EXAMPLES: &str = "\
Examples:
  lithify salvage --store S --to T
  lithify salvage --store S --to T --exact-only      # only commits of which nothing is lost
  lithify salvage --store S --to T --format json     # the report for a program

Writes what the damaged store S still holds into a new store T, under the same commit numbers, and
says what is exact and what is lost. S is not written to. Where something is lost, T has the newest
value that is known, which may be older than the one that S had: the report names these commits,
keyspaces and keys. T must be missing or empty.

Exits with 1 if a commit of T is not exact, or commits behind its newest one may be lost. Where the
manifest is lost, the segment files and the log say what they hold themselves; then nothing proves
that it is all there was, keyspaces may have lost their names, and the placement is the one that is
given here.

A backup is better: see restore. The undamaged parts of S can also be read as they are: see
get --damaged, scan --damaged, and export --damaged.";

/// Writes what a damaged store still holds into a new store
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Salvage {
    #[command(flatten)]
    store: StoreArgument,
    /// The directory of the new store
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
    /// End the new store with the last exact commit
    #[arg(long)]
    exact_only: bool,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    placement: PlacementArguments,
}

/// Runs the command.
pub(crate) fn run(arguments: &Salvage) -> Outcome {
    let given = &arguments.placement;
    let how = How {
        placement: (!given.is_empty()).then(|| given.over(Placement::default())),
        exact_only: arguments.exact_only,
    };
    let fs = |path: &PathBuf| Arc::new(OsFs::new(path));
    let done = salvage(fs(&arguments.store.path), fs(&arguments.to), &how);
    let done = done.map_err(|error| match error {
        Error::BackupRefused { .. } => of_directory(error, &arguments.to),
        error => of_directory(error, &arguments.store.path),
    })?;
    let mut output = Output::for_writing();
    match arguments.format.format {
        Format::Text => {
            for line in text_of(&done).lines() {
                output.line(line.as_bytes())?;
            }
        }
        Format::Json => output.json(&Report::of(&done))?,
    }
    output.finish()?;
    match is_all(&done) {
        true => Ok(()),
        false => Err(Exit::Negative.because(format!(
            "{}: not everything could be salvaged",
            arguments.store.path.display()
        ))),
    }
}

/// Whether the new store is what the old one was.
fn is_all(done: &Salvaged) -> bool {
    let is_lost = done.losses.iter().any(|loss| loss.takes != Takes::Nothing);
    !is_lost && done.unproven.is_none() && done.exact_through == done.head
}

fn text_of(done: &Salvaged) -> String {
    let mut text = format!("salvaged {}\n", commits(Commit::new(1), done.head));
    let mut line = |what: String| {
        let _ = writeln!(text, "{what}");
    };
    line(format!(
        "exact: {}",
        commits(Commit::new(1), done.exact_through.min(done.head))
    ));
    if done.head > done.exact_through {
        let incomplete = commits(done.exact_through.next(), done.head);
        line(format!(
            "incomplete: {incomplete}, where a line below names it"
        ));
    }
    for range in &done.thinned {
        let thinned = commits(*range.start(), *range.end());
        line(format!("thinned out by the old store: {thinned}"));
    }
    for loss in &done.losses {
        line(format!("damage: {loss}"));
    }
    if let Some(unproven) = &done.unproven {
        let from = match unproven.files.is_empty() {
            true => "the log".to_owned(),
            false => unproven.files.join(", "),
        };
        line(format!(
            "not proven: commits from {} on, which come from {from}: {}",
            unproven.first, unproven.damage
        ));
    }
    for name in &done.unnamed {
        line(format!(
            "name lost: of the keyspace that is called {name:?} now"
        ));
    }
    if !done.is_placement_known {
        let divisor = &done.placement.alignment;
        line(format!(
            "placement lost: what was not given is the default now, divisor {divisor}"
        ));
    }
    text
}

fn commits(first: Commit, last: Commit) -> String {
    match last >= first {
        true => format!("commits {first} to {last}"),
        false => "no commits".to_owned(),
    }
}

/// The report for a program.
#[derive(Serialize)]
struct Report<'a> {
    head: Commit,
    exact_through: Commit,
    thinned: Vec<[Commit; 2]>,
    losses: Vec<JsonLoss<'a>>,
    unproven: Option<JsonUnproven<'a>>,
    unnamed: &'a [String],
    is_placement_known: bool,
}

#[derive(Serialize)]
struct JsonDamage<'a> {
    file: &'a str,
    offset: u64,
    expected: &'a str,
    found: &'a str,
}

#[derive(Serialize)]
struct JsonLoss<'a> {
    damage: JsonDamage<'a>,
    lost: Option<JsonTaken<'a>>,
}

/// Writes that are lost: by no keyspace of all keyspaces, and of all keys.
#[derive(Serialize)]
struct JsonTaken<'a> {
    first_commit: Commit,
    last_commit: Option<Commit>,
    keyspace: Option<&'a str>,
    first_key: Option<JsonBytes<'a>>,
    last_key: Option<JsonBytes<'a>>,
}

#[derive(Serialize)]
struct JsonUnproven<'a> {
    first_commit: Commit,
    damage: JsonDamage<'a>,
    files: &'a [String],
}

impl<'a> JsonDamage<'a> {
    fn of(damage: &'a Damage) -> Self {
        Self {
            file: &damage.file,
            offset: damage.offset,
            expected: &damage.expected,
            found: &damage.found,
        }
    }
}

impl<'a> JsonLoss<'a> {
    fn of(loss: &'a Loss) -> Self {
        let lost = match &loss.takes {
            Takes::Nothing => None,
            Takes::Versions {
                keyspace,
                first,
                last,
                from,
                to,
            } => Some(JsonTaken {
                first_commit: *first,
                last_commit: Some(*last),
                keyspace: Some(keyspace),
                first_key: Some(JsonBytes(from)),
                last_key: to.as_deref().map(JsonBytes),
            }),
            Takes::Commits { first, last } => Some(JsonTaken {
                first_commit: *first,
                last_commit: *last,
                keyspace: None,
                first_key: None,
                last_key: None,
            }),
        };
        Self {
            damage: JsonDamage::of(&loss.damage),
            lost,
        }
    }
}

impl<'a> Report<'a> {
    fn of(done: &'a Salvaged) -> Self {
        let thinned = done.thinned.iter();
        let unproven = done.unproven.as_ref();
        Self {
            head: done.head,
            exact_through: done.exact_through,
            thinned: thinned
                .map(|range| [*range.start(), *range.end()])
                .collect(),
            losses: done.losses.iter().map(JsonLoss::of).collect(),
            unproven: unproven.map(|unproven| JsonUnproven {
                first_commit: unproven.first,
                damage: JsonDamage::of(&unproven.damage),
                files: &unproven.files,
            }),
            unnamed: &done.unnamed,
            is_placement_known: done.is_placement_known,
        }
    }
}
