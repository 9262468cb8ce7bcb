//! `sim`: the laboratory on the command line.
//!
//! Exit codes of these commands: 0 nothing found, or the expectation holds; 1 a finding;
//! 2 usage, which includes traces that cannot be read; 3 the same plan did two different
//! things.

mod choose;
mod economy;
mod enumerate;
mod list;
mod litmus;
mod mutants;
mod progress;
mod reach;
mod replay;
mod run;
mod shrink;
mod trace_file;
mod workers;

use std::path::Path;

use clap::{Args, Subcommand};
use lithify_sim::oracle::{Finding, Oracle};
use lithify_sim::panics;
use lithify_sim::plan::Plan;
use lithify_sim::replay::replay;

use super::exit::{Exit, Failure, Outcome};

const EXAMPLES: &str = "\
Examples:
  lithify sim run --seeds 1000
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
  3  non-determinism: the same plan did two different things";

/// Runs the engine in the laboratory: seeded, over a disk that fails, under every oracle
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Simulate {
    #[command(subcommand)]
    command: Command,
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
fn failure(finding: &Finding, plan: &Plan, trace: &Path) -> Failure {
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
    exit.because(format!(
        "{} objects; {note}to see it again: lithify sim replay {}",
        finding.oracle,
        quoted(trace)
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

/// Runs the command.
pub(crate) fn run(arguments: &Simulate) -> Outcome {
    // A panic of the system under test is a finding, with its message in it.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panics::are_caught() {
            print(panic);
        }
    }));
    let outcome = match &arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Shrink(arguments) => shrink::run(arguments),
        Command::Enumerate(arguments) => enumerate::run(arguments),
        Command::Mutants(arguments) => mutants::run(arguments),
        Command::Economy(arguments) => economy::run(arguments),
        Command::List(arguments) => list::run(arguments),
    };
    drop(std::panic::take_hook());
    outcome
}
