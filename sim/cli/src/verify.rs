//! `verify`: checks that every byte of the store is the byte that was written.
//!
//! The check is `lithify::verify`, which does not open the store and repairs nothing.

use clap::Args;
use lithify::verify::{Severity, verify};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use lithify_sim::cli::terminal::{Colour, Screen};

use super::store::StoreArgument;

const EXAMPLES: &str = "\
Examples:
  lithify verify --store S
  lithify verify --store S --format json

Prints a line for each finding, and a summary. Exits with 1 if something is damaged. A note is \
something that a crash may leave; it is not damage. The command check-git compares the contents \
with a repository; this command does not.";

/// Checks every byte of a store
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    format: FormatArgument,
}

/// Runs the command.
pub(crate) fn run(arguments: &Verify) -> Outcome {
    let report = arguments.store.check(verify)?;
    let mut output = Output::for_reading();
    match arguments.format.format {
        Format::Text => {
            for line in report.to_string().lines() {
                output.line(painted(line, output.screen()).as_bytes())?;
            }
        }
        Format::Json => output.json(&report)?,
    }
    output.finish()?;
    if report.is_sound() {
        return Ok(());
    }
    Err(Exit::Negative.because(format!(
        "{}: {} findings of damage",
        arguments.store.path.display(),
        report.count(Severity::Damage)
    )))
}

/// A line of the report: damage is red, a note yellow, and the verdict red or green.
fn painted(line: &str, screen: Screen) -> String {
    let colour = match line.split([':', ' ']).next() {
        Some("damage" | "DAMAGED") => Colour::Red,
        Some("sound") => Colour::Green,
        _ => Colour::Yellow,
    };
    screen.paint(colour, line)
}
