//! What happened, line by line: actions, the operations in between, and what was said of
//! them, in the order in which they happened.

use crate::disk::oplog::{Log, Mark, Operation};

/// The lines of a run, if anybody wants them.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    lines: Vec<String>,
    is_wanted: bool,
    /// How much of the log of this life stands in the lines.
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

    /// Adds the operations that were logged since the last time.
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
    pub(super) fn begin_life(&mut self) {
        self.shown = 0;
    }

    /// The log ends at an earlier place, and goes on from there.
    pub(super) fn rewind(&mut self, position: usize) {
        self.shown = self.shown.min(position);
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
