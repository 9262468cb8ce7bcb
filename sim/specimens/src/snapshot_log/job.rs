//! The order in which a snapshot is written and the log is truncated.
//!
//! Each phase is one durability-relevant operation, or several operations of one kind,
//! of which each step does one. The order is a list of phases, so a planted bug only
//! changes the list.

use lithify_sim::planted;

use super::names;
use crate::parts::replace::{self, Replacement};

/// The next work of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// End the active segment, so that the snapshot ends at the end of a segment. Then
    /// copy the state.
    Seal,
    /// Write the snapshot to a temporary file and give it its final name.
    Replace(replace::Phase),
    /// Overwrite the newest snapshot instead (only with a planted bug).
    Overwrite,
    /// Remove the older snapshots, and the segments that the new snapshot covers.
    Remove,
}

/// A snapshot, a truncation, or both, in progress.
#[derive(Debug)]
pub(super) struct Job {
    /// The remaining phases. The next phase is the last item.
    phases: Vec<Phase>,
    /// Segments that end at or before this offset are removed.
    pub(super) limit: u64,
    /// The number of entries that the snapshot claims to cover.
    pub(super) offset: u64,
    /// The bytes of the snapshot's file.
    pub(super) bytes: Vec<u8>,
    /// The file that the job writes.
    pub(super) file: Replacement,
}

impl Job {
    /// A snapshot. If `truncates`, a truncation follows.
    pub(super) fn snapshot(truncates: bool) -> Self {
        let mut phases = snapshot_phases();
        if !truncates {
            phases.retain(|phase| *phase != Phase::Remove);
        }
        Self::new(phases, 0)
    }

    /// A truncation up to `limit`, without a snapshot.
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

    /// The current phase.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.phases.last().copied()
    }

    /// The progress of the job, as text. The text is needed because the disk does not
    /// always show the end of a phase, and the bytes of the snapshot are only in memory
    /// until they are written.
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

    /// Ends the current phase.
    pub(super) fn advance(&mut self) {
        self.phases.pop();
    }
}

/// The phases of a snapshot with its truncation: seal, replace, remove. No two of them
/// can be swapped without a risk of data loss.
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
