//! The order of a rewrite of the log. No group is written during a rewrite.
//!
//! The order is a list of phases, so most planted bugs only change the list.

use lithify_sim::planted;

use super::names;
use super::table::{BaseWriter, Table};
use crate::parts::identity::Identity;
use crate::parts::replace::{self, Replacement};

/// The next phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Write the batch that was pending when the rewrite began to the old log, and sync
    /// it.
    Flush,
    /// Write the state to a temporary log, and give it the name of the next generation.
    Replace(replace::Phase),
    /// Switch to the new log. Changes only memory.
    Swap,
    /// Remove the old log.
    Remove,
}

/// A rewrite in progress.
#[derive(Debug)]
pub(super) struct Job {
    /// The remaining phases. The next phase is the last item.
    phases: Vec<Phase>,
    /// The generation of the new log.
    pub(super) generation: u64,
    /// The identity of the new log. The number of the file is drawn when the file is
    /// created.
    pub(super) identity: Identity,
    /// Accepted commits up to this number are flushed to the old log. Later commits
    /// wait.
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

    /// The current phase.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.phases.last().copied()
    }

    /// The progress as text. The text is needed because the disk does not show a flush
    /// without bytes, the end of the pieces, or the swap.
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

    /// Ends the current phase.
    pub(super) fn advance(&mut self) {
        self.phases.pop();
    }
}

/// The phases: flush, replace, swap, remove. No two of them can be swapped.
fn phases() -> Vec<Phase> {
    use Phase::{Flush, Remove, Replace, Swap};
    let mut phases = vec![Flush];
    phases.extend(replace::phases().into_iter().map(Replace));
    phases.extend([Swap, Remove]);
    if planted::is_active("old-log-removed-first") {
        phases.pop();
        phases.insert(1, Remove);
    } else if planted::is_active("one-directory-sync-for-both") {
        // The order is then: write, sync, rename, swap, remove, and the directory sync
        // last.
        let sync = phases.remove(4);
        phases.push(sync);
    } else if planted::is_active("flush-left-to-snapshot") {
        phases.remove(0);
    }
    phases
}
