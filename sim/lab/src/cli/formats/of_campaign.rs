//! The facts of a campaign of the laboratory, from the summary that its text and its JSON come
//! from. This file chooses and words; it counts nothing again.

use std::path::Path;

use super::facts::{Excuse, Facts, Finding, Part, Rule, Shortfall};
use crate::cli::summary::{FindingLine, Summary};
use crate::cli::told::Told;
use crate::cli::{Laboratory, quoted};
use crate::judge::oracle::Oracle;

/// The facts of a run.
pub(in crate::cli) fn of_campaign(
    laboratory: Laboratory<'_>,
    run: &Told<'_>,
    summary: &Summary<'_>,
) -> Facts {
    let rule = |oracle: &Oracle| Rule {
        id: oracle.name(),
        about: oracle.about(),
    };
    let findings = summary.findings.iter();
    Facts {
        command: laboratory.command.to_owned(),
        subject: run.system.to_owned(),
        rules: Oracle::ALL.iter().map(rule).collect(),
        counts: counts(run, summary),
        parts: parts(run, summary),
        findings: findings.map(|line| finding(laboratory, line)).collect(),
        seconds: summary.seconds,
        shortfall: run.is_unfinished().then(|| Shortfall {
            message: run.shortfall(),
            is_failure: run.must_be_complete,
        }),
    }
}

/// The names are those of `--format json`.
fn counts(run: &Told<'_>, summary: &Summary<'_>) -> Vec<(&'static str, u64)> {
    vec![
        ("seeds", summary.seeds),
        ("commits", summary.commits),
        ("operations", summary.operations),
        ("images", summary.images),
        ("distinct_images", summary.distinct_images),
        ("recoveries", summary.recoveries),
        ("findings", run.gathered.count()),
        ("signatures", summary.findings.len() as u64),
    ]
}

/// A part for each persistence model under which anything was done. The plans run under the
/// first model also when they are not crashed.
fn parts(run: &Told<'_>, summary: &Summary<'_>) -> Vec<Part> {
    let kinds = run.gathered.kinds();
    let part = |name: &String| {
        let line = summary.models.iter().find(|line| line.model == *name);
        Part {
            name: name.clone(),
            covered: match line {
                Some(line) => line.coverage.to_string(),
                None => "no crashes".to_owned(),
            },
            has_findings: kinds.iter().any(|(_, kind)| kind.models.contains(name)),
        }
    };
    let is_told = |(number, name): &(usize, &String)| {
        *number == 0 || summary.models.iter().any(|line| line.model == **name)
    };
    let told = run.models.iter().enumerate().filter(is_told);
    told.map(|(_, name)| part(name)).collect()
}

fn finding(laboratory: Laboratory<'_>, line: &FindingLine) -> Finding {
    let mut why = line.why.clone();
    let disagreement = line.disagreement.iter();
    why.extend(disagreement.map(|text| format!("an error of the laboratory: {text}")));
    let excuse = match (&line.until, &line.reason) {
        (Some(until), Some(reason)) if line.known => Some(Excuse {
            until: until.clone(),
            reason: reason.clone(),
        }),
        _ => None,
    };
    Finding {
        rule: line.oracle,
        part: line.model.to_owned(),
        signature: line.signature.to_string(),
        message: format!("{}: {}", line.oracle, line.message),
        why,
        count: format!("{} seeds", line.count),
        again: format!(
            "{} replay {}",
            laboratory.command,
            quoted(Path::new(&line.trace))
        ),
        file: line.trace.clone(),
        excuse,
    }
}
