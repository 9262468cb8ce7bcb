//! The report of `sim run` at its end: what was covered, the findings by signature,
//! which of them are known, and whether the whole request was completed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::args::Format;
use super::exit::{Exit, Outcome};
use super::formats::{self, Places};
use super::known::Known;
use super::output::Output;
use super::reach::ReachLine;
use super::report_file;
use super::summary::{FaultLine, FindingLine, Summary, summary};
use super::table::{Column, Table};
use super::terminal::{Colour, Screen};
use super::trace_file::Place;
use super::{Laboratory, failure, trace_file};
use crate::finding::gathered::Gathered;
use crate::finding::signature::Signature;
use crate::search::campaign::Ledger;

/// Why a run has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The whole request was completed.
    Done,
    /// A finding that was not known ended the run.
    Finding,
    TimeOver,
    Interrupted,
    /// Results of shards do not cover the whole campaign; in words which ones are missing.
    ShardsMissing(String),
}

/// The content of the report.
pub(super) struct Told<'run> {
    /// The name of the system.
    pub(super) system: &'run str,
    /// The names of the persistence models that were asked for.
    pub(super) models: Vec<String>,
    pub(super) ledger: &'run Ledger,
    pub(super) gathered: &'run Gathered,
    pub(super) known: &'run Known,
    /// The number of seeds that were requested.
    pub(super) asked: u64,
    pub(super) end: End,
    /// None for a sum of shards: it does not depend on how long they took.
    pub(super) time: Option<Duration>,
    pub(super) reach: ReachLine,
    /// The directory of the traces.
    pub(super) out: PathBuf,
    pub(super) format: Format,
    /// Whether an incomplete run is a failure.
    pub(super) must_be_complete: bool,
}

/// Writes the traces, the page if there is a place for it, the formats for continuous
/// integration, and the report. Returns the outcome of the command.
pub(super) fn tell(
    laboratory: Laboratory<'_>,
    run: &Told<'_>,
    page: Option<Place>,
    places: Places,
) -> Outcome {
    let kinds = run.gathered.kinds();
    let mut lines = Vec::new();
    let mut first = None;
    for (signature, kind) in &kinds {
        let found = &kind.cheapest;
        let path = trace_file::finding(&run.out, found.seed);
        trace_file::write(&path, &found.plan)?;
        let entry = run.known.entry(signature);
        let is_known = run.known.excuses(signature);
        if !is_known && first.is_none() {
            first = Some((found, path.clone()));
        }
        lines.push(FindingLine {
            seed: found.seed,
            oracle: found.finding.oracle.name(),
            model: found.plan.model.name,
            message: found.finding.message.clone(),
            why: kind.why.clone(),
            signature: (*signature).clone(),
            count: kind.count,
            known: is_known,
            until: entry.map(|entry| entry.until.clone()),
            reason: entry.map(|entry| entry.reason.clone()),
            trace: path.display().to_string(),
            page: None,
            disagreement: found.disagreement(),
        });
    }
    let seen: Vec<&Signature> = kinds.iter().map(|(signature, _)| *signature).collect();
    let unseen = run.known.unseen(&seen).map(ToString::to_string).collect();
    let mut output = Output::for_writing();
    if let Some(page) = &page {
        let plans = kinds.iter().map(|(_, kind)| &kind.cheapest.plan);
        report_file::write_findings(laboratory, page, &mut lines, plans)?;
    }
    let summary = summary(run, lines, unseen);
    if let Some(page) = page {
        report_file::write_campaign(page, &summary)?;
    }
    let facts = formats::of_campaign(laboratory, run, &summary);
    places.begin(&facts, &mut output)?;
    match run.format {
        Format::Json => output.json(&summary)?,
        Format::Text => text(&mut output, run, &summary)?,
    }
    places.write(&facts, &mut output)?;
    output.finish()?;
    match first {
        Some((found, path)) => Err(failure(laboratory, &found.finding, &found.plan, &path)),
        None if run.is_unfinished() && run.must_be_complete => {
            Err(Exit::Unfinished.because(format!("not finished: {}", run.shortfall())))
        }
        None => Ok(()),
    }
}

impl Told<'_> {
    /// Whether the run was incomplete, and no finding explains that.
    pub(super) fn is_unfinished(&self) -> bool {
        matches!(
            self.end,
            End::TimeOver | End::Interrupted | End::ShardsMissing(_)
        )
    }

    pub(super) fn shortfall(&self) -> String {
        let why = match &self.end {
            End::Done => "all was done",
            End::Finding => "a finding ended the run; with --keep-going it continues",
            End::TimeOver => "--time was over",
            End::Interrupted => "it was interrupted",
            End::ShardsMissing(which) => which,
        };
        let asked = match self.asked {
            // So large a number means that no number was requested.
            1_000_000_000_000.. => String::new(),
            asked => format!(" of {asked}"),
        };
        let joint = match self.end {
            End::ShardsMissing(_) => ":",
            _ => ", then",
        };
        format!("{}{asked} seeds were run{joint} {why}", self.ledger.seeds)
    }
}

fn text(output: &mut Output, run: &Told<'_>, summary: &Summary<'_>) -> Outcome {
    let mut line = |text: String| output.line(text.as_bytes());
    let took = summary.seconds.map(|seconds| format!(", {seconds:.1} s"));
    line(format!(
        "{} seeds: {} commits, {} file operations{}",
        summary.seeds,
        summary.commits,
        summary.operations,
        took.unwrap_or_default()
    ))?;
    if let Some(shortfall) = &summary.shortfall {
        line(format!("ended early: {shortfall}"))?;
    }
    let rate = summary.seconds.map(|seconds| {
        let rate = summary.recoveries as f64 / seconds.max(1e-9);
        format!(", {rate:.0} a second")
    });
    line(format!(
        "{} crash images, {} distinct; {} recoveries with all oracles{}",
        summary.images,
        summary.distinct_images,
        summary.recoveries,
        rate.unwrap_or_default()
    ))?;
    for model in &summary.models {
        line(format!("  {}: {}", model.model, model.coverage))?;
    }
    output.table(&faults(&summary.faults))?;
    let mut line = |text: String| output.line(text.as_bytes());
    let dark: Vec<&str> = summary
        .faults
        .iter()
        .filter(|fault| fault.fired == 0)
        .map(|fault| fault.fault)
        .collect();
    if !dark.is_empty() {
        line(format!("armed, but never fired: {}", dark.join(", ")))?;
    }
    output.table(&operations(summary.operations_reached))?;
    let screen = output.screen();
    let mut line = |text: String| output.line(text.as_bytes());
    if !summary.marks.is_empty() {
        let dark = summary.marks.iter().filter(|(_, count)| **count == 0);
        let dark: Vec<&str> = dark.map(|(mark, _)| &**mark).collect();
        line(format!(
            "{} of {} situations of the engine were reached",
            summary.marks.len() - dark.len(),
            summary.marks.len()
        ))?;
        if !dark.is_empty() {
            line(format!(
                "situations that were not reached: {}",
                dark.join(", ")
            ))?;
        }
    }
    if summary.findings.is_empty() {
        line(screen.paint(Colour::Green, "nothing found"))?;
    } else {
        line(format!(
            "{} findings with {} signatures:",
            run.gathered.count(),
            summary.findings.len()
        ))?;
    }
    for finding in &summary.findings {
        findings_of(&mut line, screen, finding)?;
    }
    for signature in &summary.known_unseen {
        line(format!("known, but not found: {signature}"))?;
    }
    Ok(())
}

fn faults(faults: &[FaultLine]) -> Table {
    let mut table = Table::new(&[
        Column::Text("fault"),
        Column::Number("armed"),
        Column::Number("fired"),
        Column::Number("observed"),
    ])
    .indented(2);
    for fault in faults {
        let counts = [fault.armed, fault.fired, fault.observed].map(|count| count.to_string());
        table.row([fault.fault.to_owned()].into_iter().chain(counts));
    }
    table
}

fn operations(reached: &BTreeMap<String, u64>) -> Table {
    let titles = [Column::Text("operation"), Column::Number("times")];
    let mut table = Table::new(&titles).indented(2);
    for (call, count) in reached {
        table.row([call.clone(), count.to_string()]);
    }
    table
}

/// Writes the findings with one signature.
fn findings_of(
    line: &mut impl FnMut(String) -> Outcome,
    screen: Screen,
    finding: &FindingLine,
) -> Outcome {
    let colour = match finding.known {
        true => Colour::Yellow,
        false => Colour::Red,
    };
    line(screen.paint(colour, &finding.signature.to_string()))?;
    line(format!(
        "  {} seeds, shortest: {}",
        finding.count, finding.trace
    ))?;
    line(format!(
        "  seed {}, model {}: {}: {}",
        finding.seed, finding.model, finding.oracle, finding.message
    ))?;
    for why in &finding.why {
        line(format!("  {why}"))?;
    }
    if let Some(disagreement) = &finding.disagreement {
        line(format!("  an error of the laboratory: {disagreement}"))?;
    }
    match (&finding.until, &finding.reason) {
        (Some(until), Some(reason)) if finding.known => {
            line(format!("  known until {until}: {reason}"))
        }
        (Some(until), Some(reason)) => line(format!(
            "  was known until {until}, a day in the past: {reason}"
        )),
        _ => Ok(()),
    }
}
