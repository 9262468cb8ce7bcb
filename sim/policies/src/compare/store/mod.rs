//! The simulated store: segments in streams, merges with real keys and sizes, and counters
//! of all bytes.
//!
//! Invariants: the newest version of a key is in exactly one live segment, or was deleted,
//! or was dropped by a policy; the live segments of a stream are in the order of their last
//! commits; a running merge installs its output only after its last beat.
//!
//! Reading order: this file (the data), `ingest` (commits and their callbacks), `jobs`
//! (merges and removals), `output` (the output of a merge), `newest` (the segment with the
//! newest version of each key), `tombstones` (how long they stay), `disk` (segments on disk
//! and their removal), `reads`, and `tally` (the counters).

mod disk;
mod ingest;
mod jobs;
mod newest;
mod output;
mod reads;
mod tally;
mod tombstones;

use std::collections::BTreeSet;

use super::history::History;
use super::intervals::Intervals;
use super::merge::Record;
use super::run::Explained;
use crate::policies::segment::{Segment, SegmentId, Stage};
use crate::policies::view::{Ingested, Moment};
use crate::policies::{Policy, View};
use jobs::Running;
use newest::Newest;
use tally::Tally;

pub(super) use tally::Written;

/// The content of a segment that policies do not see.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) records: Vec<Record>,
    /// The commits in `first..last` at which the segment cannot be read.
    pub(super) gaps: Intervals,
    pub(super) inputs: Vec<SegmentId>,
}

#[derive(Debug)]
pub(super) struct Store {
    pub(super) segments: Vec<Segment>,
    pub(super) contents: Vec<Contents>,
    pub(super) streams: Vec<Vec<SegmentId>>,
    /// The inputs that stayed on disk, for each stream.
    kept: Vec<Vec<SegmentId>>,
    ingested: Vec<Ingested>,
    keys: Vec<Newest>,
    clock: Vec<u64>,
    heard: BTreeSet<u64>,
    /// The oldest tombstone of each live segment that has one.
    tombstones: BTreeSet<(u64, SegmentId)>,
    running: Vec<Running>,
    arrivals: u64,
    keeps_all_versions: bool,
    disk_bytes: u64,
    disk_records: u64,
    pub(super) moment: Moment,
    /// The bytes of the newest versions of all existing keys.
    pub(super) logical_bytes: u64,
    pub(super) logical_records: u64,
    pub(super) tally: Tally,
    pub(super) explained: Option<Vec<Explained>>,
    pub(super) stream_names: Vec<Option<String>>,
}

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
            tombstones: BTreeSet::new(),
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
            stream_names: Vec::new(),
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

    /// The live segments of all streams.
    pub(super) fn live(&self) -> impl Iterator<Item = &Segment> {
        let ids = self.streams.iter().flatten();
        ids.map(|&id| &self.segments[id as usize])
    }

    /// The inputs of merges that stayed on disk, for all streams.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Segment> {
        let ids = self.kept.iter().flatten();
        ids.map(|&id| &self.segments[id as usize])
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
        self.tombstones_came(id);
        id
    }

    fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }
}

/// A segment without records.
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
        oldest_tombstone: None,
        first_seconds: 0,
        last_seconds: 0,
        arrival: None,
        stage: Stage::Live,
    }
}
