//! Reads, by the segments that they open.

use super::super::history::Read;
use super::Store;

impl Store {
    /// Performs a read, and counts the segments that it opens.
    pub(in crate::compare) fn read(
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
}
