//! `sim run`: runs seeds in parallel.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::args::{Format, FormatArgument};
use super::choose::{self, ChosenFaults, ChosenModels, ChosenWorkload};
use super::exit::{Exit, Outcome};
use super::formats::IntegrationArguments;
use super::known::Known;
use super::output::Output;
use super::progress::{Clock, Progress};
use super::reach::ReachArguments;
use super::report_file::CampaignReportArgument;
use super::shard::{ChosenShard, Shard};
use super::shard_result::{self, CampaignOf, ShardResult};
use super::told::{self, End, Told};
use super::workers::{self, Limits};
use super::{Laboratory, trace_file};
use crate::finding::gathered::Gathered;
use crate::finding::replay::as_planted;
use crate::finding::signature::Diagnosis;
use crate::judge::Enabled;
use crate::keyed::Seed;
use crate::run::execute::execute;
use crate::run::generate::generate;
use crate::run::plan::Plan;
use crate::run::schedule::Order;
use crate::search::campaign::{Campaign, Ledger, Mixture};
use crate::stop::Stop;
use crate::system::{Settings, System};

const EXAMPLES: &str = "\
Examples:
  lithify sim run --seeds 1000
  lithify sim run --time 60 --model all --faults none
  lithify sim run --seeds 100000 --keep-going     # all findings, by signature
  lithify sim run --seeds 1000 --keep-going --report campaign.html
  lithify sim run --seeds 1000 --time 60 --fail-on-incomplete   # for CI
  lithify sim run --seeds 1000 --keep-going --junit sim.xml --sarif sim.sarif --github
  lithify sim run --seeds 64000 --shard 3/64 --out results      # a part, for sim merge
  lithify sim run --seed 7 --trace                # one seed, each operation
  lithify sim run --system wal-ratio --set threshold=3 --order starve:timer
  lithify sim run --workload git:. --seeds 20     # parts of a real history
  lithify sim run --seeds 10000 --images 0        # faults without crashes
  lithify sim run --seed 7 --depth 3 --recoveries-one-in 1 --images 100000";

/// Runs seeds: each is a workload, a schedule, faults, and crashes at every point
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// Number of seeds [default: 100; with --time, no limit]
    #[arg(long, value_name = "N", conflicts_with = "seed", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Run one seed: a number or a git hash
    #[arg(long, value_name = "SEED", value_parser = choose::seed)]
    seed: Option<Seed>,
    /// The first seed
    #[arg(long, value_name = "SEED", value_parser = choose::seed, default_value = "0", conflicts_with = "seed")]
    from: Seed,
    /// Print each operation of one seed, and do not crash it
    #[arg(long, requires = "seed", conflicts_with_all = ["time", "jobs", "seeds", "from", "out", "report", "junit", "sarif", "github"])]
    trace: bool,
    /// The system [default: the first system of `list`]
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// Persistence models, separated by commas; or all
    #[arg(long, value_name = "MODELS", default_value = "posix-min", hide_possible_values = true, value_parser = choose::models())]
    model: ChosenModels,
    /// The workload; or each: another workload for each seed; or git:PATH: parts of the history
    /// of a repository, or of a log in a file
    #[arg(long, default_value = "each", hide_possible_values = true, value_parser = choose::workload())]
    workload: ChosenWorkload,
    /// Kinds of faults, separated by commas; or none; or all; or swarm: none in even seeds, and
    /// in odd seeds some of all
    #[arg(long, value_name = "FAULTS", default_value = "swarm", hide_possible_values = true, value_parser = choose::faults())]
    faults: ChosenFaults,
    /// The order in which tasks run: fifo, uniform, priorities, or starve:TASK [default: each
    /// seed chooses]
    #[arg(long, hide_possible_values = true, value_parser = choose::order())]
    order: Option<Order>,
    /// A setting of the system for all seeds, as name=value; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = choose::setting)]
    settings: Vec<(String, String)>,
    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Stop after this number of seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time: Option<u64>,
    /// Plant a bug; `list --system SYSTEM` lists the bugs
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
    /// Continue after a finding. Findings with the same signature are counted, and the shortest
    /// trace of each signature is kept
    #[arg(long, conflicts_with = "trace")]
    keep_going: bool,
    /// A file of known findings, which do not end the run and do not change the exit code. Each
    /// line is YYYY-MM-DD SIGNATURE // REASON; the day (UTC) is the last one on which the
    /// finding is known
    #[arg(long, value_name = "FILE", conflicts_with = "trace")]
    known: Option<PathBuf>,
    /// Exit with 7 if --time or Ctrl-C ends the run before all --seeds were run
    #[arg(long, conflicts_with = "trace")]
    fail_on_incomplete: bool,
    /// Run one part of the seeds, and write its result into --out, for `merge`: 3/64 runs every
    /// 64th seed from the third on. auto takes the numbers from the environment of a task of
    /// Slurm, AWS Batch, Buildkite, CircleCI or GitLab; auto/64 takes only the number of the task
    /// from there, also on Kubernetes. Continues after a finding
    #[arg(long, value_name = "K/N", conflicts_with_all = ["seed", "trace"])]
    shard: Option<ChosenShard>,
    /// The directory for traces of findings, which are named seed-SEED.sim
    #[arg(long, value_name = "DIRECTORY", default_value = "sim-findings")]
    out: PathBuf,
    #[command(flatten)]
    report: CampaignReportArgument,
    #[command(flatten)]
    integration: IntegrationArguments,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    reach: ReachArguments,
}

/// One seed with every operation.
#[derive(Serialize)]
struct Shown<'run> {
    seed: u64,
    header: Vec<&'run str>,
    timeline: &'run [String],
    finding: Option<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Run, laboratory: Laboratory<'_>) -> Outcome {
    let system = laboratory.system(arguments.system.as_deref())?;
    let settings = choose::settings(&arguments.settings)?;
    if let Err(message) = system.configure(&settings) {
        return Err(Exit::Usage.because(message));
    }
    if let Some(Order::Starve(kind)) = &arguments.order {
        choose::check_task(system, kind)?;
    }
    arguments.reach.check()?;
    if arguments.trace && arguments.model.0.len() > 1 {
        return Err(Exit::Usage.because("--trace shows one execution: name one --model"));
    }
    if arguments.trace {
        return show(
            arguments,
            &mixture(arguments, laboratory, system, &settings)?,
        );
    }
    let known = match &arguments.known {
        Some(path) => Known::read(path)?,
        None => Known::default(),
    };
    let mixture = mixture(arguments, laboratory, system, &settings)?;
    let shard = match arguments.shard.map(ChosenShard::resolve) {
        Some(Ok(shard)) => Some((shard, campaign(arguments, &mixture, shard))),
        Some(Err(message)) => return Err(Exit::Usage.because(message)),
        None => None,
    };
    let page = arguments.report.place()?;
    let places = arguments.integration.places(&arguments.format)?;
    let is_new = trace_file::check_directory(&arguments.out)?;
    if let Some((shard, campaign)) = &shard {
        shard_result::check(&arguments.out, campaign, *shard)?;
    }
    let interrupt = workers::stop_on_interrupt();
    let time = arguments.time.map(Duration::from_secs);
    let limits = limits(
        arguments,
        shard.as_ref().map(|(shard, _)| *shard),
        interrupt.clone().within(time),
    )?;
    let start = Clock::start();
    let (ledger, gathered, is_complete) = explored(arguments, &mixture, &limits, &known);
    if gathered.count() == 0 && is_new && shard.is_none() {
        // The directory was only created to check whether findings can be written.
        trace_file::remove_empty(&arguments.out);
    }
    let end = match is_complete {
        true => End::Done,
        false if interrupt.is_due() => End::Interrupted,
        false if ledger.seeds >= limits.count && !limits.stop.is_due() => End::Done,
        false if !limits.stop.is_due() => End::Finding,
        // Without a number of seeds, the request was for as many seeds as fit into the
        // time.
        false if arguments.seeds.is_none() && arguments.seed.is_none() => End::Done,
        false => End::TimeOver,
    };
    let models = mixture.models.iter().map(|model| model.name.to_owned());
    let run = Told {
        system: system.name(),
        models: models.collect(),
        ledger: &ledger,
        gathered: &gathered,
        known: &known,
        asked: limits.count,
        end,
        time: Some(start.elapsed()),
        reach: arguments.reach.reach().into(),
        out: arguments.out.clone(),
        format: arguments.format.format,
        must_be_complete: arguments.fail_on_incomplete,
    };
    if let Some((shard, campaign)) = shard {
        let is_complete = run.end == End::Done;
        let result = ShardResult::new(campaign, shard, is_complete, ledger.clone(), &gathered);
        shard_result::write(&arguments.out, shard, &result)?;
    }
    told::tell(laboratory, &run, page, places)
}

/// The campaign that a shard is a part of.
fn campaign(arguments: &Run, mixture: &Mixture, shard: Shard) -> CampaignOf {
    let models = mixture.models.iter().map(|model| model.name.to_owned());
    CampaignOf {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        system: mixture.system.name().to_owned(),
        models: models.collect(),
        workload: arguments.workload.text(),
        faults: arguments.faults.text(),
        order: arguments.order.as_ref().map(choose::order_text),
        settings: mixture.fixed.clone(),
        bug: mixture.bug.map(str::to_owned),
        reach: mixture.reach.into(),
        first_seed: arguments.from.0,
        seeds: count(arguments),
        shards: shard.of,
    }
}

/// Runs all seeds, or all seeds up to the first finding that ends the run. Also returns
/// whether all seeds were run.
fn explored(
    arguments: &Run,
    mixture: &Mixture,
    limits: &Limits,
    known: &Known,
) -> (Ledger, Gathered, bool) {
    let total = Mutex::new(Ledger::default());
    let gathered: Mutex<Gathered> = Mutex::default();
    let start = Clock::start();
    let progress = Progress::of(limits.count, "seeds", arguments.format.format);
    let recoveries = AtomicU64::new(0);
    let complete = workers::spread(
        limits,
        Ledger::default,
        |ledger, seed| {
            let campaign = Campaign {
                stop: limits.stop.clone(),
                ..mixture.campaign(seed)
            };
            let before = ledger.recovered;
            let outcome = campaign.seed(seed, ledger);
            let more = ledger.recovered - before;
            let all = recoveries.fetch_add(more, Ordering::Relaxed) + more;
            let rate = all as f64 / start.elapsed().as_secs_f64();
            progress.advance();
            let goes_on = outcome.is_none_or(|found| {
                let diagnosis = Diagnosis::of_found(&found);
                let keeps_going = arguments.keep_going || arguments.shard.is_some();
                let goes_on = keeps_going || known.excuses(&diagnosis.signature);
                lock(&gathered).add(diagnosis, found);
                goes_on
            });
            let found = match lock(&gathered).count() {
                0 => String::new(),
                count => format!("{count} findings, "),
            };
            progress.say(&format!("{found}{all} recoveries, {rate:.0}/s"));
            goes_on
        },
        |ledger| lock(&total).add(&ledger),
    );
    let all = |mutex: Mutex<Gathered>| mutex.into_inner().expect("findings are values");
    let ledger = total.into_inner().expect("counts are values");
    (ledger, all(gathered), complete)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("findings are values, not panics")
}

/// The number of seeds that were asked for; none when only time ends the run.
fn count(arguments: &Run) -> Option<u64> {
    match (arguments.seed, arguments.seeds) {
        (Some(_), _) => Some(1),
        (None, Some(count)) => Some(count),
        (None, None) if arguments.time.is_some() => None,
        (None, None) => Some(100),
    }
}

fn limits(arguments: &Run, shard: Option<Shard>, stop: Stop) -> Outcome<Limits> {
    let first = arguments.seed.unwrap_or(arguments.from).0;
    let most = (u64::MAX - first).saturating_add(1);
    let count = count(arguments).unwrap_or(most);
    if count > most {
        let message = format!("{count} seeds from {first} on: there are only {most}");
        return Err(Exit::Usage.because(message));
    }
    let shard = shard.unwrap_or(Shard::WHOLE);
    Ok(Limits {
        first: first.saturating_add(shard.offset()),
        step: shard.of,
        count: shard.seeds(count),
        stop,
        jobs: workers::threads(arguments.jobs),
    })
}

/// The meaning of seeds under these arguments.
fn mixture(
    arguments: &Run,
    laboratory: Laboratory<'_>,
    system: &'static dyn System,
    settings: &Settings,
) -> Outcome<Mixture> {
    Ok(Mixture {
        models: arguments.model.0.clone(),
        workload: arguments.workload.read(laboratory)?,
        faults: match &arguments.faults {
            ChosenFaults::Kinds(kinds) => Some(kinds.clone()),
            ChosenFaults::Swarm => None,
        },
        order: arguments.order.clone(),
        fixed: settings.clone(),
        reach: arguments.reach.reach(),
        bug: choose::bug(system, arguments.bug.as_deref())?,
        ..Mixture::new(system)
    })
}

/// Shows one seed with every operation.
fn show(arguments: &Run, mixture: &Mixture) -> Outcome {
    let seed = arguments.seed.expect("the parser demands it");
    let campaign = mixture.campaign(seed.0);
    let plan = Plan {
        bug: campaign.bug.map(str::to_owned),
        ..generate(&campaign.recipe, seed)
    };
    let execute = || execute(&plan, &Enabled::default(), true);
    let execution = as_planted(&plan, execute).map_err(|message| Exit::Usage.because(message))?;
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
