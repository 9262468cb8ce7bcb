//! Finds data without a manifest: segments by the tables of contents of segment files, and names of
//! keyspaces by the log.
//!
//! Each segment file lists its segments and their places. Three facts of a manifest are missing in
//! these tables:
//!
//! - *whether the set of files is right*. A file may be missing. A failed merge leaves a file with
//!   commits that a crash may have taken. So data from here is never called proven;
//! - *which segments were merged into others*. Windows show it: a segment inside the window of a wider
//!   one is left out, because the wider one may have dropped deletions that the narrower one needs;
//! - *the names of keyspaces*. Segments have numbers only. A log record that names keyspaces also has
//!   their numbers: the last ones of its runs. Other keyspaces get new names here.
//!
//! If the manifest is intact, only names are searched for: a lost commit may have been the first to
//! write to a keyspace.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::codec::Decoder;
use crate::commit::Commit;
use crate::error::{Damage, Error, Result};
use crate::files::{FileKind, checksum, file_name};
use crate::fs::whole::read_exact_at;
use crate::fs::{Access, File, Fs};
use crate::identity::{FileId, PREAMBLE_BYTES, StoreId};
use crate::limits;
use crate::manifest::{Edit, ManifestState, NewFile};
use crate::recover;
use crate::segment::block;
use crate::segment::{FOOTER_BYTES, FOOTER_MAGIC, KeyspaceId, Place, SegmentId, SegmentMeta};
use crate::wal::{CommitRecord, Piece, replay_whole};
use crate::whole_file::{length, or_damage};

/// The result of the search.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The segment files that no intact manifest names, ascending.
    pub(super) files: Vec<String>,
    /// The new names of keyspaces whose names are lost.
    pub(super) unnamed: Vec<String>,
    /// Files whose tables cannot be read.
    pub(super) damages: Vec<Damage>,
}

type Segments = BTreeMap<SegmentId, (SegmentMeta, Place)>;

/// Adds to `state` the names that the log holds and, where `causes` have damaged the manifest, the
/// segments of all files.
///
/// # Errors
/// [`Error::UnsupportedFormat`], and [`Error::Io`] when the file system denies permission.
pub(super) fn add(
    fs: &dyn Fs,
    store: StoreId,
    files: &recover::Found,
    state: &mut ManifestState,
    causes: &[Damage],
) -> Result<Found> {
    let mut found = Found::default();
    let mut names = names_in_log(fs, store, files, state, causes)?;
    let mut edit = Edit {
        flushed_through: state.flushed_through,
        oldest_wal: state.oldest_wal,
        next_file: state.next_file,
        ..Edit::default()
    };
    if !causes.is_empty() && !planted!(SalvageWithoutTables) {
        let tables = read_tables(fs, store, files, state, &mut found)?;
        found.files = add_segments(&tables, &files.segments, state, &mut edit);
    }
    let numbers = edit.added.iter().map(|(meta, _)| meta.keyspace);
    numbers.for_each(|number| names.know(number));
    edit.keyspaces = names.behind(&state.keyspaces, &mut found.unnamed);
    let before = state.clone();
    let applied = state.apply(&edit).and_then(|_| state.check());
    if let Err(contradiction) = applied {
        // No store of this library has such files. The state of the manifest itself is still true.
        *state = before;
        found.damages.push(Damage {
            file: file_name(
                FileKind::Segment,
                edit.files.first().map_or(0, |file| file.number),
            ),
            offset: 0,
            expected: "tables that agree with the manifest".to_owned(),
            found: contradiction,
        });
        found.files.clear();
        found.unnamed.clear();
    }
    Ok(found)
}

/// The known names of keyspaces by number, and the number of keyspaces.
#[derive(Debug, Default)]
struct Names {
    known: BTreeMap<KeyspaceId, String>,
    count: usize,
}

impl Names {
    /// Notes that there is a keyspace with this number.
    fn know(&mut self, number: KeyspaceId) {
        // A forged number must not ask for any amount of memory.
        if (number as usize) < limits::KEYSPACES {
            self.count = self.count.max(number as usize + 1);
        }
    }

    /// Learns the names in a record: a commit names keyspaces in the order of their numbers, and
    /// writes to each of them.
    fn learn(&mut self, record: &CommitRecord) {
        let numbers = record.runs.iter().map(|(number, _)| *number);
        numbers.clone().for_each(|number| self.know(number));
        let new = record.new_keyspaces.iter().rev();
        for (number, name) in numbers.rev().zip(new) {
            self.known.insert(number, name.to_string());
        }
    }

    /// The names of all keyspaces after those that the manifest names. O(n log n) in all names.
    fn behind(&self, named: &[String], unnamed: &mut Vec<String>) -> Vec<String> {
        let mut used: BTreeSet<String> = named.iter().cloned().collect();
        let known: BTreeSet<&String> = self.known.values().collect();
        let mut names = Vec::new();
        for number in named.len()..self.count {
            let found = self.known.get(&(number as KeyspaceId));
            let found = found.filter(|name| !used.contains(*name)).cloned();
            let name = found.unwrap_or_else(|| {
                let mut given = format!("keyspace-{number}");
                while used.contains(&given) || known.contains(&given) {
                    given.push('-');
                }
                unnamed.push(given.clone());
                given
            });
            used.insert(name.clone());
            names.push(name);
        }
        names
    }
}

fn names_in_log(
    fs: &dyn Fs,
    store: StoreId,
    files: &recover::Found,
    state: &ManifestState,
    causes: &[Damage],
) -> Result<Names> {
    let is_needed = |number: &u64| *number >= state.oldest_wal;
    let numbers: Vec<u64> = files.wals.iter().copied().filter(is_needed).collect();
    let mut names = Names::default();
    let log = (&*numbers, state.oldest_wal);
    // From the first commit on: names may be in commits that segments also hold.
    replay_whole(
        fs,
        store,
        log,
        Commit::ZERO,
        causes.to_vec(),
        &mut |piece| {
            if let Piece::Commit(record) = piece {
                names.learn(&record);
            }
            Ok(())
        },
    )?;
    Ok(names)
}

/// A segment file and its table.
struct Table {
    file: NewFile,
    segments: Vec<(SegmentMeta, Place)>,
}

fn read_tables(
    fs: &dyn Fs,
    store: StoreId,
    files: &recover::Found,
    state: &ManifestState,
    found: &mut Found,
) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for &number in &files.segments {
        if state.files.contains_key(&number) {
            // The manifest is newer than the table.
            continue;
        }
        let name = file_name(FileKind::Segment, number);
        let table = read_table(fs, store, number, &name);
        match or_damage(table, &name, 0, "a file that can be read")? {
            Ok(Some(table)) => tables.push(table),
            // Of another store.
            Ok(None) => {}
            Err(damage) => found.damages.push(damage),
        }
    }
    Ok(tables)
}

fn read_table(fs: &dyn Fs, store: StoreId, number: u64, name: &str) -> Result<Option<Table>> {
    let file = fs.open(name, Access::Read);
    let file = file.map_err(Error::io("open", name))?;
    let length = length(&*file, name)?;
    let read = |offset: u64, bytes: u64| read_part(&*file, name, offset, bytes.min(length));
    let id = FileId::read(FileKind::Segment, number, &read(0, PREAMBLE_BYTES)?)?;
    if id.store != store {
        return Ok(None);
    }
    let damage = |offset: u64, expected: &str| Error::damage(name, offset, expected, "other bytes");
    let at = length.saturating_sub(FOOTER_BYTES as u64);
    let salt = id.salts().file;
    let table = table_handle(&read(at, FOOTER_BYTES as u64)?, salt, at);
    let table = table.filter(|table| table.offset >= PREAMBLE_BYTES && table.end() == at);
    let table = table.ok_or_else(|| damage(at, "the footer of a segment file"))?;
    let stored = read(table.offset, u64::from(table.length))?;
    let raw = block::open(name, salt, table.offset, stored)?;
    let segments = decode_table(&raw, number);
    let segments = segments.ok_or_else(|| damage(table.offset, "a table of segments"))?;
    let fresh = id.fresh;
    Ok(Some(Table {
        file: NewFile {
            number,
            length,
            fresh,
        },
        segments,
    }))
}

fn read_part(file: &dyn File, name: &str, offset: u64, bytes: u64) -> Result<Vec<u8>> {
    let mut part = vec![0; usize::try_from(bytes).expect("a part of a file fits into memory")];
    read_exact_at(file, offset, &mut part).map_err(Error::io("read", name))?;
    Ok(part)
}

fn table_handle(footer: &[u8], salt: u64, at: u64) -> Option<block::BlockHandle> {
    let mut fields = Decoder::new(footer);
    let handle = fields.take(12)?;
    let found = fields.u32()?;
    let is_footer =
        fields.take(FOOTER_MAGIC.len())? == FOOTER_MAGIC && found == checksum(salt, at, &[handle]);
    let mut handle = Decoder::new(handle);
    let (offset, length) = (handle.u64()?, handle.u32()?);
    is_footer.then_some(block::BlockHandle { offset, length })
}

fn decode_table(raw: &[u8], number: u64) -> Option<Vec<(SegmentMeta, Place)>> {
    let mut decoder = Decoder::new(raw);
    let mut segments = Vec::new();
    for _ in 0..decoder.length()? {
        let (meta, place) = (
            SegmentMeta::decode(&mut decoder)?,
            Place::decode(&mut decoder)?,
        );
        let is_usable = place.file == number
            && (meta.keyspace as usize) < limits::KEYSPACES
            && meta.window.start < meta.first
            && meta.first <= meta.last
            && meta.last <= meta.window.end;
        segments.push(is_usable.then_some((meta, place))?);
    }
    decoder.is_empty().then_some(segments)
}

/// Writes into `edit` the segments of these files that `state` lacks. `there` are the numbers of all
/// segment files that are there.
fn add_segments(
    tables: &[Table],
    there: &[u64],
    state: &ManifestState,
    edit: &mut Edit,
) -> Vec<String> {
    let mut segments = Segments::new();
    // A segment that moved is in two files: the newer one was written to replace the older one.
    for table in tables {
        let listed = table.segments.iter().cloned();
        segments.extend(listed.map(|(meta, place)| (meta.id(), (meta, place))));
    }
    let is_there = |place: &Place| there.binary_search(&place.file).is_ok();
    let of_manifest = state.segments.iter();
    let held = of_manifest.filter(|(_, (_, place))| is_there(place));
    let held: Vec<&SegmentMeta> = held.map(|(_, (meta, _))| meta).collect();
    held.iter().for_each(|meta| {
        segments.remove(&meta.id());
    });
    let listed = segments.values().map(|(meta, _)| meta);
    let widest = widest(held.into_iter().chain(listed));
    segments.retain(|id, _| widest.contains(id));
    let through = segments.values().map(|(meta, _)| meta.window.end).max();
    edit.flushed_through = edit.flushed_through.max(through.unwrap_or_default());
    // The manifest names another file for these, and that file is missing.
    let moved = segments.keys().filter(|id| state.segments.contains_key(id));
    edit.removed = moved.copied().collect();
    let used: BTreeSet<u64> = segments.values().map(|(_, place)| place.file).collect();
    let used = tables
        .iter()
        .filter(|table| used.contains(&table.file.number));
    edit.files = used.map(|table| table.file).collect();
    edit.added = segments.into_values().collect();
    let names = edit
        .files
        .iter()
        .map(|file| file_name(FileKind::Segment, file.number));
    names.collect()
}

/// The segments that lie in no window of a wider segment of their keyspace.
fn widest<'a>(segments: impl Iterator<Item = &'a SegmentMeta>) -> BTreeSet<SegmentId> {
    let mut segments: Vec<&SegmentMeta> = segments.collect();
    segments.sort_by_key(|meta| {
        let window = meta.window;
        (
            meta.keyspace,
            window.start,
            Reverse(window.level),
            window.end,
        )
    });
    let mut covered = None;
    segments.retain(|meta| {
        let end = Some((meta.keyspace, meta.window.end));
        let is_wider = covered < end;
        covered = covered.max(end);
        is_wider
    });
    segments.into_iter().map(SegmentMeta::id).collect()
}
