//! `--report`: the file of a page.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::exit::{Exit, Outcome};
use super::page::{self, Shown};
use super::summary::{FindingLine, Summary};
use super::trace_file::{self, Place};
use super::{Laboratory, quoted};
use crate::finding::report::Report;
use crate::finding::signature::Diagnosis;
use crate::run::plan::Plan;
use crate::stop::Stop;

/// The longest time for the explanation in a report.
const LONGEST: Duration = Duration::from_secs(30);

/// The file of the page of a finding, as an argument.
#[derive(Args, Clone, Debug)]
pub(super) struct ReportArgument {
    /// Also write a page in HTML with all facts; with --format json these facts are in the output
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

impl ReportArgument {
    pub(super) fn place(&self) -> Outcome<Option<Place>> {
        place(self.report.as_deref())
    }
}

/// The file of the page of a campaign, as an argument.
#[derive(Args, Clone, Debug)]
pub(super) struct CampaignReportArgument {
    /// Also write a page in HTML about the run, and beside it a page for each of the most frequent
    /// signatures with the short trace that it shows
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl CampaignReportArgument {
    pub(super) fn place(&self) -> Outcome<Option<Place>> {
        place(self.report.as_deref())
    }
}

/// The place of a page, if one is wanted. Fails early if it could not be written.
///
/// # Errors
/// If the file cannot be written.
pub fn place(path: Option<&Path>) -> Outcome<Option<Place>> {
    path.map(|path| Place::check(path, "the report"))
        .transpose()
}

/// The facts about the plan of a trace, for a page.
pub(super) fn shown(
    laboratory: Laboratory<'_>,
    (trace, plan): (&Path, &Plan),
    stop: &Stop,
) -> Outcome<Shown> {
    let report = Report::of(plan, &stop.clone().within(Some(LONGEST)))
        .map_err(|message| Exit::Usage.because(format!("{}: {message}", trace.display())))?;
    Ok(Shown {
        trace: trace.display().to_string(),
        command: format!("{} replay {}", laboratory.command, quoted(trace)),
        report,
    })
}

/// Writes the page of a finding.
pub(super) fn write(place: Place, shown: &Shown) -> Outcome {
    place.keep_text(&page::finding(shown))
}

/// Writes the pages of the most frequent findings beside the page of their campaign, each
/// with the short trace that it is about, and names them in `lines`. `plans` are those of
/// the lines, in order.
pub(super) fn write_findings<'run>(
    laboratory: Laboratory<'_>,
    campaign: &Place,
    lines: &mut [FindingLine],
    plans: impl Iterator<Item = &'run Plan>,
) -> Outcome {
    /// The largest number of pages.
    const MOST: usize = 24;
    let stop = Stop::after(LONGEST * 2);
    for (line, plan) in lines.iter_mut().zip(plans).take(MOST) {
        if stop.is_due() {
            return Ok(());
        }
        // A finding that its trace does not show again has no facts.
        let Ok(diagnosis) = Diagnosis::of(plan) else {
            continue;
        };
        let trace = campaign.beside(&format!("seed-{}.sim", line.seed));
        let page = campaign.beside(&format!("seed-{}.html", line.seed));
        trace_file::write(&trace, &diagnosis.trace)?;
        let shown = shown(laboratory, (&trace, &diagnosis.trace), &stop)?;
        trace_file::write_text(&page, &page::finding(&shown), "the report")?;
        let name = page.file_name().unwrap_or_default();
        line.page = Some(name.to_string_lossy().into_owned());
    }
    Ok(())
}

/// Writes the page of a campaign.
pub(super) fn write_campaign(place: Place, summary: &Summary<'_>) -> Outcome {
    place.keep_text(&page::campaign(summary))
}
