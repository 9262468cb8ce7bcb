//! The order in which a snapshot is made and the log is cut: the heart of the matter.
//!
//! Each phase is one durability-relevant operation (or several of one kind, one a
//! step), and the order is a value, so that a planted bug is another order and nothing
//! else.

use std::sync::Arc;

use lithify::fs::File;

use crate::planted;

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// End the active segment, so that the snapshot ends where a segment ends. Then the
    /// state is taken.
    Seal,
    /// Write the temporary file.
    Write,
    /// Write over the newest snapshot instead (only with a planted bug).
    Overwrite,
    /// Make the written bytes durable.
    Sync,
    /// Give the written file its final name.
    Rename,
    /// Make the name durable. Only now the snapshot counts.
    SyncDirectory,
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
    /// The file that is written, and its present name.
    pub(super) file: Option<(Arc<dyn File>, String)>,
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
            file: None,
        }
    }

    /// The phase that is due.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.phases.last().copied()
    }

    /// The phase that was due has ended.
    pub(super) fn advance(&mut self) {
        self.phases.pop();
    }
}

/// Write, sync, rename, sync the directory, remove: no two of these may change places.
fn snapshot_phases() -> Vec<Phase> {
    use Phase::{Overwrite, Remove, Rename, Seal, Sync, SyncDirectory, Write};
    if planted::is_active("rename-before-sync") {
        vec![Seal, Write, Rename, SyncDirectory, Remove]
    } else if planted::is_active("no-directory-sync") {
        vec![Seal, Write, Sync, Rename, Remove]
    } else if planted::is_active("one-directory-sync-for-both") {
        vec![Seal, Write, Sync, Rename, Remove, SyncDirectory]
    } else if planted::is_active("log-removed-first") {
        vec![Seal, Remove, Write, Sync, Rename, SyncDirectory]
    } else if planted::is_active("snapshot-overwritten-in-place") {
        vec![Seal, Overwrite, Sync, Rename, SyncDirectory, Remove]
    } else {
        vec![Seal, Write, Sync, Rename, SyncDirectory, Remove]
    }
}
