//! The arguments that several commands share.

use clap::{Args, ValueEnum};

/// Parses a negative number as a value that is out of range, and not as an unknown
/// option.
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
#[expect(missing_docs, reason = "what is said of a value is printed by --help")]
pub enum Format {
    Text,
    Json,
}

/// The form of an output, as an argument.
#[derive(Args, Clone, Copy, Debug)]
pub struct FormatArgument {
    /// The form of the output: text for people, JSON for programs
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
