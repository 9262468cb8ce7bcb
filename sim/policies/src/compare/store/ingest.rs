//! Commits and their callbacks. A commit enters the index as a level-0 segment for each stream
//! that it touched, or at the end of the newest log file.

use std::collections::BTreeMap;

use super::super::history::Commit;
use super::super::merge::Record;
use super::{Contents, Store, blank};
use crate::policies::Ingest;
use crate::policies::segment::{Segment, SegmentId, Stage};

impl Store {
    /// Adds a commit to the index, and returns the streams that it touched.
    pub(in crate::compare) fn commit(
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
            segment.add_tombstone(record.commit, record.bytes);
        }
        self.tombstones_came(id);
        self.contents[id as usize].records.extend(records);
    }

    /// The level-0 segment that takes the next commit of a stream.
    fn open_file(&mut self, stream: usize, ingest: Ingest) -> SegmentId {
        if let (Ingest::AppendToLog { roll_bytes }, Some(&newest)) =
            (ingest, self.streams[stream].last())
        {
            let file = &self.segments[newest as usize];
            if file.level == 0 && file.stage == Stage::Live && file.bytes < roll_bytes {
                return newest;
            }
        }
        let mut segment = Segment {
            first: self.moment.head,
            last: self.moment.head,
            first_seconds: self.clock[self.clock.len() - 1],
            ..blank(stream, 0)
        };
        // The writer itself appends to the file, so the file needs no callback.
        if matches!(ingest, Ingest::AppendToLog { .. }) {
            segment.arrival = Some(self.next_arrival());
        }
        self.install(segment, Contents::default())
    }

    /// Delivers the callback of a segment.
    pub(in crate::compare) fn announce(&mut self, stream: usize, commit: u64) {
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

    /// Delivers the callback of a commit.
    pub(in crate::compare) fn hear(&mut self, commit: u64) {
        self.heard.insert(commit);
    }

    /// Moves the watermark by one commit, if the next commit is known.
    pub(in crate::compare) fn advance(&mut self) -> Option<u64> {
        let next = self.moment.watermark + 1;
        self.heard.remove(&next).then(|| {
            self.moment.watermark = next;
            self.moment.seconds = self.clock[next as usize - 1];
            next
        })
    }
}
