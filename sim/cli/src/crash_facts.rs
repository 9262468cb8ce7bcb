//! What `crash` says in the formats for continuous integration. A rule is a word of the checker,
//! a part is a persistence model, and the file of a finding is the recording.
//!
//! This file words the report of `crash`; it judges nothing.

use std::time::Duration;

use lithify_programs::checker::Wrong;
use lithify_sim::cli::formats::{Facts, Finding, Part, Rule, Shortfall};

use super::crash::{self, Crash, Report, RowOf, with_variant};

/// All that a checker can say against an image, and what it demands by that.
const RULES: [(&str, &str); 6] = [
    ("lost", "nothing is lost that the user had seen"),
    ("inconsistent", "the data are consistent"),
    ("does-not-open", "the data can be opened"),
    (
        "exit-code",
        "the checker ends with an exit code from 0 to 3",
    ),
    ("signal", "no signal ends the checker"),
    ("hangs", "the checker ends in time"),
];

/// The rule that a verdict is about.
pub(crate) fn rule(wrong: Wrong) -> &'static str {
    let number = match wrong {
        Wrong::Lost => 0,
        Wrong::Inconsistent => 1,
        Wrong::DoesNotOpen => 2,
        Wrong::Code(_) => 3,
        Wrong::Signal(_) => 4,
        Wrong::Hang => 5,
    };
    RULES[number].0
}

/// The facts of a report.
pub(crate) fn facts(report: &Report, arguments: &Crash, took: Duration) -> Facts {
    let findings = report.findings.iter();
    Facts {
        command: "lithify crash".to_owned(),
        subject: report.program.join(" "),
        rules: RULES.map(|(id, about)| Rule { id, about }).to_vec(),
        counts: vec![
            ("operations", report.operations as u64),
            ("judged", report.judged as u64),
            ("findings", report.findings.len() as u64),
        ],
        parts: report.models.iter().map(part).collect(),
        findings: findings.map(|it| finding(it, arguments)).collect(),
        seconds: Some(took.as_secs_f64()),
        shortfall: (!report.complete).then(|| Shortfall {
            message: crash::NOT_ALL.to_owned(),
            is_failure: arguments.fail_on_incomplete,
        }),
    }
}

fn part(
    RowOf {
        row,
        after_failed_sync,
    }: &RowOf,
) -> Part {
    Part {
        name: with_variant(row.model, *after_failed_sync),
        covered: format!(
            "{}; {} distinct, {} refused",
            row.coverage, row.distinct, row.bad
        ),
        has_findings: row.bad > 0,
    }
}

fn finding(finding: &crash::Finding, arguments: &Crash) -> Finding {
    let told = |text: &str| with_variant(text, finding.after_failed_sync);
    let cures = finding.goes_away_if.iter();
    let cures = cures.map(|cure| format!("goes away if {cure}"));
    Finding {
        rule: finding.rule,
        part: told(finding.model),
        signature: told(&finding.wrong),
        message: finding.head(),
        why: finding.loss().into_iter().chain(cures).collect(),
        count: format!("{} images", finding.images),
        file: arguments.checker.recording.display().to_string(),
        again: crash::image_command(finding, arguments),
        excuse: None,
    }
}
