//! The laboratory on the command line. With [`main`], the binary for a store is one
//! line.
//!
//! Every failure is one line on standard error. If the reader closes the pipe (`|
//! head`), the command ends without an error. Exit codes: 0 nothing found, or the
//! expectation holds; 1 a finding; 2 usage, which includes traces that cannot be read;
//! 3 two runs of the same plan differ; 7 not finished, although the caller demanded it.
//!
//! A program with further commands includes [`Simulate`] as one of them, and uses
//! [`program`], [`exit`] and [`output`] for all commands.

pub mod args;
mod bisect;
mod choose;
mod economy;
mod enumerate;
pub mod exit;
pub mod formats;
mod known;
mod list;
mod litmus;
mod merge;
mod mutants;
pub mod output;
pub mod page;
mod progress;
mod reach;
mod replay;
pub mod report_file;
mod run;
mod shard;
mod shard_result;
mod shrink;
mod summary;
pub mod table;
pub mod terminal;
mod told;
mod trace_file;
mod workers;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, FromArgMatches, Subcommand};

pub use self::choose::{ChosenModels, Offering, models, offer_systems, offering};
use self::exit::{Exit, Failure, Outcome};
pub use self::workers::{stop_on_interrupt, threads};
use crate::finding::replay::replay;
use crate::history::Batch;
use crate::judge::oracle::{Finding, Oracle};
use crate::panics;
use crate::run::plan::Plan;
use crate::system::System;

const EXAMPLES: &str = "\
Examples:
  lithify sim run --seeds 1000
  lithify sim run --seeds 100000 --keep-going --fail-on-incomplete
  lithify sim run --seed 7 --trace
  lithify sim run --seeds 64000 --shard 3/64 --out results
  lithify sim merge results
  lithify sim replay finding.sim
  lithify sim shrink finding.sim
  lithify sim enumerate --commits 3 --divisor 2
  lithify sim mutants
  lithify sim economy --seeds 4
  lithify sim bisect finding.sim --good HEAD~20
  lithify sim list

Ctrl-C ends a long command, which then prints its results so far; a second Ctrl-C ends it at once.

Exit codes of these commands:
  0  nothing found, or a trace does what it expects
  1  a finding, or a trace does not do what it expects
  2  usage: unknown names, contradictory options, a trace that cannot be read
  3  non-determinism: two runs of the same plan differ
  7  not finished, and --fail-on-incomplete was given";

/// Runs the laboratory for these systems with the arguments of the process: `run`, `merge`,
/// `replay`, `shrink`, `enumerate`, `mutants`, `economy`, `bisect`, `list`. The first system is the
/// default. The exit codes are those of `lithify sim`; `--help` lists them.
///
/// ```no_run
/// # fn main_of(my_system: &'static dyn lithify_sim::system::System) -> std::process::ExitCode {
/// lithify_sim::cli::main(&[my_system])
/// # }
/// ```
///
/// # Panics
/// If there is no system.
#[must_use]
pub fn main(systems: &[&'static dyn System]) -> ExitCode {
    assert!(
        !systems.is_empty(),
        "there is nothing to run without a system"
    );
    let name = called_by();
    let laboratory = Laboratory {
        systems,
        command: &name,
        recorded: None,
    };
    let command = clap::Command::new("laboratory").arg_required_else_help(true);
    let command = offer_systems(Simulate::augment_args(command), systems).about(
        "Runs stores in the laboratory: from seeds, on a disk that fails, checked by oracles",
    );
    let command = renamed(command, &name);
    program(&name, command, |commands: Simulate| {
        commands.run(laboratory)
    })
}

/// Runs the command that the arguments of the process name. Returns its exit code,
/// after a line on standard error that explains any code except 0.
#[must_use]
pub fn program<T: FromArgMatches>(
    name: &str,
    command: clap::Command,
    run: impl FnOnce(T) -> Outcome,
) -> ExitCode {
    let command = args::with_negative_numbers(command);
    let screen = terminal::Screen::of_output();
    let matches = command.term_width(screen.help_width()).try_get_matches();
    let outcome = match matches.and_then(|matches| T::from_arg_matches(&matches)) {
        Ok(arguments) => run(arguments),
        Err(error) => exit::from_parser(&error),
    };
    match outcome {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Stop { exit, message }) => {
            let name = terminal::Screen::of_errors().paint(terminal::Colour::Red, name);
            terminal::tell(&format!("{name}: {message}"));
            exit.code()
        }
    }
}

/// The name under which the process was called.
#[expect(
    clippy::disallowed_methods,
    reason = "a program knows its name by its arguments"
)]
fn called_by() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name();
    name.map_or("laboratory".into(), |name| {
        name.to_string_lossy().into_owned()
    })
}

/// Runs stores in the laboratory: from seeds, on a disk that fails, checked by oracles
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Simulate {
    #[command(subcommand)]
    command: Command,
}

/// The same commands in examples with another program name.
fn renamed(command: clap::Command, program: &str) -> clap::Command {
    let examples = command.get_after_help().map(ToString::to_string);
    let command = match examples {
        Some(examples) => command.after_help(examples.replace("lithify sim", program)),
        None => command,
    };
    command.mut_subcommands(|command| renamed(command, program))
}

/// Reads the commits of the git history at a path, or returns the reason why it cannot.
pub type ReadHistory = fn(&str) -> Result<Vec<Batch>, String>;

/// What a program passes to the commands of the laboratory.
#[derive(Clone, Copy, Debug)]
pub struct Laboratory<'run> {
    /// The systems that commands know. At least one; the first is the default.
    pub systems: &'run [&'static dyn System],
    /// The command as typed in a shell: `lithify sim`.
    pub command: &'run str,
    /// The reader for `--workload git:PATH`, if the program has one.
    pub recorded: Option<ReadHistory>,
}

impl Laboratory<'_> {
    /// The system with this name, or the default.
    fn system(self, name: Option<&str>) -> Outcome<&'static dyn System> {
        let Some(name) = name else {
            return Ok(self.systems[0]);
        };
        let found = self.systems.iter().find(|system| system.name() == name);
        found
            .copied()
            .ok_or_else(|| Exit::Usage.because(choose::no_system(name, self.systems)))
    }
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(Box<run::Run>),
    Merge(merge::Merge),
    Replay(replay::ReplayTrace),
    Shrink(shrink::ShrinkTrace),
    Enumerate(enumerate::Enumerate),
    Mutants(mutants::Mutants),
    Economy(economy::Economy),
    Bisect(bisect::Bisect),
    List(list::List),
}

/// The oracle that objects if two runs of one plan differ.
const DETERMINISM: Oracle = Oracle::Determinism;

/// The exit code if two runs of one plan differ.
const NON_DETERMINISM: Exit = Exit::Input;

/// The last line about a finding: it names the command that shows the finding again,
/// and says if the finding does not repeat.
fn failure(laboratory: Laboratory<'_>, finding: &Finding, plan: &Plan, trace: &Path) -> Failure {
    let is_repeated = replay(plan, false).is_ok_and(|replay| replay.holds(plan.expectation));
    let exit = if finding.oracle == DETERMINISM || !is_repeated {
        NON_DETERMINISM
    } else {
        Exit::Negative
    };
    let note = if is_repeated {
        ""
    } else {
        "the trace does not show it again; "
    };
    let (command, trace) = (laboratory.command, quoted(trace));
    exit.because(format!(
        "{} objects; {note}to see it again: {command} replay {trace}; to see why: {command} shrink {trace}",
        finding.oracle,
    ))
}

/// A path, quoted for a shell.
#[must_use]
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+".contains(letter);
    if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

impl Simulate {
    /// Runs the command.
    ///
    /// # Errors
    /// If the command ends with an exit code except 0.
    pub fn run(&self, laboratory: Laboratory<'_>) -> Outcome {
        self.command.run(laboratory)
    }
}

impl Command {
    fn run(&self, laboratory: Laboratory<'_>) -> Outcome {
        // A panic of the system under test becomes a finding with its message, so it is
        // not printed.
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panics::are_caught() {
                print(panic);
            }
        }));
        let outcome = match self {
            Self::Run(arguments) => run::run(arguments, laboratory),
            Self::Merge(arguments) => merge::run(arguments, laboratory),
            Self::Replay(arguments) => replay::run(arguments, laboratory),
            Self::Shrink(arguments) => shrink::run(arguments, laboratory),
            Self::Enumerate(arguments) => enumerate::run(arguments, laboratory),
            Self::Mutants(arguments) => mutants::run(arguments, laboratory),
            Self::Economy(arguments) => economy::run(arguments, laboratory),
            Self::Bisect(arguments) => bisect::run(arguments, laboratory),
            Self::List(arguments) => list::run(arguments, laboratory),
        };
        drop(std::panic::take_hook());
        outcome
    }
}
