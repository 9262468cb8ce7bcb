//! The commands, and the functions that run them.

use clap::{Parser, Subcommand};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::{Laboratory, Simulate};

use super::systems::SYSTEMS;

/// The text of `--help` about exit codes.
const EXIT_CODES: &str = "\
Exit codes:
  0  success; also when the reader of the output stops reading
  1  a negative answer: the key does not exist, a difference, a finding
  2  usage: unknown or contradictory arguments, a divisor below 2
  3  bad input: a garbled log, not a git repository, a malformed line of JSON,
     a key or batch above a limit, a commit after the newest one or one that
     was thinned out, an unknown keyspace
  4  the store cannot be opened: it is missing, locked, not a store, of an
     unknown format, created with other options, or permission is missing
  5  damage: stored bytes are different from what was written
  6  input or output failed: the disk is full, there is no memory for a line,
     git failed or is missing
  7  not finished: --time or Ctrl-C ended a simulation early, and
     --fail-on-incomplete was given";

const EXAMPLES: &str = "\
Examples:
  lithify import-git --repo . --store target/demo
  lithify scan --store target/demo --at 10 --format tree
  lithify history --store target/demo README.md
  lithify layout --store target/demo --pyramid
  lithify --log debug compact --store target/demo";

/// A commit-addressed store. Each commit has a number and can be read later. Segments are
/// merged at commit numbers that follow from the options alone.
#[derive(Parser, Debug)]
#[command(name = "lithify", version, arg_required_else_help = true)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Arguments {
    /// Tell on standard error what the engine does, and how long it takes: openings (info), commits,
    /// syncs, merges and files (debug), every step (trace)
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) log: Option<super::log::Log>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Defines the commands: each has its arguments and the function that runs it.
macro_rules! commands {
    ($($command:ident($arguments:ty) => $run:path,)*) => {
        /// One command each; the order is that of `--help`.
        #[derive(Subcommand, Debug)]
        pub(crate) enum Command {
            $($command($arguments),)*
        }

        impl Command {
            /// Runs the command.
            pub(crate) fn run(&self) -> Outcome {
                match self {
                    $(Self::$command(arguments) => $run(arguments),)*
                }
            }
        }
    };
}

commands! {
    ImportGit(Box<super::import_git::ImportGit>) => super::import_git::run,
    CheckGit(super::check_git::CheckGit) => super::check_git::run,
    Get(super::get::Get) => super::get::run,
    Scan(super::scan::Scan) => super::scan::run,
    History(super::history::History) => super::history::run,
    Diff(super::diff::Diff) => super::diff::run,
    Layout(super::layout::ShowLayout) => super::layout::run,
    Stats(super::stats::ShowStats) => super::stats::run,
    Verify(super::verify::Verify) => super::verify::run,
    Put(super::write::Put) => super::write::put,
    Delete(super::write::Delete) => super::write::delete,
    Apply(super::apply::Apply) => super::apply::run,
    Export(super::export::Export) => super::export::run,
    Import(super::import::Import) => super::import::run,
    Compact(super::write::Compact) => super::write::compact,
    Backup(super::backup::Backup) => super::backup::backup,
    Restore(super::backup::Restore) => super::backup::restore,
    Archive(super::archive::Archive) => super::archive::run,
    Salvage(Box<super::salvage::Salvage>) => super::salvage::run,
    Changes(super::replica::ShowChanges) => super::replica::changes,
    Follow(super::replica::Follow) => super::replica::follow,
    Promote(super::replica::Promote) => super::replica::promote,
    Predict(super::predict::Predict) => super::predict::run,
    Compare(Box<super::compare::Compare>) => super::compare::run,
    Sim(Simulate) => simulate,
    Record(super::record::Record) => super::record::run,
    Crash(Box<super::crash::Crash>) => super::crash::run,
    Fix(super::fix::Fix) => super::fix::run,
    Image(super::image::Image) => super::image::run,
    WalNode(super::wal_node::WalNode) => super::wal_node::run,
    RatioStore(super::ratio_store::RatioStore) => super::ratio_store::run,
    DataFile(super::data_file::DataFile) => super::data_file::run,
    Completions(super::completions::Completions) => super::completions::run,
    Man(super::man::Manual) => super::man::run,
}

/// Runs the laboratory with all systems.
fn simulate(arguments: &Simulate) -> Outcome {
    arguments.run(Laboratory {
        systems: SYSTEMS,
        command: "lithify sim",
        recorded: Some(super::recorded::commits),
    })
}
