//! `completions`: scripts for a shell that complete this command line.
//!
//! The scripts are static: every name that can be completed (systems, models, faults,
//! workloads, policies, bugs, settings) is known when the program is built.

use clap::Args;
use clap_complete::Shell;
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;

const EXAMPLES: &str = "\
Examples:
  lithify completions bash > ~/.local/share/bash-completion/completions/lithify
  lithify completions fish > ~/.config/fish/completions/lithify.fish

Commands, options, systems, models, faults, workloads, policies and planted bugs are completed. \
In a list with commas the first name is completed.";

/// Prints completions for a shell
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(arguments: &Completions) -> Outcome {
    let mut output = Output::for_reading();
    if output.screen().is_terminal() {
        let shell = arguments.shell;
        return Err(Exit::Usage.because(format!(
            "a script is for a file: lithify completions {shell} > FILE"
        )));
    }
    // The generator panics when its writer fails, so it writes to memory.
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "lithify", &mut text);
    output.bytes(&text)?;
    output.finish()
}
