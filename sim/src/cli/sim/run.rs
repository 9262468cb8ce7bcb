//! `sim run`: seeds, one after the other or all at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use lithify_sim::campaign::{Campaign, Found, Ledger};
use lithify_sim::crashes::Reach;
use lithify_sim::execute::execute;
use lithify_sim::generate::{Recipe, generate};
use lithify_sim::judge::Enabled;
use lithify_sim::keyed::Seed;
use lithify_sim::schedule::Order;
use lithify_sim::simfs::{Coverage, FaultKind};
use lithify_sim::stop::Stop;
use lithify_sim::system::Settings;
use lithify_sim::workload::WORKLOADS;
use serde::Serialize;

use super::super::args::{Format, FormatArgument};
use super::super::exit::{Exit, Outcome};
use super::super::output::Output;
use super::choose::{self, ChosenFaults, ChosenModels, ChosenSystem, ChosenWorkload};
use super::progress::Progress;
use super::reach::{ReachArguments, ReachLine};
use super::workers::{self, Limits};
use super::{failure, trace_file};

const EXAMPLES: &str = "\
Examples:
  lithify sim run --seeds 1000
  lithify sim run --time 60 --model all --faults none
  lithify sim run --seed 7 --trace                        # one seed, operation by operation
  lithify sim run --system wal-ratio --set threshold=3 --order starve:timer
  lithify sim run --workload git:. --seeds 20             # stretches of a real history
  lithify sim run --seeds 10000 --images 0                # no crashes: faults and schedules only
  lithify sim run --seed 7 --depth 3 --recoveries-one-in 1 --images 100000";

/// Runs seeds: each is a workload, a schedule, faults, and crashes at every point
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// How many seeds [default: 100, or as many as fit into --time]
    #[arg(long, value_name = "N", conflicts_with = "seed", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// One seed: a number or a git hash
    #[arg(long, value_name = "SEED", value_parser = choose::seed)]
    seed: Option<Seed>,
    /// The first seed
    #[arg(long, value_name = "SEED", value_parser = choose::seed, default_value = "0", conflicts_with = "seed")]
    from: Seed,
    /// Print what happens to one seed, operation by operation, and crash nothing
    #[arg(long, requires = "seed", conflicts_with_all = ["time", "jobs", "seeds", "from", "out"])]
    trace: bool,
    /// The system
    #[arg(long, default_value = "lithify", value_parser = choose::system)]
    system: ChosenSystem,
    /// Persistence models, separated by commas, or all
    #[arg(long, value_name = "MODELS", default_value = "posix-min", value_parser = choose::models)]
    model: ChosenModels,
    /// The workload, or each: another one for each seed, or git:PATH: stretches of the
    /// history of a repository or of a log in a file
    #[arg(long, default_value = "each", value_parser = choose::workload)]
    workload: ChosenWorkload,
    /// Kinds of faults separated by commas, none, all, or swarm: none in even seeds and some
    /// of all in odd ones
    #[arg(long, value_name = "FAULTS", default_value = "swarm", value_parser = choose::faults)]
    faults: ChosenFaults,
    /// The order of turns: fifo, uniform, priorities, or starve:TASK [default: drawn]
    #[arg(long, value_parser = choose::order)]
    order: Option<Order>,
    /// A setting of the system that seeds do not choose, as name=value; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = choose::setting)]
    settings: Vec<(String, String)>,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Stop after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time: Option<u64>,
    /// Where the traces of findings go
    #[arg(long, value_name = "DIRECTORY", default_value = "sim-findings")]
    out: PathBuf,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    reach: ReachArguments,
}

/// What a run has to say in JSON.
#[derive(Serialize)]
struct Summary<'run> {
    seeds: u64,
    complete: bool,
    seconds: f64,
    commits: u64,
    operations: u64,
    images: u64,
    distinct_images: u64,
    recoveries: u64,
    models: Vec<ModelLine>,
    faults: Vec<FaultLine>,
    operations_reached: &'run BTreeMap<String, u64>,
    marks: &'run BTreeMap<&'static str, u64>,
    reach: ReachLine,
    findings: Vec<FindingLine>,
}

/// One seed, as it happens.
#[derive(Serialize)]
struct Shown<'run> {
    seed: u64,
    header: Vec<&'run str>,
    timeline: &'run [String],
    finding: Option<String>,
}

#[derive(Serialize)]
struct ModelLine {
    model: &'static str,
    crash_points: u64,
    enumerated_points: u64,
    images: u64,
    most_pending_changes: usize,
    #[serde(skip)]
    coverage: Coverage,
}

#[derive(Serialize)]
struct FaultLine {
    fault: &'static str,
    armed: u64,
    fired: u64,
    observed: u64,
}

#[derive(Serialize)]
struct FindingLine {
    seed: u64,
    oracle: &'static str,
    model: &'static str,
    message: String,
    trace: String,
    /// What the replay of the trace finds instead, if it finds something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    disagreement: Option<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Run) -> Outcome {
    let settings = choose::settings(&arguments.settings)?;
    if let Err(message) = arguments.system.0.configure(&settings) {
        return Err(Exit::Usage.because(message));
    }
    if let Some(Order::Starve(kind)) = &arguments.order {
        choose::check_task(arguments.system.0, kind)?;
    }
    arguments.reach.check()?;
    if arguments.trace && arguments.model.0.len() > 1 {
        return Err(Exit::Usage.because("--trace shows one execution: name one --model"));
    }
    if arguments.trace {
        return show(arguments, &settings);
    }
    let is_new = !arguments.out.exists();
    trace_file::check_directory(&arguments.out)?;
    let time = arguments.time.map(Duration::from_secs);
    let stop = workers::stop_on_interrupt().within(time);
    let limits = limits(arguments, stop.clone())?;
    let total = Mutex::new(Ledger::default());
    let found: Mutex<Vec<Found>> = Mutex::default();
    let start = Instant::now();
    let progress = Progress::of(limits.count, "seeds", arguments.format.format);
    let recoveries = AtomicU64::new(0);
    let complete = workers::spread(
        &limits,
        Ledger::default,
        |ledger, seed| {
            let campaign = Campaign {
                stop: stop.clone(),
                ..campaign(arguments, &settings, seed)
            };
            let before = ledger.recovered;
            let outcome = campaign.seed(seed, ledger);
            let more = ledger.recovered - before;
            let all = recoveries.fetch_add(more, Ordering::Relaxed) + more;
            let rate = all as f64 / start.elapsed().as_secs_f64();
            progress.advance();
            progress.say(&format!("{all} recoveries, {rate:.0}/s"));
            match outcome {
                None => true,
                Some(finding) => {
                    lock(&found).push(finding);
                    false
                }
            }
        },
        |ledger| lock(&total).add(&ledger),
    );
    drop(progress);
    let mut findings = std::mem::take(&mut *lock(&found));
    findings.sort_by_key(|found| found.seed);
    if findings.is_empty() && is_new {
        // It was only tried whether findings could be written there.
        let _ = std::fs::remove_dir(&arguments.out);
    }
    let total = lock(&total);
    tell(arguments, &total, &findings, complete, start.elapsed())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("findings are values, not panics")
}

fn limits(arguments: &Run, stop: Stop) -> Outcome<Limits> {
    let first = arguments.seed.unwrap_or(arguments.from).0;
    let most = (u64::MAX - first).saturating_add(1);
    let count = match (arguments.seed, arguments.seeds) {
        (Some(_), _) => 1,
        (None, Some(count)) => count,
        (None, None) if arguments.time.is_some() => most,
        (None, None) => 100,
    };
    if count > most {
        let message = format!("{count} seeds from {first} on: there are only {most}");
        return Err(Exit::Usage.because(message));
    }
    Ok(Limits {
        first,
        count,
        stop,
        jobs: workers::threads(arguments.jobs),
    })
}

/// What a seed means under these arguments. The same for every number of seeds and jobs.
fn campaign(arguments: &Run, settings: &Settings, seed: u64) -> Campaign {
    let workload = match arguments.workload {
        ChosenWorkload::One(workload) => workload,
        // The small one most often: it is the one whose images can be enumerated.
        ChosenWorkload::Each => match seed % 8 {
            place @ 4..8 => {
                let others = WORKLOADS.len() as u64 - 1;
                let turn = seed / 8 * 4 + (place - 4);
                &WORKLOADS[1 + (turn % others) as usize]
            }
            _ => &WORKLOADS[0],
        },
    };
    let faults = match &arguments.faults {
        ChosenFaults::Kinds(kinds) => kinds.clone(),
        ChosenFaults::Swarm if seed % 2 == 1 => FaultKind::ALL.to_vec(),
        ChosenFaults::Swarm => Vec::new(),
    };
    let system = arguments.system.0;
    Campaign {
        recipe: Recipe {
            model: arguments.model.0[0],
            workload,
            faults,
            order: arguments.order.clone(),
            fixed: settings.clone(),
            ..Recipe::new(system)
        },
        models: arguments.model.0.clone(),
        reach: arguments.reach.reach(),
        ..Campaign::new(system)
    }
}

/// One seed, as it happens.
fn show(arguments: &Run, settings: &Settings) -> Outcome {
    let seed = arguments.seed.expect("the parser demands it");
    let campaign = campaign(arguments, settings, seed.0);
    let plan = generate(&campaign.recipe, seed);
    let execution = execute(&plan, &Enabled::default(), true);
    let text = plan.to_string();
    let header: Vec<&str> = text.lines().take_while(|line| *line != "begin").collect();
    let mut output = Output::for_reading();
    match arguments.format.format {
        Format::Json => output.json(&Shown {
            seed: seed.0,
            header,
            timeline: &execution.timeline,
            finding: execution.finding.as_ref().map(ToString::to_string),
        })?,
        Format::Text => {
            let timeline = execution.timeline.iter().map(String::as_str);
            for line in header.into_iter().chain(timeline) {
                output.line(line.as_bytes())?;
            }
            let end = match &execution.finding {
                None => "nothing found without crashes; run without --trace to crash it everywhere"
                    .to_owned(),
                Some(finding) => format!("finding: {finding}"),
            };
            output.line(end.as_bytes())?;
        }
    }
    output.finish()?;
    match execution.finding {
        None => Ok(()),
        Some(finding) => Err(Exit::Negative.because(finding)),
    }
}

fn tell(
    arguments: &Run,
    ledger: &Ledger,
    findings: &[Found],
    complete: bool,
    time: Duration,
) -> Outcome {
    let mut lines = Vec::new();
    for found in findings {
        let path = trace_file::finding(&arguments.out, found.seed);
        trace_file::write(&path, &found.plan)?;
        lines.push(FindingLine {
            seed: found.seed,
            oracle: found.finding.oracle.name(),
            model: found.plan.model.name,
            message: found.finding.message.clone(),
            trace: path.display().to_string(),
            disagreement: found.disagreement(),
        });
    }
    let mut output = Output::for_writing();
    let reach = arguments.reach.reach();
    let summary = summary(ledger, lines, reach, complete, time);
    match arguments.format.format {
        Format::Json => output.json(&summary)?,
        Format::Text => text(&mut output, &summary)?,
    }
    output.finish()?;
    match findings.first() {
        None => Ok(()),
        Some(found) => {
            let path = trace_file::finding(&arguments.out, found.seed);
            Err(failure(&found.finding, &found.plan, &path))
        }
    }
}

fn summary(
    ledger: &Ledger,
    findings: Vec<FindingLine>,
    reach: Reach,
    complete: bool,
    time: Duration,
) -> Summary<'_> {
    let models = ledger.coverage.iter().map(|(model, coverage)| ModelLine {
        model,
        crash_points: coverage.points,
        enumerated_points: coverage.enumerated_points,
        images: coverage.images,
        most_pending_changes: coverage.most_pending,
        coverage: *coverage,
    });
    let faults = ledger.faults.iter().map(|(kind, count)| FaultLine {
        fault: kind.name(),
        armed: count.armed,
        fired: count.fired,
        observed: count.observed,
    });
    let models: Vec<ModelLine> = models.collect();
    Summary {
        seeds: ledger.seeds,
        complete,
        seconds: time.as_secs_f64(),
        commits: ledger.commits,
        operations: ledger.operations,
        images: models.iter().map(|line| line.images).sum(),
        distinct_images: ledger.distinct,
        recoveries: ledger.recovered,
        models,
        faults: faults.collect(),
        operations_reached: &ledger.calls,
        marks: &ledger.marks,
        reach: ReachLine::from(reach),
        findings,
    }
}

fn text(output: &mut Output, summary: &Summary<'_>) -> Outcome {
    let mut line = |text: String| output.line(text.as_bytes());
    line(format!(
        "{} seeds{}: {} commits, {} file operations, {:.1} s",
        summary.seeds,
        if summary.complete {
            ""
        } else {
            " (ended early)"
        },
        summary.commits,
        summary.operations,
        summary.seconds
    ))?;
    line(format!(
        "{} crash images, {} distinct; {} recoveries with all oracles, {:.0} a second",
        summary.images,
        summary.distinct_images,
        summary.recoveries,
        summary.recoveries as f64 / summary.seconds.max(1e-9)
    ))?;
    for model in &summary.models {
        line(format!("  {}: {}", model.model, model.coverage))?;
    }
    if !summary.faults.is_empty() {
        line("faults (armed, fired, observed):".to_owned())?;
    }
    for fault in &summary.faults {
        line(format!(
            "  {}: {}, {}, {}",
            fault.fault, fault.armed, fault.fired, fault.observed
        ))?;
    }
    let dark: Vec<&str> = summary
        .faults
        .iter()
        .filter(|fault| fault.fired == 0)
        .map(|fault| fault.fault)
        .collect();
    if !dark.is_empty() {
        line(format!("dark: armed and never fired: {}", dark.join(", ")))?;
    }
    line("operations reached:".to_owned())?;
    for (call, count) in summary.operations_reached {
        line(format!("  {call}: {count}"))?;
    }
    if !summary.marks.is_empty() {
        let dark = summary.marks.iter().filter(|(_, count)| **count == 0);
        let dark: Vec<&str> = dark.map(|(mark, _)| *mark).collect();
        line(format!(
            "marks: {} of {} situations reached",
            summary.marks.len() - dark.len(),
            summary.marks.len()
        ))?;
        if !dark.is_empty() {
            line(format!("dark: never reached: {}", dark.join(", ")))?;
        }
    }
    if summary.findings.is_empty() {
        line("nothing found".to_owned())?;
    }
    for finding in &summary.findings {
        line(format!(
            "seed {}, model {}: {}: {}",
            finding.seed, finding.model, finding.oracle, finding.message
        ))?;
        if let Some(disagreement) = &finding.disagreement {
            line(format!("  a fault of the laboratory: {disagreement}"))?;
        }
    }
    Ok(())
}
