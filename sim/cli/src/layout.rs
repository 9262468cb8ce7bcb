//! `layout`: the live segments, as canonical text, as JSON, as a drawing, or compared.

use std::path::PathBuf;

use clap::Args;
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;

use super::store::StoreArgument;

/// The width of the drawing in characters; with what stands beside it, a terminal's.
const PYRAMID_COLUMNS: usize = 60;

const EXAMPLES: &str = "\
Examples:
  lithify layout --store S
  lithify layout --store S --pyramid
  lithify layout --store S --format json
  lithify layout --store S --against T       # exits with 1 when they differ

The text is canonical: stores with the same history and placement print the same, once they are
settled.";

/// Prints the live segments
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowLayout {
    #[command(flatten)]
    store: StoreArgument,
    /// Draw the levels below the text
    #[arg(long)]
    pyramid: bool,
    /// Print what differs in this other store instead: - only here, + only there
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "pyramid")]
    against: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgument,
}

/// Runs the command.
pub(crate) fn run(arguments: &ShowLayout) -> Outcome {
    let is_json = arguments.format.format == Format::Json;
    if is_json && (arguments.pyramid || arguments.against.is_some()) {
        return Err(Exit::Usage.because("--pyramid and --against have no JSON form"));
    }
    let layout = arguments.store.open()?.layout();
    let mut output = Output::for_reading();
    if let Some(path) = &arguments.against {
        let other = StoreArgument { path: path.clone() }.open()?.layout();
        let difference = layout.diff(&other);
        output.bytes(difference.as_bytes())?;
        output.finish()?;
        return match difference.lines().count() {
            0 => Ok(()),
            lines => Err(Exit::Negative.because(format!("the layouts differ in {lines} lines"))),
        };
    }
    if is_json {
        output.json(&layout)?;
    } else {
        output.bytes(layout.to_string().as_bytes())?;
    }
    if arguments.pyramid {
        output.line(b"")?;
        output.bytes(layout.pyramid(PYRAMID_COLUMNS).as_bytes())?;
    }
    output.finish()
}
