//! `--github`: a summary of the run in Markdown, behind what other steps of a job have written
//! into the file that `GITHUB_STEP_SUMMARY` names.
//!
//! Text of a store stands in code blocks, where Markdown and HTML mean nothing. GitHub refuses
//! a summary above 1 MiB, so only the first findings are told, and each of them in short.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::facts::{Excuse, Facts, Finding};
use crate::cli::exit::Outcome;
use crate::cli::trace_file::Place;

const VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// The largest number of findings.
const MAX_FINDINGS: usize = 50;

/// The largest length of the text of a finding, in characters.
const LONGEST: usize = 4000;

/// The file of the summary, if the environment names one.
#[expect(
    clippy::disallowed_methods,
    reason = "GitHub tells a step by the environment where its summary is"
)]
pub(super) fn place() -> Outcome<Option<Place>> {
    let path = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let path = path.map(PathBuf::from);
    path.map(|path| Place::check(&path, "the summary for GitHub"))
        .transpose()
}

/// The whole summary.
pub(super) fn document(facts: &Facts) -> String {
    let failed = facts.findings.iter().filter(|it| it.excuse.is_none());
    let verdict = match (failed.count(), &facts.shortfall) {
        (0, Some(shortfall)) if shortfall.is_failure => "not finished".to_owned(),
        (0, _) => "nothing new found".to_owned(),
        (count, _) => format!("{count} findings"),
    };
    let mut text = format!("## {}: {verdict}\n\n", escaped(&facts.title()));
    if let Some(shortfall) = &facts.shortfall {
        let _ = writeln!(text, "Not finished: {}\n", escaped(&shortfall.message));
    }
    text += "| | |\n|---|---:|\n";
    for (name, count) in &facts.counts {
        let _ = writeln!(text, "| {} | {count} |", name.replace('_', " "));
    }
    for part in &facts.parts {
        let (name, covered) = (escaped(&part.name), escaped(&part.covered));
        let _ = writeln!(text, "| {name} | {covered} |");
    }
    for finding in facts.findings.iter().take(MAX_FINDINGS) {
        text += &of_finding(finding);
    }
    if let more @ 1.. = facts.findings.len().saturating_sub(MAX_FINDINGS) {
        let _ = writeln!(text, "\n{more} more signatures are in the log.");
    }
    text + "\n"
}

fn of_finding(finding: &Finding) -> String {
    let mut told = vec![finding.message.clone()];
    told.extend(finding.why.iter().cloned());
    let told: String = told.join("\n").chars().take(LONGEST).collect();
    let known = finding.excuse.as_ref().map(Excuse::sentence);
    let known = known.map_or(String::new(), |known| format!(", {}", escaped(&known)));
    format!(
        "\n### {}\n\n{}, model {}{known}; trace: {}\n\n{}\n{}",
        escaped(&finding.signature),
        escaped(&finding.count),
        escaped(&finding.part),
        escaped(&finding.file),
        block("text", &told),
        block("sh", &finding.again),
    )
}

/// A code block. Its fence is longer than every row of backticks in the text. Control characters
/// are written in words.
fn block(language: &str, text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        match letter.is_control() && letter != '\n' {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    let rows = shown.split(|letter| letter != '`').map(str::len);
    let fence = "`".repeat(rows.max().unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{shown}\n{fence}\n")
}

/// Text in one line in which Markdown and HTML mean nothing.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => escaped.push(' '),
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => escaped.extend(['\\', letter]),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_does_not_leave_its_block() {
        assert_eq!(block("text", "a"), "```text\na\n```\n");
        assert_eq!(block("text", "a\u{1b}\r"), "```text\na\\u{1b}\\r\n```\n");
        assert_eq!(block("text", "```\na"), "````text\n```\na\n````\n");
    }

    #[test]
    fn a_text_cannot_mark_up_the_page() {
        assert_eq!(escaped("<b>|a_\nb"), "&lt;b>\\|a\\_ b");
    }
}
