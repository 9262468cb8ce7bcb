//! `compare`: the costs of compaction policies on the same histories, compared with
//! predictions.

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
  lithify compare --policy all --workload ycsb-a,hot-key --format csv
  lithify compare --policy aligned:2,count:2 --workload scrape \\
      --schedules 1000 --reorder 8
  lithify compare --policy aligned:4:cascade=step --workload dense \\
      --commits 64 --explain
  lithify compare --policy aligned:2,geometric --workload hot-key \\
      --commits 200 --optimal

A policy or workload is NAME:VALUE:KEY=VALUE and so on. The value without a key is for the first \
parameter. Slashes separate the items of a list. Merges keep the newest version of a key. Bytes \
are the bytes of keys and values. There is no disk: the command compares work, not time.

Exit codes: 0 success; 1 an exact prediction was wrong; 2 bad arguments; 3 a git log is garbled or \
contradicts itself.";

/// Compares compaction policies on histories of commits
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compare {
    /// List the policies and workloads with their parameters
    #[arg(long)]
    list: bool,
    /// Policies, separated by commas; or all
    #[arg(
        long,
        value_name = "POLICIES",
        hide_possible_values = true,
        value_parser = choose::policy_names(),
        required_unless_present = "list",
        value_delimiter = ','
    )]
    policy: Vec<String>,
    /// Workloads, separated by commas; git:PATH is a repository or a log of one
    #[arg(
        long,
        value_name = "WORKLOADS",
        hide_possible_values = true,
        value_parser = choose::workload_names(),
        required_unless_present = "list",
        value_delimiter = ','
    )]
    workload: Vec<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: CompareFormat,
    /// Number of commits of a synthetic history; for ycsb-* and mixgraph, of operations
    #[arg(long, value_name = "N", default_value = "2000",
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    commits: u64,
    /// The seed of synthetic histories, reads and schedules
    #[arg(long, value_name = "SEED", default_value = "0")]
    seed: u64,
    /// Number of keyspaces. For git histories also directory or path: a keyspace for each
    /// directory or path [default: 4; for git histories directory]
    #[arg(long, value_name = "N", value_parser = choose::keyspaces)]
    keyspaces: Option<choose::Keyspaces>,
    /// Seconds between two commits of a synthetic history, on its clock
    #[arg(long, value_name = "SECONDS", default_value = "60",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    commit_seconds: u64,
    /// The versions of a key that merges keep
    #[arg(long, value_enum, default_value = "newest")]
    history: Versions,
    /// The divisor of the window edges that the column "boundaries" counts
    #[arg(long, value_name = "D", default_value = "4",
          value_parser = clap::value_parser!(u64).range(2..))]
    boundary_divisor: u64,
    /// Deliver callbacks late, by at most this number of commits
    #[arg(long, value_name = "COMMITS", default_value = "0")]
    reorder: u64,
    /// Count the distinct layouts of this number of schedules; needs --reorder
    #[arg(long, value_name = "N", default_value = "0", requires = "reorder")]
    schedules: u64,
    /// Print the reason of each merge
    #[arg(long, conflicts_with = "list")]
    explain: bool,
    /// Compare with the minimum of written bytes for the same number of live segments; for one
    /// keyspace and at most 400 commits
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
    /// Refuses arguments that contradict one another.
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

    /// Runs every policy on every history, on all cores.
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
