//! `fix`: the syncs with which every image of a recorded program passes its checker.

use std::fmt;

use clap::Args;
use lithify_programs::fix::{Fixed, Missing, fix, superfluous};
use lithify_programs::losses::Crashes;
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use serde::Serialize;

use super::programs::{CheckerArguments, ImageArguments, Session, notes, of_programs};

const EXAMPLES: &str = "\
Examples:
  lithify fix run.rec --check ./check.sh
  lithify fix run.rec --check ./check.sh --model ext4-ordered,posix-min

Searches a small set of syncs that prevents every finding, puts them into the recording, and crashes \
it again as `crash` does. It does not know whether the program would do the same with them.

Exits with 1 if syncs are missing, or if none prevents a finding; with 7 if it ended before that \
was known.";

/// Searches the syncs that a recorded program is missing
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Fix {
    #[command(flatten)]
    checker: CheckerArguments,
    #[command(flatten)]
    images: ImageArguments,
    /// If no sync is missing, search those that no image needs
    #[arg(long)]
    superfluous: bool,
    #[command(flatten)]
    format: FormatArgument,
}

#[derive(Serialize)]
struct Report {
    /// `null` if none prevents what was found. If it is not complete, these are missing, and more may
    /// be.
    missing: Option<Vec<Told>>,
    complete: bool,
    /// How many images the recording with the syncs has, none of which is refused.
    images: u64,
    unprevented: Option<String>,
    superfluous: Option<Vec<Told>>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Told {
    target: String,
    before: String,
    after_operations: usize,
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "fsync({}) before {} (after {} operations)",
            self.target, self.before, self.after_operations
        )
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Fix) -> Outcome {
    let Session {
        recording,
        checker,
        options,
        mut verdicts,
    } = Session::begin(&arguments.checker, &arguments.images)?;
    let recording = match arguments.images.after_failed_sync {
        Some(variant) => variant.apply(&recording)?,
        None => recording,
    };
    let fixed = fix(&recording, &checker, &options, &mut verdicts).map_err(of_programs)?;
    let crashes = Crashes::of(&recording.disk);
    let mut report = Report {
        missing: Some(Vec::new()),
        complete: true,
        images: 0,
        unprevented: None,
        superfluous: None,
        notes: notes(&recording.header),
    };
    let name = arguments.checker.recording.display();
    let outcome = match fixed {
        Fixed::Unknown(missing) => {
            report.complete = false;
            report.missing = Some(missing.into_iter().map(told).collect());
            Err(Exit::Unfinished.because(format!("{name}: not known yet which are missing")))
        }
        Fixed::Nothing if arguments.superfluous => {
            let found = superfluous(&recording, &checker, &options, &mut verdicts);
            let (found, is_complete) = found.map_err(of_programs)?;
            report.superfluous = Some(found.into_iter().map(told).collect());
            report.complete = is_complete;
            match is_complete {
                true => Ok(()),
                false => Err(Exit::Unfinished.because(format!("{name}: not all syncs were tried"))),
            }
        }
        Fixed::Nothing => Ok(()),
        Fixed::With(missing, outcome) => {
            report.images = outcome.rows.iter().map(|row| row.coverage.images).sum();
            let count = missing.len();
            report.missing = Some(missing.into_iter().map(told).collect());
            Err(Exit::Negative.because(format!("{name}: {count} syncs are missing")))
        }
        Fixed::Never(loss) => {
            let place = crashes.describe(loss.position);
            report.missing = None;
            report.unprevented = Some(format!("{place} (model {})", loss.model.name));
            Err(Exit::Negative.because(format!("{name}: no sync prevents a finding")))
        }
    };
    tell(&report, arguments.format.format)?;
    outcome
}

fn told(missing: Missing) -> Told {
    Told {
        target: missing.target,
        before: missing.before,
        after_operations: missing.after_operations,
    }
}

fn tell(report: &Report, format: Format) -> Outcome {
    let mut output = Output::for_reading();
    if format == Format::Json {
        output.json(report)?;
        return output.finish();
    }
    for sync in report.missing.iter().flatten() {
        output.line(sync.to_string().as_bytes())?;
    }
    let end = match (&report.missing, &report.unprevented) {
        (_, Some(place)) => {
            format!("no sync prevents what is refused {place}: nothing was lost there")
        }
        (Some(missing), _) if !report.complete && report.superfluous.is_none() => {
            format!(
                "{} syncs are missing so far, and it was ended early",
                missing.len()
            )
        }
        (Some(missing), _) if missing.is_empty() => "no sync is missing".to_owned(),
        _ => format!("with these, none of {} images is refused", report.images),
    };
    output.line(end.as_bytes())?;
    for sync in report.superfluous.iter().flatten() {
        output.line(format!("no image needs {sync}").as_bytes())?;
    }
    for note in &report.notes {
        output.line(note.as_bytes())?;
    }
    output.finish()
}
