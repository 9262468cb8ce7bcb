//! `sim economy`: which barriers a store needs.

use std::sync::Mutex;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::args::{Format, FormatArgument};
use super::exit::Outcome;
use super::output::Output;
use super::progress::Progress;
use super::workers::{self, Limits};
use super::{Laboratory, choose};
use crate::disk::{Model, SkippedBarrier};
use crate::finding::shrink::shrink;
use crate::run::workload::WORKLOADS;
use crate::search::economy::{Verdict, judge, survey};
use crate::stop::Stop;
use crate::system::System;

const EXAMPLES: &str = "\
Examples:
  lithify sim economy --seeds 4
  lithify sim economy --system snapshot-log --model ext4-ordered";

/// Leaves out one sync at a time: finds a crash that needs it, or calls it superfluous
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Economy {
    /// The system [default: the first system of `list`]
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// The persistence model
    #[arg(long, default_value = "posix-min", hide_possible_values = true, value_parser = choose::model())]
    model: &'static Model,
    /// Number of seeds of each workload in which syncs are looked for
    #[arg(long, value_name = "N", default_value = "12", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Maximum number of seconds for one sync
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u64).range(1..))]
    time: u64,
    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Line {
    barrier: String,
    after: String,
    executed: u64,
    needed: bool,
    model: &'static str,
    oracle: Option<String>,
    runs: u64,
    witness: Option<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Economy, laboratory: Laboratory<'_>) -> Outcome {
    let system = laboratory.system(arguments.system.as_deref())?;
    let stop = workers::stop_on_interrupt();
    let barriers = surveyed(arguments, system, &stop);
    let lines: Mutex<Vec<(u64, Line)>> = Mutex::default();
    let progress = Progress::of(barriers.len() as u64, "barriers", arguments.format.format);
    let limits = Limits {
        first: 0,
        step: 1,
        count: barriers.len() as u64,
        stop: stop.clone(),
        jobs: workers::threads(arguments.jobs),
    };
    let complete = workers::spread(
        &limits,
        || (),
        |(), index| {
            let (barrier, count) = &barriers[index as usize];
            let Some(line) = tried(arguments, system, barrier, *count, &stop) else {
                return false;
            };
            let mut lines = lines.lock().expect("lines are values");
            lines.push((index, line));
            progress.advance();
            let needed = lines.iter().filter(|(_, line)| line.needed).count();
            progress.say(&format!("{needed} needed"));
            true
        },
        |()| {},
    );
    drop(progress);
    let complete = complete && !stop.is_due();
    let mut lines = lines.into_inner().expect("lines are values");
    lines.sort_by_key(|(index, _)| *index);
    let lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
    let mut output = Output::for_writing();
    match arguments.format.format {
        Format::Json => output.json(&lines)?,
        Format::Text => text(&mut output, &lines)?,
    }
    if arguments.format.format == Format::Text {
        let needed = lines.iter().filter(|line| line.needed).count();
        let early = if complete { "" } else { " (ended early)" };
        let sums = format!(
            "{} of {} barriers tried{early}: {needed} needed, {} superfluous in all runs",
            lines.len(),
            barriers.len(),
            lines.len() - needed
        );
        output.line(sums.as_bytes())?;
    }
    output.finish()
}

fn surveyed(
    arguments: &Economy,
    system: &'static dyn System,
    stop: &Stop,
) -> Vec<(SkippedBarrier, u64)> {
    let plans = arguments.seeds.saturating_mul(WORKLOADS.len() as u64);
    let progress = Progress::of(plans, "plans", arguments.format.format);
    progress.say("looking for barriers");
    let mut watch = |plans| {
        progress.reach(plans);
        !stop.is_due()
    };
    survey(system, arguments.model, arguments.seeds, &mut watch)
}

/// The effect of removing one barrier. `None` if the search was stopped before it had a
/// result.
fn tried(
    arguments: &Economy,
    system: &'static dyn System,
    barrier: &SkippedBarrier,
    count: u64,
    stop: &Stop,
) -> Option<Line> {
    let time = Duration::from_secs(arguments.time);
    let verdict = judge(system, arguments.model, barrier, count, time, stop);
    if stop.is_due() && !verdict.row.killed {
        return None;
    }
    Some(line(arguments, &verdict, stop))
}

fn line(arguments: &Economy, verdict: &Verdict, stop: &Stop) -> Line {
    let witness = verdict.row.found.as_ref().map(|found| {
        let stop = stop.clone().within(Some(Duration::from_secs(2)));
        let small = shrink(&found.plan, stop);
        small.map_or(found.plan.to_string(), |small| small.plan.to_string())
    });
    Line {
        barrier: format!("{} {}", verdict.barrier.verb, verdict.barrier.file),
        after: verdict.barrier.after.clone(),
        executed: verdict.count,
        needed: verdict.row.killed,
        model: arguments.model.name,
        oracle: verdict.row.oracle.clone(),
        runs: verdict.row.runs,
        witness,
    }
}

fn text(output: &mut Output, lines: &[Line]) -> Outcome {
    for line in lines {
        let verdict = match &line.oracle {
            Some(oracle) => format!(
                "needed: without it, {oracle} objects after {} runs",
                line.runs
            ),
            None => format!("superfluous under {} in {} runs", line.model, line.runs),
        };
        output.line(
            format!(
                "{} after {} ({} times): {verdict}",
                line.barrier.trim(),
                line.after,
                line.executed
            )
            .as_bytes(),
        )?;
        for witness in line.witness.iter().flat_map(|witness| witness.lines()) {
            output.line(format!("    {witness}").as_bytes())?;
        }
    }
    Ok(())
}
