//! Reading a log back, and telling a torn tail from damage.

use super::{HEADER_BYTES, record_checksum, tag_at};
use crate::codec::Decoder;
use crate::error::Damage;
use crate::files::PREAMBLE_BYTES;

/// One intact record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Where its header starts.
    pub(crate) offset: u64,
    /// What it holds.
    pub(crate) payload: &'a [u8],
    /// Where the next record starts.
    pub(crate) end: u64,
}

/// What follows the last intact record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing.
    Clean,
    /// Bytes that were never durable as a whole: a crash interrupted their write.
    Torn,
    /// Bytes that were durable once, and are not what was written any more.
    Damaged(Damage),
}

/// The intact prefix of a log file, and what follows it.
#[derive(Clone, Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) records: Vec<Record<'a>>,
    /// The end of the last record that a later one proves to be durable. A record
    /// behind it may exist only in the operating system's cache, even when a sync
    /// reports success now: a failed one before may have marked its pages clean.
    pub(crate) proven: u64,
    pub(crate) tail: Tail,
}

/// Reads the records of `bytes`, a whole log file whose preamble was checked.
/// `known_durable` is an offset that some *other* file proves to have been
/// durable (0 when there is no such proof).
///
/// Linear in the length of the file, also when the tail is bad.
pub(crate) fn scan<'a>(name: &str, salt: u64, bytes: &'a [u8], known_durable: u64) -> Scan<'a> {
    let mut records = Vec::new();
    let mut end = PREAMBLE_BYTES.min(bytes.len() as u64);
    let mut proven = 0;
    while let Some((record, synced)) = record_at(salt, bytes, end).or_else(|| {
        let skips = planted!(ReplaySkipsBadRecord) && name.starts_with("wal-");
        let mut behind = end..if skips { bytes.len() as u64 } else { end };
        behind.find_map(|offset| record_at(salt, bytes, offset))
    }) {
        end = record.end;
        proven = proven.max(synced);
        records.push(record);
    }
    let tail = if end == bytes.len() as u64 && end >= known_durable {
        Tail::Clean
    } else if planted!(TornTailIsFatal)
        || end < known_durable.max(newest_mark_behind(salt, bytes, end))
    {
        Tail::Damaged(describe(name, salt, bytes, end))
    } else {
        Tail::Torn
    };
    Scan {
        records,
        proven,
        tail,
    }
}

/// The record at `offset` and its synced mark, if there is an intact one.
fn record_at(salt: u64, bytes: &[u8], offset: u64) -> Option<(Record<'_>, u64)> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let (header, behind) = rest.split_at_checked(HEADER_BYTES)?;
    let mut fields = Decoder::new(header);
    let tag = fields.u32()?;
    let salts = 0..if planted!(RecordFileIgnored) { 256 } else { 0 };
    let mut salts = salts.map(|number| crate::files::salt(crate::files::FileKind::Wal, number));
    let salt = salts
        .find(|&salt| tag == tag_at(salt, offset))
        .unwrap_or(salt);
    if tag != tag_at(salt, offset) {
        return None;
    }
    let length = fields.u32()? as usize;
    let synced = fields.u64()?;
    let payload = behind.get(..length)?;
    if fields.u32()? != record_checksum(salt, offset, &header[..16], payload)
        && !planted!(ReplaySkipsChecksum)
    {
        return None;
    }
    let end = offset + (HEADER_BYTES + length) as u64;
    Some((
        Record {
            offset,
            payload,
            end,
        },
        synced,
    ))
}

/// The highest synced mark of any intact record behind `from`.
fn newest_mark_behind(salt: u64, bytes: &[u8], from: u64) -> u64 {
    if planted!(MidLogDamageIsTorn) {
        return 0;
    }
    let mut newest = 0;
    let mut offset = from;
    while offset < bytes.len() as u64 {
        match record_at(salt, bytes, offset) {
            Some((record, synced)) => {
                newest = newest.max(synced);
                offset = record.end;
            }
            None => offset += 1,
        }
    }
    newest
}

/// Says what is wrong at `offset`, as precisely as the bytes allow.
fn describe(name: &str, salt: u64, bytes: &[u8], offset: u64) -> Damage {
    let (expected, found) = compare(salt, bytes, offset).unwrap_or_else(|| {
        let missing = (bytes.len() as u64).saturating_sub(offset);
        (
            "a whole record".to_owned(),
            format!("{missing} bytes to the end of the file"),
        )
    });
    Damage {
        file: name.to_owned(),
        offset,
        expected,
        found,
    }
}

fn compare(salt: u64, bytes: &[u8], offset: u64) -> Option<(String, String)> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let (header, behind) = rest.split_at_checked(HEADER_BYTES)?;
    let mut fields = Decoder::new(header);
    let (tag, length) = (fields.u32()?, fields.u32()? as usize);
    let expected_tag = tag_at(salt, offset);
    if tag != expected_tag {
        return Some((
            format!("record tag {expected_tag:08x}"),
            format!("{tag:08x}"),
        ));
    }
    let Some(payload) = behind.get(..length) else {
        let found = format!("{} bytes to the end of the file", behind.len());
        return Some((format!("a payload of {length} bytes"), found));
    };
    fields.u64()?;
    let found = fields.u32()?;
    let expected = record_checksum(salt, offset, &header[..16], payload);
    Some((
        format!("record checksum {expected:08x}"),
        format!("{found:08x}"),
    ))
}
