//! The log: a sequence of segments. Entries are appended to the last segment.
//!
//! Invariants:
//! - segments have no gap between them: a segment ends where the next one begins;
//! - a segment and its name are durable before the next segment is created, so only the
//!   last segment can have a torn tail;
//! - after [`Log::sync`] every entry is durable, and the names of the segments are durable
//!   too;
//! - all segments that one opening writes have one identity. The identity is durable before
//!   the first of their entries, and no other opening appends to these segments.
//!
//! The log knows nothing of snapshots. Its owner decides which segments are removed.

use std::collections::BTreeSet;
use std::sync::Arc;

use lithify::fs::File;
use lithify::fs::whole::{append_all, write_all_at};
use lithify_sim::planted;
use lithify_sim::system::Failure;

use super::{index, names};
use crate::parts::disk::{Disk, failed};
use crate::parts::entry::{self, Before, HEADER_BYTES};
use crate::parts::identity::Identity;

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The offset of its first entry.
    pub start: u64,
    /// How many entries it holds.
    pub entries: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The identity that salts the entries, together with `start`.
    pub(super) identity: Identity,
}

impl Segment {
    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        names::segment(self.start)
    }

    /// The offset after the last entry.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start + self.entries
    }

    /// A segment without entries.
    pub(super) fn empty(start: u64, identity: Identity) -> Self {
        Self {
            start,
            entries: 0,
            bytes: 0,
            identity,
        }
    }

    /// The salt of the checksums.
    pub(super) fn salt(&self) -> u64 {
        self.identity.salt(self.start)
    }
}

/// The segment that receives new entries, with its open files.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) segment: Segment,
    pub(super) file: Arc<dyn File>,
    pub(super) index: Option<Arc<dyn File>>,
    /// Whether the file held another segment before (only with a planted bug).
    pub(super) is_recycled: bool,
}

/// The log.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) disk: Disk,
    /// The complete segments, in order. They receive no more entries.
    pub(super) sealed: Vec<Segment>,
    pub(super) active: Active,
    /// A segment ends when the next group would make it longer than this.
    pub(super) segment_bytes: u64,
    pub(super) keeps_index: bool,
    /// The segments that have an index file.
    pub(super) indexes: BTreeSet<u64>,
    /// The names of the identity files. Only opening changes them.
    pub(super) identities: Vec<String>,
    pub(super) has_unsynced_bytes: bool,
    pub(super) has_unsynced_name: bool,
    /// A segment whose file waits for reuse (only with a planted bug).
    pub(super) retired: Option<u64>,
}

impl Log {
    /// The offset of the next entry.
    pub(super) fn next_offset(&self) -> u64 {
        self.active.segment.end()
    }

    /// All segments in order; the last is the active one.
    pub(super) fn segments(&self) -> impl Iterator<Item = Segment> {
        self.sealed.iter().copied().chain([self.active.segment])
    }

    /// The state that the log keeps in memory, as text: its segments and indexes, and what is
    /// synced.
    pub(super) fn progress(&self) -> String {
        let segments: Vec<Segment> = self.segments().collect();
        format!(
            "{segments:?} {:?} {:?} bytes {} name {}",
            self.indexes, self.retired, self.has_unsynced_bytes, self.has_unsynced_name
        )
    }

    /// Appends a group of entries to one segment, in one write. The entries are durable after
    /// a sync.
    pub(super) fn append(&mut self, payloads: &[Vec<u8>]) -> Result<(), Failure> {
        let length: usize = payloads
            .iter()
            .map(|payload| HEADER_BYTES + payload.len())
            .sum();
        let segment = self.active.segment;
        if segment.entries > 0 && segment.bytes + length as u64 > self.segment_bytes {
            self.rotate()?;
        }
        if self.active.segment.entries == 0 && !planted::is_active("name-synced-late") {
            // The next opening makes these entries durable and creates a segment after them.
            // If this name were not durable first, a crash could lose this segment and keep
            // the next one.
            self.sync_name()?;
        }
        let Segment { bytes, .. } = self.active.segment;
        let salt = self.active.segment.salt();
        let mut group = Vec::with_capacity(length);
        let mut positions = Vec::with_capacity(payloads.len());
        for payload in payloads {
            let before = match self.has_unsynced_bytes || !group.is_empty() {
                true => Before::Pending,
                false => Before::Durable,
            };
            positions.push(bytes + group.len() as u64);
            entry::encode(&mut group, salt, bytes, before, payload);
        }
        self.write(&group)?;
        self.write_index(&positions)?;
        self.active.segment.entries += payloads.len() as u64;
        self.active.segment.bytes += length as u64;
        self.has_unsynced_bytes = true;
        Ok(())
    }

    fn write(&self, group: &[u8]) -> Result<(), Failure> {
        let Segment { start, bytes, .. } = self.active.segment;
        let written = if self.active.is_recycled {
            write_all_at(&*self.active.file, bytes, group)
        } else {
            append_all(&*self.active.file, group)
        };
        written.map_err(failed("append to", &names::segment(start)))
    }

    fn write_index(&self, positions: &[u64]) -> Result<(), Failure> {
        let Some(file) = &self.active.index else {
            return Ok(());
        };
        let Segment { start, entries, .. } = self.active.segment;
        let mut records = Vec::new();
        for (number, &position) in (entries..).zip(positions) {
            index::encode(&mut records, start, number, position);
        }
        append_all(&**file, &records).map_err(failed("append to", &names::index(start)))
    }

    /// Makes all entries and the names of the segments durable.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        self.sync_bytes()?;
        self.sync_name()
    }

    fn sync_bytes(&mut self) -> Result<(), Failure> {
        if !self.has_unsynced_bytes {
            return Ok(());
        }
        let name = names::segment(self.active.segment.start);
        let synced = self.active.file.sync_data().map_err(failed("sync", &name));
        if !planted::is_active("sync-error-swallowed") {
            synced?;
        }
        self.has_unsynced_bytes = false;
        Ok(())
    }

    fn sync_name(&mut self) -> Result<(), Failure> {
        if self.has_unsynced_name && !planted::is_active("segment-name-not-synced") {
            self.disk.sync_directory()?;
        }
        self.has_unsynced_name = false;
        Ok(())
    }

    /// Ends the active segment and begins the next one.
    fn rotate(&mut self) -> Result<(), Failure> {
        if planted::is_active("rotation-without-sync") {
            self.has_unsynced_bytes = false;
        }
        while !self.seal_step()? {}
        Ok(())
    }

    /// Does one operation towards an empty active segment. Returns true when the active
    /// segment is empty.
    pub(super) fn seal_step(&mut self) -> Result<bool, Failure> {
        if self.active.segment.entries == 0 {
            return Ok(true);
        }
        if self.has_unsynced_bytes {
            self.sync_bytes()?;
        } else if self.has_unsynced_name {
            self.sync_name()?;
        } else {
            let next = self.begin(self.next_offset())?;
            let ended = std::mem::replace(&mut self.active, next);
            self.sealed.push(ended.segment);
        }
        Ok(false)
    }

    /// Creates a segment. Its name is not durable yet.
    fn begin(&mut self, start: u64) -> Result<Active, Failure> {
        let name = names::segment(start);
        let (file, is_recycled) = match self.retired.take() {
            Some(retired) => {
                self.disk.rename(&names::segment(retired), &name)?;
                (self.disk.open(&name)?, true)
            }
            None => (self.disk.create(&name)?, false),
        };
        self.has_unsynced_name = true;
        let index = match self.keeps_index {
            true => Some(self.disk.create(&names::index(start))?),
            false => None,
        };
        if index.is_some() {
            self.indexes.insert(start);
        }
        Ok(Active {
            segment: Segment::empty(start, self.active.segment.identity),
            file,
            index,
            is_recycled,
        })
    }

    /// Removes one file of the first segment, if that segment ends at or before `offset`.
    /// Returns false if nothing is to remove. The active segment is never removed.
    pub(super) fn remove_one(&mut self, offset: u64) -> Result<bool, Failure> {
        let Some(first) = self.sealed.first().copied() else {
            return Ok(false);
        };
        if first.end() > offset {
            return Ok(false);
        }
        if self.indexes.contains(&first.start) {
            self.disk.remove(&names::index(first.start))?;
            self.indexes.remove(&first.start);
            return Ok(true);
        }
        if planted::is_active("recycled-without-generation") && self.retired.is_none() {
            self.retired = Some(first.start);
        } else {
            self.disk.remove(&names::segment(first.start))?;
        }
        self.sealed.remove(0);
        Ok(true)
    }

    /// The files of the log.
    pub(super) fn files(&self) -> impl Iterator<Item = String> {
        let segments = self.segments().map(|segment| segment.start);
        let indexes = self.indexes.iter().map(|&start| names::index(start));
        segments
            .chain(self.retired)
            .map(names::segment)
            .chain(indexes)
            .chain(self.identities.iter().cloned())
    }
}
