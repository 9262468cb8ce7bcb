//! The order in which the log is rewritten while nothing else happens.
//!
//! The order is a value, so that most planted bugs are another order and nothing else.

use lithify_sim::planted;

use super::names;
use super::table::{BaseWriter, Table};
use crate::parts::identity::Identity;
use crate::parts::replace::{self, Replacement};

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Write the batch that was pending at the pause to the old log, and sync it.
    Flush,
    /// Write the state to a temporary log and give it the next generation's name.
    Replace(replace::Phase),
    /// Go over to the new log. Only memory changes.
    Swap,
    /// Remove the old log.
    Remove,
}

/// A rewrite that is under way.
#[derive(Debug)]
pub(super) struct Job {
    /// The phases that are left, the next one last.
    phases: Vec<Phase>,
    /// The generation of the new log.
    pub(super) generation: u64,
    /// Which store, and from the creation of the file on, which file.
    pub(super) identity: Identity,
    /// What was accepted before the pause: so much is flushed, the rest waits.
    pub(super) flushed_up_to: u64,
    pub(super) file: Replacement,
    pub(super) writer: BaseWriter,
    /// A copy that was taken too early (only with a planted bug).
    pub(super) copy: Option<Table>,
}

impl Job {
    pub(super) fn new(generation: u64, identity: Identity, accepted: u64) -> Self {
        let mut phases = phases();
        phases.reverse();
        Self {
            phases,
            generation,
            identity,
            flushed_up_to: accepted,
            file: Replacement::new(names::TEMPORARY),
            writer: BaseWriter::new(generation, identity),
            copy: None,
        }
    }

    /// The phase that is due.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.phases.last().copied()
    }

    /// How far it has come. A flush without anything to write, the end of the pieces and
    /// the swap do not show on the disk.
    pub(super) fn progress(&self) -> String {
        format!(
            "{:?} generation {} flush {} name {:?} bytes {} {:?}",
            self.phases,
            self.generation,
            self.flushed_up_to,
            self.file.name(),
            self.file.bytes(),
            self.copy
        )
    }

    /// The phase that was due has ended.
    pub(super) fn advance(&mut self) {
        self.phases.pop();
    }
}

/// Flush, replace, swap, remove: no two of these may change places.
fn phases() -> Vec<Phase> {
    use Phase::{Flush, Remove, Replace, Swap};
    let mut phases = vec![Flush];
    phases.extend(replace::phases().into_iter().map(Replace));
    phases.extend([Swap, Remove]);
    if planted::is_active("old-log-removed-first") {
        phases.pop();
        phases.insert(1, Remove);
    } else if planted::is_active("one-directory-sync-for-both") {
        // Write, sync, rename, swap, remove, and only then the directory.
        let sync = phases.remove(4);
        phases.push(sync);
    } else if planted::is_active("flush-left-to-snapshot") {
        phases.remove(0);
    }
    phases
}
