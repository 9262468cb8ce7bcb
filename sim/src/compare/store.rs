//! The simulated store: segments in streams, merges with real keys and sizes, and a count of
//! every byte.
//!
//! Invariants: a key's newest version is in exactly one live segment, or was deleted, or was
//! dropped by a policy; the live segments of a stream are in the order of their last
//! commits; work under way installs its output only when its last beat is done.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Commit, History, Read};
use super::intervals::{Intervals, union};
use super::merge::{Keep, Record, merge};
use super::run::{Explained, RunError};
use crate::policies::segment::{Segment, SegmentId, State};
use crate::policies::view::{Ingested, Moment};
use crate::policies::{Action, Ingest, Job, Policy, Tombstones, Versions, View};

/// What is inside a segment, beside what policies see of it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) records: Vec<Record>,
    /// Commits in `first..last` at which it cannot be read.
    pub(super) gaps: Intervals,
    pub(super) inputs: Vec<SegmentId>,
}

/// The newest version of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Newest {
    commit: u64,
    bytes: u32,
    is_tombstone: bool,
    holder: Option<SegmentId>,
}

/// A merge whose work is spread over commits.
#[derive(Debug)]
struct Running {
    job: Job,
    output: Option<(Segment, Contents)>,
    records: u64,
    bytes: u64,
    beat: u64,
}

/// What was written for one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// How many segments.
    pub segments: u64,
    /// Their records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is counted while a store is played.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) by_cause: BTreeMap<&'static str, Written>,
    pub(super) merges: u64,
    pub(super) syncs: u64,
    pub(super) peak_bytes: u64,
    pub(super) peak_records: u64,
    /// Records and bytes that merges wrote while this commit was the head.
    pub(super) pauses: Vec<(u64, u64)>,
    pub(super) lost_records: u64,
    /// Commits at which something is missing that no segment tells of any more.
    pub(super) lost: Intervals,
    pub(super) point_reads: u64,
    pub(super) scans: u64,
    pub(super) segments_read: u64,
}

/// The store.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) segments: Vec<Segment>,
    pub(super) contents: Vec<Contents>,
    pub(super) streams: Vec<Vec<SegmentId>>,
    /// Inputs that stayed on disk, for each stream.
    kept: Vec<Vec<SegmentId>>,
    ingested: Vec<Ingested>,
    keys: Vec<Newest>,
    clock: Vec<u64>,
    heard: BTreeSet<u64>,
    running: Vec<Running>,
    arrivals: u64,
    keeps_all_versions: bool,
    disk_bytes: u64,
    disk_records: u64,
    pub(super) moment: Moment,
    /// Bytes of the newest versions of all keys that exist.
    pub(super) logical_bytes: u64,
    pub(super) logical_records: u64,
    pub(super) tally: Tally,
    pub(super) explained: Option<Vec<Explained>>,
}

/// Syncs of a merge: its output, and the record that makes it count.
const SYNCS_OF_A_MERGE: u64 = 2;

impl Store {
    pub(super) fn new(history: &History, policy: &dyn Policy, keeps_all_versions: bool) -> Self {
        let streams = history.stream_count(policy.streams());
        Self {
            segments: Vec::new(),
            contents: Vec::new(),
            streams: vec![Vec::new(); streams],
            kept: vec![Vec::new(); streams],
            ingested: vec![Ingested::default(); streams],
            keys: vec![Newest::default(); history.keyspace_of.len()],
            clock: Vec::new(),
            heard: BTreeSet::new(),
            running: Vec::new(),
            arrivals: 0,
            keeps_all_versions,
            disk_bytes: 0,
            disk_records: 0,
            moment: Moment::default(),
            logical_bytes: 0,
            logical_records: 0,
            tally: Tally::default(),
            explained: None,
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            moment: self.moment,
            segments: &self.segments,
            streams: &self.streams,
            ingested: &self.ingested,
            heard: &self.heard,
            clock: &self.clock,
        }
    }

    /// Puts a commit into the index. The streams that it touched.
    pub(super) fn commit(
        &mut self,
        commit: &Commit,
        ingest: Ingest,
        stream_of: impl Fn(u32) -> usize,
    ) -> Vec<usize> {
        self.moment.head += 1;
        self.clock.push(commit.seconds);
        self.tally.syncs += 1;
        self.tally.pauses.push((0, 0));
        let mut of_streams: BTreeMap<usize, Vec<Record>> = BTreeMap::new();
        for write in &commit.writes {
            of_streams
                .entry(stream_of(write.key))
                .or_default()
                .push(Record {
                    key: write.key,
                    bytes: write.bytes,
                    commit: self.moment.head,
                    is_tombstone: write.is_tombstone,
                });
        }
        let touched: Vec<usize> = of_streams.keys().copied().collect();
        for (stream, records) in of_streams {
            self.add_level_zero(stream, records, ingest);
        }
        touched
    }

    fn add_level_zero(&mut self, stream: usize, records: Vec<Record>, ingest: Ingest) {
        let level_zero = self.tally.by_cause.entry("commit").or_default();
        level_zero.segments += 1;
        level_zero.records += records.len() as u64;
        let bytes: u64 = records.iter().map(|record| u64::from(record.bytes)).sum();
        level_zero.bytes += bytes;
        self.ingested[stream].commits += 1;
        self.ingested[stream].bytes += bytes;
        self.grow_disk(bytes, records.len() as u64);
        let id = self.open_file(stream, ingest);
        for record in &records {
            self.set_newest(record, id);
        }
        let head = self.moment.head;
        let seconds = self.clock[self.clock.len() - 1];
        let segment = &mut self.segments[id as usize];
        segment.last = head;
        segment.last_seconds = seconds;
        segment.commits += 1;
        segment.records += records.len() as u64;
        segment.bytes += bytes;
        for record in records.iter().filter(|record| record.is_tombstone) {
            segment.tombstones += 1;
            segment.tombstone_bytes += u64::from(record.bytes);
        }
        self.contents[id as usize].records.extend(records);
    }

    /// The level-0 segment that the next commit of a stream goes to.
    fn open_file(&mut self, stream: usize, ingest: Ingest) -> SegmentId {
        if let (Ingest::AppendToLog { roll_bytes }, Some(&newest)) =
            (ingest, self.streams[stream].last())
        {
            let file = &self.segments[newest as usize];
            if file.level == 0 && file.state == State::Live && file.bytes < roll_bytes {
                return newest;
            }
        }
        let mut segment = Segment {
            first: self.moment.head,
            last: self.moment.head,
            first_seconds: self.clock[self.clock.len() - 1],
            ..blank(stream, 0)
        };
        // Whoever appends to a file knows of it.
        if matches!(ingest, Ingest::AppendToLog { .. }) {
            segment.arrival = Some(self.next_arrival());
        }
        self.install(segment, Contents::default())
    }

    /// Notes a newer version of a key.
    fn set_newest(&mut self, record: &Record, holder: SegmentId) {
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

    /// The callback of a segment has come.
    pub(super) fn announce(&mut self, stream: usize, commit: u64) {
        let arrival = self.next_arrival();
        let mut ids = self.streams[stream].iter().rev();
        let segments = &mut self.segments;
        let id = ids.find(|&&id| {
            let segment = &segments[id as usize];
            segment.level == 0 && segment.first == commit && segment.arrival.is_none()
        });
        if let Some(&id) = id {
            segments[id as usize].arrival = Some(arrival);
        }
    }

    /// The callback of a commit has come.
    pub(super) fn hear(&mut self, commit: u64) {
        self.heard.insert(commit);
    }

    /// Moves the watermark by one commit, if the next one is known.
    pub(super) fn advance(&mut self) -> Option<u64> {
        let next = self.moment.watermark + 1;
        self.heard.remove(&next).then(|| {
            self.moment.watermark = next;
            self.moment.seconds = self.clock[next as usize - 1];
            next
        })
    }

    fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// Performs a job, or takes it up when its work is spread.
    pub(super) fn apply(&mut self, job: Job, policy: &dyn Policy) -> Result<(), RunError> {
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
            self.segments[id as usize].state = State::Busy;
        }
        let mut running = Running {
            job,
            output,
            records,
            bytes,
            beat: 0,
        };
        if running.job.beats > 0 {
            self.running.push(running);
        } else {
            self.charge(&mut running, records, bytes);
            self.finish(running, policy);
        }
        Ok(())
    }

    /// The stream of a job that can be performed.
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
            if segment.state != State::Live {
                return Err(refused(format!("segment {id} is {:?}", segment.state)));
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

    /// The output of a merge; `None` when nothing is left.
    fn merged(&self, job: &Job, stream: usize) -> Option<(Segment, Contents)> {
        let inputs = || job.inputs.iter().map(|&id| &self.segments[id as usize]);
        let contents = || job.inputs.iter().map(|&id| &self.contents[id as usize]);
        let first = inputs().map(|input| input.first).min()?;
        let last = inputs().max_by_key(|input| input.last)?;
        // Inputs that arrived out of order can have older segments between them.
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
            // What a newer segment overwrote is gone even where that segment is too new.
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
            segment.tombstones += 1;
            segment.tombstone_bytes += u64::from(record.bytes);
        }
        let contents = Contents {
            records,
            gaps: union(gaps),
            inputs: job.inputs.clone(),
        };
        Some((segment, contents))
    }

    /// Counts work that was done for a merge while this commit was the head.
    fn charge(&mut self, running: &mut Running, records: u64, bytes: u64) {
        let pause = self.tally.pauses.last_mut().expect("there is a commit");
        pause.0 += records;
        pause.1 += bytes;
        let written = self.tally.by_cause.entry(running.job.cause).or_default();
        written.records += records;
        written.bytes += bytes;
        self.grow_disk(bytes, records);
    }

    /// One beat of every merge under way; those that are done are installed.
    pub(super) fn beat(&mut self, policy: &dyn Policy) {
        let mut running = std::mem::take(&mut self.running);
        for one in &mut running {
            let quota = |total: u64, beat: u64| total * beat / one.job.beats;
            let done = |total: u64| quota(total, one.beat + 1) - quota(total, one.beat);
            let (records, bytes) = (done(one.records), done(one.bytes));
            one.beat += 1;
            self.charge(one, records, bytes);
        }
        let (done, going_on) = running
            .into_iter()
            .partition(|one: &Running| one.beat >= one.job.beats);
        self.running = going_on;
        for one in done {
            self.finish(one, policy);
        }
    }

    /// Puts the output of a merge in the place of its inputs.
    fn finish(&mut self, running: Running, policy: &dyn Policy) {
        let Running { job, output, .. } = running;
        let stream = self.segments[job.inputs[0] as usize].stream;
        self.tally.syncs += SYNCS_OF_A_MERGE;
        self.streams[stream].retain(|id| !job.inputs.contains(id));
        for &id in &job.inputs {
            self.segments[id as usize].state = State::Kept;
            self.kept[stream].push(id);
        }
        if output.is_none() {
            // Nothing is left that could say so: between its commits there was something.
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

    fn install(&mut self, mut segment: Segment, contents: Contents) -> SegmentId {
        let id = self.segments.len() as SegmentId;
        segment.id = id;
        let ids = &mut self.streams[segment.stream];
        let segments = &self.segments;
        let place = ids.partition_point(|&other| segments[other as usize].last <= segment.last);
        ids.insert(place, id);
        self.segments.push(segment);
        self.contents.push(contents);
        id
    }

    /// The newest versions that the inputs held are now in the output, or gone.
    fn move_newest(&mut self, inputs: &[SegmentId], output: Option<SegmentId>) {
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

    /// Removes the kept inputs of a stream that the policy keeps no longer.
    fn sweep(&mut self, stream: usize, policy: &dyn Policy) {
        let at = self.moment.watermark;
        let kept = std::mem::take(&mut self.kept[stream]);
        for id in kept {
            if policy.keeps_input(at, &self.segments[id as usize]) {
                self.kept[stream].push(id);
            } else {
                self.remove(id);
            }
        }
    }

    fn remove(&mut self, id: SegmentId) {
        let segment = &mut self.segments[id as usize];
        segment.state = State::Gone;
        self.disk_bytes -= segment.bytes;
        self.disk_records -= segment.records;
        self.contents[id as usize].records = Vec::new();
    }

    fn drop_segment(&mut self, job: &Job, stream: usize) {
        self.tally.syncs += 1;
        for &id in &job.inputs {
            self.streams[stream].retain(|&live| live != id);
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

    fn grow_disk(&mut self, bytes: u64, records: u64) {
        self.disk_bytes += bytes;
        self.disk_records += records;
        self.tally.peak_bytes = self.tally.peak_bytes.max(self.disk_bytes);
        self.tally.peak_records = self.tally.peak_records.max(self.disk_records);
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk_bytes
    }

    /// The live segments of all streams.
    pub(super) fn live(&self) -> impl Iterator<Item = &Segment> {
        let ids = self.streams.iter().flatten();
        ids.map(|&id| &self.segments[id as usize])
    }

    /// Performs a read, and counts the segments that it opens.
    pub(super) fn read(
        &mut self,
        read: Read,
        through_memory: bool,
        stream_of: impl Fn(u32) -> usize,
    ) {
        let segments = match read {
            Read::Point(key) => {
                self.tally.point_reads += 1;
                match through_memory {
                    true => u64::from(self.keys[key as usize].holder.is_some()),
                    false => self.search(stream_of(key), key),
                }
            }
            Read::Scan(key) => {
                self.tally.scans += 1;
                self.streams[stream_of(key)].len() as u64
            }
        };
        self.tally.segments_read += segments;
    }

    /// Segments that are opened to find the newest version of a key, newest first, without
    /// filters. Ranges can overlap, so the search goes on while an older place in the order
    /// may still hold a newer commit.
    fn search(&self, stream: usize, key: u32) -> u64 {
        let mut opened = 0;
        let mut found = 0;
        for &id in self.streams[stream].iter().rev() {
            if self.segments[id as usize].last <= found {
                break;
            }
            opened += 1;
            let records = &self.contents[id as usize].records;
            let at = records.partition_point(|record| record.key < key);
            if let Some(record) = records.get(at).filter(|record| record.key == key) {
                found = found.max(record.commit);
            }
        }
        opened
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
            stream: self.segments[job.inputs[0] as usize].stream,
            inputs: job.inputs.iter().map(name).collect(),
            output: output.as_ref().map(name),
            bytes: output.map_or(0, |id| self.segments[id as usize].bytes),
            cause: job.cause,
            reason: job.reason.clone(),
        });
        self.explained = Some(explained);
    }
}

/// A segment without content.
fn blank(stream: usize, level: u8) -> Segment {
    Segment {
        id: 0,
        stream,
        level,
        first: 0,
        last: 0,
        commits: 0,
        records: 0,
        bytes: 0,
        newest_bytes: 0,
        tombstones: 0,
        tombstone_bytes: 0,
        first_seconds: 0,
        last_seconds: 0,
        arrival: None,
        state: State::Live,
    }
}
