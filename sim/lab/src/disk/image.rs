//! What is on the disk when a machine starts again: names, files, directories.
//!
//! Files are shared until they are changed, so that thousands of images of one
//! execution cost little more than what differs between them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::change::{Change, ChangeKind};
use super::frontier::Frontier;
use super::model::Model;
use super::oplog::{InodeId, Log};
use super::remnants::{Remnants, Source};

/// What stands in a place of a file that has a length but whose bytes were lost. A place
/// that nobody wrote is a hole: it reads as zeros, whatever was lost elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Zeros.
    Zero,
    /// Bytes that nobody wrote.
    Garbage,
    /// The bytes that a file without a name had at the same place.
    Stale {
        /// Which file's; `None` for the one that has lost its name last.
        source: Option<Source>,
        /// All that it held.
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

    /// Takes a place that reads as zeros so far, or that this has taken before.
    fn take(&self, bytes: &mut [u8], place: Range<usize>) {
        match self {
            Self::Zero => {}
            Self::Garbage => {
                for offset in place {
                    // Never zero, different at each place, the same in every run.
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

/// How many numbers were drawn for files of each name.
pub(super) type Draws = BTreeMap<Arc<str>, u32>;

/// Counts one more.
pub(super) fn count_draw(draws: &mut Arc<Draws>, name: &Arc<str>) {
    *Arc::make_mut(draws).entry(Arc::clone(name)).or_default() += 1;
}

/// The content of a disk. Cloning is O(files).
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Files by inode; one without a name may be here and is not observable.
    pub(super) files: BTreeMap<InodeId, Arc<Vec<u8>>>,
    pub(super) names: BTreeMap<Arc<str>, InodeId>,
    pub(super) directories: Arc<BTreeSet<Arc<str>>>,
    /// What the machine's source of fresh numbers is keyed with. A crash takes none of it
    /// back, also where it takes the name: a number is never given twice. Not observable.
    pub(super) draws: Arc<Draws>,
    /// What else it is keyed with: other machines give other numbers. Not observable.
    pub(super) machine: u64,
    /// What the device still holds of earlier files. Not observable either.
    pub(super) remnants: Remnants,
}

impl Image {
    /// An empty disk of a machine whose fresh numbers are not those of other machines.
    #[must_use]
    pub fn of_machine(machine: u64) -> Self {
        Self {
            machine,
            ..Self::default()
        }
    }

    /// An empty disk on which another store was before, which left this log. Its blocks
    /// were given back as they are.
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

    /// The file that has this name.
    pub(crate) fn file(&self, name: &str) -> Option<InodeId> {
        self.names.get(name).copied()
    }

    /// The same disk where a file holds other bytes, or is gone.
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

    /// The bytes of all files with a name.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.files().map(|(_, bytes)| bytes.len()).sum()
    }

    /// A digest of what can be seen: equal images have equal digests, whatever bytes
    /// lie beyond the ends of files or in files without names.
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

    /// This image with those of `changes` that `keep` selects, in the order of issue.
    #[must_use]
    pub fn with(&self, changes: &[Change], keep: impl Fn(usize) -> bool, fill: &Fill) -> Self {
        let mut image = self.clone();
        image.absorb(changes, keep, fill);
        image
    }

    /// The same, in place.
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
                // The old name may have been given to another file since; the model
                // orders operations on one name, so here it still means this file.
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
        // Copied only when another image shares the file.
        let bytes = files.insert(inode, Arc::default()).unwrap_or_default();
        Buffer::new(Arc::try_unwrap(bytes).unwrap_or_else(|shared| shared.to_vec()))
    })
}

/// A file while changes are applied to it. Bytes beyond the length are what the device
/// has and the length does not cover yet.
struct Buffer {
    bytes: Vec<u8>,
    length: usize,
    /// Places behind the durable bytes where nothing that is kept was written. They read
    /// as zeros until a write that is lost covers them. Appends leave none.
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

    /// Makes the file long enough for something at `length`.
    fn grow(&mut self, length: usize) {
        let known = self.bytes.len();
        if length > known {
            self.bytes.resize(length, 0);
            self.holes.push(known..length);
        }
    }

    /// No hole is left between these places.
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
