//! The page of a finding.

use maud::{Markup, html};
use serde::Serialize;

use super::{badge, counted, curve, table, timeline};
use crate::finding::report::{
    CauseKind, Difference, Disks, Loss, Opened, PendingChange, Report, Shows, UnderModel,
};

/// The largest number of rows of a table on a page; the JSON has all of them.
const MAX_ROWS: usize = 400;

/// A report, with what its reader types to get it again.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shown {
    /// The trace, as it was named.
    #[serde(skip)]
    pub(crate) trace: String,
    /// The command that runs the trace again.
    pub(crate) command: String,
    /// The facts.
    #[serde(flatten)]
    pub(crate) report: Report,
}

/// The page.
#[must_use]
pub(crate) fn finding(shown: &Shown) -> String {
    let report = &shown.report;
    let title = match &report.found {
        Some(found) => format!("{}: {} ({})", found.oracle, found.message, shown.trace),
        None => format!("Nothing found ({})", shown.trace),
    };
    let body = html! {
        (head(shown))
        (causes(report))
        (timeline::timeline(report))
        @for loss in &report.losses { (pending(report, loss)) }
        (faults(report))
        @for disks in &report.disks { (disk(disks)) }
        (models(report))
        @if let Some(found) = &report.curve { (curve::curve(found)) }
        (trace(report))
    };
    super::page(&title, &body)
}

fn head(shown: &Shown) -> Markup {
    let report = &shown.report;
    html! {
        header {
            @if let Some(found) = &report.found {
                h1 { "Broken promise: " (found.promise) }
                p.verdict.bad {
                    strong { "Found: " } (found.message) ". "
                    "The oracle " code { (found.oracle) } " objects."
                }
            } @else {
                h1 { "Nothing was found" }
                p.verdict.good { "The trace ran to its end, and no oracle objects." }
            }
            dl.facts {
                @if let Some(signature) = &report.signature {
                    dt { "Signature" } dd { code { (signature) } }
                }
                dt { "See it again" } dd { code { (shown.command) } }
                dt { "System" } dd { code { (report.system) } ": " (report.about) }
                dt { "Model" } dd { code { (report.model) } }
                @if let Some(bug) = &report.bug { dt { "Planted bug" } dd { code { (bug) } } }
                dt { "Seed" } dd { (report.seed) }
                @if !report.settings.is_empty() {
                    dt { "Settings" }
                    dd { @for (name, value) in &report.settings { code { (name) } " = " code { (value) } " " } }
                }
            }
        }
    }
}

fn causes(report: &Report) -> Markup {
    if report.found.is_none() {
        return html! {};
    }
    let title = |kind| match kind {
        CauseKind::MissingBarrier => "a sync is missing",
        CauseKind::Survives => "a change was lost",
        CauseKind::IsLost => "a change was kept",
        CauseKind::Fault => "a fault struck",
        CauseKind::Line => "a line of the trace",
    };
    let rows: Vec<Vec<Markup>> = (report.causes.iter())
        .map(|cause| vec![html! { (title(cause.kind)) }, html! { (cause.text) }])
        .collect();
    html! {
        section {
            h2 { "Why" }
            @if let Some(cause) = report.causes.iter().find(|it| it.kind == CauseKind::MissingBarrier) {
                p.cause { strong { "The missing sync: " } "the finding " (cause.text) "." }
            }
            @if rows.is_empty() {
                p { "No single change of a crash and no single line of the trace makes the finding go away." }
            } @else {
                p { "Each of these changes alone makes the finding go away. The laboratory has run the trace with each of them." }
                (table("Changes that make the finding go away", &["what", "the finding"], &rows))
            }
            @if report.is_cut_short { p.note { "The time ended before every change was tried." } }
            @if !report.stale.is_empty() {
                h3 { "Where old bytes came from" }
                ul { @for line in &report.stale { li { (line) } } }
            }
        }
    }
}

fn pending(report: &Report, loss: &Loss) -> Markup {
    let lost = loss.changes.iter().filter(|change| !change.is_kept).count();
    let kept = loss.changes.len() - lost;
    let rows: Vec<Vec<Markup>> = (loss.changes.iter().take(MAX_ROWS))
        .map(|change| change_row(report, loss, change))
        .collect();
    let title = format!("Pending changes at loss of power {}", loss.crash);
    html! {
        section id={ "loss-" (loss.crash) } {
            h2 { "Loss of power " (loss.crash) }
            p {
                "Line " (loss.line) ": " code { (loss.text) } ". "
                (counted(kept, "pending change was", "pending changes were")) " kept and " (lost) " lost. "
                "Lost bytes inside a kept length read as " code { (loss.fill) } "."
            }
            p {
                "At that moment clients had asked for commits up to " (loss.issued) ". "
                "Commits up to " (loss.acknowledged) " were acknowledged, and commits up to "
                (loss.shown) " were shown after an opening."
            }
            @if rows.is_empty() {
                p { "Nothing was pending: everything was durable." }
            } @else {
                (table(&title, &["nr", "change", "made by", "fate", "why", "requires"], &rows))
                (left_out(loss.changes.len()))
            }
            @if loss.without_requirements {
                p.note { "There are too many changes to list what requires what." }
            }
        }
    }
}

fn change_row(report: &Report, loss: &Loss, change: &PendingChange) -> Vec<Markup> {
    let number = loss.changes.iter().position(|other| other == change);
    let requires: Vec<String> = (change.requires.iter())
        .map(|required| (required + 1).to_string())
        .collect();
    vec![
        html! { @if let Some(number) = number { (number + 1) } },
        html! {
            code { (change.name) }
            @if change.matters { " " (badge("bad", "decides")) }
        },
        html! {
            @if let Some(event) = change.event { "event " (event + 1) ": " }
            code { (change.operation) }
            @if let Some(lane) = change.lane.map(|lane| &report.lanes[lane].name) {
                @if !change.operation.ends_with(lane) && !change.operation.contains(&format!(" {lane}[")) {
                    " (" (lane) ")"
                }
            }
        },
        match change.is_kept {
            true => badge("kept", "kept"),
            false => badge("bad", "lost"),
        },
        html! { (change.because) },
        html! { (requires.join(", ")) },
    ]
}

fn left_out(rows: usize) -> Markup {
    html! {
        @if rows > MAX_ROWS {
            p.note { (rows - MAX_ROWS) " further rows are left out; " code { "--format json" } " has all of them." }
        }
    }
}

fn faults(report: &Report) -> Markup {
    if report.faults.is_empty() {
        return html! {};
    }
    let rows: Vec<Vec<Markup>> = (report.faults.iter().take(MAX_ROWS))
        .map(|strike| {
            vec![
                html! { code { (strike.fault) } },
                html! { "line " (strike.line) ": " code { (strike.call) } },
                html! { code { (strike.operation) } },
                match &strike.answer {
                    Some(answer) => html! { (answer) },
                    None => html! { "all is well" },
                },
                match strike.is_observed {
                    true => badge("good", "noticed"),
                    false => badge("kept", "not noticed"),
                },
            ]
        })
        .collect();
    html! {
        section {
            h2 { "Faults" }
            p { "What each fault struck, and what the store answered to the call that met it." }
            (table(
                "Faults that struck",
                &["fault", "call of the store", "operation", "answer", "any call failed"],
                &rows,
            ))
            (left_out(report.faults.len()))
        }
    }
}

fn disk(disks: &Disks) -> Markup {
    let names: Vec<&str> = disks.stages.iter().map(|stage| stage.name).collect();
    let columns: Vec<&str> = ["file"].into_iter().chain(names).collect();
    let by_name = disks.by_name();
    let rows: Vec<Vec<Markup>> = (by_name.iter().take(MAX_ROWS))
        .map(|(name, files)| {
            let cells = files.iter().map(|file| match file {
                None => html! { span.gone { "not there" } },
                Some(file) => html! {
                    (counted(file.bytes, "byte", "bytes")) ", file " (file.file) ", "
                    code { (file.hash) }
                    @if let Some(change) = &file.change { br; (badge("kept", change)) }
                },
            });
            [html! { code { (name) } }]
                .into_iter()
                .chain(cells)
                .collect()
        })
        .collect();
    let title = match disks.crash {
        Some(crash) => format!("The disk around loss of power {crash}"),
        None => "The disk at the end".to_owned(),
    };
    html! {
        section {
            h2 { (title) }
            p { "Each file with its length, its number, and a hash of its bytes. A name can belong to several files, one after another." }
            (table(&title, &columns, &rows))
            (left_out(by_name.len()))
            (opened(&disks.opened))
            @for stage in &disks.stages {
                @if !stage.check.is_empty() {
                    details {
                        summary { "The check of the files, " (stage.name) }
                        pre { @for line in &stage.check { (line) "\n" } }
                    }
                }
            }
        }
    }
}

fn opened(opened: &Opened) -> Markup {
    let value = |value: &Option<String>| match value {
        Some(value) => html! { code { (value) } },
        None => html! { span.gone { "not there" } },
    };
    let rows: Vec<Vec<Markup>> = (opened.differences.iter())
        .map(|difference: &Difference| {
            vec![
                html! { code { (difference.keyspace) } },
                html! { code { (difference.key) } },
                value(&difference.expected),
                value(&difference.found),
            ]
        })
        .collect();
    let wrong = opened.differences.len() + opened.more_differences;
    html! {
        p {
            @match (&opened.failure, opened.newest) {
                (Some(failure), _) => { "An opening without faults fails: " (failure) "." }
                (None, newest) => {
                    "An opening without faults shows commits up to " (newest.unwrap_or_default()) ". "
                    "Compared with the model as of commit " (opened.compared_with) ", "
                    (counted(opened.right, "key is", "keys are")) " right and " (wrong) " wrong."
                }
            }
        }
        @if !rows.is_empty() {
            (table("Keys that differ from the model", &["keyspace", "key", "expected", "found"], &rows))
            @if opened.more_differences > 0 {
                p.note { (opened.more_differences) " further keys differ." }
            }
        }
    }
}

fn models(report: &Report) -> Markup {
    if report.models.is_empty() {
        return html! {};
    }
    let rows: Vec<Vec<Markup>> = report.models.iter().map(model_row).collect();
    html! {
        section {
            h2 { "Under the other models" }
            p { "The same trace under each other persistence model. If its own loss of power shows nothing there, the last epoch of the trace was crashed at every crash point." }
            (table("The trace under the other models", &["model", "shows it", "what was found"], &rows))
        }
    }
}

fn model_row(under: &UnderModel) -> Vec<Markup> {
    let shows = match under.shows {
        Shows::AsItIs => badge("bad", "yes"),
        Shows::WithAnotherCrash => badge("bad", "yes, with another crash"),
        Shows::AnotherFinding => badge("kept", "another finding"),
        Shows::Nothing => badge("good", "no"),
    };
    vec![
        html! { code { (under.model) } ": " (under.about) },
        shows,
        html! {
            @if let Some(found) = &under.found { (found) " " }
            @if let Some(crash) = &under.crash { code { (crash) } " " }
            @if let Some(coverage) = &under.coverage { (coverage) }
        },
    ]
}

fn trace(report: &Report) -> Markup {
    html! {
        section {
            h2 { "The trace" }
            @if !report.without_effect.is_empty() {
                p { "These lines had no effect, because a name in them does not exist:" }
                ul { @for line in &report.without_effect { li { code { (line) } } } }
            }
            pre.trace tabindex="0" aria-label="The trace, line by line" {
                @for line in report.trace.iter().take(MAX_ROWS) { (line) "\n" }
            }
            (left_out(report.trace.len()))
        }
    }
}
