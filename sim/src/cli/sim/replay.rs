//! `sim replay`: a trace, exactly as it is written.

use std::path::PathBuf;

use clap::Args;
use lithify_sim::plan::Expectation;
use lithify_sim::replay::replay;
use serde::Serialize;

use super::super::args::{Format, FormatArgument};
use super::super::exit::{Exit, Outcome};
use super::super::output::Output;
use super::trace_file;

/// Runs a saved trace; the exit code says whether its expectation holds
#[derive(Args, Debug)]
pub(crate) struct ReplayTrace {
    /// The trace
    trace: PathBuf,
    /// Print what happens, operation by operation
    #[arg(long)]
    trace_operations: bool,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Line {
    trace: String,
    expected: String,
    found: Option<String>,
    message: Option<String>,
    holds: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &ReplayTrace) -> Outcome {
    let plan = trace_file::read(&arguments.trace)?;
    let outcome = replay(&plan, arguments.trace_operations)
        .map_err(|message| Exit::Usage.because(message))?;
    let holds = outcome.holds(plan.expectation);
    let expected = match plan.expectation {
        Expectation::Pass => "pass".to_owned(),
        Expectation::Violation(oracle) => oracle.to_string(),
    };
    let mut output = Output::for_reading();
    match arguments.format.format {
        Format::Json => output.json(&Line {
            trace: arguments.trace.display().to_string(),
            expected: expected.clone(),
            found: outcome
                .finding
                .as_ref()
                .map(|finding| finding.oracle.to_string()),
            message: outcome
                .finding
                .as_ref()
                .map(|finding| finding.message.clone()),
            holds,
        })?,
        Format::Text => {
            for line in outcome
                .execution
                .iter()
                .flat_map(|execution| &execution.timeline)
            {
                output.line(line.as_bytes())?;
            }
            let found = match &outcome.finding {
                None => "nothing found".to_owned(),
                Some(finding) => finding.to_string(),
            };
            output.line(format!("model {}: {found}", plan.model.name).as_bytes())?;
        }
    }
    output.finish()?;
    if holds {
        Ok(())
    } else {
        let found = outcome
            .finding
            .map_or("nothing was found".to_owned(), |finding| {
                format!("{} objects", finding.oracle)
            });
        Err(Exit::Negative.because(format!("the trace expects {expected}, but {found}")))
    }
}
