//! Segments: immutable sorted runs of one keyspace over one window.
//!
//! The bytes of a segment are in memory (and in the WAL) or in a segment file. Readers and merges
//! treat both alike. This module does not know which segments exist: the version does.

pub(crate) mod block;
pub(crate) mod cache;
mod cursor;
pub(crate) mod file;
pub(crate) mod filter;
#[cfg(test)]
mod laws;
mod memory;
mod merge;
pub(crate) mod meta;
pub(crate) mod open_files;
pub(crate) mod run;
mod sorted;
mod thin;
mod unmerged;
mod writer;

use std::sync::Arc;

pub(crate) use cursor::{Cursor, Fetch};
pub(crate) use memory::FilterRule;
pub(crate) use merge::{Direction, MergeCursor};
pub(crate) use meta::{InputMeta, KeyspaceId, Place, SegmentId, SegmentMeta};
pub(crate) use sorted::SortedRuns;
pub(crate) use thin::{Thinning, floor};
pub(crate) use writer::{FOOTER_BYTES, FOOTER_MAGIC, SegmentFileWriter, Tally, WriterOptions};

use crate::commit::Commit;
use crate::error::{Damage, Error, Result};
use crate::slice::Slice;
use file::FileSegment;
use memory::InMemory;
use run::Run;
use unmerged::Unmerged;

/// A segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) meta: SegmentMeta,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Memory(InMemory),
    /// Runs in memory that are merged by their first reader.
    Unmerged(Unmerged),
    File(Arc<FileSegment>),
    /// The writes of commits that damage has taken: every read that reaches this segment is
    /// refused.
    Lost(Arc<Damage>),
}

/// A version that a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) commit: Commit,
    pub(crate) value: Option<Slice>,
}

impl Segment {
    /// A segment in memory.
    pub(crate) fn in_memory(meta: SegmentMeta, run: Run, filter: FilterRule) -> Self {
        let body = Body::Memory(InMemory::new(Arc::new(run), meta.keys, filter));
        Self { meta, body }
    }

    /// The output of a merge of these segments, if it keeps all of their entries. All inputs are in
    /// memory. The first reader merges the entries.
    pub(crate) fn unmerged(meta: SegmentMeta, inputs: &[Arc<Self>], filter: FilterRule) -> Self {
        let mut runs = Self::runs_of(inputs);
        if planted!(UnmergedLacksNewest) && runs.len() > 2 {
            runs.pop();
        }
        let body = Body::Unmerged(Unmerged::new(runs, filter));
        Self { meta, body }
    }

    /// The runs that hold the entries of these segments, all of which are in memory.
    pub(crate) fn runs_of(segments: &[Arc<Self>]) -> Vec<Arc<Run>> {
        let most = segments.iter().map(|one| one.max_runs()).sum();
        let mut runs = Vec::with_capacity(most);
        segments.iter().for_each(|one| one.add_runs(&mut runs));
        runs
    }

    /// An upper bound for the number of runs that [`Segment::add_runs`] adds: an unmerged segment has
    /// at most one run for each commit.
    fn max_runs(&self) -> usize {
        match self.is_unmerged() {
            true => self.meta.commits as usize,
            false => 1,
        }
    }

    /// Adds the runs that hold the entries; none for a segment that is not in memory.
    fn add_runs(&self, runs: &mut Vec<Arc<Run>>) {
        match &self.body {
            Body::Memory(memory) => runs.push(Arc::clone(memory.run())),
            Body::Unmerged(unmerged) => unmerged.add_runs(runs),
            Body::File(_) | Body::Lost(_) => {}
        }
    }

    /// The number of distinct keys. [`SegmentMeta::keys`] is only an upper bound while entries are
    /// unmerged.
    pub(crate) fn keys(&self) -> u64 {
        match &self.body {
            Body::Unmerged(unmerged) if !planted!(UnmergedKeysSummed) => unmerged.merged().keys(),
            _ => self.meta.keys,
        }
    }

    /// A segment in a file.
    pub(crate) fn in_file(meta: SegmentMeta, data: Arc<file::DataFile>, place: Place) -> Self {
        let first = meta.first;
        Self {
            meta,
            body: Body::File(Arc::new(FileSegment::new(data, place, first))),
        }
    }

    /// The writes to one keyspace of commits that damage has taken.
    pub(crate) fn lost(meta: SegmentMeta, damage: Arc<Damage>) -> Self {
        Self {
            meta,
            body: Body::Lost(damage),
        }
    }

    /// The file that holds the bytes, if the segment is in a file.
    pub(crate) fn file(&self) -> Option<&FileSegment> {
        match &self.body {
            Body::Memory(_) | Body::Unmerged(_) | Body::Lost(_) => None,
            Body::File(segment) => Some(segment),
        }
    }

    /// Whether the segment's entries are in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.body, Body::Memory(_) | Body::Unmerged(_))
    }

    /// Bytes of memory that the segment's entries take; 0 for one in a file.
    pub(crate) fn memory_bytes(&self) -> usize {
        match &self.body {
            Body::Memory(memory) => memory.run().footprint_bytes(),
            Body::Unmerged(unmerged) => unmerged.footprint_bytes(),
            Body::File(_) | Body::Lost(_) => 0,
        }
    }

    /// The newest version of `key` at or before `at`. `hash` is the key's
    /// [`filter::hash_key`].
    pub(crate) fn get(&self, key: &[u8], hash: u64, at: Commit) -> Result<Option<Found>> {
        let at = if planted!(AsOfSeesNext) {
            at.next()
        } else {
            at
        };
        match &self.body {
            Body::Lost(damage) => Err(Error::Damage(Damage::clone(damage))),
            Body::Memory(memory) => Ok(memory.get(key, hash, at)),
            Body::Unmerged(unmerged) => Ok(unmerged.merged().get(key, hash, at)),
            Body::File(segment) => {
                if !segment.may_contain(hash)? {
                    return Ok(None);
                }
                let answer = segment.get(key, at);
                if planted!(StickyReadIsMissing)
                    && matches!(answer, Err(Error::Io { .. }))
                    && matches!(segment.get(key, at), Err(Error::Io { .. }))
                {
                    return Ok(None);
                }
                answer
            }
        }
    }

    /// Whether the entries are still in the runs of the inputs.
    pub(crate) fn is_unmerged(&self) -> bool {
        matches!(&self.body, Body::Unmerged(unmerged) if !unmerged.is_merged())
    }

    /// Merges the entries now, unless they are merged already.
    pub(crate) fn merge_entries(&self) {
        if let Body::Unmerged(unmerged) = &self.body {
            unmerged.merged();
        }
    }

    /// A cursor over the entries, before the first one.
    pub(crate) fn cursor(&self, fetch: Fetch) -> Cursor {
        match &self.body {
            Body::Memory(memory) => Cursor::over_run(Arc::clone(memory.run())),
            Body::Unmerged(unmerged) => Cursor::over_run(Arc::clone(unmerged.merged().run())),
            Body::File(segment) => Cursor::over_file(Arc::clone(segment), fetch),
            Body::Lost(damage) => Cursor::over_lost(Arc::clone(damage)),
        }
    }
}
