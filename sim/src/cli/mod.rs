//! The command line: arguments in, text and an exit code out.
//!
//! Reading order: [`args`] (the commands), [`exit`] (how they end), [`store`] (how they
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

use clap::FromArgMatches as _;

use args::{Arguments, Command};
use exit::{Failure, Outcome};

/// Runs the command that the process was started with.
pub(crate) fn main() -> ExitCode {
    let parsed = args::command()
        .try_get_matches()
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let outcome = match parsed {
        Ok(arguments) => run(arguments.command),
        Err(error) => exit::from_parser(&error),
    };
    match outcome {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Stop { exit, message }) => {
            // There is nobody to tell when standard error is closed too.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("lithify: {message}\n"),
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
        Command::Sim(arguments) => sim::run(&arguments),
        Command::WalNode(arguments) => wal_node::run(&arguments),
        Command::RatioStore(arguments) => ratio_store::run(&arguments),
        Command::DataFile(arguments) => data_file::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}
