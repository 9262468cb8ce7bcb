//! Reads, counted by the segments that they open.

use super::super::history::Read;
use super::Store;

impl Store {
    /// Performs a read, and counts the opened segments.
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

    /// The number of segments that are opened to find the newest version of a key, newest
    /// first and without filters. Ranges can overlap, so the search continues while an
    /// older segment in the order may still contain a newer commit. It opens every segment
    /// that ends at the commit of that version or later, and all segments if the key has no
    /// version. The number is computed and not counted by a loop, because a stream that is
    /// never merged has as many segments as commits. O(log segments).
    fn search(&self, stream: usize, key: u32) -> u64 {
        let (ids, newest) = (&self.streams[stream], self.keys[key as usize]);
        let passed_over = newest.holder.map_or(0, |_| {
            ids.partition_point(|&id| self.segments[id as usize].last < newest.commit)
        });
        (ids.len() - passed_over) as u64
    }
}
