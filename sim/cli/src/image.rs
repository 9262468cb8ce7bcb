//! `image`: one crash image of a recorded program as a directory.

use std::path::PathBuf;

use clap::Args;
use lithify_programs::Recording;
use lithify_programs::losses::{Crashes, Loss};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use lithify_sim::cli::{ChosenModels, models};
use lithify_sim::disk::{Fill, Frontier};
use lithify_sim::names::unknown;

use super::programs::{AfterSync, of_programs};

const EXAMPLES: &str = "\
Examples:
  lithify image run.rec --at 17                    # what is pending there
  lithify image run.rec --at 17 --to image-17      # of which nothing is lost
  lithify image run.rec --at 17 --lose 'rename(a,b)' --to image-17
  lithify image run.rec --at 17 --lose 3,5-8 --to image-17
  lithify image run.rec --at 17 --lose all --to image-17

Without --to it prints what is pending when so many operations are over; --lose takes its numbers \
and names. What requires a lost change is lost, too. The user's output is written beside the \
directory, to DIRECTORY.stdout.";

/// Writes one crash image of a recorded program, to look at
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Image {
    /// A file that `record` has written
    recording: PathBuf,
    /// The power fails when so many operations are over
    #[arg(long, value_name = "N")]
    at: usize,
    /// The persistence model
    #[arg(long, value_name = "MODEL", default_value = "posix-min", hide_possible_values = true, value_parser = models())]
    model: ChosenModels,
    /// Pending changes that are lost, by number or name, or all; may be repeated
    #[arg(long, value_name = "CHANGE")]
    lose: Vec<String>,
    /// What lost bytes read as
    #[arg(long, value_name = "FILL", default_value = "zero")]
    fill: String,
    /// What becomes of the bytes that a failed sync would have written
    #[arg(long, value_enum, value_name = "VARIANT", default_value = "clean")]
    after_failed_sync: AfterSync,
    /// The directory for the image, which must not exist
    #[arg(long, value_name = "DIRECTORY")]
    to: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Image) -> Outcome {
    let recording = Recording::read(&arguments.recording).map_err(of_programs)?;
    let recording = arguments.after_failed_sync.apply(&recording)?;
    let crashes = Crashes::of(&recording.disk);
    let [model] = arguments.model.0[..] else {
        return Err(Exit::Usage.because("name one --model"));
    };
    let position = crashes.position_after(arguments.at).ok_or_else(|| {
        let count = lithify_programs::crash::operations(&recording.disk);
        Exit::Usage.because(format!(
            "--at {}: there are {count} operations",
            arguments.at
        ))
    })?;
    let frontier = crashes.frontier(model, position);
    let all = Loss {
        model,
        position,
        kept: frontier.keeping(&[]),
        fill: fill(&frontier, &arguments.fill)?,
    };
    let Some(to) = &arguments.to else {
        return list(&crashes, &all);
    };
    let lost = lost(&crashes, &frontier, &arguments.lose)?;
    let loss = Loss {
        kept: frontier.dropping(&lost),
        ..all
    };
    let written = lithify_programs::write_image(&crashes, &loss, to);
    written.map_err(of_programs)
}

fn fill(frontier: &Frontier<'_>, name: &str) -> Outcome<Fill> {
    let fills = frontier.fills();
    let found = fills.iter().find(|fill| fill.name() == name);
    found.cloned().ok_or_else(|| {
        let names: Vec<String> = fills.iter().map(|fill| fill.name().into_owned()).collect();
        let known = names.iter().map(String::as_str);
        Exit::Usage.because(unknown("fill of this model", name, known))
    })
}

fn lost(crashes: &Crashes<'_>, frontier: &Frontier<'_>, words: &[String]) -> Outcome<Vec<usize>> {
    let mut lost = Vec::new();
    for word in words {
        let meant = match word.as_str() {
            "all" => (0..frontier.pending().len()).collect(),
            word => crashes.meant(frontier, word),
        };
        if meant.is_empty() {
            let labels = frontier.labels();
            let known = labels.iter().map(String::as_str);
            return Err(Exit::Usage.because(unknown("pending change", word, known)));
        }
        lost.extend(meant);
    }
    Ok(lost)
}

fn list(crashes: &Crashes<'_>, all: &Loss) -> Outcome {
    let mut output = Output::for_reading();
    let head = format!(
        "{} (model {}); pending:",
        crashes.describe(all.position),
        all.model.name
    );
    output.line(head.as_bytes())?;
    for (number, label) in (1..).zip(crashes.frontier(all.model, all.position).labels()) {
        output.line(format!("{number} {label}").as_bytes())?;
    }
    output.finish()
}
