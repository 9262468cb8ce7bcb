//! The result of a verification, as a value that can be printed and serialized.
//!
//! Findings come in the order of the check: manifests, WAL files, segment files, each by number,
//! and by offset within one check of a file. Nothing here reads a file.

use std::fmt;

use serde::Serialize;

use crate::commit::Commit;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Bytes have changed, or files contradict each other.
    Damage,
    /// A state that a crash may leave, and that the next opening for writing resolves.
    Note,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, relative to the store's directory.
    pub file: String,
    /// The offset in the file, in bytes.
    pub offset: u64,
    /// The severity.
    pub severity: Severity,
    /// The expected and the found value.
    pub message: String,
}

/// The amount of checked data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Files read, except orphans.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Intact blocks of segment files: entries, indexes, filters, tables of contents.
    pub blocks: u64,
    /// Intact records of WAL and manifest files.
    pub records: u64,
    /// Entries decoded, from segment files and from the WAL.
    pub entries: u64,
}

/// The result of [`verify`](super::verify).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The newest commit that the files hold, as far as they could be read.
    pub head: Commit,
    /// The amount of checked data.
    pub checked: Checked,
    /// The findings, in the order of the check.
    pub findings: Vec<Finding>,
}

impl Report {
    /// True when nothing is damaged. Notes do not count: a crash may leave them.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.count(Severity::Damage) == 0
    }

    /// The number of findings with this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    pub(super) fn damage(
        &mut self,
        file: &str,
        offset: u64,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        self.add(file, offset, Severity::Damage, expected, found);
    }

    pub(super) fn note(
        &mut self,
        file: &str,
        offset: u64,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        self.add(file, offset, Severity::Note, expected, found);
    }

    fn add(
        &mut self,
        file: &str,
        offset: u64,
        severity: Severity,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        self.findings.push(Finding {
            file: file.to_owned(),
            offset,
            severity,
            message: format!("expected {expected}, found {found}"),
        });
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Damage => "damage",
            Severity::Note => "note",
        };
        let Self {
            file,
            offset,
            message,
            ..
        } = self;
        write!(
            formatter,
            "{severity}: {file} at offset {offset}: {message}"
        )
    }
}

/// One line for each finding, and a summary.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(formatter, "{finding}")?;
        }
        let verdict = if self.is_sound() { "sound" } else { "DAMAGED" };
        let checked = &self.checked;
        write!(
            formatter,
            "{verdict} through commit {}: {} files, {} bytes, {} blocks, {} records and {} entries \
             checked; {} damaged, {} notes",
            self.head,
            checked.files,
            checked.bytes,
            checked.blocks,
            checked.records,
            checked.entries,
            self.count(Severity::Damage),
            self.count(Severity::Note),
        )
    }
}
