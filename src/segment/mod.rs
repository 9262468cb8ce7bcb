//! Segments: immutable sorted runs of one keyspace over one window.
//!
//! A segment's bytes live in memory (and in the WAL) or in a segment file. Readers
//! and merges do not care which. This module knows nothing about which segments
//! exist: that is the version's business.

pub(crate) mod block;
mod cursor;
pub(crate) mod file;
pub(crate) mod filter;
#[cfg(test)]
mod laws;
mod merge;
pub(crate) mod meta;
pub(crate) mod open_files;
pub(crate) mod run;
mod thin;
mod writer;

use std::sync::Arc;

pub(crate) use cursor::{Cursor, Fetch};
pub(crate) use merge::{Direction, MergeCursor};
pub(crate) use meta::{InputMeta, KeyspaceId, Place, SegmentId, SegmentMeta};
pub(crate) use thin::{Thinning, floor};
pub(crate) use writer::{SegmentFileWriter, Tally, WriterOptions};

use crate::commit::Commit;
use crate::error::{Damage, Error, Result};
use file::FileSegment;
use filter::Filter;
use run::{EntryRef, Run};

/// A segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) meta: SegmentMeta,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Memory {
        run: Arc<Run>,
        filter: Option<Filter>,
    },
    File(Arc<FileSegment>),
    /// What some commits wrote, and damage has taken: every read that comes here is refused.
    Lost(Arc<Damage>),
}

/// A version that a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) commit: Commit,
    pub(crate) value: Option<Vec<u8>>,
}

impl Segment {
    /// A segment in memory. A run of `filtered` entries or more has a filter.
    pub(crate) fn in_memory(
        meta: SegmentMeta,
        run: Run,
        filter_bits_per_key: u32,
        filtered: usize,
    ) -> Self {
        let is_filtered = filter_bits_per_key > 0 && run.len() >= filtered;
        let filter = is_filtered.then(|| {
            mark!(RunFiltered);
            let mut filter = Filter::for_keys(meta.keys, filter_bits_per_key);
            let left_out = usize::from(planted!(RunFilterLacksLast));
            for entry in run.iter().take(run.len() - left_out) {
                filter.insert(filter::hash_key(entry.key));
            }
            filter
        });
        Self {
            meta,
            body: Body::Memory {
                run: Arc::new(run),
                filter,
            },
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

    /// What was written to one keyspace by commits that damage has taken.
    pub(crate) fn lost(meta: SegmentMeta, damage: Arc<Damage>) -> Self {
        Self {
            meta,
            body: Body::Lost(damage),
        }
    }

    /// The file that holds the bytes, if one does.
    pub(crate) fn file(&self) -> Option<&FileSegment> {
        match &self.body {
            Body::Memory { .. } | Body::Lost(_) => None,
            Body::File(segment) => Some(segment),
        }
    }

    /// Bytes of memory that the segment's entries take; 0 for one in a file.
    pub(crate) fn memory_bytes(&self) -> usize {
        match &self.body {
            Body::Memory { run, .. } => run.footprint_bytes(),
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
        let found = |entry: EntryRef<'_>| Found {
            commit: entry.commit,
            value: entry.value.map(<[u8]>::to_vec),
        };
        match &self.body {
            Body::Lost(damage) => Err(Error::Damage(Damage::clone(damage))),
            Body::Memory { run, filter } => {
                if filter
                    .as_ref()
                    .is_some_and(|filter| !filter.may_contain(hash))
                {
                    return Ok(None);
                }
                Ok(run.get(key, at).map(found))
            }
            Body::File(segment) => {
                if !segment.may_contain(hash)? {
                    return Ok(None);
                }
                let mut cursor = self.cursor(Fetch::Cached);
                let is_unreadable = |outcome: Result<()>| matches!(outcome, Err(Error::Io { .. }));
                if planted!(StickyReadIsMissing) && is_unreadable(cursor.seek(key, at)) {
                    let mut second = self.cursor(Fetch::Cached);
                    if is_unreadable(second.seek(key, at)) {
                        return Ok(None);
                    }
                    let cause = std::io::Error::other("the first attempt failed");
                    return Err(Error::io("read", "a segment")(cause));
                }
                cursor.seek(key, at)?;
                Ok(cursor.entry().filter(|entry| entry.key == key).map(found))
            }
        }
    }

    /// A cursor over the entries, before the first one.
    pub(crate) fn cursor(&self, fetch: Fetch) -> Cursor {
        match &self.body {
            Body::Memory { run, .. } => Cursor::over_run(Arc::clone(run)),
            Body::File(segment) => Cursor::over_file(Arc::clone(segment), fetch),
            Body::Lost(damage) => Cursor::over_lost(Arc::clone(damage)),
        }
    }
}
