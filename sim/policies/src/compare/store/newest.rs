//! The live segment that holds the newest version of each key, and the bytes of newest
//! versions in each segment.

use super::super::merge::Record;
use super::Store;
use crate::policies::segment::SegmentId;

/// The newest version of a key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Newest {
    pub(super) commit: u64,
    pub(super) bytes: u32,
    pub(super) is_tombstone: bool,
    pub(super) holder: Option<SegmentId>,
}

impl Store {
    /// Records a newer version of a key.
    pub(super) fn set_newest(&mut self, record: &Record, holder: SegmentId) {
        let newest = &mut self.keys[record.key as usize];
        if newest.commit > 0 && !newest.is_tombstone {
            self.logical_bytes -= u64::from(newest.bytes);
            self.logical_records -= 1;
            if let Some(holder) = newest.holder {
                self.segments[holder as usize].newest_bytes -= u64::from(newest.bytes);
            }
        }
        *newest = Newest {
            commit: record.commit,
            bytes: record.bytes,
            is_tombstone: record.is_tombstone,
            holder: Some(holder),
        };
        if !record.is_tombstone {
            self.logical_bytes += u64::from(record.bytes);
            self.logical_records += 1;
            self.segments[holder as usize].newest_bytes += u64::from(record.bytes);
        }
    }

    /// Updates the holders after a merge: the newest versions of the inputs are now in the
    /// output, or were dropped.
    pub(super) fn move_newest(&mut self, inputs: &[SegmentId], output: Option<SegmentId>) {
        for &input in inputs {
            for record in &self.contents[input as usize].records {
                let newest = &mut self.keys[record.key as usize];
                if newest.commit == record.commit && newest.holder == Some(input) {
                    newest.holder = None;
                }
            }
        }
        let Some(output) = output else {
            return;
        };
        let mut newest_bytes = 0;
        for record in &self.contents[output as usize].records {
            let newest = &mut self.keys[record.key as usize];
            if newest.commit == record.commit {
                newest.holder = Some(output);
                if !record.is_tombstone {
                    newest_bytes += u64::from(record.bytes);
                }
            }
        }
        self.segments[output as usize].newest_bytes = newest_bytes;
    }
}
