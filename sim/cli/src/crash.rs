//! `crash`: every image that a loss of power may leave of a recorded program, and a checker.

use std::path::Path;
use std::time::Instant;

use clap::Args;
use lithify_programs::Recording;
use lithify_programs::classes::Pruned;
use lithify_programs::crash::{self, Found, Row};
use lithify_programs::losses::{Crashes, Loss};
use lithify_programs::shrink::{Shrunk, shrink};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::formats::IntegrationArguments;
use lithify_sim::cli::output::Output;
use lithify_sim::cli::quoted;
use lithify_sim::cli::terminal::Colour;
use serde::Serialize;

use super::crash_facts;
use super::programs::{AfterSync, CheckerArguments, ImageArguments, Session, notes, of_programs};

const EXAMPLES: &str = "\
Examples:
  lithify crash run.rec --check ./check.sh
  lithify crash run.rec --check ./check.sh --model ext4-ordered,posix-min
  lithify crash run.rec --check ./check.sh --model all --time 60 --shrink
  lithify crash run.rec --warm 'python3 check.py'
  lithify crash run.rec --check restart
  lithify crash run.rec --check ./check.sh --images large --classes
  lithify crash run.rec --check ./check.sh --junit crash.xml --github   # for CI

The checker is run as CHECK DIRECTORY STDOUT: the image, and a file with what the user had seen when \
the power failed. It exits with 0 if all is well, 1 if something is lost but the rest is consistent, \
2 if the data are inconsistent, 3 if they cannot be opened. It may change the directory. A checker \
for --warm reads lines DIRECTORY, tab, STDOUT, and answers each with a line: such an exit code, and \
behind a space what it has to say. With --check restart the recorded program is started again on each image, \
and must say what it would say without the loss of power.

Exits with 1 on a finding.";

/// Makes every crash image of a recorded program, and asks a checker about each
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Crash {
    #[command(flatten)]
    pub(crate) checker: CheckerArguments,
    #[command(flatten)]
    images: ImageArguments,
    /// Find the smallest loss behind each finding, and the sync that is missing
    #[arg(long)]
    shrink: bool,
    /// Look at what the checker reads of an image, and judge together all images that it cannot tell
    /// apart; --images is then how often it may be asked for each crash point
    #[arg(long, conflicts_with = "warm")]
    classes: bool,
    /// Exit with 7 if --time or Ctrl-C ends it before all images were judged
    #[arg(long)]
    pub(crate) fail_on_incomplete: bool,
    #[command(flatten)]
    integration: IntegrationArguments,
    #[command(flatten)]
    format: FormatArgument,
}

/// Why the result is not whole.
pub(crate) const NOT_ALL: &str = "not all images were judged";

/// All that is told.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) program: Vec<String>,
    pub(crate) operations: usize,
    pub(crate) models: Vec<RowOf>,
    pub(crate) judged: usize,
    pub(crate) complete: bool,
    pub(crate) findings: Vec<Finding>,
    notes: Vec<String>,
}

/// What was looked at under one model, and on which file systems.
#[derive(Serialize)]
pub(crate) struct RowOf {
    #[serde(flatten)]
    pub(crate) row: Row,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after_failed_sync: Option<&'static str>,
}

/// What came of all variants.
struct Judged {
    rows: Vec<RowOf>,
    judged: usize,
    is_complete: bool,
    findings: Vec<Finding>,
}

impl Default for Judged {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            judged: 0,
            is_complete: true,
            findings: Vec::new(),
        }
    }
}

/// One finding as it is told.
#[derive(Serialize)]
pub(crate) struct Finding {
    pub(crate) wrong: String,
    #[serde(skip)]
    pub(crate) rule: &'static str,
    message: String,
    pub(crate) images: usize,
    pub(crate) model: &'static str,
    after_operations: usize,
    next: String,
    pending: usize,
    lost: Vec<String>,
    /// What `image --lose` takes.
    lost_numbers: String,
    lost_bytes_read_as: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after_failed_sync: Option<&'static str>,
    pub(crate) goes_away_if: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Crash) -> Outcome {
    let places = arguments.integration.places(&arguments.format)?;
    let start = Instant::now();
    let Session {
        recording,
        checker,
        mut options,
        mut verdicts,
    } = Session::begin(&arguments.checker, &arguments.images)?;
    options.by_class = arguments.classes;
    let mut found = Judged::default();
    for variant in variants(&recording, arguments) {
        let applied = match variant {
            Some(variant) => variant.apply(&recording)?,
            None => recording.clone(),
        };
        let outcome = crash::crash(&applied.disk, &checker, &options, &mut verdicts);
        let outcome = outcome.map_err(of_programs)?;
        let after_failed_sync = variant.map(AfterSync::name);
        let rows = outcome.rows.into_iter();
        found.rows.extend(rows.map(|row| RowOf {
            row,
            after_failed_sync,
        }));
        found.judged += outcome.judged;
        found.is_complete &= outcome.is_complete;
        for one in &outcome.found {
            let shrunk = match arguments.shrink {
                true => {
                    let (loss, wrong) = (&one.loss, one.wrong);
                    let stop = &options.stop;
                    let shrunk = shrink(&applied, &checker, loss, wrong, &mut verdicts, stop);
                    Some(shrunk.map_err(of_programs)?)
                }
                false => None,
            };
            let crashes = Crashes::of(&applied.disk);
            let finding = finding(&crashes, one, shrunk.as_ref(), after_failed_sync);
            found.findings.push(finding);
        }
    }
    let report = Report {
        program: recording.header.program.clone(),
        operations: crash::operations(&recording.disk),
        models: found.rows,
        judged: found.judged,
        complete: found.is_complete,
        findings: found.findings,
        notes: notes(&recording.header),
    };
    // A reader that stops reading must not take the files with it.
    let mut output = match places.are_wanted() {
        true => Output::for_writing(),
        false => Output::for_reading(),
    };
    let facts = crash_facts::facts(&report, arguments, start.elapsed());
    places.begin(&facts, &mut output)?;
    tell(&mut output, &report, arguments)?;
    places.write(&facts, &mut output)?;
    output.finish()?;
    match (report.findings.len(), report.complete) {
        (0, false) if arguments.fail_on_incomplete => Err(Exit::Unfinished.because(NOT_ALL)),
        (0, _) => Ok(()),
        (count, _) => Err(Exit::Negative.because(format!(
            "{}: {count} findings",
            arguments.checker.recording.display()
        ))),
    }
}

/// Which treatments of failed syncs are tried: the one that was asked for, or both if a sync failed.
fn variants(recording: &Recording, arguments: &Crash) -> Vec<Option<AfterSync>> {
    match (
        arguments.images.after_failed_sync,
        recording.has_failed_sync(),
    ) {
        (Some(variant), _) => vec![Some(variant)],
        (None, true) => vec![Some(AfterSync::Clean), Some(AfterSync::Dirty)],
        (None, false) => vec![None],
    }
}

fn finding(
    crashes: &Crashes<'_>,
    found: &Found,
    shrunk: Option<&Shrunk>,
    after_failed_sync: Option<&'static str>,
) -> Finding {
    let loss: &Loss = shrunk.map_or(&found.loss, |shrunk| &shrunk.loss);
    let cures = shrunk.map_or(&[][..], |shrunk| &shrunk.cures);
    Finding {
        wrong: found.wrong.to_string(),
        rule: crash_facts::rule(found.wrong),
        message: found.message.clone(),
        images: found.images,
        model: loss.model.name,
        after_operations: crashes.count_at(loss.position),
        next: crashes.describe(loss.position),
        pending: loss.kept.len(),
        lost: crashes
            .words(loss)
            .into_iter()
            .map(|word| word.text)
            .collect(),
        lost_numbers: crashes.numbers(loss),
        lost_bytes_read_as: loss.fill.name().into_owned(),
        after_failed_sync,
        goes_away_if: cures
            .iter()
            .map(|cure| format!("fsync({}) comes before {}", cure.target, cure.before))
            .collect(),
    }
}

fn tell(output: &mut Output, report: &Report, arguments: &Crash) -> Outcome {
    if arguments.format.format == Format::Json {
        return output.json(report);
    }
    for row in &report.models {
        for line in row_lines(row) {
            output.line(line.as_bytes())?;
        }
    }
    let end = match report.complete {
        true => "",
        false => "; ended early",
    };
    output.line(format!("{} images judged{end}", report.judged).as_bytes())?;
    for finding in &report.findings {
        tell_finding(output, finding, arguments)?;
    }
    for note in &report.notes {
        output.line(note.as_bytes())?;
    }
    Ok(())
}

fn row_lines(
    RowOf {
        row,
        after_failed_sync,
    }: &RowOf,
) -> Vec<String> {
    let unjudged = match row.unjudged {
        0 => String::new(),
        count => format!(", {count} not judged"),
    };
    let model = with_variant(row.model, *after_failed_sync);
    let Some(classes) = &row.classes else {
        return vec![format!(
            "{model}: {}; {} distinct, {} refused{unjudged}",
            row.coverage, row.distinct, row.bad
        )];
    };
    let points = row.coverage.points;
    let which = match classes.whole_points == points {
        true => format!("all images of {points} crash points"),
        false => format!(
            "all images of {} of {points} crash points, and {} of the others",
            classes.whole_points,
            row.coverage.images - classes.parts
        ),
    };
    let mut lines = vec![format!(
        "{model}: {which}; {} sets of lost changes in {} parts; {} distinct, {} refused{unjudged}",
        sets(classes),
        classes.parts,
        row.distinct,
        row.bad
    )];
    if let Some(why) = &classes.unseen {
        lines.push(format!(
            "  what the checker asks could not be seen everywhere: {why}"
        ));
    }
    lines
}

/// How many sets of lost changes there are.
fn sets(classes: &Pruned) -> String {
    let more = if classes.more_sets { "more than " } else { "" };
    match classes.sets {
        few if few < 1e6 => format!("{more}{few}"),
        many => format!("{more}2^{:.1}", many.log2()),
    }
}

fn tell_finding(output: &mut Output, finding: &Finding, arguments: &Crash) -> Outcome {
    output.line(b"")?;
    let head = output.screen().paint(Colour::Red, &finding.head());
    output.line(format!("{head} ({} images)", finding.images).as_bytes())?;
    for line in finding.loss() {
        output.line(format!("  {line}").as_bytes())?;
    }
    for cure in &finding.goes_away_if {
        output.line(format!("  goes away if {cure}").as_bytes())?;
    }
    output.line(format!("  {}", image_command(finding, arguments)).as_bytes())
}

/// A model or a verdict, with what the pages behind a failed sync became.
pub(crate) fn with_variant(text: &str, after_failed_sync: Option<&str>) -> String {
    match after_failed_sync {
        Some(variant) => format!("{text}, {variant} after a failed sync"),
        None => text.to_owned(),
    }
}

impl Finding {
    /// What is wrong, and what the checker said.
    pub(crate) fn head(&self) -> String {
        match self.message.is_empty() {
            true => self.wrong.clone(),
            false => format!("{}: {}", self.wrong, self.message),
        }
    }

    /// When the power fails, and what it takes.
    pub(crate) fn loss(&self) -> [String; 2] {
        let lost = match self.lost.is_empty() {
            true => "nothing".to_owned(),
            false => self.lost.join(", "),
        };
        let model = with_variant(self.model, self.after_failed_sync);
        [
            format!(
                "the power fails after {} operations, {} (model {model})",
                self.after_operations, self.next
            ),
            format!(
                "lost of {} pending changes: {lost}; lost bytes read as {}",
                self.pending, self.lost_bytes_read_as
            ),
        ]
    }
}

/// How to look at an image.
pub(crate) fn image_command(finding: &Finding, arguments: &Crash) -> String {
    let lost = match &*finding.lost_numbers {
        "" => String::new(),
        numbers => format!(" --lose {numbers}"),
    };
    let fill = match &*finding.lost_bytes_read_as {
        "zero" => String::new(),
        fill => format!(" --fill {}", quoted(Path::new(fill))),
    };
    let after = match finding.after_failed_sync {
        None | Some("clean") => String::new(),
        Some(variant) => format!(" --after-failed-sync {variant}"),
    };
    format!(
        "lithify image {} --model {} --at {}{lost}{fill}{after} --to DIRECTORY",
        quoted(&arguments.checker.recording),
        finding.model,
        finding.after_operations,
    )
}
