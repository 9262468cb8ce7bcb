//! The order in which a snapshot is made and the log is cut: the heart of the matter.
//!
//! Each phase is one durability-relevant operation (or several of one kind, one a
//! step), and the order is a value, so that a planted bug is another order and nothing
//! else.

use lithify_sim::planted;

use super::names;
use crate::parts::replace::{self, Replacement};

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// End the active segment, so that the snapshot ends where a segment ends. Then the
    /// state is taken.
    Seal,
    /// Write the snapshot to a temporary file and give it its final name.
    Replace(replace::Phase),
    /// Write over the newest snapshot instead (only with a planted bug).
    Overwrite,
    /// Remove older snapshots, and the segments that are covered.
    Remove,
}

/// What is under way.
#[derive(Debug)]
pub(super) struct Job {
    /// The phases that are left, the next one last.
    phases: Vec<Phase>,
    /// Up to where the log is cut.
    pub(super) limit: u64,
    /// How many entries the snapshot says that it covers.
    pub(super) offset: u64,
    /// The snapshot.
    pub(super) bytes: Vec<u8>,
    /// The file that is written.
    pub(super) file: Replacement,
}

impl Job {
    /// A snapshot, and the truncation that it allows if `truncates`.
    pub(super) fn snapshot(truncates: bool) -> Self {
        let mut phases = snapshot_phases();
        if !truncates {
            phases.retain(|phase| *phase != Phase::Remove);
        }
        Self::new(phases, 0)
    }

    /// A truncation alone, up to `limit`.
    pub(super) fn truncation(limit: u64) -> Self {
        Self::new(vec![Phase::Remove], limit)
    }

    fn new(mut phases: Vec<Phase>, limit: u64) -> Self {
        phases.reverse();
        Self {
            phases,
            limit,
            offset: 0,
            bytes: Vec::new(),
            file: Replacement::new(names::TEMPORARY),
        }
    }

    /// The phase that is due.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.phases.last().copied()
    }

    /// How far it has come. The end of a phase need not show on the disk, and what the
    /// snapshot holds is in memory until it is written.
    pub(super) fn progress(&self) -> String {
        format!(
            "{:?} limit {} offset {} name {:?} bytes {:?}",
            self.phases,
            self.limit,
            self.offset,
            self.file.name(),
            self.bytes
        )
    }

    /// The phase that was due has ended.
    pub(super) fn advance(&mut self) {
        self.phases.pop();
    }
}

/// Seal, replace, remove: no two of these may change places.
fn snapshot_phases() -> Vec<Phase> {
    use Phase::{Overwrite, Remove, Replace, Seal};
    let mut phases = vec![Seal];
    phases.extend(replace::phases().into_iter().map(Replace));
    phases.push(Remove);
    if planted::is_active("one-directory-sync-for-both") {
        phases.swap(4, 5);
    } else if planted::is_active("log-removed-first") {
        phases.pop();
        phases.insert(1, Remove);
    } else if planted::is_active("snapshot-overwritten-in-place") {
        phases[1] = Overwrite;
    }
    phases
}
