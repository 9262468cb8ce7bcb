//! The death of the process: the machine keeps running, and written bytes stay in its
//! cache.
//!
//! A process can die between two actions or in the middle of one. If it dies in the
//! middle, the rest of the action never happened: the log is cut at that moment and
//! continues with the next opening. If a fault has struck, or while two histories are
//! possible, the rest cannot be undone, and the process dies at the end of the action
//! instead.

use super::executor::Executor;
use super::scene::position_of;
use crate::disk::{Known, Mark};
use crate::judge::oracle::Finding;
use crate::run::plan::{Action, Moment};

impl Executor<'_> {
    /// The process dies between two actions. Then the store is opened again.
    pub(super) fn die(&mut self) -> Result<(), Finding> {
        self.abandon();
        self.is_first = false;
        if self.dies_undecided() {
            self.is_undecidable = true;
            return Ok(());
        }
        self.open().map(|_| ())
    }

    /// Drops the store without closing it. A store that readers still need may then
    /// open files for them. If that fails, no caller can be told; the reader will be.
    fn abandon(&mut self) {
        let fired = self.fs.fired().len();
        self.instance = None;
        if self.fs.fired().len() > fired && !self.pins.is_empty() {
            "nothing: nobody was there to be told".clone_into(&mut self.said);
            self.observed += 1;
        }
    }

    /// The process dies before an operation of the last action. Then the store is
    /// opened again.
    pub(super) fn die_before(&mut self, moment: &Moment) -> Result<(), Finding> {
        let position = position_of(&self.fs.log(), self.action_start, Some(moment));
        if position.is_none() {
            self.unmatched
                .push(Action::DieBefore(moment.clone()).to_string());
        }
        if let Some(position) = position.filter(|_| self.is_plain()) {
            self.note(|| "    the process dies".to_owned());
            self.pins.clear();
            self.rewind(position);
        }
        self.action_start = self.fs.log_length();
        self.fs.mark(Mark::Action(self.action_index));
        self.die()
    }

    /// Whether operations can be undone: the log alone must describe all that happened.
    fn is_plain(&self) -> bool {
        self.fs.fired().is_empty() && self.undecided_since.is_none() && self.fork.is_none()
    }

    /// Undoes the operations after a position of the log, and what clients learned from
    /// them.
    fn rewind(&mut self, position: usize) {
        let known = Known::at(&self.fs.log(), position);
        self.instance = None;
        self.fs = self.fs.rewound(&self.start, position);
        self.timeline.rewind(position);
        while self.histories.len() > 1 && self.histories[self.histories.len() - 1].0 > position {
            self.histories.pop();
            let (_, before) = &self.histories[self.histories.len() - 1];
            self.history = before.clone();
        }
        self.history.truncate(known.issued.min(self.history.head()));
        self.acknowledged = known.acknowledged;
        self.served = known.served;
        self.undecided.retain(|range| range.start <= position);
    }

    /// Whether the process dies before it has written anything since commits are in
    /// doubt. Then the commits that were to replace them are lost, and those in doubt
    /// may be back for good.
    pub(super) fn dies_undecided(&self) -> bool {
        let since = self.undecided_since;
        since.is_some_and(|since| !self.has_done_since(since))
    }
}
