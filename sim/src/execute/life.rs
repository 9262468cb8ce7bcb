//! A time between two losses of power, and what a crash in it may leave.

use std::ops::Range;

use crate::history::History;
use crate::judge::Bounds;
use crate::simfs::oplog::{Log, Mark, Operation};
use crate::simfs::{FaultKind, Image, Known, Model};

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

    /// The faults that had fired at a position of the log.
    #[must_use]
    pub fn fired_by(&self, position: usize) -> Vec<FaultKind> {
        let struck = self.log.operations()[..position].iter();
        let struck = struck.filter_map(|operation| match operation {
            Operation::Mark(Mark::Fault { kind, .. }) => Some(*kind),
            _ => None,
        });
        self.past.iter().copied().chain(struck).collect()
    }

    /// Whether a crash at a position of the log can be judged, after these faults. Where
    /// syncs lie, no acknowledgement ends a doubt, for nothing is durable by it: the disk may
    /// bring back what was given up and lose what took its place.
    #[must_use]
    pub fn is_decided(&self, position: usize, model: &Model, fired: &[FaultKind]) -> bool {
        let lies = !model.honest || fired.iter().any(|kind| kind.class() == "lies");
        let is_inside =
            |range: &Range<usize>| range.start <= position && (lies || position < range.end);
        !self.undecided.iter().any(is_inside)
    }

    /// What a crash at a position may leave, given what had gone wrong by then.
    #[must_use]
    pub fn bounds(
        &self,
        position: usize,
        model: &Model,
        fired: &[FaultKind],
        known: Known,
    ) -> Bounds {
        let lost_witness = self
            .lost_witness_since
            .is_some_and(|since| since <= position);
        bounds(model, fired, lost_witness, known)
    }
}

/// What may be left after these faults, under a model.
pub(crate) fn bounds(
    model: &Model,
    fired: &[FaultKind],
    lost_witness: bool,
    known: Known,
) -> Bounds {
    let excuses = |kind: &FaultKind| match kind {
        FaultKind::BitRot => lost_witness,
        kind => kind.excuses_loss(),
    };
    let excuses_loss = !model.honest || fired.iter().any(excuses);
    Bounds {
        known,
        excuses_loss,
        is_damaged: excuses_loss || fired.iter().any(|kind| kind.corrupts()),
        is_unreadable: fired.contains(&FaultKind::LatentSector),
        is_faulty: fired.iter().any(|kind| !kind.is_benign()),
    }
}
