//! The segments on disk: live segments and kept inputs. Kept inputs are removed when the
//! policy no longer keeps them.

use super::Store;
use crate::policies::Policy;
use crate::policies::segment::{Segment, SegmentId, Stage};

impl Store {
    pub(super) fn grow_disk(&mut self, bytes: u64, records: u64) {
        self.disk_bytes += bytes;
        self.disk_records += records;
        self.tally.peak_bytes = self.tally.peak_bytes.max(self.disk_bytes);
        self.tally.peak_records = self.tally.peak_records.max(self.disk_records);
    }

    pub(in crate::compare) fn disk_bytes(&self) -> u64 {
        self.disk_bytes
    }

    /// Removes the kept inputs of a stream that the policy no longer keeps.
    pub(super) fn sweep(&mut self, stream: usize, policy: &dyn Policy) {
        let kept = std::mem::take(&mut self.kept[stream]);
        let inputs: Vec<&Segment> = kept.iter().map(|&id| &self.segments[id as usize]).collect();
        let stays = policy.kept_inputs(self.moment, &inputs);
        for (id, stays) in kept.into_iter().zip(stays) {
            match stays {
                true => self.kept[stream].push(id),
                false => self.remove(id),
            }
        }
    }

    pub(super) fn remove(&mut self, id: SegmentId) {
        let segment = &mut self.segments[id as usize];
        segment.stage = Stage::Gone;
        self.disk_bytes -= segment.bytes;
        self.disk_records -= segment.records;
        self.contents[id as usize].records = Vec::new();
    }
}
