//! What a log file proves about itself: which of its bytes a later record vouches for.
//!
//! A flipped bit excuses a lost commit only if nothing proves that the damaged record was
//! ever whole; this is where that is decided, from the operations alone.

use crate::disk::oplog::{Barrier, InodeId, Log, Operation};
use crate::system::Engine;

/// Where in the log bytes first rotted of which nothing says that they were ever durable: a
/// record can vouch only for what was synced before it was written.
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

/// How many bytes of a file a later record proves to have been durable. What was written
/// between two syncs may be one record in several pieces, so all of it together vouches
/// for what lies before its first byte; and only when it was synced in turn, for until
/// then it may be half a record. What recovery writes again in place takes nothing back.
fn vouched_for(operations: &[Operation], file: InodeId) -> u64 {
    let (mut length, mut synced, mut vouched): (u64, u64, u64) = (0, 0, 0);
    // The first byte that was written since the last sync.
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
