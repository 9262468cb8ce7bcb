//! `compare`: what compaction policies cost on the same histories, beside what was predicted.

mod choose;
mod csv_rows;
mod explain;
mod list;
mod report;
mod table;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::{Args, ValueEnum};
use lithify_policies::compare::workloads::Scale;
use lithify_policies::compare::{History, RunOptions};
use lithify_policies::policies::Spec;
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::output::Output;
use lithify_sim::keyed::Seed;

use report::{PolicyReport, Report, WorkloadReport};

const EXAMPLES: &str = "\
Examples:
  lithify compare --list
  lithify compare --policy aligned:4,count:4,strict:4 --workload git:.
  lithify compare --policy all --workload ycsb-a,hot-key,git:ripgrep.rawlog.zst --format csv
  lithify compare --policy aligned:2,count:2 --workload scrape --schedules 1000 --reorder 8
  lithify compare --policy aligned:4:cascade=step --workload dense --commits 64 --explain
  lithify compare --policy aligned:2,geometric --workload hot-key --commits 200 --optimal

A policy or workload is NAME:VALUE:KEY=VALUE:.., where the value without a key is for the first
parameter, and slashes separate the items of a list. Merges keep the newest version of a key.
Bytes are those of keys and values. There is no disk: this compares work, not time.

Exit codes of this command: 0; 1 when an exact prediction was wrong; 2 for bad arguments; 3 for a
git log that is garbled or contradicts itself.";

/// Compares compaction policies on histories of commits
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compare {
    /// Lists policies and workloads with their parameters
    #[arg(long)]
    list: bool,
    /// Policies, separated by commas, or all
    #[arg(
        long,
        value_name = "POLICIES",
        required_unless_present = "list",
        value_delimiter = ','
    )]
    policy: Vec<String>,
    /// Workloads, separated by commas; git:PATH is a repository or a log of one
    #[arg(
        long,
        value_name = "WORKLOADS",
        required_unless_present = "list",
        value_delimiter = ','
    )]
    workload: Vec<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: CompareFormat,
    /// Commits of a synthetic history; operations for ycsb-* and mixgraph
    #[arg(long, value_name = "N", default_value = "2000",
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    commits: u64,
    /// The seed of synthetic histories, reads and schedules
    #[arg(long, value_name = "SEED", default_value = "0")]
    seed: u64,
    /// Keyspaces: a number, or for git histories also directory or path, one for each
    /// [default: 4; directory for git histories]
    #[arg(long, value_name = "N", value_parser = choose::keyspaces)]
    keyspaces: Option<choose::Keyspaces>,
    /// Seconds of the commit clock for each commit of a synthetic history
    #[arg(long, value_name = "SECONDS", default_value = "60",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    commit_seconds: u64,
    /// Versions that merged segments keep
    #[arg(long, value_enum, default_value = "newest")]
    history: Versions,
    /// The divisor of the boundaries that are checked for readability
    #[arg(long, value_name = "D", default_value = "4",
          value_parser = clap::value_parser!(u64).range(2..))]
    boundary_divisor: u64,
    /// Callbacks come up to so many commits late
    #[arg(long, value_name = "COMMITS", default_value = "0")]
    reorder: u64,
    /// Counts the distinct layouts of so many schedules; needs --reorder
    #[arg(long, value_name = "N", default_value = "0", requires = "reorder")]
    schedules: u64,
    /// Says for each merge why it ran
    #[arg(long, conflicts_with = "list")]
    explain: bool,
    /// Compares with the fewest bytes that any merges could write with as few live segments:
    /// one keyspace, at most 400 commits
    #[arg(long)]
    optimal: bool,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CompareFormat {
    Table,
    Json,
    Csv,
    // The measurements as tables for a page.
    Markdown,
}

/// Which versions merges keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Versions {
    Newest,
    All,
}

/// Runs the command.
pub(crate) fn run(arguments: &Compare) -> Outcome {
    if arguments.list {
        return list::list(arguments.format);
    }
    arguments.check()?;
    let policies = choose::policies(&arguments.policy).map_err(|what| Exit::Usage.because(what))?;
    let mut histories = Vec::new();
    for workload in &arguments.workload {
        let (scale, keyspaces) = (arguments.scale(), arguments.keyspaces);
        histories.push(choose::history(workload, scale, keyspaces)?);
    }
    let report = arguments.play(&policies, &histories)?;
    let mut output = Output::for_reading();
    match arguments.format {
        CompareFormat::Table => table::write(&mut output, &report)?,
        CompareFormat::Json => output.json(&report)?,
        CompareFormat::Csv => csv_rows::write(&mut output, &report)?,
        CompareFormat::Markdown => table::write_markdown(&mut output, &report)?,
    }
    output.finish()?;
    match report.broken() {
        None => Ok(()),
        Some(what) => Err(Exit::Negative.because(what)),
    }
}

impl Compare {
    /// Refuses what does not go together.
    fn check(&self) -> Outcome {
        let refusal = if self.schedules > 0 && self.reorder == 0 {
            "--schedules needs --reorder: in order there is only one schedule"
        } else if self.explain && self.format == CompareFormat::Csv {
            "--explain has no CSV form: use table or json"
        } else if self.explain && self.format == CompareFormat::Markdown {
            "--explain has no Markdown form: use table or json"
        } else if self.optimal && self.history == Versions::All {
            "--optimal is for merges that keep the newest version: leave --history all out"
        } else if self.optimal && self.reorder > 0 {
            "--optimal is for callbacks in order: leave --reorder out"
        } else {
            return Ok(());
        };
        Err(Exit::Usage.because(refusal))
    }

    fn scale(&self) -> Scale {
        Scale {
            commits: self.commits,
            keyspaces: match self.keyspaces {
                Some(choose::Keyspaces::Number(number)) => number,
                _ => choose::DEFAULT_KEYSPACES,
            },
            seconds: self.commit_seconds,
            seed: Seed(self.seed),
        }
    }

    fn options(&self) -> RunOptions {
        RunOptions {
            keeps_all_versions: self.history == Versions::All,
            reordering: self.reorder,
            seed: Seed(self.seed),
            explain: self.explain,
            boundary_divisor: self.boundary_divisor,
            reads: true,
        }
    }

    /// Plays every history under every policy, on all cores.
    fn play(&self, policies: &[Spec], histories: &[History]) -> Result<Report, Failure> {
        let pairs = policies.len() * histories.len();
        let reports: Mutex<Vec<Option<Result<PolicyReport, String>>>> =
            Mutex::new((0..pairs).map(|_| None).collect());
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= pairs {
                    return;
                }
                let history = &histories[place / policies.len()];
                let policy = &policies[place % policies.len()];
                let played = report::play(policy, history, &self.options(), self.schedules);
                let mut reports = reports.lock().unwrap_or_else(|broken| broken.into_inner());
                reports[place] = Some(played);
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..cores.min(pairs) {
                scope.spawn(work);
            }
            work();
        });
        let reports = reports
            .into_inner()
            .unwrap_or_else(|broken| broken.into_inner());
        let mut reports = reports.into_iter().flatten();
        let mut workloads = Vec::new();
        for history in histories {
            let of_policies: Result<Vec<_>, String> =
                reports.by_ref().take(policies.len()).collect();
            let policies = of_policies.map_err(|what| Exit::Negative.because(what))?;
            let mut workload = WorkloadReport::of(history, policies);
            if self.optimal {
                let bound = workload.add_optimal(history);
                bound.map_err(|what| Exit::Usage.because(what))?;
            }
            workloads.push(workload);
        }
        Ok(Report { workloads })
    }
}
