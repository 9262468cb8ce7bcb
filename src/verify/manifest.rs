//! Manifest files, read without the engine's code: which one is in force, and its state.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::{self, Identity, Kind, Reader, check_preamble};
use super::log::{Chain, check_marks, check_tail, read_chain, was_begun};
use super::meta::{Id, Listed};
use super::report::Report;
use crate::align::{Alignment, Level};
use crate::error::Result;
use crate::fs::Fs;

/// The state of a manifest after its last intact record.
#[derive(Debug)]
pub(super) struct ManifestFacts {
    /// The manifest's name.
    pub(super) name: String,
    /// The store that the manifest names.
    pub(super) store: u64,
    /// The start of the last intact record.
    pub(super) offset: u64,
    pub(super) alignment: Alignment,
    pub(super) min_inputs: u64,
    /// Whether merged segments keep every version.
    pub(super) keeps_all: bool,
    pub(super) flushed_through: u64,
    pub(super) oldest_wal: u64,
    pub(super) next_file: u64,
    pub(super) keyspaces: Vec<String>,
    pub(super) files: BTreeMap<u64, SegmentFile>,
    segments: BTreeMap<Id, Listed>,
}

/// A segment file of the state.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentFile {
    pub(super) length: u64,
    /// The number that the file drew.
    pub(super) fresh: u64,
    /// The number of listed segments in the file.
    segments: u64,
}

/// Checks the manifests with these numbers, ascending, and returns the state of the one in force,
/// if there is one.
pub(super) fn check(
    fs: &dyn Fs,
    numbers: &[u64],
    store: Option<u64>,
    report: &mut Report,
) -> Result<Option<ManifestFacts>> {
    let mut in_force: Option<ManifestFacts> = None;
    let mut is_settled = false;
    for &number in numbers.iter().rev() {
        let name = Kind::Manifest.name(number);
        if is_settled {
            report.note(&name, 0, "no older manifest", "a file that opening removes");
            continue;
        }
        let Some((file, length)) = bytes::open(fs, &name)? else {
            continue;
        };
        let bytes = bytes::read(&*file, &name, 0, length)?;
        report.checked.files += 1;
        report.checked.bytes += length;
        let Some((state, is_begun)) = check_one(&name, number, &bytes, store, report)? else {
            continue;
        };
        is_settled = is_begun;
        if is_begun || in_force.is_none() {
            in_force = Some(state);
        }
    }
    Ok(in_force)
}

/// The state of a manifest, and whether its creation is proven to be finished.
fn check_one(
    name: &str,
    number: u64,
    bytes: &[u8],
    store: Option<u64>,
    report: &mut Report,
) -> Result<Option<(ManifestFacts, bool)>> {
    let identity = match check_preamble(Kind::Manifest, number, bytes)? {
        Ok(identity) => identity,
        Err((expected, found)) => {
            let was_begun =
                store.is_some_and(|store| was_begun(Kind::Manifest, number, store, bytes));
            match was_begun {
                true => report.damage(name, 0, expected, found),
                false => {
                    let found = format!("{found}: an interrupted creation");
                    report.note(name, 0, expected, found);
                }
            }
            return Ok(None);
        }
    };
    if let Some(store) = store.filter(|&store| store != identity.store) {
        let found = format!("one of store {:016x}", identity.store);
        report.note(name, 0, format_args!("a file of store {store:016x}"), found);
        return Ok(None);
    }
    let chain = read_chain(Kind::Manifest, number, identity, bytes);
    report.checked.records += chain.records.len() as u64;
    check_tail(name, &chain, report);
    if chain.records.is_empty() && chain.fault.is_none() {
        let found = "nothing: an interrupted creation";
        report.note(name, 0, "a first record", found);
    }
    check_marks(name, &chain, report);
    let state = read_state(name, number, identity, &chain, report);
    Ok(state.map(|state| (state, chain.is_begun())))
}

/// Applies the records one by one, up to the first that makes no sense.
fn read_state(
    name: &str,
    number: u64,
    identity: Identity,
    chain: &Chain<'_>,
    report: &mut Report,
) -> Option<ManifestFacts> {
    let (first, edits) = chain.records.split_first()?;
    let mut state = match read_snapshot(name, identity.store, first.payload) {
        Ok(state) => state,
        Err(found) => {
            report.damage(name, first.offset, "a manifest snapshot", found);
            return None;
        }
    };
    state.offset = first.offset;
    for record in edits {
        let mut reader = Reader::new(record.payload);
        let outcome = match reader.byte("a record kind") {
            Ok(1) => state.apply(&mut reader).and_then(|()| reader.end()),
            // A mark: everything before it is durable.
            Ok(2) => match reader.end() {
                Ok(()) => continue,
                Err(found) => Err(found),
            },
            Ok(kind) => Err(format!("record kind {kind}")),
            Err(found) => Err(found),
        };
        if let Err(found) = outcome {
            report.damage(name, record.offset, "a manifest edit", found);
            return Some(state);
        }
        state.offset = record.offset;
    }
    if chain.proven <= state.offset {
        let expected = "a mark, without which the last record has no witness";
        report.note(name, chain.end, expected, "the end of the records");
    }
    if state.next_file <= number {
        let expected = format!("a next file number above {number}");
        report.damage(name, state.offset, expected, state.next_file);
    }
    Some(state)
}

fn read_snapshot(name: &str, store: u64, payload: &[u8]) -> Result<ManifestFacts, String> {
    let mut reader = Reader::new(payload);
    let kind = reader.byte("a record kind")?;
    if kind != 0 {
        return Err(format!("record kind {kind}"));
    }
    let alignment = reader.text("the alignment")?;
    let mut state = ManifestFacts {
        name: name.to_owned(),
        store,
        offset: 0,
        alignment: alignment
            .parse()
            .map_err(|error| format!("alignment {alignment:?}: {error}"))?,
        min_inputs: reader.number("min_inputs")?,
        keeps_all: read_history(&mut reader)?,
        flushed_through: 0,
        oldest_wal: 0,
        next_file: 0,
        keyspaces: Vec::new(),
        files: BTreeMap::new(),
        segments: BTreeMap::new(),
    };
    if !(2..=u64::from(u32::MAX)).contains(&state.min_inputs) {
        return Err(format!("min_inputs {}", state.min_inputs));
    }
    read_removal(&mut reader)?;
    state.apply(&mut reader)?;
    reader.end()?;
    Ok(state)
}

/// Reads the history rule; true when it keeps every version.
fn read_history(reader: &mut Reader<'_>) -> Result<bool, String> {
    match reader.byte("the history rule")? {
        0 => Ok(true),
        1 => reader.number("the commits kept").map(|_| false),
        2 => Ok(false),
        rule => Err(format!("history rule {rule}")),
    }
}

/// Skips the rule for the removal of inputs.
fn read_removal(reader: &mut Reader<'_>) -> Result<(), String> {
    let rule = reader.byte("the removal rule")?;
    if !matches!(rule, 0..=4) {
        return Err(format!("removal rule {rule}"));
    }
    if matches!(rule, 2 | 4) {
        reader.byte("the highest level removed")?;
    }
    if matches!(rule, 3 | 4) {
        reader.number("the commits of the head window")?;
    }
    Ok(())
}

impl ManifestFacts {
    /// Every listed segment, by identity.
    pub(super) fn all_segments(&self) -> impl Iterator<Item = &Listed> {
        self.segments.values().inspect(|_| work!(ListedLookedAt))
    }

    /// The segments of one keyspace.
    pub(super) fn segments_of(&self, keyspace: u32) -> impl Iterator<Item = &Listed> {
        let [first, last] = [(0, 0), (u64::MAX, Level::MAX)].map(|(end, level)| Id {
            keyspace,
            end,
            level,
        });
        let segments = self.segments.range(first..=last);
        segments.map(|(_, listed)| {
            work!(ListedLookedAt);
            listed
        })
    }

    /// The listed segments of each file.
    pub(super) fn by_file(&self) -> BTreeMap<u64, Vec<&Listed>> {
        let mut by_file: BTreeMap<u64, Vec<&Listed>> = BTreeMap::new();
        for listed in self.all_segments() {
            by_file.entry(listed.place.file).or_default().push(listed);
        }
        by_file
    }

    /// Applies the body of an edit.
    fn apply(&mut self, reader: &mut Reader<'_>) -> Result<(), String> {
        self.apply_numbers(reader)?;
        // Only these files can be without a segment at the end.
        let mut touched = BTreeSet::new();
        for _ in 0..reader.number("a count of keyspaces")? {
            self.keyspaces
                .push(reader.text("a keyspace name")?.to_owned());
        }
        for _ in 0..reader.number("a count of files")? {
            let number = reader.number("a file number")?;
            let length = reader.number("a file's length")?;
            let fresh = reader.fixed("the number that a file drew")?;
            let file = SegmentFile {
                length,
                fresh,
                segments: 0,
            };
            touched.insert(number);
            if self.files.insert(number, file).is_some() {
                return Err(format!("segment file {number} a second time"));
            }
        }
        for _ in 0..reader.number("a count of removals")? {
            let id = Id::read(reader)?;
            let Some(listed) = self.segments.remove(&id) else {
                return Err(format!("a removal of {id:?}, which is not there"));
            };
            touched.insert(listed.place.file);
            if let Some(file) = self.files.get_mut(&listed.place.file) {
                file.segments -= 1;
            }
        }
        for _ in 0..reader.number("a count of additions")? {
            let listed = Listed::read(reader)?;
            let Some(file) = self.files.get_mut(&listed.place.file) else {
                return Err(format!("a segment in unknown file {}", listed.place.file));
            };
            file.segments += 1;
            let id = listed.meta.id;
            if self.segments.insert(id, listed).is_some() {
                return Err(format!("{id:?} a second time"));
            }
        }
        for number in touched {
            if self
                .files
                .get(&number)
                .is_some_and(|file| file.segments == 0)
            {
                self.files.remove(&number);
            }
        }
        Ok(())
    }

    fn apply_numbers(&mut self, reader: &mut Reader<'_>) -> Result<(), String> {
        let flushed_through = reader.number("the last flushed commit")?;
        let oldest_wal = reader.number("the oldest WAL file")?;
        let next_file = reader.number("the next file number")?;
        let goes_back = flushed_through < self.flushed_through
            || oldest_wal < self.oldest_wal
            || next_file < self.next_file;
        if goes_back {
            return Err(format!(
                "commit {flushed_through}, WAL {oldest_wal}, next file {next_file} behind commit \
                 {}, WAL {}, next file {}",
                self.flushed_through, self.oldest_wal, self.next_file
            ));
        }
        (self.flushed_through, self.oldest_wal, self.next_file) =
            (flushed_through, oldest_wal, next_file);
        Ok(())
    }
}
