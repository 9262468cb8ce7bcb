//! `--github`: lines on standard output that GitHub Actions shows as annotations.
//!
//! A line is `::error file=FILE,title=TITLE::MESSAGE`. The rules of escaping are those of
//! GitHub's own toolkit. GitHub shows ten errors and ten warnings of a step, and keeps all in
//! the log; the job summary has them all.
//!
//! The text of a run holds messages of a store, which may have lines that look like commands of
//! GitHub, by accident. So the text stands between two lines that switch commands off and on.

use xxhash_rust::xxh3::xxh3_64;

use super::facts::{Excuse, Facts, Finding};

/// The lines before and behind the text of a run, between which GitHub reads no commands. The
/// word in both follows from the messages, so no message holds it by accident.
pub(super) fn around(facts: &Facts) -> [String; 2] {
    let lines = facts.findings.iter().flat_map(Finding::lines);
    let lines: Vec<String> = lines.collect();
    let word = format!("{:016x}", xxh3_64(lines.join("\n").as_bytes()));
    [format!("::stop-commands::{word}"), format!("::{word}::")]
}

/// The annotations: an error for each signature, a warning for each that is known, and a line
/// for a run that is not finished.
pub(super) fn lines(facts: &Facts) -> Vec<String> {
    let mut lines: Vec<String> = facts.findings.iter().map(of_finding).collect();
    if let Some(shortfall) = &facts.shortfall {
        let level = shortfall.level();
        let title = property(&format!("{}: not finished", facts.title()));
        let message = data(&shortfall.message);
        lines.push(format!("::{level} title={title}::{message}"));
    }
    lines
}

fn of_finding(finding: &Finding) -> String {
    let level = finding.level();
    let title = match finding.excuse.as_ref().map(Excuse::sentence) {
        Some(excuse) => format!("{} ({excuse})", finding.signature),
        None => finding.signature.clone(),
    };
    format!(
        "::{level} file={},title={}::{}",
        property(&finding.file),
        property(&title),
        data(&finding.lines().join("\n")),
    )
}

/// The text of a message. The percent sign comes first, or it would escape the escapes.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property, which a colon or a comma would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_line_or_a_property_is_escaped() {
        assert_eq!(data("50%: a,\r\nb::"), "50%25: a,%0D%0Ab::");
        assert_eq!(property("50%: a,\r\nb"), "50%25%3A a%2C%0D%0Ab");
        assert_eq!(
            data("%0A"),
            "%250A",
            "text that looks escaped stays as it is"
        );
    }
}
