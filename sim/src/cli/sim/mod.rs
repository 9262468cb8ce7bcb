//! `sim`: the laboratory on the command line.
//!
//! Exit codes of these commands: 0 nothing found, or the expectation holds; 1 a finding;
//! 2 usage, which includes traces that cannot be read; 3 the same plan did two different
//! things; 7 not finished, when that was not to pass.

mod choose;
mod economy;
mod enumerate;
mod known;
mod list;
mod litmus;
mod mutants;
mod progress;
mod reach;
mod replay;
mod run;
mod shrink;
mod told;
mod trace_file;
mod workers;

use std::path::Path;

use crate::oracle::{Finding, Oracle};
use crate::panics;
use crate::plan::Plan;
use crate::replay::replay;
use crate::system::System;
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use super::args;
use super::exit::{Exit, Failure, Outcome};

const EXAMPLES: &str = "\
Examples:
  lithify sim run --seeds 1000
  lithify sim run --seeds 100000 --keep-going --fail-on-incomplete
  lithify sim run --seed 7 --trace
  lithify sim replay finding.sim
  lithify sim shrink finding.sim
  lithify sim enumerate --commits 3 --divisor 2
  lithify sim mutants
  lithify sim economy --seeds 4
  lithify sim list

Ctrl-C ends a long command in good order, with what is known by then; a second one ends it
at once.

Exit codes of these commands:
  0  nothing was found, or what the trace expects holds
  1  a finding, or what the trace expects does not hold
  2  usage: unknown names, contradictory options, a trace that cannot be read
  3  non-determinism: the same plan did two different things
  7  not finished, and --fail-on-incomplete was given";

/// Runs the engine in the laboratory: seeded, over a disk that fails, under every oracle
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Simulate {
    #[command(subcommand)]
    command: Command,
}

/// Runs stores in the laboratory: seeded, over a disk that fails, under every oracle
#[derive(Parser, Debug)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(super) struct Alone {
    #[command(subcommand)]
    command: Command,
}

/// The parser of a program that is nothing but the laboratory.
pub(super) fn alone(program: &str) -> clap::Command {
    called(args::with_negative_numbers(Alone::command()), program)
}

/// The same commands under another name.
fn called(command: clap::Command, program: &str) -> clap::Command {
    let examples = command.get_after_help().map(ToString::to_string);
    let command = match examples {
        Some(examples) => command.after_help(examples.replace("lithify sim", program)),
        None => command,
    };
    command.mut_subcommands(|command| called(command, program))
}

/// The systems that commands know, and what the program is called by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laboratory<'run> {
    /// At least one; the first is the default.
    pub(super) systems: &'run [&'static dyn System],
    /// What a shell takes for it: `lithify sim`.
    pub(super) command: &'run str,
}

impl Laboratory<'_> {
    /// The system of this name, or the default.
    fn system(self, name: Option<&str>) -> Outcome<&'static dyn System> {
        let Some(name) = name else {
            return Ok(self.systems[0]);
        };
        let found = self.systems.iter().find(|system| system.name() == name);
        found.copied().ok_or_else(|| {
            let names = self.systems.iter().map(|system| system.name());
            Exit::Usage.because(choose::unknown("system", name, names))
        })
    }
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(Box<run::Run>),
    Replay(replay::ReplayTrace),
    Shrink(shrink::ShrinkTrace),
    Enumerate(enumerate::Enumerate),
    Mutants(mutants::Mutants),
    Economy(economy::Economy),
    List(list::List),
}

/// What objects to such a plan.
const DETERMINISM: Oracle = Oracle::Determinism;

/// The exit code for a plan that did two different things.
const NON_DETERMINISM: Exit = Exit::Input;

/// The last line about a finding: one command that shows it again, if it repeats.
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

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
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
    pub(super) fn run(&self, laboratory: Laboratory<'_>) -> Outcome {
        self.command.run(laboratory)
    }
}

impl Alone {
    /// Runs the command.
    pub(super) fn run(&self, laboratory: Laboratory<'_>) -> Outcome {
        self.command.run(laboratory)
    }
}

impl Command {
    fn run(&self, laboratory: Laboratory<'_>) -> Outcome {
        // A panic of the system under test is a finding, with its message in it.
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panics::are_caught() {
                print(panic);
            }
        }));
        let outcome = match self {
            Self::Run(arguments) => run::run(arguments, laboratory),
            Self::Replay(arguments) => replay::run(arguments, laboratory),
            Self::Shrink(arguments) => shrink::run(arguments, laboratory),
            Self::Enumerate(arguments) => enumerate::run(arguments, laboratory),
            Self::Mutants(arguments) => mutants::run(arguments, laboratory),
            Self::Economy(arguments) => economy::run(arguments, laboratory),
            Self::List(arguments) => list::run(arguments, laboratory),
        };
        drop(std::panic::take_hook());
        outcome
    }
}
