//! A time between two losses of power, and what a crash in it may leave.

use std::ops::Range;

use crate::disk::oplog::{Log, Mark, Operation};
use crate::disk::{FaultKind, Image, Model};
use crate::history::History;
use crate::judge::Trouble;

/// A time between two losses of power.
#[derive(Debug)]
pub struct Life {
    /// The disk at its beginning.
    pub start: Image,
    /// What was done to it.
    pub log: Log,
    /// Where in the log the plan's last action ended; the judge's own come after it.
    pub end: usize,
    /// What the client knew, from a position in the log on.
    pub histories: Vec<(usize, History)>,
    /// The faults of earlier lives: damage stays.
    pub past: Vec<FaultKind>,
    /// From which position on bytes had rotted of which no copy and no later witness
    /// existed, if any had.
    pub lost_witness_since: Option<usize>,
    /// Parts of the log in which two histories are possible: see
    /// `may_be_back`. Crashes there cannot be judged.
    pub undecided: Vec<Range<usize>>,
}

impl Life {
    /// The history that the client knew at a position of the log.
    #[must_use]
    pub fn history_at(&self, position: usize) -> &History {
        let known = self
            .histories
            .iter()
            .rev()
            .find(|(from, _)| *from <= position);
        &known.unwrap_or(&self.histories[0]).1
    }

    /// What had gone wrong at a position of the log.
    pub(crate) fn trouble_at(&self, position: usize, model: &'static Model) -> Trouble {
        let struck = self.log.operations()[..position].iter();
        let struck = struck.filter_map(|operation| match operation {
            Operation::Mark(Mark::Fault { kind, .. }) => Some(*kind),
            _ => None,
        });
        Trouble::new(model, self.past.iter().copied().chain(struck).collect())
    }

    /// Whether a crash at a position of the log can be judged.
    pub(crate) fn is_decided(&self, position: usize, trouble: &Trouble) -> bool {
        let lies = trouble.has_lies();
        let is_inside =
            |range: &Range<usize>| range.start <= position && (lies || position < range.end);
        !self.undecided.iter().any(is_inside)
    }

    /// Whether the only witness of something was destroyed before a position of the log.
    pub(crate) fn has_lost_witness(&self, position: usize) -> bool {
        self.lost_witness_since
            .is_some_and(|since| since <= position)
    }
}
