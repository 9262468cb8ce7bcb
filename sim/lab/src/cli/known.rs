//! Known findings: one signature per line, with a date and a reason.
//!
//! ```text
//! 2027-01-31 durability: no sync_dir(/) before commit N is acknowledged // issue 14
//! ```
//!
//! Up to and including that day (UTC), the finding is counted but is not a failure.
//! From the next day on, it is a failure again. Empty lines and lines that begin with
//! `//` are ignored.

use std::path::Path;

use super::exit::{Exit, Outcome};
use super::trace_file;
use crate::finding::signature::Signature;

/// A known kind of findings.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    signature: Signature,
    /// The last day on which it is not a failure. Days in this form sort in the order
    /// of time.
    pub(super) until: String,
    pub(super) reason: String,
}

/// All known findings, and the current day.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    entries: Vec<Entry>,
    today: String,
}

impl Known {
    /// Reads a file of known findings.
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let at = path.display();
        let text = trace_file::text(path).map_err(|error| {
            Exit::Usage.because(format!("cannot read the known findings {at}: {error}"))
        })?;
        let entries = entries(&text).map_err(|(line, message)| {
            Exit::Usage.because(format!("{at}: line {line}: {message}"))
        })?;
        let today = today();
        Ok(Self { entries, today })
    }

    /// The entry of a signature, if any.
    pub(super) fn entry(&self, signature: &Signature) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.signature == *signature)
    }

    /// Whether a finding is excused today.
    pub(super) fn excuses(&self, signature: &Signature) -> bool {
        self.entry(signature)
            .is_some_and(|entry| entry.until >= self.today)
    }

    /// Known signatures that are not in `seen`.
    pub(super) fn unseen(&self, seen: &[&Signature]) -> impl Iterator<Item = &Signature> {
        let all = self.entries.iter().map(|entry| &entry.signature);
        all.filter(|signature| !seen.contains(signature))
    }
}

/// The day in UTC. The simulation does not use it.
#[expect(
    clippy::disallowed_types,
    reason = "a date in a file is compared with the wall clock, and nothing else is"
)]
fn today() -> String {
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now());
    now.to_string().chars().take("2027-01-31".len()).collect()
}

/// The entries of a text, or the number of the first invalid line and its error.
fn entries(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let mut entries: Vec<Entry> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        let at = |message: String| (index + 1, message);
        let entry = entry(line).map_err(at)?;
        if entries
            .iter()
            .any(|known| known.signature == entry.signature)
        {
            return Err(at(format!(
                "{:?} stands here twice",
                entry.signature.to_string()
            )));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(line: &str) -> Result<Entry, String> {
    let (until, rest) = line.split_once(' ').unwrap_or((line, ""));
    if !is_day(until) {
        return Err(format!(
            "{until:?} is no day: a line is YYYY-MM-DD SIGNATURE // REASON"
        ));
    }
    let (signature, reason) = match rest.split_once("//") {
        Some((signature, reason)) if !reason.trim().is_empty() => (signature, reason.trim()),
        _ => return Err("the reason is missing, behind //".to_owned()),
    };
    Ok(Entry {
        signature: Signature::parse(signature.trim())?,
        until: until.to_owned(),
        reason: reason.to_owned(),
    })
}

fn is_day(text: &str) -> bool {
    text.len() == "2027-01-31".len()
        && humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "2027-01-31 durability: no sync_dir(/) before the crash // issue 14";

    #[test]
    fn a_day_ends_what_is_excused() {
        let signature = Signature::parse("durability: no sync_dir(/) before the crash");
        let signature = signature.expect("it is one");
        for (today, excuses) in [
            ("2027-01-30", true),
            ("2027-01-31", true),
            ("2027-02-01", false),
        ] {
            let known = Known {
                entries: entries(LINE).expect("the line is right"),
                today: today.to_owned(),
            };
            assert_eq!(known.excuses(&signature), excuses, "{today}");
        }
        assert!(is_day(&today()));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (line, message) in [
            ("durability: no sync // why", "is no day"),
            ("2027-02-30 durability: no sync // why", "is no day"),
            ("2027-1-3 durability: no sync // why", "is no day"),
            ("2027-02-03 durability: no sync", "the reason is missing"),
            ("2027-02-03 durability: no sync //", "the reason is missing"),
            ("2027-02-03 luck: none // why", "the name of an oracle"),
            ("2027-02-03 durability // why", "nothing stands behind"),
        ] {
            let text = format!("// a heading\n\n{line}\n");
            let (number, found) = entries(&text).expect_err(line);
            assert_eq!(number, 3);
            assert!(found.contains(message), "{line}: {found}");
        }
        let (number, found) = entries(&format!("{LINE}\n{LINE}")).expect_err("twice");
        assert_eq!(number, 2);
        assert!(found.contains("twice"), "{found}");
    }
}
