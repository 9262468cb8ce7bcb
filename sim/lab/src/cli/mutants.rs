//! `sim mutants`: planted bugs, and which oracle finds each.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use clap::Args;

use super::args::{Format, FormatArgument};
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::progress::{Clock, Progress};
use super::table::{Column, Table};
use super::workers::{self, Limits};
use super::{Laboratory, choose, terminal, trace_file};
use crate::disk::model::MODELS;
use crate::disk::{FaultKind, Model};
use crate::finding::replay::Found;
use crate::judge::oracle::Oracle;
use crate::keyed::Seed;
use crate::search::mutants::{Mutant, Proof, Row, Search, hunt, mutants};
use crate::system::System;

const EXAMPLES: &str = "\
Examples:
  lithify sim mutants
  lithify sim mutants --system lithify --only sync --out found
  lithify sim mutants --system lithify --models   # which models show each bug
  lithify sim mutants --time 3 --at-least 90      # short, for every change";

/// Shown instead of an oracle if the bug was not found.
const NOT_FOUND: &str = "NOT FOUND";

/// The default of CPU seconds for one bug.
const SECONDS: u64 = 20;

/// Rounds for one bug: more than a search of several hours completes.
const MAX_ROUNDS: u64 = 64;

/// Plants bugs, one at a time, and looks for each bug
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Mutants {
    /// Only bugs of this system [default: all systems]
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// Only bugs whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only this persistence model [default: posix-min, and in every second round another
    /// model without lies, in the order of `sim list`]
    #[arg(long, hide_possible_values = true, value_parser = choose::model())]
    model: Option<&'static Model>,
    /// The first seed; other seeds look for the same bugs in other places
    #[arg(long, value_name = "SEED", default_value = "0", value_parser = choose::seed)]
    from: Seed,
    /// Oracles to leave out, separated by commas
    #[arg(long, value_name = "ORACLES", value_delimiter = ',', hide_possible_values = true, value_parser = choose::oracle())]
    without: Vec<Oracle>,
    /// Maximum number of CPU seconds for one bug [default: 20, or no limit with --rounds]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time: Option<u64>,
    /// Maximum number of rounds for one bug, each longer than the one before. What is found
    /// then does not depend on how fast the machine is
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_ROUNDS))]
    rounds: Option<u64>,
    /// Minimum percentage of bugs for exit code 0 that are found, or proven to change nothing.
    /// For runs with less time than all bugs need
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = clap::value_parser!(u8).range(1..=100))]
    at_least: u8,
    /// Also try which persistence models show each bug
    #[arg(long)]
    models: bool,
    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Write a trace for each bug into this directory
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgument,
}

impl Mutants {
    /// The largest CPU time for one bug.
    fn max_time(&self) -> Duration {
        let seconds = match self.rounds {
            Some(_) => self.time,
            None => self.time.or(Some(SECONDS)),
        };
        seconds.map_or(Duration::MAX, Duration::from_secs)
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Mutants, laboratory: Laboratory<'_>) -> Outcome {
    let all = chosen(arguments, laboratory)?;
    if let Some(directory) = &arguments.out {
        trace_file::check_directory(directory)?;
    }
    let asks_all = arguments.system.is_none();
    let is_left_out = |system: &&&dyn System| asks_all && system.bugs().is_empty();
    for system in laboratory.systems.iter().filter(is_left_out) {
        // The user asked for all systems, and must know which systems are left out.
        terminal::tell(&choose::without_bugs(*system));
    }
    let stop = workers::stop_on_interrupt();
    let rows: Mutex<Vec<(usize, Row)>> = Mutex::default();
    let start = Clock::start();
    let limits = Limits {
        first: 0,
        step: 1,
        count: all.len() as u64,
        stop: stop.clone(),
        jobs: workers::threads(arguments.jobs),
    };
    let progress = Progress::of(limits.count, "bugs", arguments.format.format);
    let complete = workers::spread(
        &limits,
        || (),
        |(), index| {
            let (system, mutant) = &all[index as usize];
            let search = Search {
                system: *system,
                models: arguments
                    .model
                    .map_or_else(Search::published_models, |model| vec![model]),
                first_seed: arguments.from.0,
                rounds: arguments.rounds.unwrap_or(MAX_ROUNDS),
                time: arguments.max_time(),
                stop: stop.clone(),
                without: arguments.without.clone(),
                asks_models: arguments.models,
                proves: true,
            };
            let row = hunt(mutant, &search);
            if stop.is_due() && !row.killed {
                return false;
            }
            let mut rows = rows.lock().expect("rows are values");
            rows.push((index as usize, row));
            progress.advance();
            let found = rows.iter().filter(|(_, row)| row.killed).count();
            progress.say(&format!("{found} found"));
            true
        },
        |()| {},
    );
    drop(progress);
    let mut rows = rows.into_inner().expect("rows are values");
    rows.sort_by_key(|(index, _)| *index);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    if let Some(directory) = &arguments.out {
        for row in &rows {
            if let Some(found) = &row.found {
                trace_file::write(
                    &directory.join(format!("{}-{}.sim", row.system, row.name)),
                    &found.plan,
                )?;
            }
            if let Some(found) = &row.needless {
                trace_file::write(
                    &directory.join(format!("{}-without-{}.sim", row.system, row.name)),
                    &found.plan,
                )?;
            }
        }
    }
    let untried = if complete { 0 } else { all.len() - rows.len() };
    tell(arguments, &rows, untried, start.elapsed())
}

fn chosen(
    arguments: &Mutants,
    laboratory: Laboratory<'_>,
) -> Outcome<Vec<(&'static dyn System, Mutant)>> {
    let systems = match &arguments.system {
        Some(name) => vec![laboratory.system(Some(name))?],
        None => laboratory.systems.to_vec(),
    };
    let mut all = Vec::new();
    let mut has_any = false;
    for &system in &systems {
        for mutant in mutants(system) {
            has_any = true;
            let is_meant = arguments
                .only
                .as_ref()
                .is_none_or(|text| mutant.about.name.contains(text.as_str()));
            if is_meant {
                all.push((system, mutant));
            }
        }
    }
    if all.is_empty() {
        let message = match &arguments.only {
            Some(text) if has_any => format!(
                "the name of no planted bug contains {text:?}; sim list --system SYSTEM lists them"
            ),
            _ => choose::without_bugs(systems[0]),
        };
        return Err(Exit::Usage.because(message));
    }
    Ok(all)
}

fn tell(arguments: &Mutants, rows: &[Row], untried: usize, time: Duration) -> Outcome {
    let mut output = Output::for_writing();
    if arguments.format.format == Format::Json {
        output.json(&rows)?;
    } else {
        text(&mut output, rows, time)?;
        if untried > 0 {
            let early = format!(
                "ended early: {untried} bugs were not tried, or their search was not finished"
            );
            output.line(early.as_bytes())?;
        }
    }
    output.finish()?;
    for row in rows {
        if let Some(found) = &row.needless {
            terminal::tell(&needless(row, found));
        }
    }
    let missed: Vec<&str> = rows
        .iter()
        .filter(|row| !row.killed && !row.equivalent)
        .map(|row| row.name.as_str())
        .collect();
    let is_enough = (rows.len() - missed.len()) * 100 >= rows.len() * arguments.at_least as usize;
    match is_enough {
        true => Ok(()),
        false => Err(Exit::Negative.because(format!("not found: {}", missed.join(", ")))),
    }
}

/// The text about a finding that the store shows without the bug, too.
fn needless(row: &Row, found: &Found) -> String {
    format!(
        "seed {} of {} has a finding without {}, too, so the store or the laboratory has a mistake: {}: {}; \
         --out writes its trace",
        found.seed, row.system, row.name, found.finding.oracle, found.finding.message
    )
}

/// The details about a bug that was found: models, and the only oracle or fault that
/// finds it.
fn details(row: &Row) -> String {
    let mut details = format!("shown by {}", row.models.join(", "));
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    if row.only_oracle {
        details += &format!("; only by the oracle {}", or_none(&row.oracle));
    }
    if row.only_fault {
        details += &format!("; only with {}", or_none(&row.fault));
    } else if row.only_class {
        details += &format!("; only with faults of the class {}", or_none(&row.class));
    }
    details
}

/// For each model, how many of the bugs that need a crash it shows.
fn by_model(output: &mut Output, rows: &[Row]) -> Outcome {
    let takes_crash = |row: &&Row| row.fault.as_deref() == Some("crash");
    let crashes: Vec<&Row> = rows.iter().filter(takes_crash).collect();
    for model in MODELS {
        let shows = |row: &&&Row| row.models.iter().any(|name| name == model.name);
        let line = format!(
            "{} of {} bugs that take a crash are shown by {}",
            crashes.iter().filter(shows).count(),
            crashes.len(),
            model.name
        );
        output.line(line.as_bytes())?;
    }
    Ok(())
}

/// The oracles and classes of faults that no bug needs, as far as the searches went.
fn without_own(output: &mut Output, rows: &[Row]) -> Outcome {
    let own = |is_own: fn(&Row) -> bool, name: fn(&Row) -> Option<&str>| -> BTreeSet<&str> {
        let rows = rows.iter().filter(|row| is_own(row));
        rows.filter_map(name).collect()
    };
    let oracles = own(|row| row.only_oracle, |row| row.oracle.as_deref());
    let kinds = own(|row| row.only_fault, |row| row.fault.as_deref());
    let classes = own(|row| row.only_class, |row| row.class.as_deref());
    let missing = |all: Vec<&'static str>, own: &BTreeSet<&str>| {
        let missing: BTreeSet<&str> = all.into_iter().filter(|it| !own.contains(it)).collect();
        match missing.is_empty() {
            true => "none".to_owned(),
            false => missing.into_iter().collect::<Vec<_>>().join(", "),
        }
    };
    let all_oracles = Oracle::ALL.iter().map(|oracle| oracle.name()).collect();
    let all_kinds = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
    let all_classes = FaultKind::ALL.iter().map(|kind| kind.class()).collect();
    for (what, missing) in [
        ("oracles", missing(all_oracles, &oracles)),
        ("kinds of faults", missing(all_kinds, &kinds)),
        ("classes of faults", missing(all_classes, &classes)),
    ] {
        output.line(format!("{what} without a bug that only they find: {missing}").as_bytes())?;
    }
    Ok(())
}

/// What finds each bug first, as a table for each system. Then the details about
/// models, and the totals.
fn text(output: &mut Output, rows: &[Row], time: Duration) -> Outcome {
    for rows in rows.chunk_by(|left, right| left.system == right.system) {
        output.line(format!("bugs in {}:", rows[0].system).as_bytes())?;
        output.table(&matrix(rows))?;
        for row in rows {
            let proof = row.proof.as_ref().map(told);
            let shown = (!row.models.is_empty()).then(|| details(row));
            for text in proof.into_iter().chain(shown) {
                output.line(format!("{}: {text}", row.name).as_bytes())?;
            }
        }
    }
    if rows.iter().any(|row| !row.models.is_empty()) {
        by_model(output, rows)?;
        without_own(output, rows)?;
    }
    sums(output, rows, time)
}

fn matrix(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        Column::Text("bug"),
        Column::Text("oracle"),
        Column::Text("fault"),
        Column::Text("class"),
        Column::Text("model"),
        Column::Text("workload"),
        Column::Number("runs"),
        Column::Number("CPU seconds"),
    ])
    .alarming(&[NOT_FOUND]);
    for row in rows {
        let or_none = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
        let oracle = match (&row.oracle, row.equivalent) {
            (Some(oracle), _) => oracle.clone(),
            (None, true) => "equivalent".to_owned(),
            (None, false) => NOT_FOUND.to_owned(),
        };
        table.row([
            row.name.clone(),
            oracle,
            or_none(&row.fault),
            or_none(&row.class),
            or_none(&row.model),
            or_none(&row.workload),
            row.runs.to_string(),
            format!("{:.2}", row.cpu_seconds),
        ]);
    }
    table
}

/// The counts of the enumeration that proves that a bug changes nothing.
fn told(proof: &Proof) -> String {
    format!(
        "no difference in {} choices of settings with up to {} commits: {} states in {} executions, {} images of {} crash points, {} executions with one fault; its place was passed {} times",
        proof.scopes,
        proof.commits,
        proof.states,
        proof.executions,
        proof.images,
        proof.crash_points,
        proof.faults,
        proof.passes
    )
}

fn sums(output: &mut Output, rows: &[Row], time: Duration) -> Outcome {
    let killed: Vec<&Row> = rows.iter().filter(|row| row.killed).collect();
    let equivalent = rows.iter().filter(|row| row.equivalent).count();
    let mut seconds: Vec<f64> = killed.iter().map(|row| row.cpu_seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or(0.0);
    let slowest = seconds.last().copied().unwrap_or(0.0);
    let spent: f64 = rows.iter().map(|row| row.cpu_seconds).sum();
    output.line(
        format!(
            "{} of {} found, {equivalent} equivalent; {median:.2} CPU seconds to detection in the median and {slowest:.2} at most, {spent:.1} for all searches, {:.1} s in all",
            killed.len(),
            rows.len(),
            time.as_secs_f64()
        )
        .as_bytes(),
    )
}
