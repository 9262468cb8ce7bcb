//! The commands, and the arguments that many have in common.

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use super::exit::EXIT_CODES;

const EXAMPLES: &str = "\
Examples:
  lithify import-git --repo . --store target/demo
  lithify scan --store target/demo --at 10 --format tree
  lithify history --store target/demo README.md
  lithify layout --store target/demo --pyramid";

/// A commit-addressed store: every commit has a number and can be read back, and segments
/// are merged at commit numbers that are known beforehand.
#[derive(Parser, Debug)]
#[command(name = "lithify", version, arg_required_else_help = true)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command each; the order is that of `--help`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    ImportGit(Box<super::import_git::ImportGit>),
    CheckGit(super::check_git::CheckGit),
    Get(super::get::Get),
    Scan(super::scan::Scan),
    History(super::history::History),
    Diff(super::diff::Diff),
    Layout(super::layout::ShowLayout),
    Stats(super::stats::ShowStats),
    Verify(super::verify::Verify),
    Put(super::write::Put),
    Delete(super::write::Delete),
    Apply(super::apply::Apply),
    Compact(super::write::Compact),
    Changes(super::replica::ShowChanges),
    Follow(super::replica::Follow),
    Promote(super::replica::Promote),
    Predict(super::predict::Predict),
    Compare(Box<super::compare::Compare>),
    Sim(super::sim::Simulate),
    WalNode(super::wal_node::WalNode),
    RatioStore(super::ratio_store::RatioStore),
    DataFile(super::data_file::DataFile),
    Completions(super::completions::Completions),
}

/// The parser. A negative number is a value that is out of range, and no option that does
/// not exist.
pub(crate) fn command() -> clap::Command {
    with_negative_numbers(Arguments::command())
}

pub(super) fn with_negative_numbers(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| match argument.get_action().takes_values() {
            true => argument.allow_negative_numbers(true),
            false => argument,
        })
        .mut_subcommands(with_negative_numbers)
}

/// The form of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// The form of an output, as an argument.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct FormatArgument {
    /// Text for people, JSON for programs
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}
