//! The content of the disk when a machine starts again: names, files, directories.
//!
//! Images share the files that they do not change. So thousands of images of one
//! execution cost little more than their differences.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::change::{Change, ChangeKind};
use super::frontier::Frontier;
use super::model::Model;
use super::oplog::{InodeId, Log};
use super::remnants::{Remnants, Source};

/// What a place reads as that the file's length covers but whose bytes were lost. A
/// place that was never written is a hole and reads as zeros, whatever was lost
/// elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Zeros.
    Zero,
    /// Bytes that no process wrote.
    Garbage,
    /// The bytes that another file, or this file earlier, had at the same place.
    Stale {
        /// The remnant; `None` for the file that most recently lost its name.
        source: Option<Source>,
        /// All bytes of the remnant.
        bytes: Arc<Vec<u8>>,
    },
}

impl Fill {
    /// The name that traces use.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Zero => "zero".into(),
            Self::Garbage => "garbage".into(),
            Self::Stale { source: None, .. } => "stale".into(),
            Self::Stale {
                source: Some(source),
                ..
            } => format!("stale {source}").into(),
        }
    }

    /// Fills a place that so far reads as zeros, or that this fill has filled before.
    fn take(&self, bytes: &mut [u8], place: Range<usize>) {
        match self {
            Self::Zero => {}
            Self::Garbage => {
                for offset in place {
                    // Never zero, different at neighbouring places, the same in every
                    // run.
                    bytes[offset] = (offset as u8).wrapping_mul(167) | 1;
                }
            }
            Self::Stale { bytes: old, .. } => {
                let place = place.start..place.end.min(old.len());
                if !place.is_empty() {
                    bytes[place.clone()].copy_from_slice(&old[place]);
                }
            }
        }
    }
}

/// The number of fresh numbers that were drawn for each file name.
pub(super) type Draws = BTreeMap<Arc<str>, u32>;

/// Counts one more draw.
pub(super) fn count_draw(draws: &mut Arc<Draws>, name: &Arc<str>) {
    *Arc::make_mut(draws).entry(Arc::clone(name)).or_default() += 1;
}

/// The content of a disk. Cloning is O(files).
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Files by inode. A file without a name may be here; no process can observe it.
    pub(super) files: BTreeMap<InodeId, Arc<Vec<u8>>>,
    pub(super) names: BTreeMap<Arc<str>, InodeId>,
    pub(super) directories: Arc<BTreeSet<Arc<str>>>,
    /// A key of the machine's source of fresh numbers. A crash does not undo draws,
    /// even if it undoes the name: a number is never given twice. Not observable.
    pub(super) draws: Arc<Draws>,
    /// Another key of that source: other machines give other numbers. Not observable.
    pub(super) machine: u64,
    /// What the device still holds of earlier files. Not observable.
    pub(super) remnants: Remnants,
}

impl Image {
    /// An empty disk of a machine whose fresh numbers differ from those of other
    /// machines.
    #[must_use]
    pub fn of_machine(machine: u64) -> Self {
        Self {
            machine,
            ..Self::default()
        }
    }

    /// An empty disk that another store used before; `log` is the log of that store.
    /// The freed blocks were not erased.
    #[must_use]
    pub fn used_before(log: &Log) -> Self {
        let mut frontier = Frontier::new(Model::DEFAULT, Self::default(), log);
        frontier.advance_to(log.operations().len());
        Self {
            remnants: frontier.all_as_remnants().as_foreign(),
            ..Self::default()
        }
    }

    /// The files by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.names
            .iter()
            .map(|(name, inode)| (&**name, self.files[inode].as_slice()))
    }

    /// The file with this name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<InodeId> {
        self.names.get(name).copied()
    }

    /// The bytes of a file, with a name or without.
    #[must_use]
    pub fn content(&self, file: InodeId) -> Option<&Arc<Vec<u8>>> {
        self.files.get(&file)
    }

    /// The same disk, but one file holds other bytes or is removed.
    #[must_use]
    pub fn replacing(&self, name: &str, bytes: Option<Vec<u8>>) -> Self {
        let mut image = self.clone();
        match (image.names.get(name).copied(), bytes) {
            (Some(inode), Some(bytes)) => {
                image.files.insert(inode, Arc::new(bytes));
            }
            _ => {
                image.names.remove(name);
            }
        }
        image
    }

    /// The number of bytes in all files with a name.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.files().map(|(_, bytes)| bytes.len()).sum()
    }

    /// A digest of what a process can see: equal images have equal digests. Bytes
    /// beyond the ends of files and in files without names do not count.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for (name, bytes) in self.files() {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        hasher.digest128()
    }

    /// This image with the changes that `keep` selects, in the order of issue.
    #[must_use]
    pub fn with(&self, changes: &[Change], keep: impl Fn(usize) -> bool, fill: &Fill) -> Self {
        let mut image = self.clone();
        image.absorb(changes, keep, fill);
        image
    }

    /// As [`Image::with`], in place.
    pub(super) fn absorb(&mut self, changes: &[Change], keep: impl Fn(usize) -> bool, fill: &Fill) {
        let mut buffers = BTreeMap::new();
        for (index, change) in changes.iter().enumerate() {
            self.apply(&mut buffers, &change.kind, keep(index), fill);
        }
        for (inode, buffer) in buffers {
            self.files.insert(inode, Arc::new(buffer.cut()));
        }
    }

    fn apply(
        &mut self,
        buffers: &mut BTreeMap<InodeId, Buffer>,
        change: &ChangeKind,
        is_kept: bool,
        fill: &Fill,
    ) {
        match change {
            ChangeKind::Data {
                inode,
                offset,
                bytes,
            } => buffer(buffers, &mut self.files, *inode).data(*offset, bytes, is_kept, fill),
            _ if !is_kept => {}
            ChangeKind::Size { inode, to, .. } => {
                buffer(buffers, &mut self.files, *inode).resize(*to)
            }
            ChangeKind::Link { name, inode } => {
                self.files.entry(*inode).or_default();
                self.names.insert(Arc::clone(name), *inode);
            }
            ChangeKind::Unlink { name } => {
                self.names.remove(name);
            }
            ChangeKind::Rename {
                from, to, inode, ..
            } => {
                self.files.entry(*inode).or_default();
                // Another file may have the old name by now in the running process. The
                // model orders the operations on one name, so here the name still
                // belongs to this file.
                self.names.remove(from);
                self.names.insert(Arc::clone(to), *inode);
            }
        }
    }
}

fn buffer<'buffers>(
    buffers: &'buffers mut BTreeMap<InodeId, Buffer>,
    files: &mut BTreeMap<InodeId, Arc<Vec<u8>>>,
    inode: InodeId,
) -> &'buffers mut Buffer {
    buffers.entry(inode).or_insert_with(|| {
        // The bytes are copied only if another image shares the file.
        let bytes = files.insert(inode, Arc::default()).unwrap_or_default();
        Buffer::new(Arc::try_unwrap(bytes).unwrap_or_else(|shared| shared.to_vec()))
    })
}

/// A file while changes are applied to it. Bytes beyond the length are on the device,
/// but the length does not cover them yet.
struct Buffer {
    bytes: Vec<u8>,
    length: usize,
    /// Places behind the durable bytes without a kept write. They read as zeros until a
    /// lost write covers them. Appends leave no holes.
    holes: Vec<Range<usize>>,
}

impl Buffer {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len(),
            bytes,
            holes: Vec::new(),
        }
    }

    fn data(&mut self, offset: u64, data: &[u8], is_kept: bool, fill: &Fill) {
        let start = offset as usize;
        let end = start + data.len();
        self.grow(start);
        let known = self.bytes.len();
        if end > known {
            self.bytes.resize(end, 0);
        }
        if is_kept {
            self.bytes[start..end].copy_from_slice(data);
            self.cover(start, end);
        } else {
            for hole in &self.holes {
                let place = start.max(hole.start)..end.min(hole.end);
                fill.take(&mut self.bytes, place);
            }
            fill.take(&mut self.bytes, known..end);
        }
    }

    fn resize(&mut self, length: u64) {
        let length = length as usize;
        if length < self.length {
            self.bytes.truncate(length);
            self.cover(length, usize::MAX);
        }
        self.grow(length);
        self.length = length;
    }

    /// Extends the file to `length`. The extension is a hole.
    fn grow(&mut self, length: usize) {
        let known = self.bytes.len();
        if length > known {
            self.bytes.resize(length, 0);
            self.holes.push(known..length);
        }
    }

    /// Removes the holes between these places.
    fn cover(&mut self, start: usize, end: usize) {
        let parts = std::mem::take(&mut self.holes)
            .into_iter()
            .flat_map(|hole| {
                [
                    hole.start..hole.end.min(start),
                    hole.start.max(end)..hole.end,
                ]
            });
        self.holes = parts.filter(|part| !part.is_empty()).collect();
    }

    fn cut(mut self) -> Vec<u8> {
        self.bytes.truncate(self.length);
        self.bytes
    }
}
