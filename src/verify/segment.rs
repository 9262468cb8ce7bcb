//! Segment files, read without the engine's code, one block at a time.
//!
//! A file is read from its end: footer, table of contents, and from there every segment that was
//! ever written into it, including segments that the manifest no longer lists. Memory: one block,
//! and one segment's index and filter.

use std::sync::Arc;

use super::block::{self, Entry};
use super::bytes::{self, Identity, Kind, PREAMBLE, Reader, check_preamble, checksum, salt};
use super::manifest::ManifestFacts;
use super::meta::{Handle, Listed};
use super::report::Report;
use super::tally::Tally;
use crate::error::Result;
use crate::fs::{File, Fs};

/// Bytes of a footer: table offset, table length, checksum, magic.
const FOOTER: u64 = 24;
const MAGIC: &[u8; 8] = b"segments";

/// A segment file during its check.
struct Segments<'a> {
    file: Arc<dyn File>,
    name: String,
    number: u64,
    salt: u64,
    length: u64,
    report: &'a mut Report,
}

/// Checks segment file `number`. `known` has the manifest's state, if one is intact, and the
/// segments that it lists in this file.
pub(super) fn check(
    fs: &dyn Fs,
    number: u64,
    known: Option<(&ManifestFacts, Vec<&Listed>)>,
    report: &mut Report,
) -> Result<()> {
    let name = Kind::Segment.name(number);
    let state = known.as_ref().map(|(state, _)| *state);
    let listed = state.and_then(|state| Some((state.store, state.files.get(&number)?)));
    let expected_length = listed.map(|(_, file)| file.length);
    let Some((file, length)) = bytes::open(fs, &name)? else {
        let length = expected_length.unwrap_or(0);
        report.damage(
            &name,
            0,
            format_args!("a file of {length} bytes"),
            "no such file",
        );
        return Ok(());
    };
    if let Some(expected) = expected_length.filter(|&expected| expected != length) {
        let expected_words = format!("a file of {expected} bytes");
        report.damage(
            &name,
            expected.min(length),
            expected_words,
            format!("{length} bytes"),
        );
    }
    let start = bytes::read(&*file, &name, 0, length.min(PREAMBLE))?;
    report.checked.files += 1;
    report.checked.bytes += length;
    let expected = listed.map(|(store, file)| Identity {
        store,
        fresh: file.fresh,
    });
    let found = check_preamble(Kind::Segment, number, &start)?;
    match (&found, expected) {
        (Err((expected, found)), _) => report.damage(&name, 0, expected, found),
        (Ok(found), Some(expected)) if *found != expected => {
            let expected = format!("{expected:x?}, which the manifest names");
            report.damage(&name, 0, expected, format_args!("{found:x?}"));
        }
        (Ok(_), _) => {}
    }
    // The manifest decides the identity; without a manifest, the file itself.
    let Some(identity) = expected.or(found.ok()) else {
        return Ok(());
    };
    let mut segments = Segments {
        file,
        name,
        number,
        salt: salt(Kind::Segment, number, identity),
        length,
        report,
    };
    let (keeps_all, live) =
        known.map_or((false, Vec::new()), |(state, live)| (state.keeps_all, live));
    segments.check(&live, keeps_all)
}

impl Segments<'_> {
    fn damage(
        &mut self,
        offset: u64,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) {
        self.report.damage(&self.name, offset, expected, found);
    }

    fn check(&mut self, live: &[&Listed], keeps_all: bool) -> Result<()> {
        match self.read_table()? {
            Some((table, listed)) => {
                self.check_tiling(table, &listed);
                if !planted!(VerifyBelievesTable) {
                    self.compare(live, &listed);
                }
                for segment in &listed {
                    self.check_segment(segment, keeps_all)?;
                }
            }
            // Without a table, the segments that the manifest knows can still be checked.
            None => {
                for segment in live {
                    self.check_segment(segment, keeps_all)?;
                }
            }
        }
        Ok(())
    }

    /// The handle of the table of contents, and the segments in it.
    fn read_table(&mut self) -> Result<Option<(Handle, Vec<Listed>)>> {
        let Some(table) = self.read_footer()? else {
            return Ok(None);
        };
        let Some(raw) = self.read_block(table)? else {
            return Ok(None);
        };
        let mut reader = Reader::new(&raw);
        let mut read = || {
            let mut listed = Vec::new();
            for _ in 0..reader.number("a count of segments")? {
                listed.push(Listed::read(&mut reader)?);
            }
            reader.end().map(|()| listed)
        };
        match read() {
            Ok(listed) => Ok(Some((table, listed))),
            Err(found) => {
                self.damage(table.offset, "a table of contents", found);
                Ok(None)
            }
        }
    }

    fn read_footer(&mut self) -> Result<Option<Handle>> {
        let Some(offset) = self.length.checked_sub(FOOTER) else {
            self.damage(
                0,
                format_args!("a footer of {FOOTER} bytes"),
                format!("{} bytes", self.length),
            );
            return Ok(None);
        };
        let bytes = bytes::read(&*self.file, &self.name, offset, FOOTER)?;
        let (fields, rest) = bytes.split_at(12);
        let (found, magic) = rest.split_at(4);
        if magic != MAGIC {
            let found = format!("{:?}", String::from_utf8_lossy(magic));
            self.damage(
                offset + 16,
                format_args!("footer magic {:?}", "segments"),
                found,
            );
            return Ok(None);
        }
        let expected = checksum(self.salt, offset, &[fields]).to_le_bytes();
        if found != expected && !planted!(VerifyBelievesFooters) {
            let expected = format!("footer checksum {:08x}", u32::from_le_bytes(expected));
            self.damage(offset + 12, expected, format!("{found:02x?}"));
            return Ok(None);
        }
        let integer = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |value, &byte| value << 8 | u64::from(byte))
        };
        Ok(Some(Handle {
            offset: integer(&fields[..8]),
            length: integer(&fields[8..]),
        }))
    }

    /// Segments, table and footer must follow one another without a gap.
    fn check_tiling(&mut self, table: Handle, listed: &[Listed]) {
        let mut end = PREAMBLE;
        for segment in listed {
            let place = segment.place;
            let starts = [place.start, place.file, place.index.offset];
            let expected = [end, self.number, place.filter.end()];
            if starts != expected {
                self.damage(
                    table.offset,
                    format_args!(
                        "offset, file and index offset {expected:?} of {:?}",
                        segment.meta.id
                    ),
                    format_args!("{starts:?}"),
                );
            }
            end = place.index.end();
        }
        let footer = self.length - FOOTER;
        if (end, table.end()) != (table.offset, footer) {
            let expected = format!(
                "the last segment to end at {}, the table at {footer}",
                table.offset
            );
            self.damage(table.offset, expected, format!("{end} and {}", table.end()));
        }
    }

    /// Every segment that the manifest lists in this file must be in the table, word for word.
    fn compare(&mut self, live: &[&Listed], listed: &[Listed]) {
        let mut by_id: Vec<&Listed> = listed.iter().collect();
        by_id.sort_by_key(|listed| listed.meta.id);
        for &segment in live {
            let id = segment.meta.id;
            let first = by_id.partition_point(|listed| {
                work!(ListedLookedAt);
                listed.meta.id < id
            });
            // A forged table may contain the segment more than once.
            let behind = by_id[first..].iter();
            let count = behind.take_while(|listed| listed.meta.id == id).count();
            let in_table = &by_id[first..first + count];
            if !in_table.contains(&segment) {
                let found = in_table.first();
                self.damage(
                    segment.place.start,
                    format_args!("{segment:?} in the table of contents"),
                    found.map_or_else(|| "nothing".to_owned(), |found| format!("{found:?}")),
                );
            }
        }
    }

    /// The raw bytes of an intact block; otherwise a finding is reported.
    fn read_block(&mut self, handle: Handle) -> Result<Option<Vec<u8>>> {
        let lies_inside = handle.offset >= PREAMBLE && handle.end() <= self.length;
        if !lies_inside {
            let expected = format!("a block that ends at {}", handle.end());
            self.damage(
                handle.offset.min(self.length),
                expected,
                format!("a file of {} bytes", self.length),
            );
            return Ok(None);
        }
        let stored = bytes::read(&*self.file, &self.name, handle.offset, handle.length)?;
        match block::open(self.salt, handle.offset, &stored) {
            Ok(raw) => {
                self.report.checked.blocks += 1;
                Ok(Some(raw))
            }
            Err((expected, found)) => {
                self.damage(handle.offset, expected, found);
                Ok(None)
            }
        }
    }

    fn check_segment(&mut self, segment: &Listed, keeps_all: bool) -> Result<()> {
        let place = segment.place;
        let filter = match place.filter.length {
            0 => None,
            _ => self.read_filter(place.filter)?,
        };
        let Some(index) = self.read_block(place.index)? else {
            return Ok(());
        };
        let mut tally = Tally::new(&segment.meta, filter.as_deref(), keeps_all);
        let mut expected = place.start;
        let mut is_whole = true;
        for (first, handle) in self.read_index(segment, &index) {
            if handle.offset != expected {
                let expected = format!("a handle of the block at {expected}");
                self.damage(place.index.offset, expected, format!("{handle:?}"));
            }
            expected = handle.end();
            is_whole &= self.check_block(segment, &first, handle, &mut tally)?;
        }
        if expected != place.filter.offset {
            let words = format!("blocks up to {}", place.filter.offset);
            self.damage(place.index.offset, words, format!("up to {expected}"));
        } else if is_whole && let Err((expected, found)) = tally.compare(&segment.meta) {
            self.damage(place.start, expected, found);
        }
        Ok(())
    }

    fn read_filter(&mut self, handle: Handle) -> Result<Option<Vec<u8>>> {
        let raw = self.read_block(handle)?;
        if let Some(raw) = raw
            .as_ref()
            .filter(|raw| raw.is_empty() || raw.len() % 32 != 0)
        {
            let length = raw.len();
            self.damage(
                handle.offset,
                "a filter of whole 32-byte blocks",
                format!("{length} bytes"),
            );
            return Ok(None);
        }
        Ok(raw)
    }

    /// The handles in an index, each with the first entry of its block.
    fn read_index(&mut self, segment: &Listed, raw: &[u8]) -> Vec<((Vec<u8>, u64), Handle)> {
        let mut handles = Vec::new();
        let outcome = block::for_each_entry(raw, segment.meta.first, |entry| {
            let mut reader = Reader::new(entry.value.ok_or("an index entry without a handle")?);
            let handle = Handle::read(&mut reader)?;
            reader.end()?;
            handles.push(((entry.key.to_vec(), entry.commit), handle));
            Ok(())
        });
        if let Err(found) = outcome {
            self.damage(segment.place.index.offset, "an index", found);
        }
        handles
    }

    /// Checks one block of entries; false when its entries could not be counted.
    fn check_block(
        &mut self,
        segment: &Listed,
        first: &(Vec<u8>, u64),
        handle: Handle,
        tally: &mut Tally<'_>,
    ) -> Result<bool> {
        let Some(raw) = self.read_block(handle)? else {
            return Ok(false);
        };
        let mut entries = 0;
        let outcome = block::for_each_entry(&raw, segment.meta.first, |entry: Entry<'_>| {
            if entries == 0 && (entry.key, entry.commit) != (&first.0[..], first.1) {
                let found = format!("{:02x?} at commit {}", entry.key, entry.commit);
                return Err(format!(
                    "{found}, where the index has {:02x?} at {}",
                    first.0, first.1
                ));
            }
            entries += 1;
            tally.add(&entry)
        });
        self.report.checked.entries += entries;
        let outcome = outcome.and_then(|()| match entries {
            0 => Err("no entries".to_owned()),
            _ => Ok(()),
        });
        match outcome {
            Ok(()) => Ok(true),
            Err(found) => {
                self.damage(
                    handle.offset,
                    "a block of entries that fits its segment",
                    found,
                );
                Ok(false)
            }
        }
    }
}
