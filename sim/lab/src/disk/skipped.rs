//! Barriers that do nothing: used to plant a missing sync, or to show that a sync is
//! superfluous.

use super::oplog::Log;
use super::state::DiskState;

/// Which barriers have no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedBarrier {
    /// `sync`, `sync_data` or `sync_dir`; empty for all.
    pub verb: String,
    /// The beginning of the file names; for directories, the beginning of the directory
    /// name.
    pub file: String,
    /// Only after these two operations, as [`context`] writes them; empty for
    /// everywhere.
    pub after: String,
}

/// The two operations before the end of a log, without numbers. The operations before a
/// barrier tell which place in the code of a store called it.
#[must_use]
pub fn context(log: &Log, end: usize) -> String {
    let calls = log.operations()[..end].iter().rev();
    let mut texts: Vec<String> = calls
        .filter(|operation| operation.is_call())
        .take(2)
        .map(|operation| without_numbers(&log.describe(operation).to_string()))
        .collect();
    texts.reverse();
    texts.join(",").replace(' ', ":")
}

/// The text of an operation up to the first digit or the offset: it names the kind of
/// the file, and not the single file.
#[must_use]
pub fn without_numbers(text: &str) -> String {
    let end = text.find(|letter: char| letter.is_ascii_digit() || letter == '[');
    text[..end.unwrap_or(text.len())].trim_end().to_owned()
}

impl DiskState {
    pub(super) fn skips(&self, verb: &str, path: &str) -> bool {
        let is_meant = |skip: &SkippedBarrier| {
            (skip.verb.is_empty() || skip.verb == verb)
                && path.starts_with(&skip.file)
                && (skip.after.is_empty()
                    || skip.after == context(&self.log, self.log.operations().len()))
        };
        self.skipped.iter().any(is_meant)
    }
}
