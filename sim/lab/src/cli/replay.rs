//! `sim replay`: runs traces exactly as they are written.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::args::{Format, FormatArgument};
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::page::Shown;
use super::progress::Progress;
use super::report_file::{self, ReportArgument};
use super::terminal::Colour;
use super::{Laboratory, NON_DETERMINISM, trace_file, workers};
use crate::finding::replay::{Replay, replay};
use crate::judge::oracle::Finding;
use crate::run::plan::{Expectation, Plan};
use crate::stop::Stop;

const EXAMPLES: &str = "\
Examples:
  lithify sim replay finding.sim
  lithify sim replay finding.sim --trace    # prints each operation
  lithify sim replay finding.sim --report finding.html
  lithify sim replay tests/traces           # all traces of a directory";

/// Runs saved traces; the exit code says whether each does what it expects
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReplayTrace {
    /// Traces, and directories with traces (files that end in .sim)
    #[arg(required = true)]
    traces: Vec<PathBuf>,
    /// Print each operation
    #[arg(long, alias = "trace-operations")]
    trace: bool,
    #[command(flatten)]
    report: ReportArgument,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Line {
    trace: String,
    model: &'static str,
    expected: String,
    found: Option<&'static str>,
    message: Option<String>,
    holds: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    without_effect: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    timeline: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Shown>,
}

/// A trace and the outcome of its replay.
struct Replayed {
    path: PathBuf,
    plan: Plan,
    replay: Replay,
    /// The difference of a second run, unless the trace expects a difference.
    difference: Option<Finding>,
    /// The facts, if a page of them is wanted.
    shown: Option<Shown>,
}

/// Runs the command.
pub(super) fn run(arguments: &ReplayTrace, laboratory: Laboratory<'_>) -> Outcome {
    let paths = trace_file::expand(&arguments.traces)?;
    if arguments.report.report.is_some() && paths.len() > 1 {
        let message = format!("--report is about one trace, and here are {}", paths.len());
        return Err(Exit::Usage.because(message));
    }
    let mut place = arguments.report.place()?;
    // The exit code says whether all traces hold, so the command finishes even if its
    // output is not read.
    let mut output = Output::for_writing();
    let mut all = Vec::new();
    let mut unreadable = Vec::new();
    let stop = match paths.len() {
        // A single trace has no intermediate result, unless it is explained, too.
        1 if arguments.report.report.is_none() => Stop::never(),
        _ => workers::stop_on_interrupt(),
    };
    let count = paths.len();
    let progress = Progress::of(count as u64, "traces", arguments.format.format);
    for path in paths {
        if stop.is_due() {
            break;
        }
        let outcome = replay_file(laboratory, &path);
        progress.advance();
        let mut replayed = match outcome {
            Ok(replayed) => replayed,
            // The other traces are replayed in any case.
            Err(failure) => {
                unreadable.push(failure);
                continue;
            }
        };
        if let Some(place) = place.take() {
            let about = (&*replayed.path, &replayed.plan);
            let shown = report_file::shown(laboratory, about, &stop)?;
            report_file::write(place, &shown)?;
            replayed.shown = Some(shown);
        }
        if arguments.format.format == Format::Text {
            text(arguments, &mut output, &replayed)?;
        }
        all.push(replayed);
    }
    drop(progress);
    if arguments.format.format == Format::Json {
        let mut lines: Vec<Line> = all.iter_mut().map(line).collect();
        if !arguments.trace {
            lines.iter_mut().for_each(|line| line.timeline.clear());
        }
        match lines.as_mut_slice() {
            [line] if count == 1 => output.json(line)?,
            lines => output.json(&lines)?,
        }
    } else if count > 1 {
        let kept = all.iter().filter(|replayed| replayed.holds()).count();
        output.line(format!("{kept} of {} traces do what they say", all.len()).as_bytes())?;
        let left = count - all.len() - unreadable.len();
        if left > 0 {
            output.line(format!("ended early: {left} traces left").as_bytes())?;
        }
    }
    output.finish()?;
    let others = unreadable.len().saturating_sub(1);
    match unreadable.into_iter().next() {
        Some(failure) if others > 0 => {
            Err(failure.with_note(&format!("{others} more cannot be replayed")))
        }
        Some(failure) => Err(failure),
        None => all.iter().try_for_each(verdict),
    }
}

fn replay_file(laboratory: Laboratory<'_>, path: &Path) -> Outcome<Replayed> {
    let plan = trace_file::read(laboratory, path)?;
    let run = |wants_timeline| {
        replay(&plan, wants_timeline)
            .map_err(|message| Exit::Usage.because(format!("{}: {message}", path.display())))
    };
    let replay = run(true)?;
    let is_expected = plan.expectation == Expectation::Violation(super::DETERMINISM);
    let difference = match is_expected {
        true => None,
        false => replay.difference(&run(false)?),
    };
    Ok(Replayed {
        path: path.to_owned(),
        plan,
        replay,
        difference,
        shown: None,
    })
}

impl Replayed {
    fn holds(&self) -> bool {
        self.difference.is_none() && self.replay.holds(self.plan.expectation)
    }

    fn expected(&self) -> String {
        match self.plan.expectation {
            Expectation::Pass => "pass".to_owned(),
            Expectation::Violation(oracle) => oracle.to_string(),
        }
    }

    fn unmatched(&self) -> &[String] {
        let execution = self.replay.execution.as_ref();
        execution.map_or(&[], |execution| &execution.unmatched)
    }

    fn timeline(&self) -> &[String] {
        let execution = self.replay.execution.as_ref();
        execution.map_or(&[], |execution| &execution.timeline)
    }
}

fn line(replayed: &mut Replayed) -> Line {
    let report = replayed.shown.take();
    let finding = replayed.replay.finding.as_ref();
    Line {
        trace: replayed.path.display().to_string(),
        model: replayed.plan.model.name,
        expected: replayed.expected(),
        found: finding.map(|finding| finding.oracle.name()),
        message: finding.map(|finding| finding.message.clone()),
        holds: replayed.holds(),
        without_effect: replayed.unmatched().to_vec(),
        timeline: replayed.timeline().to_vec(),
        report,
    }
}

fn text(arguments: &ReplayTrace, output: &mut Output, replayed: &Replayed) -> Outcome {
    if arguments.trace {
        for line in replayed.timeline() {
            output.line(line.as_bytes())?;
        }
    }
    for line in replayed.unmatched() {
        output.line(
            format!("without effect, because the name in it does not exist: {line}").as_bytes(),
        )?;
    }
    let found = match &replayed.replay.finding {
        None => "nothing found".to_owned(),
        Some(finding) => finding.to_string(),
    };
    let colour = match replayed.holds() {
        true => Colour::Green,
        false => Colour::Red,
    };
    let found = output.screen().paint(colour, &found);
    let instead = match &replayed.difference {
        Some(difference) => format!("; {difference}"),
        None if replayed.holds() => String::new(),
        None => format!("; the trace expects {}", replayed.expected()),
    };
    output.line(
        format!(
            "{}: model {}: {found}{instead}",
            replayed.path.display(),
            replayed.plan.model.name
        )
        .as_bytes(),
    )
}

/// An error if the trace does not hold.
fn verdict(replayed: &Replayed) -> Outcome {
    let path = replayed.path.display();
    if let Some(difference) = &replayed.difference {
        return Err(NON_DETERMINISM.because(format!("{path}: {difference}")));
    }
    if replayed.holds() {
        return Ok(());
    }
    let finding = &replayed.replay.finding;
    let found = finding
        .as_ref()
        .map_or("nothing was found".to_owned(), |finding| {
            format!("{} objects", finding.oracle)
        });
    let expected = replayed.expected();
    Err(Exit::Negative.because(format!("{path}: the trace expects {expected}, but {found}")))
}
