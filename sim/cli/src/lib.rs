//! The binary `lithify`: the commands that work on stores, and the commands of the
//! laboratory for all systems.
//!
//! Reading order: `args` (the commands), `store` (how they open a store), then a file
//! for each command. [`lithify_sim::cli::exit`] defines how commands end. Commands that
//! read open the store for reading only and create nothing.

mod apply;
mod archive;
mod args;
mod backup;
mod bytes;
mod check_git;
mod compare;
mod completions;
mod crash;
mod crash_facts;
mod data_file;
mod diff;
mod export;
mod fix;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod get;
mod git_log;
mod history;
mod image;
mod import;
mod import_git;
mod layout;
mod lines;
mod log;
mod man;
mod operations;
mod person;
mod placement;
mod predict;
mod programs;
mod ratio_store;
mod record;
mod recorded;
mod replica;
mod salvage;
mod scan;
mod source;
mod stats;
mod store;
pub mod systems;
mod tuning;
mod verify;
mod wal_node;
mod watch;
mod write;

/// Runs the binary with the arguments of the process.
#[must_use]
pub fn main() -> std::process::ExitCode {
    lithify_sim::cli::program("lithify", command(), |arguments: args::Arguments| {
        if let Some(log) = arguments.log {
            log::start(log);
        }
        arguments.command.run()
    })
}

/// The command line, with the names of the systems.
fn command() -> clap::Command {
    use clap::CommandFactory as _;
    let offer = |simulate| lithify_sim::cli::offer_systems(simulate, systems::SYSTEMS);
    args::Arguments::command().mut_subcommand("sim", offer)
}
