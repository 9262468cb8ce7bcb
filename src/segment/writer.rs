//! Writes a segment file: a preamble, any number of segments, a table of contents, a footer.
//!
//! The writer collects bytes and writes them in large appends; the caller triggers each append.
//! Memory: one chunk, the open block, and the index and filter of the open segment, but never the
//! entries of a segment.
//!
//! The table of contents repeats the manifest, so that a file can be checked and salvaged on its
//! own. Reads never need it.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::codec::put_varint;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::checksum;
use crate::fs::whole::write_all_at;
use crate::fs::{File, Fs};
use crate::identity::FileId;
use crate::options::Compression;
use crate::segment::block::{self, BlockBuilder, BlockHandle};
use crate::segment::file::{DataFile, Shared};
use crate::segment::filter::{Filter, hash_key};
use crate::segment::meta::{Place, SegmentMeta};
use crate::segment::run::EntryRef;
use crate::thresholds::Thresholds;

/// The last bytes of a footer, which is `table handle (offset u64, length u32) |
/// checksum u32 | magic`.
pub(crate) const FOOTER_MAGIC: &[u8; 8] = b"segments";
/// The length of a footer in bytes.
pub(crate) const FOOTER_BYTES: usize = 24;

/// The options of the encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriterOptions {
    pub(crate) block_bytes: usize,
    pub(crate) compression: Compression,
    pub(crate) filter_bits_per_key: u32,
    pub(crate) thresholds: Thresholds,
}

/// Counts the entries of an output, in run order.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) entries: u64,
    pub(crate) tombstones: u64,
    pub(crate) keys: u64,
    pub(crate) bytes: u64,
}

impl Tally {
    /// Counts `entry`. `is_new_key` when the entry before it has another key.
    pub(crate) fn add(&mut self, entry: EntryRef<'_>, is_new_key: bool) {
        self.keys += u64::from(is_new_key);
        self.entries += 1;
        self.tombstones += u64::from(entry.value.is_none());
        self.bytes += (entry.key.len() + entry.value.map_or(0, <[u8]>::len)) as u64;
    }

    /// Writes the counts into `meta`.
    pub(crate) fn fill(&self, meta: &mut SegmentMeta) {
        meta.entries = self.entries;
        meta.tombstones = self.tombstones;
        meta.keys = self.keys;
        meta.bytes = self.bytes;
    }
}

/// The segment that is being written.
#[derive(Debug)]
struct Open {
    meta: SegmentMeta,
    start: u64,
    tally: Tally,
    last_key: Vec<u8>,
    block: BlockBuilder,
    /// Key and commit of the first entry of the open block.
    block_first: (Vec<u8>, Commit),
    index: BlockBuilder,
    filter: Option<Filter>,
}

/// The length of a block before the next block begins. The index has the first key of each block,
/// and a length inside the index has 32 bits: 70,000 keys of 60 KiB would be too many. Once the
/// index has `long` bytes, each new block is a sixteenth of the index. So a terabyte of such keys
/// has an index of 1.4 GB.
fn block_bytes(chosen: usize, index_bytes: usize, long: usize) -> usize {
    match index_bytes {
        bytes if bytes < long => chosen,
        bytes => {
            mark!(BlocksGrow);
            chosen.max(bytes / 16)
        }
    }
}

/// A segment file that is being written.
#[derive(Debug)]
pub(crate) struct SegmentFileWriter {
    file: Arc<dyn File>,
    id: FileId,
    name: String,
    salt: u64,
    options: WriterOptions,
    /// Bytes written to the file.
    written: u64,
    /// Bytes collected for the next append.
    chunk: Vec<u8>,
    open: Option<Open>,
    segments: Vec<(SegmentMeta, Place)>,
}

impl SegmentFileWriter {
    /// Creates the file. A crash can take its name until the directory is synced.
    pub(crate) fn create(fs: &dyn Fs, id: FileId, options: WriterOptions) -> Result<Self> {
        let name = id.name();
        let file = fs.create(&name).map_err(Error::io("create", &name))?;
        Ok(Self {
            file,
            id,
            name,
            salt: id.salts().file,
            options,
            written: 0,
            chunk: id.preamble().to_vec(),
            open: None,
            segments: Vec::new(),
        })
    }

    fn offset(&self) -> u64 {
        self.written + self.chunk.len() as u64
    }

    /// Begins a segment of at most `keys` distinct keys. [`SegmentFileWriter::finish_segment`]
    /// fills in the counts of `meta`.
    pub(crate) fn begin_segment(&mut self, meta: SegmentMeta, keys: u64) {
        assert!(
            self.open.is_none(),
            "segments of a file are written one after another"
        );
        let bits = self.options.filter_bits_per_key;
        self.open = Some(Open {
            meta,
            start: self.offset(),
            tally: Tally::default(),
            last_key: Vec::new(),
            block: BlockBuilder::default(),
            block_first: (Vec::new(), Commit::ZERO),
            index: BlockBuilder::default(),
            filter: (bits > 0).then(|| Filter::for_keys(keys, bits)),
        });
    }

    /// Adds an entry that sorts behind the last one.
    pub(crate) fn push(&mut self, entry: EntryRef<'_>) {
        let open = self.open.as_mut().expect("a segment was begun");
        let is_new_key = open.tally.entries == 0
            || open.last_key != entry.key
            || planted!(KeysCountedPerBlock) && open.block.is_empty();
        open.tally.add(entry, is_new_key);
        if is_new_key {
            assert!(
                open.tally.entries == 1 || *open.last_key <= *entry.key,
                "{}: key {:02x?} comes behind {:02x?}",
                self.name,
                entry.key,
                open.last_key
            );
            open.last_key.clear();
            open.last_key.extend_from_slice(entry.key);
            if let Some(filter) = &mut open.filter
                && (entry.value.is_some() || !planted!(FilterSkipsTombstones))
                && !(entry.key.is_empty() && planted!(EmptyKeyUnfiltered))
            {
                filter.insert(hash_key(entry.key));
            }
        }
        if entry.key.is_empty() {
            mark!(EmptyKeyInFile);
        }
        if entry.value.is_some_and(<[u8]>::is_empty) {
            mark!(EmptyValueInFile);
        }
        if open.block.is_empty() {
            if !is_new_key {
                mark!(KeyGoesOn);
            }
            open.block_first.0.clear();
            open.block_first.0.extend_from_slice(entry.key);
            open.block_first.1 = entry.commit;
        }
        open.block.push(entry, open.meta.first);
        let (chosen, long) = (
            self.options.block_bytes,
            self.options.thresholds.long_index_bytes,
        );
        if open.block.raw_bytes() >= block_bytes(chosen, open.index.raw_bytes(), long) {
            self.seal_block();
        }
    }

    fn seal_block(&mut self) {
        let offset = self.offset();
        let open = self.open.as_mut().expect("a segment was begun");
        let compression = self.options.compression;
        let handle = open
            .block
            .seal(&mut self.chunk, self.salt, offset, compression);
        let mut value = Vec::with_capacity(12);
        handle.encode(&mut value);
        let is_long = open.index.raw_bytes() >= self.options.thresholds.long_index_bytes;
        let key = match is_long && planted!(LongIndexNamesLast) {
            true => &open.last_key[..],
            false => &open.block_first.0[..],
        };
        let commit = open.block_first.1;
        open.index.push(
            EntryRef {
                key,
                commit,
                value: Some(&value),
            },
            open.meta.first,
        );
    }

    /// Ends the segment: writes its last block, its filter and its index.
    pub(crate) fn finish_segment(&mut self) {
        if self
            .open
            .as_ref()
            .is_some_and(|open| !open.block.is_empty())
        {
            self.seal_block();
        }
        let mut open = self.open.take().expect("a segment was begun");
        // The filter comes before the index, as the format says. An absent filter has length 0 at
        // this place.
        let filter = open.filter.filter(|_| open.tally.keys > 0).map_or(
            BlockHandle {
                offset: self.offset(),
                length: 0,
            },
            |filter| {
                let mut raw = Vec::new();
                filter.encode(&mut raw);
                self.seal(&raw, Compression::None)
            },
        );
        let (salt, offset) = (self.salt, self.offset());
        let index = open
            .index
            .seal(&mut self.chunk, salt, offset, self.options.compression);
        open.tally.fill(&mut open.meta);
        assert!(
            open.start <= filter.offset && filter.end() == index.offset,
            "{}: a segment from {} with its filter at {} and its index at {}",
            self.name,
            open.start,
            filter.offset,
            index.offset
        );
        assert!(
            open.tally.keys + open.tally.tombstones <= 2 * open.tally.entries,
            "{}: {} entries have {} keys and {} deletions",
            self.name,
            open.tally.entries,
            open.tally.keys,
            open.tally.tombstones
        );
        let place = Place {
            file: self.id.number,
            start: open.start,
            filter,
            index,
        };
        self.segments.push((open.meta, place));
    }

    fn seal(&mut self, raw: &[u8], compression: Compression) -> BlockHandle {
        let (salt, offset) = (self.salt, self.offset());
        block::seal(raw, &mut self.chunk, salt, offset, compression)
    }

    /// Adds the table of contents and the footer. No segment may follow.
    pub(crate) fn finish_file(&mut self) {
        assert!(self.open.is_none(), "the last segment was finished");
        let mut raw = Vec::new();
        let listed = self.segments.len() - usize::from(planted!(TableForgetsLast));
        put_varint(&mut raw, listed as u64);
        for (meta, place) in &self.segments[..listed] {
            meta.encode(&mut raw);
            place.encode(&mut raw);
        }
        let table = self.seal(&raw, Compression::None);
        let offset = self.offset();
        let mut footer = Vec::with_capacity(FOOTER_BYTES);
        footer.extend_from_slice(&table.offset.to_le_bytes());
        footer.extend_from_slice(&table.length.to_le_bytes());
        let checksum = checksum(self.salt, offset, &[&footer]);
        footer.extend_from_slice(&checksum.to_le_bytes());
        footer.extend_from_slice(FOOTER_MAGIC);
        self.chunk.extend_from_slice(&footer);
    }

    /// The sizes of the pieces in which the file is written.
    pub(crate) fn thresholds(&self) -> Thresholds {
        self.options.thresholds
    }

    /// True when enough bytes are collected for an append.
    pub(crate) fn chunk_is_full(&self) -> bool {
        self.chunk.len() >= self.options.thresholds.append_bytes
    }

    /// Writes the collected bytes in one append.
    pub(crate) fn write_chunk(&mut self) -> Result<()> {
        let overlap = u64::from(self.written > 0 && planted!(AppendOverlaps));
        let mut outcome = write_all_at(&*self.file, self.written - overlap, &self.chunk);
        if planted!(SegmentWrittenTwice) && outcome.is_ok() {
            outcome = write_all_at(&*self.file, self.written, &self.chunk);
        }
        match outcome.map_err(Error::io("write to", &self.name)) {
            Err(Error::Io { source, .. })
                if planted!(FullDiskIgnored) && source.kind() == ErrorKind::StorageFull => {}
            outcome => outcome?,
        }
        self.written += self.chunk.len() as u64;
        self.chunk.clear();
        Ok(())
    }

    /// Makes the file's bytes durable.
    pub(crate) fn sync(&self) -> Result<()> {
        span!(DEBUG, "sync", file = self.name);
        self.file.sync_data().map_err(Error::io("sync", &self.name))
    }

    /// The finished file, and the segments in it.
    pub(crate) fn into_parts(self, shared: Shared) -> (DataFile, Vec<(SegmentMeta, Place)>) {
        assert!(self.chunk.is_empty(), "everything was written");
        assert!(
            self.segments
                .iter()
                .all(|(_, place)| place.index.end() <= self.written),
            "{}: a segment ends behind {} written bytes",
            self.name,
            self.written
        );
        shared.files.insert(self.id.number, self.file);
        (DataFile::new(self.id, self.written, shared), self.segments)
    }
}
