//! Checks and performs jobs, immediately or spread over several commits.

use std::collections::BTreeSet;

use super::super::run::{Explained, RunError};
use super::{Contents, Store};
use crate::policies::segment::{Segment, SegmentId, Stage};
use crate::policies::{Action, Job, Policy};

/// A merge whose work is spread over commits.
#[derive(Debug)]
pub(super) struct Running {
    job: Job,
    output: Option<(Segment, Contents)>,
    records: u64,
    bytes: u64,
    beat: u64,
}

/// The syncs of a merge: one for its output, and one for the record that makes the output
/// valid.
const SYNCS_OF_A_MERGE: u64 = 2;

impl Store {
    /// Performs a job immediately, or starts it if its work is spread over commits.
    pub(in crate::compare) fn apply(
        &mut self,
        job: Job,
        policy: &dyn Policy,
    ) -> Result<(), RunError> {
        let stream = self.check(&job)?;
        if job.action == Action::Drop {
            self.drop_segment(&job, stream);
            return Ok(());
        }
        let output = self.merged(&job, stream);
        let (records, bytes) = output
            .as_ref()
            .map_or((0, 0), |(segment, _)| (segment.records, segment.bytes));
        for &id in &job.inputs {
            self.segments[id as usize].stage = Stage::Busy;
        }
        let running = Running {
            job,
            output,
            records,
            bytes,
            beat: 0,
        };
        if running.job.beats > 0 {
            self.running.push(running);
        } else {
            self.charge(running.job.cause, records, bytes);
            self.finish(running, policy);
        }
        Ok(())
    }

    /// Checks that a job can be performed, and returns its stream.
    fn check(&self, job: &Job) -> Result<usize, RunError> {
        let refused = |what: String| RunError::Refused {
            reason: job.reason.clone(),
            what,
        };
        let Some(&first) = job.inputs.first() else {
            return Err(refused("it has no inputs".to_owned()));
        };
        let stream = self.segments.get(first as usize).map(|one| one.stream);
        let mut seen = BTreeSet::new();
        for &id in &job.inputs {
            let Some(segment) = self.segments.get(id as usize) else {
                return Err(refused(format!("there is no segment {id}")));
            };
            if segment.stage != Stage::Live {
                return Err(refused(format!("segment {id} is {:?}", segment.stage)));
            }
            if Some(segment.stream) != stream {
                return Err(refused(format!("segment {id} is of another stream")));
            }
            if !seen.insert(id) {
                return Err(refused(format!("segment {id} comes twice")));
            }
        }
        stream.ok_or_else(|| refused("its first input does not exist".to_owned()))
    }

    /// Does one beat of every running merge, and installs the outputs of completed
    /// merges.
    pub(in crate::compare) fn beat(&mut self, policy: &dyn Policy) {
        let mut running = std::mem::take(&mut self.running);
        for one in &mut running {
            let quota = |total: u64, beat: u64| total * beat / one.job.beats;
            let done = |total: u64| quota(total, one.beat + 1) - quota(total, one.beat);
            let (records, bytes) = (done(one.records), done(one.bytes));
            one.beat += 1;
            self.charge(one.job.cause, records, bytes);
        }
        let (done, going_on) = running
            .into_iter()
            .partition(|one: &Running| one.beat >= one.job.beats);
        self.running = going_on;
        for one in done {
            self.finish(one, policy);
        }
    }

    /// Replaces the inputs of a merge with its output.
    fn finish(&mut self, running: Running, policy: &dyn Policy) {
        let Running { job, output, .. } = running;
        let stream = self.segments[job.inputs[0] as usize].stream;
        self.tally.syncs += SYNCS_OF_A_MERGE;
        self.streams[stream].retain(|id| !job.inputs.contains(id));
        for &id in &job.inputs {
            self.tombstones_went(id);
            self.segments[id as usize].stage = Stage::Kept;
            self.kept[stream].push(id);
        }
        if output.is_none() {
            // There is no output segment that could record the gap: at the commits
            // between `first` and `last`, the inputs had records.
            let inputs = || job.inputs.iter().map(|&id| &self.segments[id as usize]);
            let first = inputs().map(|input| input.first).min();
            let last = inputs().map(|input| input.last).max();
            let gap = first.zip(last).map(|(first, last)| (first, last - 1));
            self.tally.lost.extend(gap);
        }
        let installed = output.map(|(mut segment, contents)| {
            self.tally.merges += 1;
            let written = self.tally.by_cause.entry(job.cause).or_default();
            written.segments += 1;
            segment.arrival = Some(self.next_arrival());
            self.install(segment, contents)
        });
        self.move_newest(&job.inputs, installed);
        self.explain(&job, installed);
        self.sweep(stream, policy);
    }

    fn drop_segment(&mut self, job: &Job, stream: usize) {
        self.tally.syncs += 1;
        for &id in &job.inputs {
            self.streams[stream].retain(|&live| live != id);
            self.tombstones_went(id);
            let first = self.segments[id as usize].first;
            self.tally.lost.push((first, u64::MAX));
            for record in &self.contents[id as usize].records {
                let newest = &mut self.keys[record.key as usize];
                if newest.holder == Some(id) {
                    newest.holder = None;
                    self.tally.lost_records += u64::from(!record.is_tombstone);
                }
            }
            self.remove(id);
        }
        self.explain(job, None);
    }

    fn explain(&mut self, job: &Job, output: Option<SegmentId>) {
        let Some(mut explained) = self.explained.take() else {
            return;
        };
        let name = |&id: &SegmentId| {
            let segment = &self.segments[id as usize];
            format!("{}..{}@{}", segment.first, segment.last, segment.level)
        };
        explained.push(Explained {
            commit: self.moment.head,
            keyspace: self.stream_names[self.segments[job.inputs[0] as usize].stream].clone(),
            inputs: job.inputs.iter().map(name).collect(),
            output: output.as_ref().map(name),
            bytes: output.map_or(0, |id| self.segments[id as usize].bytes),
            cause: job.cause,
            reason: job.reason.clone(),
        });
        self.explained = Some(explained);
    }
}
