//! The steps of a compaction and their order, on which crash safety depends.
//!
//! The order is a list of steps, so most planted bugs only change the list.

use lithify_sim::planted;

/// The phases of the document. The first phase, the snapshot, is missing here because
/// `Compaction::new` runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Live records are copied while the store is in use.
    Copy,
    /// The store waits.
    Swap,
    /// The store is in use again.
    CleanUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    Copy,
    SyncCopy,
    SyncTemporaryName,
    CatchUp,
    WriteHeader,
    SyncFile,
    RenameOld,
    SyncOldName,
    RenameNew,
    SyncNewName,
    Install,
    MarkBackup,
    SyncBackup,
    /// Only with a planted bug.
    RemoveOld,
    RemoveBackup,
}

impl Step {
    pub(super) fn phase(self) -> Phase {
        match self {
            Self::Create | Self::Copy | Self::SyncCopy | Self::SyncTemporaryName => Phase::Copy,
            Self::MarkBackup | Self::SyncBackup => Phase::CleanUp,
            _ => Phase::Swap,
        }
    }
}

/// The steps in reverse order: the next step is the last item.
pub(super) fn order() -> Vec<Step> {
    use Step::{
        CatchUp, Copy, Create, Install, MarkBackup, RemoveBackup, RemoveOld, RenameNew, RenameOld,
        SyncBackup, SyncCopy, SyncFile, SyncNewName, SyncOldName, SyncTemporaryName, WriteHeader,
    };
    let mut steps = vec![
        Create,
        Copy,
        SyncCopy,
        SyncTemporaryName,
        CatchUp,
        WriteHeader,
        SyncFile,
        RenameOld,
        SyncOldName,
        RenameNew,
        SyncNewName,
        Install,
        MarkBackup,
        SyncBackup,
    ];
    let mut without = |unwanted: &[Step]| steps.retain(|step| !unwanted.contains(step));
    if planted::is_active("copy-not-synced") {
        without(&[SyncCopy, SyncFile]);
    } else if planted::is_active("caught-up-not-synced") {
        without(&[SyncFile]);
    } else if planted::is_active("no-directory-sync") {
        without(&[SyncTemporaryName, SyncOldName, SyncNewName]);
    } else if planted::is_active("one-directory-sync-for-both-renames") {
        without(&[SyncTemporaryName, SyncOldName]);
    } else if planted::is_active("appended-during-copy-lost") {
        without(&[CatchUp]);
    } else if planted::is_active("no-backup") {
        without(&[MarkBackup, SyncBackup, SyncOldName]);
        steps = replaced(steps, RenameOld, &[RemoveOld]);
    } else if planted::is_active("old-removed-before-swap-durable") {
        without(&[MarkBackup, SyncBackup, SyncOldName]);
        steps = replaced(steps, SyncNewName, &[RemoveBackup, SyncNewName]);
    } else if planted::is_active("renamed-before-sync") {
        without(&[SyncCopy, SyncFile]);
        steps = replaced(steps, SyncNewName, &[SyncNewName, SyncFile]);
    }
    steps.reverse();
    steps
}

/// Replaces one step by other steps.
fn replaced(steps: Vec<Step>, one: Step, others: &[Step]) -> Vec<Step> {
    let with = |step: Step| match step == one {
        true => others.to_vec(),
        false => vec![step],
    };
    steps.into_iter().flat_map(with).collect()
}
