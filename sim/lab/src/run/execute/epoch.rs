//! An epoch of the disk, and what a crash in it may leave.

use std::ops::Range;

use crate::disk::oplog::{Log, Mark, Operation};
use crate::disk::{FaultKind, Image, Model};
use crate::history::History;
use crate::judge::Trouble;

/// An epoch of the disk: the time from one loss of power to the next.
#[derive(Debug)]
pub struct Epoch {
    /// The disk at its beginning.
    pub start: Image,
    /// The operations on the disk.
    pub log: Log,
    /// The position in the log at which the plan's last action ended. Later operations
    /// belong to the judge.
    pub end: usize,
    /// The position in the log at which the power failed, if a planned crash has ended this
    /// epoch. The plan's last action was done to its end, so there may be later operations.
    pub crashed_at: Option<usize>,
    /// The histories that the client knew, each with the position in the log where it
    /// begins.
    pub histories: Vec<(usize, History)>,
    /// The faults of earlier epochs: their damage stays.
    pub past: Vec<FaultKind>,
    /// The first position at which bytes had rotted that have neither a copy nor a
    /// later witness, if any.
    pub lost_witness_since: Option<usize>,
    /// Ranges of the log in which two histories are possible: see
    /// `Trouble::may_hide_commits` and `Trouble::may_bring_back`. The outcome of a
    /// crash in such a range cannot be judged, because it is not known which history
    /// must be found.
    pub undecided: Vec<Range<usize>>,
}

impl Epoch {
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

    /// The trouble before a position of the log.
    pub(crate) fn trouble_at(&self, position: usize, model: &'static Model) -> Trouble {
        let struck = self.log.operations()[..position].iter();
        let struck = struck.filter_map(|operation| match operation {
            Operation::Mark(Mark::Fault { kind, .. }) => Some(*kind),
            _ => None,
        });
        Trouble::new(model, self.past.iter().copied().chain(struck).collect())
    }

    /// Whether the outcome of a crash at a position of the log can be judged.
    pub(crate) fn is_decided(&self, position: usize, trouble: &Trouble) -> bool {
        let lies = trouble.has_lies();
        let is_inside =
            |range: &Range<usize>| range.start <= position && (lies || position < range.end);
        !self.undecided.iter().any(is_inside)
    }

    /// Whether the only witness of some bytes was destroyed before a position of the
    /// log.
    pub(crate) fn has_lost_witness(&self, position: usize) -> bool {
        self.lost_witness_since
            .is_some_and(|since| since <= position)
    }
}
