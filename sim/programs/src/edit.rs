//! A recording with more syncs, or with fewer: the disk that the program would have made if it had
//! behaved the same otherwise.

use std::collections::BTreeSet;

use lithify_sim::disk::{ChangeKind, Log};

use crate::recording::Recording;
use crate::steps::{Disk, Step};

/// A sync that the program did not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Insertion {
    /// Before which operation of the recorded log.
    pub position: usize,
    /// Of which file or directory.
    pub file: u32,
}

/// The file or directory whose sync makes a change durable.
#[must_use]
pub fn target_of(log: &Log, change: &ChangeKind) -> Option<u32> {
    let name = match change {
        ChangeKind::Data { inode, .. } | ChangeKind::Size { inode, .. } => return Some(*inode),
        ChangeKind::Link { name, .. } | ChangeKind::Unlink { name } => name,
        ChangeKind::Rename { to, .. } => to,
    };
    let end = name.rfind('/').unwrap_or(0);
    log.directory_named(&name[..end])
}

/// The disk with these syncs added, and those of these numbers among the steps left out.
///
/// # Errors
/// In words, when the steps do not fit each other any more: a sync of a file before it is there.
pub fn with_syncs(
    recording: &Recording,
    insertions: &[Insertion],
    left_out: &BTreeSet<usize>,
) -> Result<Disk, String> {
    let mut insertions = insertions.to_vec();
    insertions.sort_unstable();
    let mut waiting = insertions.iter().peekable();
    let mut disk = Disk::of(recording.disk.after_failed_sync());
    // How long the recorded log is here, and how long ours was then.
    let mut recorded = Disk::of(recording.disk.after_failed_sync());
    let mut lengths = vec![0];
    for (number, step) in recording.steps.iter().enumerate() {
        while let Some(next) = waiting.next_if(|next| next.position <= recorded.length()) {
            insert(&mut disk, *next, &recording.blobs)?;
        }
        let step = match step {
            Step::Sync {
                file,
                data_only,
                entered,
            } => Step::Sync {
                file: *file,
                data_only: *data_only,
                entered: lengths[*entered].min(disk.length()),
            },
            Step::FailedSync {
                file,
                data_only,
                entered,
            } => Step::FailedSync {
                file: *file,
                data_only: *data_only,
                entered: lengths[*entered].min(disk.length()),
            },
            Step::SyncAll { entered } => Step::SyncAll {
                entered: lengths[*entered].min(disk.length()),
            },
            step => step.clone(),
        };
        recorded.take(&recording.steps[number], &recording.blobs)?;
        if !left_out.contains(&number) {
            disk.take(&step, &recording.blobs)?;
        }
        lengths.resize(recorded.length() + 1, disk.length());
    }
    for next in waiting {
        insert(&mut disk, *next, &recording.blobs)?;
    }
    Ok(disk)
}

fn insert(disk: &mut Disk, next: Insertion, blobs: &crate::blobs::Blobs) -> Result<(), String> {
    let entered = disk.length();
    let step = Step::Sync {
        file: next.file,
        data_only: false,
        entered,
    };
    disk.take(&step, blobs)
}
