//! Copies a segment file and checks every byte.
//!
//! A segment file consists of parts with checksums and without gaps: the preamble, blocks, and the
//! footer. The copy proceeds from the first byte to the last. A part is written only after its
//! checksum was compared, and only if it begins where the part before it ends. So a complete copy
//! lacks no byte of the original file.
//!
//! The copy belongs to another directory, which has a store number of its own: a backup, or a
//! restored store. So the copy has another preamble, and each checksum is replaced by a checksum
//! with the salt of the copy. All other bytes stay the same, so offsets and lengths stay the same.
//!
//! Memory: the index of one segment, and [`SPAN_BYTES`] or one block.

use crate::codec::Decoder;
use crate::error::{Error, Result};
use crate::files::checksum;
use crate::fs::File;
use crate::fs::whole::{read_exact_at, write_all_at};
use crate::identity::{FileId, PREAMBLE_BYTES};
use crate::segment::block::{self, BlockHandle};
use crate::segment::{FOOTER_BYTES, FOOTER_MAGIC, Place, SegmentMeta};
use crate::whole_file::must_be_of_length;

/// Bytes that are read and written at once.
const SPAN_BYTES: usize = 1024 * 1024;
/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 4;
/// The bytes of a footer that its checksum covers.
const FOOTER_FIELDS: usize = 12;

/// A file that is being copied, and the identity of its copy.
#[derive(Debug)]
struct Copying<'a> {
    from: &'a dyn File,
    to: &'a dyn File,
    id: FileId,
    copy: FileId,
    name: String,
    length: u64,
    /// The offset before which every byte was checked and written.
    end: u64,
}

/// Copies the segment file `id`, which has this length, into the empty file `to` with the identity
/// `copy`. Does not sync.
///
/// # Errors
/// [`Error::Damage`] for the first damaged part, and any error of the two disks.
pub(super) fn copy(
    from: &dyn File,
    (id, length): (FileId, u64),
    to: &dyn File,
    copy: FileId,
) -> Result<()> {
    let mut copying = Copying {
        from,
        to,
        id,
        copy,
        name: id.name(),
        length,
        end: 0,
    };
    copying.preamble()?;
    let (table, segments) = copying.read_table()?;
    for (meta, place) in segments {
        copying.must_go_on(place.start, "a segment")?;
        let index = copying.read_index(&meta, place)?;
        copying.blocks(&index)?;
        copying.must_go_on(place.filter.offset, "a filter")?;
        if place.filter.length > 0 {
            copying.blocks(&[place.filter])?;
        }
        copying.must_go_on(place.index.offset, "an index")?;
        copying.blocks(&[place.index])?;
    }
    copying.must_go_on(table.offset, "the table")?;
    copying.blocks(&[table])?;
    copying.footer()
}

impl Copying<'_> {
    fn damage(&self, offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::damage(&self.name, offset, expected, found)
    }

    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        read_exact_at(self.from, offset, &mut bytes).map_err(Error::io("read", &self.name))?;
        Ok(bytes)
    }

    /// Appends bytes to the copy.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = write_all_at(self.to, self.end, bytes);
        written.map_err(Error::io("write to", &self.name))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Refuses a part that does not begin at the end of the copy.
    fn must_go_on(&self, offset: u64, what: &str) -> Result<()> {
        match offset == self.end {
            true => Ok(()),
            false => Err(self.damage(self.end, format!("{what} there"), format!("at {offset}"))),
        }
    }

    fn preamble(&mut self) -> Result<()> {
        must_be_of_length(self.from, &self.name, self.length)?;
        let least = PREAMBLE_BYTES + FOOTER_BYTES as u64;
        if self.length < least {
            let expected = format!("a file of at least {least} bytes");
            return Err(self.damage(self.length, expected, format!("{} bytes", self.length)));
        }
        let bytes = self.read(0, PREAMBLE_BYTES as usize)?;
        let found = FileId::read(self.id.kind, self.id.number, &bytes)?;
        if found != self.id {
            let expected = format!("the preamble of {:x?}", self.id);
            return Err(self.damage(0, expected, format!("{found:x?}")));
        }
        self.write(&self.copy.preamble())
    }

    /// The offset of the footer.
    fn footer_offset(&self) -> u64 {
        self.length - FOOTER_BYTES as u64
    }

    /// Reads the footer and checks it.
    fn read_footer(&self) -> Result<Vec<u8>> {
        let offset = self.footer_offset();
        let footer = self.read(offset, FOOTER_BYTES)?;
        let (fields, rest) = footer.split_at(FOOTER_FIELDS);
        let expected = [
            &checksum(self.id.salts().file, offset, &[fields]).to_le_bytes()[..],
            FOOTER_MAGIC,
        ]
        .concat();
        match rest == expected {
            true => Ok(footer),
            false => Err(self.damage(offset, format!("{expected:02x?}"), format!("{rest:02x?}"))),
        }
    }

    fn read_table(&self) -> Result<(BlockHandle, Vec<(SegmentMeta, Place)>)> {
        let footer = self.read_footer()?;
        let mut fields = Decoder::new(&footer);
        let (Some(offset), Some(length)) = (fields.u64(), fields.u32()) else {
            unreachable!("a footer has these fields")
        };
        let table = BlockHandle { offset, length };
        if table.end() != self.footer_offset() {
            let expected = format!("a table that ends at {}", self.footer_offset());
            return Err(self.damage(self.footer_offset(), expected, format!("{table:?}")));
        }
        let raw = self.open_block(table)?;
        let listed = decode_table(&raw);
        let listed = listed
            .ok_or_else(|| self.damage(table.offset, "a table of segments", "something else"))?;
        Ok((table, listed))
    }

    /// The raw bytes of a block.
    fn open_block(&self, handle: BlockHandle) -> Result<Vec<u8>> {
        if handle.offset < PREAMBLE_BYTES || handle.end() > self.footer_offset() {
            let expected = format!("a block before {}", self.footer_offset());
            return Err(self.damage(handle.offset, expected, format!("{handle:?}")));
        }
        let stored = self.read(handle.offset, handle.length as usize)?;
        block::open(&self.name, self.id.salts().file, handle.offset, stored)
    }

    /// The handles of the entry blocks of a segment, in order.
    fn read_index(&self, meta: &SegmentMeta, place: Place) -> Result<Vec<BlockHandle>> {
        let raw = self.open_block(place.index)?;
        let index = block::decode_entries(raw, meta.first);
        let handles = index.and_then(|index| {
            let handle = |value: Option<&[u8]>| BlockHandle::decode(&mut Decoder::new(value?));
            index.iter().map(|entry| handle(entry.value)).collect()
        });
        handles.ok_or_else(|| self.damage(place.index.offset, "an index", "something else"))
    }

    /// Copies consecutive blocks, as many in one write as fit into a span.
    fn blocks(&mut self, mut handles: &[BlockHandle]) -> Result<()> {
        while !handles.is_empty() {
            let first = self.end;
            let mut end = first;
            let mut count = 0;
            for handle in handles {
                let is_next = handle.offset == end && handle.end() <= self.footer_offset();
                if !is_next || handle.length as usize <= CHECKSUM_BYTES {
                    let expected = format!("a block before {}", self.footer_offset());
                    return Err(self.damage(end, expected, format!("{handle:?}")));
                }
                if count > 0 && (handle.end() - first) as usize > SPAN_BYTES {
                    break;
                }
                end = handle.end();
                count += 1;
            }
            let (now, later) = handles.split_at(count);
            let mut span = self.read(first, (end - first) as usize)?;
            for handle in now {
                let from = (handle.offset - first) as usize;
                self.reseal(
                    handle.offset,
                    &mut span[from..from + handle.length as usize],
                )?;
            }
            self.write(&span)?;
            handles = later;
        }
        Ok(())
    }

    /// Checks a block and replaces its checksum by the checksum of the copy.
    fn reseal(&self, offset: u64, block: &mut [u8]) -> Result<()> {
        let (body, sum) = block.split_at_mut(block.len() - CHECKSUM_BYTES);
        let expected = checksum(self.id.salts().file, offset, &[body]).to_le_bytes();
        if *sum != expected {
            let expected = format!("block checksum {:08x}", u32::from_le_bytes(expected));
            return Err(self.damage(offset, expected, format!("{sum:02x?}")));
        }
        sum.copy_from_slice(&checksum(self.copy.salts().file, offset, &[body]).to_le_bytes());
        Ok(())
    }

    fn footer(&mut self) -> Result<()> {
        let offset = self.footer_offset();
        self.must_go_on(offset, "the footer")?;
        let mut footer = self.read_footer()?;
        let sum = checksum(self.copy.salts().file, offset, &[&footer[..FOOTER_FIELDS]]);
        footer[FOOTER_FIELDS..FOOTER_FIELDS + CHECKSUM_BYTES].copy_from_slice(&sum.to_le_bytes());
        self.write(&footer)
    }
}

fn decode_table(raw: &[u8]) -> Option<Vec<(SegmentMeta, Place)>> {
    let mut decoder = Decoder::new(raw);
    let mut listed = Vec::new();
    for _ in 0..decoder.length()? {
        listed.push((
            SegmentMeta::decode(&mut decoder)?,
            Place::decode(&mut decoder)?,
        ));
    }
    decoder.is_empty().then_some(listed)
}
