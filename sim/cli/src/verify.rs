//! `verify`: is every byte of the store what was written?
//!
//! The check is that of `lithify::verify`, which opens nothing and repairs nothing.

use clap::Args;
use lithify::verify::{Severity, verify};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;

use super::store::StoreArgument;

const EXAMPLES: &str = "\
Examples:
  lithify verify --store S
  lithify verify --store S --format json

Prints a line for each finding, and what was checked. Exits with 1 when something is damaged;
what a crash leaves behind legally is a note and no damage. Whether the contents are what was
committed is another question: see check-git.";

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
        Format::Text => output.line(report.to_string().as_bytes())?,
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
