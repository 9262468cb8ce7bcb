//! Reads a log back, and tells a torn tail from damage.

use super::{HEADER_BYTES, record_checksum, tag_at};
use crate::codec::Decoder;
use crate::error::Damage;
use crate::identity::{PREAMBLE_BYTES, Salts};

/// One intact record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Where its header starts.
    pub(crate) offset: u64,
    /// The payload.
    pub(crate) payload: &'a [u8],
    /// Where the next record starts.
    pub(crate) end: u64,
}

/// The bytes after the last intact record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing, or zeros up to the end of the file.
    Clean,
    /// Bytes that were never durable as a whole: a crash interrupted their write.
    Torn,
    /// Bytes that were durable once, and have changed since.
    Damaged(Damage),
}

/// The intact prefix of a log file, and the kind of its tail.
#[derive(Clone, Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) records: Vec<Record<'a>>,
    /// The end of the last record that a later record proves to be durable. A record behind it may
    /// be in the operating system's cache only, even when a sync succeeds now: an earlier failed
    /// sync may have marked its pages clean.
    pub(crate) proven: u64,
    /// The end of the first record that proves that the very first record is durable.
    begun_by: Option<u64>,
    pub(crate) tail: Tail,
}

impl Scan<'_> {
    /// Whether the first record is proven to be durable.
    pub(crate) fn is_begun(&self) -> bool {
        self.begun_by.is_some()
    }

    /// Whether that proof is itself proven to be durable. Until then a crash can take the proof
    /// away, and then the file does not count.
    pub(crate) fn is_begun_for_good(&self) -> bool {
        self.begun_by.is_some_and(|end| end <= self.proven)
    }
}

/// Reads the records of `bytes`, a whole log file whose preamble was checked. Up to
/// `known_durable`, *another* file proves that the bytes were durable (0 without such a proof).
///
/// Linear in the length of the file, also when the tail is bad.
pub(crate) fn scan<'a>(name: &str, salts: Salts, bytes: &'a [u8], known_durable: u64) -> Scan<'a> {
    let mut records = Vec::new();
    let mut end = PREAMBLE_BYTES.min(bytes.len() as u64);
    let mut proven = 0;
    let mut begun_by = None;
    while let Some((record, synced)) = record_at(salts, bytes, end).or_else(|| {
        let skips = planted!(ReplaySkipsBadRecord) && name.starts_with("wal-");
        let mut behind = end..if skips { bytes.len() as u64 } else { end };
        behind.find_map(|offset| record_at(salts, bytes, offset))
    }) {
        assert!(
            record.offset >= end && record.end > record.offset,
            "{name}: the record at {} begins before the last one ends at {end}",
            record.offset
        );
        end = record.end;
        proven = proven.max(synced);
        records.push(record);
        if synced >= records[0].end && begun_by.is_none() {
            begun_by = Some(end);
        }
    }
    let is_over = is_room(bytes, end);
    let ends_in_room = is_over && end < bytes.len() as u64;
    if ends_in_room {
        mark!(LogEndsInRoom);
    }
    let is_refused = planted!(RoomIsDamage) && ends_in_room;
    // `known_durable` decides first: zeros below a proven end are damage, not room.
    let tail = if end >= known_durable && is_over && !is_refused {
        Tail::Clean
    } else if planted!(TornTailIsFatal)
        || is_refused
        || end < known_durable
        || proven_behind(salts, bytes, end) > end
    {
        Tail::Damaged(describe(name, salts, bytes, end))
    } else {
        Tail::Torn
    };
    assert!(
        proven <= end && end <= bytes.len() as u64,
        "{name}: marks prove {proven} bytes, the records end at {end} of {}",
        bytes.len()
    );
    Scan {
        records,
        proven,
        begun_by,
        tail,
    }
}

/// The intact records of a damaged file, and each place where a record was damaged.
#[derive(Debug, Default)]
pub(crate) struct Whole<'a> {
    pub(crate) records: Vec<Record<'a>>,
    pub(crate) damages: Vec<Damage>,
}

/// Reads the records of `bytes`, also those behind damage. `end` is the end of the file as another
/// file states it. Without it, the file ends where no later record proves that more bytes were
/// durable; bytes after that place were never part of the log.
///
/// Without `end`, a record behind damage counts only if a mark proves the bytes up to it. Otherwise
/// the damage may cover the place where a crash tore the log, and the record behind it was never
/// acknowledged.
///
/// Damages come in the order of their offsets, so a record follows every damage with a smaller
/// offset. Linear for each damage.
pub(crate) fn scan_whole<'a>(
    name: &str,
    salts: Salts,
    bytes: &'a [u8],
    end: Option<u64>,
) -> Whole<'a> {
    let mut whole = Whole::default();
    let mut at = PREAMBLE_BYTES;
    let is_over = |at: u64| end.map_or(at >= bytes.len() as u64, |end| at >= end);
    while !is_over(at) {
        if let Some((record, _)) = record_at(salts, bytes, at) {
            at = record.end;
            whole.records.push(record);
            continue;
        }
        let durable = end.unwrap_or_else(|| proven_behind(salts, bytes, at));
        if durable <= at && !planted!(ReadsPastTornTail) {
            break;
        }
        whole.damages.push(describe(name, salts, bytes, at));
        let is_part = |next: u64| next <= durable || planted!(DamageHidesTornTail);
        let mut behind = at + 1..bytes.len() as u64;
        match behind.find(|&offset| record_at(salts, bytes, offset).is_some()) {
            Some(next) if is_part(next) => at = next,
            _ => break,
        }
    }
    whole
}

/// The record directly behind the preamble, if it is intact. Reads no further.
pub(crate) fn first_record(salts: Salts, bytes: &[u8]) -> Option<Record<'_>> {
    record_at(salts, bytes, PREAMBLE_BYTES).map(|(record, _)| record)
}

/// Whether only zeros follow from `from` on: room for records that were never written.
fn is_room(bytes: &[u8], from: u64) -> bool {
    bytes[from as usize..].iter().all(|&byte| byte == 0)
}

/// The record at `offset` and its synced mark, if there is an intact one.
fn record_at(salts: Salts, bytes: &[u8], offset: u64) -> Option<(Record<'_>, u64)> {
    let (payload, synced, found) = candidate_at(salts.place, bytes, offset)?;
    let header = &bytes[offset as usize..][..HEADER_BYTES];
    let is_room = planted!(ZerosAreRecord) && header.iter().all(|&byte| byte == 0);
    if found != record_checksum(salts.file, offset, &header[..16], payload)
        && !planted!(ReplaySkipsChecksum)
        && !is_room
    {
        return None;
    }
    let end = offset + (HEADER_BYTES + payload.len()) as u64;
    Some((
        Record {
            offset,
            payload,
            end,
        },
        synced,
    ))
}

/// The payload, mark and checksum of a candidate record at `offset`: its tag is right, it ends
/// inside the file, and its mark lies before it.
fn candidate_at(place_salt: u64, bytes: &[u8], offset: u64) -> Option<(&[u8], u64, u32)> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let (header, behind) = rest.split_at_checked(HEADER_BYTES)?;
    let mut fields = Decoder::new(header);
    let tag = fields.u32()?;
    let is_room = planted!(ZerosAreRecord) && tag == 0;
    if tag != tag_at(place_salt, offset) && !is_room {
        return None;
    }
    let length = fields.u32()? as usize;
    let synced = fields.u64()?;
    let payload = behind.get(..length)?;
    // A record can prove only bytes that were written before it.
    (synced <= offset).then_some((payload, synced, fields.u32()?))
}

/// The last mark of the intact records behind `from`, or `from`: up to there all bytes were durable
/// once.
///
/// Linear: a failed candidate costs its length, and candidates occur only by chance, at one place
/// in 2^31. If someone has placed candidates on purpose, with the salt read from the file itself,
/// the search ends after twice the length of the file.
fn proven_behind(salts: Salts, bytes: &[u8], from: u64) -> u64 {
    let mut proven = from;
    if planted!(MidLogDamageIsTorn) {
        return proven;
    }
    let mut checked_bytes = 0;
    let mut offset = from;
    while offset < bytes.len() as u64 && checked_bytes <= 2 * bytes.len() {
        match record_at(salts, bytes, offset) {
            Some((record, synced)) => {
                proven = proven.max(synced);
                offset = record.end;
            }
            None => {
                let candidate = candidate_at(salts.place, bytes, offset);
                checked_bytes += candidate.map_or(0, |(payload, ..)| payload.len());
                offset += 1;
            }
        }
    }
    proven
}

/// Whether `bytes`, whose preamble is unreadable, belong to a log file whose creation was
/// completed: a record was written after the first record was known to be durable.
///
/// Without the preamble checksums cannot be checked, but tags can. Two tags in a row are no
/// accident (2^-62 for each place). An earlier file of this number that had a record with a mark
/// had a durable name, so its number was not given again. O(bytes).
pub(crate) fn was_written(place_salt: u64, bytes: &[u8]) -> bool {
    let end_of_first = PREAMBLE_BYTES + HEADER_BYTES as u64;
    let at = |offset: u64| {
        let (payload, synced, _) = candidate_at(place_salt, bytes, offset)?;
        let end = offset + (HEADER_BYTES + payload.len()) as u64;
        Some((end, synced >= end_of_first))
    };
    (PREAMBLE_BYTES..bytes.len() as u64).any(|offset| {
        at(offset).is_some_and(|(end, is_proof)| match at(end) {
            Some((_, is_next_proof)) => is_proof || is_next_proof,
            None => is_proof && is_room(bytes, end),
        })
    })
}

/// Describes the damage at `offset`, as precisely as the bytes allow.
fn describe(name: &str, salts: Salts, bytes: &[u8], offset: u64) -> Damage {
    let (expected, found) = compare(salts, bytes, offset).unwrap_or_else(|| {
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

fn compare(salts: Salts, bytes: &[u8], offset: u64) -> Option<(String, String)> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let (header, behind) = rest.split_at_checked(HEADER_BYTES)?;
    let mut fields = Decoder::new(header);
    let (tag, length) = (fields.u32()?, fields.u32()? as usize);
    let expected_tag = tag_at(salts.place, offset);
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
    let expected = record_checksum(salts.file, offset, &header[..16], payload);
    Some((
        format!("record checksum {expected:08x}"),
        format!("{found:08x}"),
    ))
}
