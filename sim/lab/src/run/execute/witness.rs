//! What a log file proves about itself: which of its bytes a later record proves to
//! have been durable.
//!
//! A flipped bit excuses a lost commit only if nothing proves that the damaged record
//! was ever complete. This file decides that from the operations alone.

use crate::disk::oplog::{Barrier, InodeId, Log, Operation};
use crate::system::Engine;

/// The first position in the log at which bytes rotted that nothing proves to have been
/// durable. A record proves only the durability of bytes that were synced before the
/// record was written.
pub(super) fn lost_witness(log: &Log, engine: &dyn Engine) -> Option<usize> {
    let operations = log.operations();
    let mut entries = operations.iter().enumerate();
    let lost = entries.find(|(position, operation)| {
        let Operation::Rot {
            inode,
            path,
            offset,
            ..
        } = operation
        else {
            return false;
        };
        engine.is_log(log.path(*path)) && *offset >= vouched_for(&operations[..*position], *inode)
    });
    lost.map(|(position, _)| position)
}

/// The number of bytes of a file that a later record proves to have been durable. The
/// writes between two syncs may be one record in several pieces. So all of them
/// together prove only the bytes before the first byte that they wrote. They prove it
/// only after they were synced themselves, because before that the record may be
/// incomplete. Recovery may write bytes again in place; that does not shorten the
/// proven part.
fn vouched_for(operations: &[Operation], file: InodeId) -> u64 {
    let (mut length, mut synced, mut vouched): (u64, u64, u64) = (0, 0, 0);
    // The lowest offset that was written since the last sync.
    let mut unsynced: Option<u64> = None;
    for operation in operations {
        match operation {
            Operation::Write {
                inode,
                offset,
                bytes,
                ..
            } if *inode == file => {
                unsynced = Some(unsynced.map_or(*offset, |first| first.min(*offset)));
                length = length.max(offset + bytes.len() as u64);
            }
            Operation::SetLength { inode, after, .. } if *inode == file => {
                unsynced = unsynced.filter(|first| first < after);
                length = *after;
                (synced, vouched) = (synced.min(*after), vouched.min(*after));
            }
            Operation::Sync {
                inode,
                barrier: Barrier::Kept,
                ..
            } if *inode == file => {
                if let Some(first) = unsynced.take() {
                    vouched = vouched.max(synced.min(first));
                }
                synced = length;
            }
            _ => {}
        }
    }
    vouched
}
