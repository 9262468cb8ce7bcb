//! `sim shrink`: makes a failing trace as small as possible, and explains why it fails.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::args::{Format, FormatArgument};
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::page::Shown;
use super::progress::{Clock, Progress};
use super::report_file::{self, ReportArgument};
use super::{Laboratory, trace_file, workers};
use crate::finding::explain::explain;
use crate::finding::shrink::shrink_watched;
use crate::run::plan::Plan;

const EXAMPLES: &str = "\
Examples:
  lithify sim shrink finding.sim            # writes finding.small.sim
  lithify sim shrink finding.sim --time 5 --out small.sim
  lithify sim shrink finding.sim --report finding.html      # all facts about the short trace";

/// Makes a failing trace short, and says which single change makes it pass
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShrinkTrace {
    /// The trace
    trace: PathBuf,
    /// The file for the result [default: NAME.small.sim, in the directory of the trace]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Maximum number of seconds for shrinking, and again for explaining. The best result so
    /// far is written in any case
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..))]
    time: u64,
    #[command(flatten)]
    report: ReportArgument,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Line {
    trace: String,
    lines_before: usize,
    lines_after: usize,
    runs: u64,
    seconds: f64,
    cut_short: bool,
    oracle: &'static str,
    message: String,
    pivots: Vec<String>,
    stale: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Shown>,
}

/// Runs the command.
pub(super) fn run(arguments: &ShrinkTrace, laboratory: Laboratory<'_>) -> Outcome {
    let plan = trace_file::read(laboratory, &arguments.trace)?;
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| arguments.trace.with_extension("small.sim"));
    let place = trace_file::Place::check(&out, "a trace")?;
    let page = arguments.report.place()?;
    let start = Clock::start();
    let interrupt = workers::stop_on_interrupt();
    let in_time = || {
        let time = Duration::from_secs(arguments.time);
        interrupt.clone().within(Some(time))
    };
    let refused =
        |message: String| Exit::Usage.because(format!("{}: {message}", arguments.trace.display()));
    let progress = Progress::endless("runs", arguments.format.format);
    let mut watch = |best: &Plan, runs| {
        progress.reach(runs);
        progress.say(&format!(
            "{} of {} lines left",
            best.actions.len(),
            plan.actions.len()
        ));
        true
    };
    let shrunk = shrink_watched(&plan, in_time(), &mut watch).map_err(refused)?;
    place.keep(&shrunk.plan)?;
    progress.say("looking for the cause");
    let explained = explain(&shrunk.plan, &in_time()).map_err(refused)?;
    let shown = match page {
        Some(page) => {
            progress.say("writing the report");
            let shown = report_file::shown(laboratory, (&out, &shrunk.plan), &interrupt)?;
            report_file::write(page, &shown)?;
            Some(shown)
        }
        None => None,
    };
    drop(progress);
    let pivots: Vec<String> = explained.pivots.iter().map(ToString::to_string).collect();
    let stale: Vec<String> = explained.stale.iter().map(ToString::to_string).collect();
    let mut output = Output::for_writing();
    match arguments.format.format {
        Format::Json => output.json(&Line {
            trace: out.display().to_string(),
            lines_before: plan.actions.len(),
            lines_after: shrunk.plan.actions.len(),
            runs: shrunk.runs,
            seconds: start.elapsed().as_secs_f64(),
            cut_short: shrunk.is_cut_short || explained.is_cut_short,
            oracle: explained.finding.oracle.name(),
            message: explained.finding.message,
            pivots,
            stale,
            report: shown,
        })?,
        Format::Text => {
            output.bytes(shrunk.plan.to_string().as_bytes())?;
            output.line(b"")?;
            output.line(explained.finding.to_string().as_bytes())?;
            for line in pivots.iter().chain(&stale) {
                output.line(line.as_bytes())?;
            }
            if explained.is_cut_short {
                output.line(b"the time ended before every change was tried")?;
            } else if pivots.is_empty() {
                output.line(
                    b"no single change of the crash and no single line makes the trace pass",
                )?;
            }
            let cut = if shrunk.is_cut_short {
                ", cut short"
            } else {
                ""
            };
            output.line(
                format!(
                    "{} lines of actions became {}, in {} runs and {:.1} s{cut}; written to {}",
                    plan.actions.len(),
                    shrunk.plan.actions.len(),
                    shrunk.runs,
                    start.elapsed().as_secs_f64(),
                    out.display()
                )
                .as_bytes(),
            )?;
        }
    }
    output.finish()
}
