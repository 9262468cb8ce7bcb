//! The events of a run, line by line, in the order in which they happened: actions, the
//! operations between them, and remarks about them.

use crate::disk::oplog::{Log, Mark, Operation};

/// The lines of a run, if they are wanted.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    lines: Vec<String>,
    is_wanted: bool,
    /// The number of log entries of this epoch that were turned into lines.
    shown: usize,
}

impl Timeline {
    pub(super) fn new(is_wanted: bool) -> Self {
        Self {
            is_wanted,
            ..Self::default()
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    pub(super) fn line(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Adds the operations that were logged since the last call.
    pub(super) fn catch_up(&mut self, log: &Log) {
        for operation in &log.operations()[self.shown..] {
            match operation {
                Operation::Mark(Mark::Fault { .. }) => {
                    self.lines
                        .push(format!("      ! {}", log.describe(operation)));
                }
                operation if operation.is_call() => {
                    self.lines
                        .push(format!("        {}", log.describe(operation)));
                }
                _ => {}
            }
        }
        self.shown = log.operations().len();
    }

    /// A new log begins.
    pub(super) fn begin_epoch(&mut self) {
        self.shown = 0;
    }

    /// The log was cut at an earlier position, and continues from there.
    pub(super) fn rewind(&mut self, position: usize) {
        self.shown = self.shown.min(position);
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
