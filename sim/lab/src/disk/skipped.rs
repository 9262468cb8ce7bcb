//! Barriers that do nothing: how a missing sync is planted, or shown to be superfluous.

use super::oplog::Log;
use super::state::State;

/// Barriers without effect, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedBarrier {
    /// `sync`, `sync_data` or `sync_dir`; empty for all.
    pub verb: String,
    /// Files whose names begin with this; for directories, their own name.
    pub file: String,
    /// Only where the two operations before were these, as [`context`] writes them;
    /// empty for everywhere.
    pub after: String,
}

/// The two operations before the end of a log, without numbers: what a barrier follows
/// tells one place in the code of a store from another.
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

/// An operation's text up to the first digit, or to the place in the file: which kind of
/// file, not which one.
#[must_use]
pub fn without_numbers(text: &str) -> String {
    let end = text.find(|letter: char| letter.is_ascii_digit() || letter == '[');
    text[..end.unwrap_or(text.len())].trim_end().to_owned()
}

impl State {
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
