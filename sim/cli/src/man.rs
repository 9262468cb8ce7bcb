//! `man`: the manual, a page for each command.

use std::path::PathBuf;

use clap::Args;
use clap_mangen::Man;
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use lithify_sim::names::suggest;

const EXAMPLES: &str = "\
Examples:
  lithify man | man -l -
  lithify man sim run | man -l -
  lithify man --out ~/.local/share/man/man1

Without --out one page is printed, in the format roff.";

/// Prints the manual page of a command, or writes the pages of all commands
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Manual {
    /// The command, such as sim run [default: lithify itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    path: Vec<String>,
    /// Write the page of each command into this directory
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Manual) -> Outcome {
    if let Some(directory) = &arguments.out {
        let failed = |error: std::io::Error| {
            let directory = directory.display();
            Exit::Io.because(format!("cannot write the manual to {directory}: {error}"))
        };
        std::fs::create_dir_all(directory).map_err(failed)?;
        return clap_mangen::generate_to(super::command(), directory).map_err(failed);
    }
    let page = page(&arguments.path)?;
    let mut output = Output::for_reading();
    if output.screen().is_terminal() {
        let words = [
            &["lithify".to_owned(), "man".to_owned()],
            &arguments.path[..],
        ]
        .concat();
        return Err(Exit::Usage.because(format!(
            "a page is for a program that formats it: {} | man -l -",
            words.join(" ")
        )));
    }
    output.bytes(&page)?;
    output.finish()
}

/// The page of a command.
fn page(path: &[String]) -> Outcome<Vec<u8>> {
    let mut root = super::command().disable_help_subcommand(true);
    // This gives the subcommands their full names.
    root.build();
    let mut command = &root;
    for name in path {
        command = command.find_subcommand(name).ok_or_else(|| {
            let names = command.get_subcommands().map(clap::Command::get_name);
            let what = format!("{} has no command {name:?}", command.get_name());
            Exit::Usage.because(suggest(&what, name, names))
        })?;
    }
    let mut page = Vec::new();
    let rendered = Man::new(command.clone()).render(&mut page);
    rendered.map_err(|error| Exit::Io.because(error))?;
    Ok(page)
}
