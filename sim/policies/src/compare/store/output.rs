//! Computes the output of a merge. Does not change the store.

use super::super::intervals::{Intervals, union};
use super::super::merge::{Keep, Record, merge};
use super::{Contents, Store, blank};
use crate::policies::segment::{Segment, SegmentId};
use crate::policies::{Action, Job, Tombstones, Versions};

impl Store {
    /// The output of a merge. `None` if it has no records.
    pub(super) fn merged(&self, job: &Job, stream: usize) -> Option<(Segment, Contents)> {
        let inputs = || job.inputs.iter().map(|&id| &self.segments[id as usize]);
        let contents = || job.inputs.iter().map(|&id| &self.contents[id as usize]);
        let first = inputs().map(|input| input.first).min()?;
        let last = inputs().max_by_key(|input| input.last)?;
        // If inputs arrived out of order, there can be older segments between them.
        let is_older = |id: &SegmentId| {
            !job.inputs.contains(id) && self.segments[*id as usize].first < last.last
        };
        let is_bottom = !self.streams[stream].iter().any(is_older);
        let all_after = match job.versions {
            Versions::After(commit) => commit,
            Versions::OfTheRun if self.keeps_all_versions => 0,
            Versions::OfTheRun | Versions::InIndex => u64::MAX,
        };
        let keep = Keep {
            all_after,
            is_bottom,
            tombstones_from: match job.tombstones {
                Tombstones::DropAtBottom => u64::MAX,
                Tombstones::KeepFrom(commit) => commit,
            },
        };
        let by_index = job.versions == Versions::InIndex;
        let is_newest = |record: &Record| self.keys[record.key as usize].commit == record.commit;
        let records = contents().flat_map(|one| one.records.iter().copied());
        let records = records.filter(|record| !by_index || is_newest(record));
        let records = merge(records.collect(), keep);
        if records.is_empty() {
            return None;
        }
        let mut gaps: Intervals = contents().flat_map(|one| one.gaps.clone()).collect();
        gaps.push(match by_index {
            // A version that a newer segment has overwritten is dropped, even for reads
            // at commits before that newer segment.
            true => (first, self.moment.head.saturating_sub(1)),
            false => (first, last.last.min(all_after).saturating_sub(1)),
        });
        let Action::Merge { level } = job.action else {
            unreachable!("only merges have an output");
        };
        let mut segment = Segment {
            first,
            last: last.last,
            commits: inputs().map(|input| input.commits).sum(),
            first_seconds: inputs().map(|input| input.first_seconds).min()?,
            last_seconds: last.last_seconds,
            records: records.len() as u64,
            bytes: records.iter().map(|record| u64::from(record.bytes)).sum(),
            ..blank(stream, level)
        };
        for record in records.iter().filter(|record| record.is_tombstone) {
            segment.add_tombstone(record.commit, record.bytes);
        }
        let contents = Contents {
            records,
            gaps: union(gaps),
            inputs: job.inputs.clone(),
        };
        Some((segment, contents))
    }
}
