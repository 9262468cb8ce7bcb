//! `completions`: what a shell needs to complete this command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;

use super::args::Arguments;

const EXAMPLES: &str = "\
Examples:
  lithify completions bash > ~/.local/share/bash-completion/completions/lithify
  lithify completions fish > ~/.config/fish/completions/lithify.fish";

/// Prints completions for a shell
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(arguments: &Completions) -> Outcome {
    // The generator panics when its writer fails, so it writes to memory.
    let mut text = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "lithify",
        &mut text,
    );
    let mut output = Output::for_reading();
    output.bytes(&text)?;
    output.finish()
}
