//! The command line: arguments in, text and an exit code out.
//!
//! [`main`] is the laboratory for stores of one's own, a binary in one line. The binary
//! `lithify` has all of that for the systems of this crate, and beside it the commands that
//! serve stores.
//!
//! Reading order: `args` (the commands), `exit` (how they end), `store` (how they
//! open a store), then a file for each command. Commands that read open the store for
//! reading only and create nothing. Every failure is one line on standard error; a reader
//! that closes the pipe (`| head`) ends a reading command quietly.

mod apply;
mod args;
mod bytes;
mod check_git;
mod compare;
mod completions;
mod data_file;
mod diff;
mod exit;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod get;
mod git_log;
mod history;
mod import_git;
mod layout;
mod lines;
mod operations;
mod output;
mod placement;
mod predict;
mod ratio_store;
mod replica;
mod scan;
mod sim;
mod stats;
mod store;
mod tuning;
mod verify;
mod wal_node;
mod write;

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::system::System;
use crate::systems::SYSTEMS;
use args::{Arguments, Command};
use exit::{Failure, Outcome};
use sim::Laboratory;

/// The laboratory for these systems, with the arguments of the process: `run`, `replay`,
/// `shrink`, `enumerate`, `mutants`, `economy`, `list`. The first system is the default.
/// Exit codes are those of `lithify sim`; `--help` has them.
///
/// ```no_run
/// # fn main_of(my_system: &'static dyn lithify_sim::system::System) -> std::process::ExitCode {
/// lithify_sim::cli::main(&[my_system])
/// # }
/// ```
///
/// # Panics
/// Without a system.
#[must_use]
pub fn main(systems: &[&'static dyn System]) -> ExitCode {
    assert!(
        !systems.is_empty(),
        "there is nothing to run without a system"
    );
    let program = program();
    let laboratory = Laboratory {
        systems,
        command: &program,
    };
    let command = sim::alone(&program);
    ended(
        &program,
        parsed(command, |alone: sim::Alone| alone.run(laboratory)),
    )
}

/// The binary `lithify`, with the arguments of the process.
#[doc(hidden)]
#[must_use]
pub fn lithify() -> ExitCode {
    let command = args::command();
    ended(
        "lithify",
        parsed(command, |arguments: Arguments| run(arguments.command)),
    )
}

/// What the process was called by.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&called).file_name();
    name.map_or("laboratory".into(), |name| {
        name.to_string_lossy().into_owned()
    })
}

/// Runs what the arguments of the process ask for.
fn parsed<T: FromArgMatches>(command: clap::Command, run: impl FnOnce(T) -> Outcome) -> Outcome {
    let matches = command.try_get_matches();
    match matches.and_then(|matches| T::from_arg_matches(&matches)) {
        Ok(arguments) => run(arguments),
        Err(error) => exit::from_parser(&error),
    }
}

/// The exit code of the process, and the line on standard error that explains it.
fn ended(program: &str, outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Stop { exit, message }) => {
            // There is nobody to tell when standard error is closed too.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("{program}: {message}\n"),
            );
            exit.code()
        }
    }
}

fn run(command: Command) -> Outcome {
    match command {
        Command::ImportGit(arguments) => import_git::run(&arguments),
        Command::CheckGit(arguments) => check_git::run(&arguments),
        Command::Get(arguments) => get::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::History(arguments) => history::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Layout(arguments) => layout::run(&arguments),
        Command::Stats(arguments) => stats::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Put(arguments) => write::put(&arguments),
        Command::Delete(arguments) => write::delete(&arguments),
        Command::Apply(arguments) => apply::run(&arguments),
        Command::Compact(arguments) => write::compact(&arguments),
        Command::Changes(arguments) => replica::changes(&arguments),
        Command::Follow(arguments) => replica::follow(&arguments),
        Command::Promote(arguments) => replica::promote(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Sim(arguments) => arguments.run(Laboratory {
            systems: SYSTEMS,
            command: "lithify sim",
        }),
        Command::WalNode(arguments) => wal_node::run(&arguments),
        Command::RatioStore(arguments) => ratio_store::run(&arguments),
        Command::DataFile(arguments) => data_file::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}
