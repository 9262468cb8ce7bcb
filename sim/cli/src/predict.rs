//! `predict`: the costs of a store, predicted without a store.

use std::num::NonZeroU64;

use clap::Args;
use lithify::predict::{Assumptions, predict};
use lithify::{Alignment, Cascade, History, Level, RemoveInputs};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;

use super::{placement, tuning};

const EXAMPLES: &str = "\
Examples:
  lithify predict --divisor 4 --commits 1000000
  lithify predict --divisor 30,10,12,24 --commits 1000000 --cascade direct

The numbers are exact for a store where each commit writes one entry and all entries have the same \
size. The command import-git prints the prediction for the commits that it imports.";

/// Predicts the segments, merges and pauses after a number of commits
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Predict {
    /// One number from 2, or a list of radices such as 30,10,12,24
    #[arg(long, value_name = "D", value_parser = placement::alignment)]
    divisor: Alignment,
    /// The number of commits
    #[arg(long, value_name = "N")]
    commits: u64,
    /// How a commit reaches the levels whose windows it closes: step or direct
    #[arg(long, default_value = "step", hide_possible_values = true, value_parser = tuning::cascade())]
    cascade: Cascade,
    /// The highest level of merged segments
    #[arg(long, value_name = "LEVEL")]
    max_level: Option<Level>,
    /// The commits write this number of keys in turn [default: each commit writes a new key]
    #[arg(long, value_name = "N")]
    keys: Option<NonZeroU64>,
    /// Versions that merged segments keep: all, last:COMMITS or newest
    #[arg(long, value_name = "RULE", default_value = "all", hide_possible_values = true, value_parser = placement::history())]
    history: History,
    /// When the inputs of merges are removed: see `lithify import-git --help`
    #[arg(long, value_name = "RULE", default_value = "always", hide_possible_values = true, value_parser = placement::remove_inputs())]
    remove_inputs: RemoveInputs,
    #[command(flatten)]
    format: FormatArgument,
}

/// Runs the command.
pub(crate) fn run(arguments: &Predict) -> Outcome {
    let mut alignment = arguments.divisor.clone();
    if let Some(level) = arguments.max_level {
        alignment = alignment.with_max_level(level);
    }
    let assumptions = Assumptions {
        distinct_keys: arguments.keys,
        history: arguments.history,
        remove_inputs: arguments.remove_inputs,
    };
    let prediction = predict(
        &alignment,
        arguments.cascade,
        arguments.commits,
        &assumptions,
    );
    let mut output = Output::for_reading();
    match arguments.format.format {
        Format::Text => output.bytes(prediction.to_string().as_bytes())?,
        Format::Json => output.json(&prediction)?,
    }
    output.finish()
}
