//! `sim economy`: which barriers a store needs.

use std::sync::Mutex;
use std::time::Duration;

use clap::Args;
use lithify_sim::economy::{Verdict, judge, survey};
use lithify_sim::shrink::shrink;
use lithify_sim::simfs::Model;
use lithify_sim::stop::Stop;
use serde::Serialize;

use super::super::args::{Format, FormatArgument};
use super::super::exit::Outcome;
use super::super::output::Output;
use super::choose::{self, ChosenSystem};
use super::workers::{self, Limits};

const EXAMPLES: &str = "\
Examples:
  lithify sim economy --seeds 4
  lithify sim economy --system snapshot-log --model ext4-ordered";

/// Takes out each sync in turn: finds a crash that needs it, or calls it superfluous
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Economy {
    /// The system
    #[arg(long, default_value = "lithify", value_parser = choose::system)]
    system: ChosenSystem,
    /// The persistence model
    #[arg(long, default_value = "posix-min", value_parser = choose::model)]
    model: &'static Model,
    /// Seeds of each workload in which barriers are looked for
    #[arg(long, value_name = "N", default_value = "12")]
    seeds: u64,
    /// The most seconds for one barrier
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    time: u64,
    /// Threads [default: one for each core]
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
pub(crate) fn run(arguments: &Economy) -> Outcome {
    let stop = workers::stop_on_interrupt();
    let barriers = survey(arguments.system.0, arguments.model, arguments.seeds);
    let time = Duration::from_secs(arguments.time);
    let verdicts: Mutex<Vec<(u64, Verdict)>> = Mutex::default();
    let limits = Limits {
        first: 0,
        end: barriers.len() as u64,
        stop: stop.clone(),
        jobs: workers::threads(arguments.jobs),
    };
    let complete = workers::spread(
        &limits,
        || (),
        |(), index| {
            let (barrier, count) = &barriers[index as usize];
            let verdict = judge(arguments.system.0, arguments.model, barrier, *count, time);
            let mut verdicts = verdicts.lock().expect("verdicts are values");
            verdicts.push((index, verdict));
            true
        },
        |()| {},
    );
    let mut verdicts = verdicts.into_inner().expect("verdicts are values");
    verdicts.sort_by_key(|(index, _)| *index);
    let mut output = Output::for_writing();
    let lines: Vec<Line> = verdicts
        .iter()
        .map(|(_, verdict)| line(arguments, verdict))
        .collect();
    match arguments.format.format {
        Format::Json => output.json(&lines)?,
        Format::Text => text(&mut output, &lines)?,
    }
    if !complete && arguments.format.format == Format::Text {
        let early = format!(
            "ended early: {} of {} barriers tried",
            lines.len(),
            barriers.len()
        );
        output.line(early.as_bytes())?;
    }
    output.finish()
}

fn line(arguments: &Economy, verdict: &Verdict) -> Line {
    let witness = verdict.row.found.as_ref().map(|found| {
        let stop = Stop::after(Duration::from_secs(2));
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
            None => format!(
                "superfluous under {}, as far as {} runs tell",
                line.model, line.runs
            ),
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
