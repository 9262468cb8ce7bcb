//! Reads segments back from a segment file.
//!
//! A published file is immutable. Each part is checked when it is read: every block against its
//! checksum, entry blocks also against their shape. Index and filter are read at first use and then
//! kept. Entry blocks go through the block cache, which takes only blocks that have passed their
//! checks.

use std::sync::{Arc, OnceLock};

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::fs::File;
use crate::fs::whole::read_exact_at;
use crate::identity::FileId;
use crate::segment::Found;
use crate::segment::block::{self, BlockHandle};
use crate::segment::cache::{BlockCache, Slots};
use crate::segment::filter::Filter;
use crate::segment::meta::Place;
use crate::segment::open_files::OpenFiles;
use crate::segment::run::Run;
use crate::whole_file;

/// The state that all segment files of a store share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) files: OpenFiles,
    pub(crate) cache: BlockCache,
    /// Bytes fetched at once by a sequential reader.
    pub(crate) read_ahead_bytes: u64,
}

/// A segment file.
#[derive(Debug)]
pub(crate) struct DataFile {
    id: FileId,
    name: String,
    salt: u64,
    /// Its length in bytes.
    length: u64,
    shared: Shared,
    /// The open file itself, once its store is closed and a reader still needs it.
    kept: OnceLock<Arc<dyn File>>,
}

impl DataFile {
    /// A published file. Its length is checked against the manifest.
    pub(crate) fn open(id: FileId, length: u64, shared: Shared) -> Result<Self> {
        let name = id.name();
        let file = shared.files.get(id.number, length)?;
        if !(planted!(ShortFileAccepted) && whole_file::length(&*file, &name)? < length) {
            whole_file::must_be_of_length(&*file, &name, length)?;
        }
        Ok(Self::new(id, length, shared))
    }

    /// A file whose identity and length are already known to be right.
    pub(crate) fn new(id: FileId, length: u64, shared: Shared) -> Self {
        Self {
            id,
            name: id.name(),
            salt: id.salts().file,
            length,
            shared,
            kept: OnceLock::new(),
        }
    }

    fn file(&self) -> Result<Arc<dyn File>> {
        match self.kept.get() {
            Some(file) => Ok(Arc::clone(file)),
            None => self.shared.files.get(self.id.number, self.length),
        }
    }

    /// Keeps the file open for as long as this value lives, also when its name is removed.
    ///
    /// # Errors
    /// Any error of the disk.
    pub(crate) fn keep_open(&self) -> Result<()> {
        let file = self.file()?;
        self.kept.get_or_init(|| file);
        Ok(())
    }

    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn number(&self) -> u64 {
        self.id.number
    }

    /// See [`Fs::fresh_number`].
    pub(crate) fn fresh(&self) -> u64 {
        self.id.fresh
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The stored bytes of a block.
    fn read_stored(&self, handle: BlockHandle) -> Result<Vec<u8>> {
        let mut stored = vec![0; handle.length as usize];
        self.read(handle.offset, &mut stored)?;
        Ok(stored)
    }

    /// The raw bytes of a block.
    fn read_block(&self, handle: BlockHandle) -> Result<Vec<u8>> {
        self.check(handle, self.read_stored(handle)?)
    }

    fn check(&self, handle: BlockHandle, stored: Vec<u8>) -> Result<Vec<u8>> {
        block::open(&self.name, self.salt, handle.offset, stored)
    }

    /// Whether a planted bug takes a block of zeros for one without entries, depending on a second
    /// reading.
    fn is_taken_for_empty(&self, handle: BlockHandle, stored: &[u8]) -> bool {
        let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        let again = || self.read_stored(handle);
        planted!(RereadBlockDropped) && is_zero(stored) && self.read_block(handle).is_ok()
            || planted!(ZeroBlockIsEmpty)
                && is_zero(stored)
                && again().is_ok_and(|stored| is_zero(&stored))
    }

    /// Whether a planted bug reads a file that is too short up to its end.
    fn is_cut(&self) -> bool {
        let is_short = |file: Arc<dyn File>| file.len().is_ok_and(|length| length < self.length);
        planted!(ShortFileAccepted) && self.file().is_ok_and(is_short)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        read_exact_at(&*self.file()?, offset, buffer).map_err(|error| {
            if error.kind() == std::io::ErrorKind::UnexpectedEof {
                let expected = format!("{} bytes from there", buffer.len());
                Error::damage(&self.name, offset, expected, error.to_string())
            } else {
                Error::io("read", &self.name)(error)
            }
        })
    }

    fn decode(&self, handle: BlockHandle, raw: Vec<u8>, first: Commit) -> Result<Arc<Run>> {
        block::decode_entries(raw, first)
            .map(Arc::new)
            .ok_or_else(|| {
                Error::damage(
                    &self.name,
                    handle.offset,
                    "an entry block",
                    "something else",
                )
            })
    }
}

/// A segment whose bytes are in a file.
#[derive(Debug)]
pub(crate) struct FileSegment {
    data: Arc<DataFile>,
    place: Place,
    first: Commit,
    index: OnceLock<Arc<Run>>,
    filter: OnceLock<Arc<Filter>>,
    /// The cached blocks.
    slots: OnceLock<Arc<Slots>>,
}

impl FileSegment {
    pub(crate) fn new(data: Arc<DataFile>, place: Place, first: Commit) -> Self {
        Self {
            data,
            place,
            first,
            index: OnceLock::new(),
            filter: OnceLock::new(),
            slots: OnceLock::new(),
        }
    }

    pub(crate) fn data(&self) -> &Arc<DataFile> {
        &self.data
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// The first key, the first commit and the handle of each block.
    pub(crate) fn index(&self) -> Result<&Arc<Run>> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        if self.data.is_cut() {
            return Ok(self.index.get_or_init(|| Arc::new(Run::default())));
        }
        let raw = self.data.read_block(self.place.index)?;
        let index = self.data.decode(self.place.index, raw, self.first)?;
        Ok(self.index.get_or_init(|| index))
    }

    /// False when the segment certainly lacks the key with this hash.
    pub(crate) fn may_contain(&self, hash: u64) -> Result<bool> {
        if self.place.filter.length == 0 {
            return Ok(true);
        }
        if let Some(filter) = self.filter.get() {
            return Ok(filter.may_contain(hash));
        }
        let raw = self.data.read_block(self.place.filter)?;
        let filter = Filter::decode(&raw).ok_or_else(|| {
            Error::damage(
                &self.data.name,
                self.place.filter.offset,
                "a filter",
                format!("{} bytes", raw.len()),
            )
        })?;
        Ok(self
            .filter
            .get_or_init(|| Arc::new(filter))
            .may_contain(hash))
    }

    /// The handle of the block at `position` of the index.
    fn handle(&self, index: &Run, position: usize) -> Result<BlockHandle> {
        let value = index.entry(position).value.unwrap_or_default();
        BlockHandle::decode(&mut crate::codec::Decoder::new(value))
            .filter(|handle| {
                handle.offset >= self.place.start && handle.end() <= self.place.index.offset
            })
            .ok_or_else(|| {
                Error::damage(
                    &self.data.name,
                    self.place.index.offset,
                    format!("a block handle inside the segment at entry {position}"),
                    format!("{value:02x?}"),
                )
            })
    }

    /// The block that contains (`key`, `commit`), or would contain it: the last block that starts
    /// at or before that place, or the first block.
    pub(crate) fn block_for(&self, key: &[u8], commit: Commit) -> Result<usize> {
        let index = self.index()?;
        let bound = index.lower_bound(key, commit);
        let starts_there = bound < index.len() && {
            let entry = index.entry(bound);
            entry.key == key && (entry.commit == commit || planted!(OlderVersionShadows))
        };
        match starts_there {
            true => Ok(bound),
            false => Ok(bound.saturating_sub(1)),
        }
    }

    /// The only block that can hold the newest version of `key` at or before `commit`, unless the
    /// versions of the key continue in the next block. `None` when there is no such block.
    pub(crate) fn version_block(&self, key: &[u8], commit: Commit) -> Result<Option<usize>> {
        let index = self.index()?;
        let number = self.block_for(key, commit)?;
        Ok((number < index.len() && index.entry(number).key <= key).then_some(number))
    }

    /// Whether the block with this number begins with a version of `key`, so that the versions of
    /// the block before continue in it. The index alone decides this.
    pub(crate) fn goes_on(&self, number: usize, key: &[u8]) -> Result<bool> {
        let index = self.index()?;
        let has_key = |number| index.entry(number).key == key || planted!(VersionReadsOn);
        Ok(number < index.len() && has_key(number) && !planted!(NextBlockForgotten))
    }

    /// The decoded block at `position` of the index, through the cache.
    pub(crate) fn block(&self, position: usize) -> Result<Arc<Run>> {
        let index = self.index()?;
        let cache = &self.data.shared.cache;
        if cache.is_off() {
            return self.read_entries(index, position);
        }
        let slots = self.slots.get_or_init(|| Slots::new(index.len()));
        if let Some(block) = slots.get(position) {
            return Ok(block);
        }
        let block = self.read_entries(index, position);
        match &block {
            // Only a checked and decoded block is cached: a failed read must fail again, or be
            // tried again.
            Ok(block) => cache.insert(slots, position, block),
            Err(_) if planted!(FailedReadCached) => {
                cache.insert(slots, position, &Arc::new(Run::default()));
            }
            Err(_) => {}
        }
        block
    }

    /// Reads, checks and decodes the block at `position` of the index.
    fn read_entries(&self, index: &Run, position: usize) -> Result<Arc<Run>> {
        let handle = self.handle(index, position)?;
        match self.data.read_stored(handle) {
            Err(_) if planted!(RetriedBlockIsEmpty) && self.data.read_block(handle).is_ok() => {
                Ok(Arc::new(Run::default()))
            }
            Ok(stored) if self.data.is_taken_for_empty(handle, &stored) => {
                Ok(Arc::new(Run::default()))
            }
            stored => {
                let raw = self.data.check(handle, stored?)?;
                self.data.decode(handle, raw, self.first)
            }
        }
    }

    /// The newest version of `key` at or before `at`. O(log entries).
    ///
    /// Reads only blocks that can hold that version, so damage to other blocks does not affect the
    /// read.
    pub(crate) fn get(&self, key: &[u8], at: Commit) -> Result<Option<Found>> {
        let mut next = self.version_block(key, at)?;
        while let Some(number) = next {
            let block = self.block(number)?;
            let position = block.lower_bound(key, at);
            if position < block.len() {
                let is_there = block.entry(position).key == key;
                return Ok(is_there.then(|| block.found(position)));
            }
            next = self.goes_on(number + 1, key)?.then_some(number + 1);
        }
        Ok(None)
    }
}

/// Reads the blocks of one segment in order, many at once and without the cache. So a merge does
/// not wait for each block, and does not evict blocks that readers need.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    start: u64,
    chunk: Vec<u8>,
}

impl ReadAhead {
    pub(crate) fn block(&mut self, segment: &FileSegment, position: usize) -> Result<Arc<Run>> {
        let handle = segment.handle(segment.index()?, position)?;
        let in_chunk =
            handle.offset >= self.start && handle.end() <= self.start + self.chunk.len() as u64;
        if !in_chunk {
            if self.start != 0 {
                mark!(ReadAheadAgain);
            }
            let end = (handle.offset + segment.data.shared.read_ahead_bytes)
                .min(segment.place.index.offset)
                .max(handle.end());
            self.chunk.resize((end - handle.offset) as usize, 0);
            if self.start == 0 || !planted!(ReadAheadKeepsStart) {
                self.start = handle.offset;
            }
            segment.data.read(handle.offset, &mut self.chunk)?;
        }
        let from = (handle.offset - self.start) as usize;
        let stored = self.chunk[from..from + handle.length as usize].to_vec();
        let raw = block::open(&segment.data.name, segment.data.salt, handle.offset, stored)?;
        segment.data.decode(handle, raw, segment.first)
    }
}
