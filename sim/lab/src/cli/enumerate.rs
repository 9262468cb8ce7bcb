//! `sim enumerate`: everything that can happen to a small history.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::args::{Format, FormatArgument};
use super::choose;
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::progress::{Clock, Progress};
use super::terminal::Colour;
use super::{Laboratory, failure, trace_file, workers};
use crate::disk::Model;
use crate::run::plan::Plan;
use crate::search::scope::{Enumerated, Gap, Scope, enumerate_watched};
use crate::system::{Settings, System, planted_in};

const EXAMPLES: &str = "\
Examples:
  lithify sim enumerate --commits 4 --divisor 2
  lithify sim enumerate --commits 3 --model paranoid --set cascade=direct
  lithify sim enumerate --commits 2 --bug ack-before-sync";

/// Tries every schedule of callbacks, every crash point and every possible crash image of a
/// small history
///
/// States that are equal in everything that can make a difference are visited once. A final state
/// has no commit, callback or step left. If everything was visited, this is a proof for the
/// history.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Enumerate {
    /// Number of commits
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u64).range(1..=12))]
    commits: u64,
    /// The divisor, for systems that have one [default: 2]
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(2..))]
    divisor: Option<u64>,
    /// Number of keyspaces
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=4))]
    keyspaces: u8,
    /// The system [default: the first system of `list`]
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// The persistence model
    #[arg(long, default_value = "posix-min", hide_possible_values = true, value_parser = choose::model())]
    model: &'static Model,
    /// A setting of the system, as name=value; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = choose::setting)]
    settings: Vec<(String, String)>,
    /// Plant a bug; `list --system SYSTEM` lists the bugs
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
    /// Maximum number of images of a crash point that is enumerated
    #[arg(long, value_name = "N", default_value = "65536")]
    max_images: usize,
    /// Stop after this number of seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time: Option<u64>,
    /// The file for the trace of a finding
    #[arg(
        long,
        value_name = "FILE",
        default_value = "sim-findings/enumerated.sim"
    )]
    out: PathBuf,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Line {
    model: &'static str,
    complete: bool,
    states: u64,
    final_states: u64,
    silent_moves: u64,
    executions: u64,
    crash_points: u64,
    enumerated_points: u64,
    images: u64,
    distinct_images: u64,
    seconds: f64,
    finding: Option<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Enumerate, laboratory: Laboratory<'_>) -> Outcome {
    let system = laboratory.system(arguments.system.as_deref())?;
    let settings = settings(arguments, system)?;
    if let Err(message) = system.configure(&settings) {
        return Err(Exit::Usage.because(message));
    }
    let place = trace_file::Place::check(&arguments.out, "a trace")?;
    let start = Clock::start();
    let scope = Scope {
        system,
        settings,
        model: arguments.model,
        commits: arguments.commits,
        keyspaces: arguments.keyspaces,
        max_images: arguments.max_images,
        stop: workers::stop_on_interrupt().within(arguments.time.map(Duration::from_secs)),
    };
    let progress = Progress::endless("states", arguments.format.format);
    let mut watch = |found: &Enumerated| {
        progress.reach(found.states);
        progress.say(&format!(
            "{} executions, {} images",
            found.executions, found.distinct
        ));
    };
    let found = with_bug(arguments, system, || enumerate_watched(&scope, &mut watch))?;
    drop(progress);
    // The trace is written first, so that it exists even if the output fails.
    let finding = found.finding.clone().map(|(finding, plan)| {
        let bug = arguments.bug.clone();
        (finding, Plan { bug, ..plan })
    });
    if let Some((_, plan)) = &finding {
        place.keep(plan)?;
    }
    tell(arguments, &scope.settings, &found, start.elapsed())?;
    match finding {
        None => check_end(system, found.gap()),
        Some((finding, plan)) => Err(failure(laboratory, &finding, &plan, &arguments.out)),
    }
}

/// If the caller limits the search (`--time`, `--max-images`), an incomplete result is
/// reported and is no error. If no state was final, "nothing found" would be wrong, so
/// that is an error.
fn check_end(system: &dyn System, gap: Option<Gap>) -> Outcome {
    match gap {
        Some(Gap::NoEnd) => Err(Exit::Negative.because(format!(
            "no state was final, so this says nothing: {} never comes to rest, or its progress leaves out what only memory knows",
            system.name()
        ))),
        _ => Ok(()),
    }
}

/// The given settings, and the divisor for a system that has one.
fn settings(arguments: &Enumerate, system: &dyn System) -> Outcome<Settings> {
    let mut settings = choose::settings(&arguments.settings)?;
    let refused = |message: String| Err(Exit::Usage.because(message));
    let has_divisor = has_divisor(system);
    match arguments.divisor {
        Some(_) if !has_divisor => refused(format!(
            "--divisor: the system {} has no divisor",
            system.name()
        )),
        Some(_) if settings.contains_key("divisor") => {
            refused("the divisor is given twice: by --divisor and by --set".to_owned())
        }
        divisor => {
            if has_divisor && !settings.contains_key("divisor") {
                let divisor = divisor.unwrap_or(2).to_string();
                settings.insert("divisor".to_owned(), divisor);
            }
            Ok(settings)
        }
    }
}

/// Calls `run` with the chosen bug planted.
fn with_bug<T>(arguments: &Enumerate, system: &dyn System, run: impl FnOnce() -> T) -> Outcome<T> {
    let bug = choose::bug(system, arguments.bug.as_deref())?;
    Ok(match bug {
        Some(bug) => planted_in(system, bug, run),
        None => run(),
    })
}

fn has_divisor(system: &dyn System) -> bool {
    let mut settings = system.settings().iter();
    settings.any(|setting| setting.name == "divisor")
}

fn tell(arguments: &Enumerate, settings: &Settings, found: &Enumerated, time: Duration) -> Outcome {
    let mut output = Output::for_writing();
    let finding = found
        .finding
        .as_ref()
        .map(|(finding, _)| finding.to_string());
    match arguments.format.format {
        Format::Json => output.json(&Line {
            model: arguments.model.name,
            complete: found.is_complete(),
            states: found.states,
            final_states: found.ends,
            silent_moves: found.silent,
            executions: found.executions,
            crash_points: found.coverage.points,
            enumerated_points: found.coverage.enumerated_points,
            images: found.coverage.images,
            distinct_images: found.distinct,
            seconds: time.as_secs_f64(),
            finding,
        })?,
        Format::Text => {
            let how = match found.gap() {
                None => "everything was seen".to_owned(),
                Some(gap) => gap.to_string(),
            };
            let divisor = match settings.get("divisor") {
                Some(divisor) => format!(" divisor {divisor},"),
                None => String::new(),
            };
            output.line(
                format!(
                    "{} commits,{divisor} {} keyspaces, model {}: {how}",
                    arguments.commits, arguments.keyspaces, arguments.model.name
                )
                .as_bytes(),
            )?;
            output.line(
                format!(
                    "{} states in {} executions, {} of them final; {}, {} distinct; {:.1} s",
                    found.states,
                    found.executions,
                    found.ends,
                    found.coverage,
                    found.distinct,
                    time.as_secs_f64()
                )
                .as_bytes(),
            )?;
            let verdict = match &finding {
                None => output.screen().paint(Colour::Green, "nothing found"),
                Some(finding) => output.screen().paint(Colour::Red, finding),
            };
            output.line(verdict.as_bytes())?;
        }
    }
    output.finish()
}
