//! Forges files of a closed store: files that contradict one another, with right
//! checksums.
//!
//! A checksum detects a changed bit. The physical check also promises more: filters
//! have all keys, tables of contents agree with the manifest, and no commit is missing
//! between two log files. Only a forged file tests these promises. This file reads and
//! writes the parts of the format that it needs with its own code.

use std::collections::BTreeSet;
use std::sync::Arc;

use lithify::{Options, Store};

use crate::disk::{Image, SimFs};
use crate::keyed::Draws;

/// The bytes of a preamble, of a footer, of the trailer after a block, and of the
/// header before a record.
const PREAMBLE: usize = 36;
const FOOTER: usize = 24;
const TRAILER: usize = 9;
const HEADER: usize = 20;

/// A segment in a table of contents.
struct Listed {
    /// Keyspace, right edge and level.
    id: [u64; 3],
    /// The offset in the file of the number of its commits.
    commits: usize,
    /// The offset and the length of its filter.
    filter: [usize; 2],
}

/// Forges a file. `None` if the files lack the drawn part.
pub(super) fn forge(
    image: &Image,
    options: &Options,
    draws: &mut Draws,
) -> Option<(Image, String)> {
    let of = |kind: &str| -> Vec<(&str, &[u8])> {
        let files = image.files();
        files.filter(|(name, _)| name.starts_with(kind)).collect()
    };
    let store = Store::open_read_only(Arc::new(SimFs::from_image(image)), options.clone()).ok()?;
    let (segments, logs) = (of("segment-"), of("wal-"));
    let (name, bytes, what) = match draws.below(3) {
        0 if !segments.is_empty() => filter(*draws.pick(&segments), draws)?,
        1 => table(&segments, &store)?,
        _ => gap(&logs, store.stats().flushed_through)?,
    };
    let forged = image.replacing(name, Some(bytes));
    Some((forged, format!("{what} in {name}")))
}

/// Whether the identity file of `intact` is no longer there, and the files of `damaged` name two
/// stores.
pub(super) fn names_two_stores(intact: &Image, damaged: &Image) -> bool {
    let identity = |image: &Image| -> Option<Vec<u8>> {
        let mut files = image.files();
        let (_, bytes) = files.find(|(name, _)| *name == "identity")?;
        Some(bytes.get(..PREAMBLE)?.to_vec())
    };
    if identity(damaged) == identity(intact) {
        return false;
    }
    let files = damaged.files();
    let stores: BTreeSet<&[u8]> = files
        .filter(|(name, bytes)| *name != "identity" && bytes.starts_with(b"lithify"))
        .filter_map(|(_, bytes)| bytes.get(..PREAMBLE)?.get(16..24))
        .collect();
    stores.len() > 1
}

type Forged<'disk> = Option<(&'disk str, Vec<u8>, String)>;

/// Clears a bit of a filter that some key has set.
fn filter<'disk>((name, bytes): (&'disk str, &[u8]), draws: &mut Draws) -> Forged<'disk> {
    let (table, length) = table_of(bytes)?;
    let listed = listed(bytes, table, length)?;
    let filters = listed.iter().map(|it| it.filter);
    let filters: Vec<[usize; 2]> = filters.filter(|filter| filter[1] > TRAILER).collect();
    let [start, length] = *draws.pick(filters.get(..).filter(|it| !it.is_empty())?);
    let is_set = |bit: &usize| bytes[start + bit / 8] >> (bit % 8) & 1 == 1;
    let set: Vec<usize> = (0..(length - TRAILER) * 8).filter(is_set).collect();
    let bit = *draws.pick(set.get(..).filter(|it| !it.is_empty())?);
    let mut bytes = bytes.to_vec();
    bytes[start + bit / 8] ^= 1 << (bit % 8);
    seal_block(name, &mut bytes, start, length);
    Some((
        name,
        bytes,
        format!("bit {bit} of the filter at {start} is missing"),
    ))
}

/// Raises the number of commits of a live segment in a table of contents by one.
fn table<'disk>(segments: &[(&'disk str, &[u8])], store: &Store) -> Forged<'disk> {
    let names = store.snapshot().keyspaces();
    let layout = store.layout();
    let live = layout.keyspaces.iter().flat_map(|keyspace| {
        let number = names.iter().position(|name| *name == keyspace.name);
        let ids = keyspace.segments.iter().map(|it| it.window);
        ids.map(move |window| {
            let number = number.unwrap_or_default() as u64;
            [number, window.end.get(), u64::from(window.level)]
        })
    });
    let live: Vec<[u64; 3]> = live.collect();
    // The newest copy of a moved segment is the valid one.
    let (name, bytes, place) = segments.iter().rev().find_map(|(name, bytes)| {
        let (table, length) = table_of(bytes)?;
        let listed = listed(bytes, table, length)?;
        let is_live = |it: &&Listed| live.contains(&it.id) && bytes[it.commits] < 0x7f;
        let place = listed.iter().find(is_live)?.commits;
        Some((*name, *bytes, place))
    })?;
    let (table, length) = table_of(bytes)?;
    let mut bytes = bytes.to_vec();
    bytes[place] += 1;
    seal_block(name, &mut bytes, table, length);
    Some((
        name,
        bytes,
        format!("one commit more at {place} of the table"),
    ))
}

/// Changes the header of the newest log file: it says that the previous file ends one
/// commit earlier. That commit must not be in segment files.
fn gap<'disk>(logs: &[(&'disk str, &[u8])], flushed_through: u64) -> Forged<'disk> {
    let [.., (before, older), (name, newest)] = logs else {
        return None;
    };
    let mut at = PREAMBLE + HEADER + 1;
    let previous = varint(newest, &mut at)?;
    let start = at;
    let end = varint(newest, &mut at)?;
    let after = varint(newest, &mut at)?;
    let is_before = before.ends_with(&format!("-{previous:06}"));
    if !is_before || after <= flushed_through {
        return None;
    }
    let is_inside = |record: &(usize, usize)| record.1 as u64 <= end;
    let last = records(older).into_iter().rfind(is_inside)?;
    let is_commit = older[last.0 + HEADER] == 1;
    let (forged, original) = (put_varint(last.0 as u64), put_varint(end));
    if !is_commit || forged.len() != original.len() {
        return None;
    }
    let mut bytes = newest.to_vec();
    bytes[start..start + forged.len()].copy_from_slice(&forged);
    let (_, header_end) = *records(newest).first()?;
    let covered = [
        &bytes[PREAMBLE..PREAMBLE + 16],
        &bytes[PREAMBLE + HEADER..header_end],
    ];
    let sum = checksum(name, &bytes, PREAMBLE, &covered.concat());
    bytes[PREAMBLE + 16..PREAMBLE + HEADER].copy_from_slice(&sum);
    let what = format!("the log before ends at {} and not at {end}", last.0);
    Some((name, bytes, what))
}

/// The start and the end of each record.
fn records(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut records = Vec::new();
    let mut at = PREAMBLE;
    while let Some(length) = bytes.get(at + 4..at + 8) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let end = at + HEADER + length;
        if end > bytes.len() {
            break;
        }
        records.push((at, end));
        at = end;
    }
    records
}

/// The offset and the length of the table of contents.
fn table_of(bytes: &[u8]) -> Option<(usize, usize)> {
    let footer = bytes.get(bytes.len().checked_sub(FOOTER)?..)?;
    let (offset, rest) = footer.split_first_chunk::<8>()?;
    let length = rest.first_chunk::<4>()?;
    let (offset, length) = (u64::from_le_bytes(*offset), u32::from_le_bytes(*length));
    Some((usize::try_from(offset).ok()?, length as usize))
}

fn listed(bytes: &[u8], table: usize, length: usize) -> Option<Vec<Listed>> {
    let bytes = bytes.get(..table + length - TRAILER)?;
    let mut at = table;
    let count = varint(bytes, &mut at)?;
    let mut all = Vec::new();
    for _ in 0..count {
        let (keyspace, end) = (varint(bytes, &mut at)?, varint(bytes, &mut at)?);
        let level = *bytes.get(at)?;
        at += 1;
        // Left edge, first and last commit, floor.
        for _ in 0..4 {
            varint(bytes, &mut at)?;
        }
        let commits = at;
        // Commits, entries, deletions, keys, bytes.
        for _ in 0..5 {
            varint(bytes, &mut at)?;
        }
        for _ in 0..varint(bytes, &mut at)? {
            varint(bytes, &mut at)?;
            at += 1;
            varint(bytes, &mut at)?;
        }
        // File, start, filter, index.
        let mut place = [0; 6];
        for field in &mut place {
            *field = varint(bytes, &mut at)? as usize;
        }
        all.push(Listed {
            id: [keyspace, end, u64::from(level)],
            commits,
            filter: [place[2], place[3]],
        });
    }
    Some(all)
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Corrects the checksum of the block at `start`.
fn seal_block(name: &str, bytes: &mut [u8], start: usize, length: usize) {
    let end = start + length - 4;
    let sum = checksum(name, bytes, start, &bytes[start..end]);
    bytes[end..end + 4].copy_from_slice(&sum);
}

/// The checksum of `covered`, which is at `offset` of the file `name` with the content
/// `bytes`.
fn checksum(name: &str, bytes: &[u8], offset: usize, covered: &[u8]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&salt(name, bytes).to_le_bytes());
    crc.update(&(offset as u64).to_le_bytes());
    crc.update(covered);
    crc.finalize().to_le_bytes()
}

fn salt(name: &str, bytes: &[u8]) -> u64 {
    let number = name
        .rsplit('-')
        .next()
        .and_then(|digits| digits.parse().ok());
    let field = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    let (store, fresh) = (field(16), field(24));
    let letter = u64::from(name.as_bytes()[0]) << 56;
    mix(mix(mix(store) ^ letter ^ number.unwrap_or(0_u64)) ^ mix(fresh))
}

/// The finaliser of `SplitMix64`.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
