//! The same workloads on lithify and on the engines that a user would pick instead.
//!
//! Goal: ratios that hold. Each engine gets the same data, the same durability and, where it
//! has one, the same cache; engines take turns inside a *window*, because a shared machine
//! changes from minute to minute; every measurement runs in a process of its own, because
//! memory of one engine must not be counted for the next. A ratio compares lithify with the
//! best peer of the same window, and the report gives the median of the windows with the
//! lowest and the highest.
//!
//! In reading order: `engine` is what an engine must offer, `engines/` has one file for each,
//! `row` lists what is measured, `workloads/` does it, `child` is the process that measures,
//! `harness` starts those and collects, `report` prints.
//!
//! What this does not do: it keeps no results of earlier runs, and it sets no limits that a
//! result must reach. `tests/counters.rs` of the engine holds what must not change.

mod arguments;
mod child;
mod composite;
#[cfg(test)]
mod conformance;
mod contestant;
mod data;
mod disk;
mod engine;
mod engines;
mod figure;
mod growth;
mod harness;
mod process;
mod report;
mod row;
mod sizes;
mod workloads;

use std::process::ExitCode;

use clap::Parser as _;

/// What every fallible call here returns: the message of an engine is enough.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Runs the program: the harness, or one measurement when the harness has started this process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    let outcome = match (&arguments.task, &arguments.show) {
        (Some(task), _) => child::run(task),
        (None, Some(file)) => report::show(file),
        (None, None) => harness::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
