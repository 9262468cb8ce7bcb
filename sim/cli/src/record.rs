//! `record`: what a program does to a directory, into one file.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{StringValueParser, TypedValueParser};
use lithify_programs::gaps::Kind;
use lithify_programs::inject::Injection;
use lithify_programs::recording::check_place;
use lithify_programs::steps::Step;
use lithify_programs::{Recording, Request};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::terminal::tell;
use lithify_sim::cli::{offering, stop_on_interrupt};
use lithify_sim::names::unknown;

use super::programs::{notes, of_programs};

const EXAMPLES: &str = "\
Examples:
  lithify record --dir data -o run.rec -- ./my-program --its arguments
  lithify record --dir db -o run.rec -- sqlite3 db/t 'create table t(x)'
  lithify record --dir data -o run.rec --marker acks -- ./server.sh   # what is
                                        # written to acks is what clients saw
  lithify record --dir db -o run.rec --inject fdatasync:error=EIO:when=3 -- sqlite3 db/t < work.sql

Needs strace 5.3 or newer, and no privileges. Threads and children are followed. What the program \
prints is kept as what its user has seen. A call that the recording cannot hold ends it, with its \
name; --allow keeps the recording, which says so with every finding. With --inject some calls fail, and \
nothing of them reaches the directory; threads and children count their calls each for itself.";

/// Records what a program does to a directory
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Record {
    /// The directory to watch; it may hold data already
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,
    /// The file for the recording
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// A file outside of the directory: what is written to it is what clients have seen
    #[arg(long, value_name = "FILE")]
    marker: Option<PathBuf>,
    /// Kinds of gaps that do not end the recording, separated by commas
    #[arg(long, value_name = "KINDS", value_delimiter = ',', hide_possible_values = true, value_parser = kind())]
    allow: Vec<Kind>,
    /// Calls that fail, as strace takes them: CALLS:error=E:when=N; may be repeated
    #[arg(long, value_name = "EXPRESSION")]
    inject: Vec<Injection>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    let names = || Kind::ALL.into_iter().map(Kind::name);
    let named = StringValueParser::new().try_map(move |name| {
        Kind::named(&name).ok_or_else(|| unknown("kind of gap", &name, names()))
    });
    offering(named, names())
}

/// Runs the command.
pub(crate) fn run(arguments: &Record) -> Outcome {
    // Ctrl-C is for the program: it ends, and what it did until then is recorded.
    let _interrupt = stop_on_interrupt();
    let request = Request {
        directory: arguments.dir.clone(),
        program: arguments.program.clone(),
        marker: arguments.marker.clone(),
        allowed: arguments.allow.iter().copied().collect::<BTreeSet<_>>(),
        injected: arguments.inject.clone(),
    };
    check_place(&arguments.out).map_err(of_programs)?;
    let recording = lithify_programs::record(&request).map_err(of_programs)?;
    recording.write(&arguments.out).map_err(of_programs)?;
    tell(&summary(&recording, &arguments.out));
    for note in notes(&recording.header) {
        tell(&note);
    }
    Ok(())
}

fn summary(recording: &Recording, out: &std::path::Path) -> String {
    let header = &recording.header;
    let count = |is_meant: fn(&Step) -> bool| {
        let steps = recording.steps.iter();
        steps.filter(|step| is_meant(step)).count()
    };
    let is_sync = |step: &Step| matches!(step, Step::Sync { .. } | Step::SyncAll { .. });
    let failed = match count(|step| matches!(step, Step::FailedSync { .. })) {
        0 => String::new(),
        failed => format!(", {failed} syncs that failed"),
    };
    let is_output = |step: &Step| matches!(step, Step::Output { .. });
    format!(
        "{}: {} operations, {} of them syncs{failed}, and {} outputs, out of {} calls; the program ended with {}",
        out.display(),
        lithify_programs::crash::operations(&recording.disk),
        count(is_sync),
        count(is_output),
        header.calls,
        header.end
    )
}
