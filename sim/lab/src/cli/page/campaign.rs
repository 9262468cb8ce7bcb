//! The page of a campaign: what it covered, what stayed dark, and its findings.

use maud::{Markup, html};

use super::{badge, filtered_table, table};
use crate::cli::summary::{FaultLine, FindingLine, Summary};

/// The largest number of findings on a page; the JSON has all of them.
const MAX_FINDINGS: usize = 500;

/// The page.
#[must_use]
pub(crate) fn campaign(summary: &Summary<'_>) -> String {
    let (title, sentence) = match summary.findings.len() {
        0 => ("Nothing was found", "No oracle objects.".to_owned()),
        1 => (
            "One kind of finding",
            "All findings have one signature.".to_owned(),
        ),
        count => ("Findings", format!("The findings have {count} signatures.")),
    };
    let class = if summary.findings.is_empty() {
        "good"
    } else {
        "bad"
    };
    let body = html! {
        header {
            h1 { (title) }
            p.verdict.(class) {
                (summary.seeds) " seeds were run. " (sentence)
                @if let Some(shortfall) = &summary.shortfall { " The run is not complete: " (shortfall) "." }
            }
            (numbers(summary))
        }
        (findings(summary))
        (models(summary))
        (faults(&summary.faults))
        (marks(summary))
        (operations(summary))
    };
    let title = format!("{title} in {} seeds", summary.seeds);
    super::page(&title, &body)
}

fn numbers(summary: &Summary<'_>) -> Markup {
    let rate =
        |count: u64, seconds: f64| format!("{:.0} a second", count as f64 / seconds.max(1e-9));
    html! {
        dl.facts {
            dt { "Seeds" } dd { (summary.seeds) " of " (asked(summary.asked)) }
            dt { "Commits" } dd { (summary.commits) }
            dt { "File operations" } dd { (summary.operations) }
            dt { "Crash images" } dd { (summary.images) ", " (summary.distinct_images) " of them distinct" }
            dt { "Recoveries with all oracles" }
            dd {
                (summary.recoveries)
                @if let Some(seconds) = summary.seconds { ", " (rate(summary.recoveries, seconds)) }
            }
            @if let Some(seconds) = summary.seconds {
                dt { "Time" } dd { (format!("{seconds:.1} s")) }
            }
            dt { "Reach" }
            dd {
                "at most " (summary.reach.images) " images for an execution and a model, "
                (summary.reach.point_images) " for an enumerated crash point, " (summary.reach.depth)
                " crashes in a row, one of " (summary.reach.recoveries_one_in) " recoveries crashed"
            }
        }
    }
}

/// So large a number means that no number was requested.
fn asked(count: u64) -> String {
    match count {
        1_000_000_000_000.. => "as many as fit".to_owned(),
        count => count.to_string(),
    }
}

fn findings(summary: &Summary<'_>) -> Markup {
    let rows: Vec<Vec<Markup>> = (summary.findings.iter().take(MAX_FINDINGS))
        .map(finding)
        .collect();
    let left = summary.findings.len() - rows.len();
    html! {
        section {
            h2 { "Findings by signature" }
            @if rows.is_empty() {
                p { "There are none." }
            } @else {
                p { "Findings with one cause have one signature. The most frequent come first." }
                (filtered_table("Findings", &["seeds", "signature", "example", "why", "known"], &rows))
                @if left > 0 {
                    p.note { (left) " further signatures are left out; " code { "--format json" } " has all of them." }
                }
            }
            @if !summary.known_unseen.is_empty() {
                p { "Known, but not found:" }
                ul { @for signature in &summary.known_unseen { li { code { (signature) } } } }
            }
        }
    }
}

fn finding(line: &FindingLine) -> Vec<Markup> {
    let known = match (&line.until, &line.reason) {
        (Some(until), Some(reason)) if line.known => {
            html! { (badge("kept", "known")) " until " (until) ": " (reason) }
        }
        (Some(until), Some(reason)) => {
            html! { (badge("bad", "no longer")) ", until " (until) ": " (reason) }
        }
        _ => badge("bad", "new"),
    };
    vec![
        html! { (line.count) },
        html! {
            @match &line.page {
                Some(page) => { a href=(page) { (line.signature) } }
                None => { (line.signature) br; span.gone { "no page: " code { "sim replay " (line.trace) " --report" } } }
            }
        },
        html! {
            "seed " (line.seed) ", model " (line.model) ", oracle " (line.oracle) ": " (line.message)
            br; code { (line.trace) }
            @if let Some(disagreement) = &line.disagreement {
                br; (badge("bad", "an error of the laboratory")) " " (disagreement)
            }
        },
        html! { @for why in &line.why { p { (why) } } },
        known,
    ]
}

fn models(summary: &Summary<'_>) -> Markup {
    let rows: Vec<Vec<Markup>> = (summary.models.iter())
        .map(|line| {
            let share = line.enumerated_points as f64 * 100.0 / line.crash_points.max(1) as f64;
            vec![
                html! { code { (line.model) } },
                html! { (line.crash_points) },
                html! { (line.enumerated_points) " (" (format!("{share:.1}")) " %)" },
                html! { (line.images) },
                html! { (line.max_pending_changes) },
            ]
        })
        .collect();
    html! {
        section {
            h2 { "Crash points" }
            @if rows.is_empty() { p { "There were no crashes." } } @else {
                p { "A crash point is enumerated if every legal image was looked at. At the others there are more images than the limit, and a sample was taken." }
                (table(
                    "Crash points by persistence model",
                    &["model", "crash points", "enumerated", "images", "most pending changes of a sampled point"],
                    &rows,
                ))
            }
        }
    }
}

fn faults(faults: &[FaultLine]) -> Markup {
    if faults.is_empty() {
        return html! { section { h2 { "Faults" } p { "No fault was armed." } } };
    }
    let rows: Vec<Vec<Markup>> = (faults.iter())
        .map(|line| {
            vec![
                html! { code { (line.fault) } @if line.fired == 0 { " " (badge("kept", "never fired")) } },
                html! { (line.armed) },
                html! { (line.fired) },
                html! { (line.observed) },
            ]
        })
        .collect();
    html! {
        section {
            h2 { "Faults" }
            p { "A fault is observed if a call of the store has failed or refused because of it." }
            (table("Faults", &["fault", "armed", "fired", "observed"], &rows))
        }
    }
}

fn marks(summary: &Summary<'_>) -> Markup {
    if summary.marks.is_empty() {
        return html! {};
    }
    let dark: Vec<&str> = (summary.marks.iter())
        .filter_map(|(mark, count)| (*count == 0).then_some(&**mark))
        .collect();
    let mut reached: Vec<(&str, u64)> = (summary.marks.iter())
        .filter_map(|(mark, count)| (*count > 0).then_some((&**mark, *count)))
        .collect();
    reached.sort_by_key(|(_, count)| *count);
    let rows: Vec<Vec<Markup>> = (reached.iter())
        .map(|(mark, count)| vec![html! { code { (mark) } }, html! { (count) }])
        .collect();
    html! {
        section {
            h2 { "Situations" }
            p {
                (reached.len()) " of " (summary.marks.len()) " situations of the system were reached. "
                "A run that was never in a situation says nothing about it."
            }
            @if !dark.is_empty() {
                p { strong { "Not reached:" } }
                ul.dark { @for mark in dark { li { code { (mark) } } } }
            }
            details {
                summary { "Situations that were reached, the rarest first" }
                (table("Situations that were reached", &["situation", "times"], &rows))
            }
        }
    }
}

fn operations(summary: &Summary<'_>) -> Markup {
    if summary.operations_reached.is_empty() {
        return html! {};
    }
    let rows: Vec<Vec<Markup>> = (summary.operations_reached.iter())
        .map(|(operation, times)| vec![html! { code { (operation) } }, html! { (times) }])
        .collect();
    html! {
        section {
            h2 { "Operations" }
            p { "How often each operation was done, without numbers in names." }
            details {
                summary { "Operations by kind" }
                (table("Operations", &["operation", "times"], &rows))
            }
        }
    }
}
