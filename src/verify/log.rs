//! Record chains of WAL and manifest files, read without the engine's code.
//!
//! A chain is the sequence of intact records from the preamble on. After the chain the file ends,
//! or there is a fault: the first offset at which no intact record begins, together with the
//! highest synced mark of any intact record behind it. A mark above the fault proves that the bytes
//! there were durable once. Zeros up to the end of a WAL file are room for records, and no fault.

use super::bytes::{Identity, Kind, PREAMBLE, checksum, mix, place_salt, salt};
use super::report::Report;

/// Bytes of a record's header.
const HEADER: usize = 20;

/// One intact record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) offset: u64,
    pub(super) end: u64,
    pub(super) payload: &'a [u8],
    synced: u64,
}

/// The place at which a chain breaks off.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) offset: u64,
    pub(super) expected: String,
    pub(super) found: String,
    /// Everything below this offset was durable, as records behind the fault prove.
    pub(super) proven: u64,
}

impl Fault {
    /// Whether the bytes at the fault were durable once.
    pub(super) fn is_damage(&self) -> bool {
        self.offset < self.proven
    }
}

/// A chain and its end.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) records: Vec<Record<'a>>,
    pub(super) end: u64,
    /// Everything below this offset is durable, as a record of the chain proves.
    pub(super) proven: u64,
    pub(super) fault: Option<Fault>,
}

/// Reports the bytes behind the last record of a file that has no successor.
pub(super) fn check_tail(name: &str, chain: &Chain<'_>, report: &mut Report) {
    let Some(fault) = &chain.fault else {
        return;
    };
    if fault.is_damage() {
        report.damage(name, fault.offset, &fault.expected, &fault.found);
    } else {
        let expected = format!("nothing behind the last record, or {}", fault.expected);
        report.note(
            name,
            fault.offset,
            expected,
            format!("{}: a torn tail", fault.found),
        );
    }
}

impl Chain<'_> {
    /// Whether a later record proves the first one: creating the file was finished.
    pub(super) fn is_begun(&self) -> bool {
        self.records
            .first()
            .is_some_and(|first| first.end <= self.proven)
    }
}

/// The salts of the tags and checksums of records.
#[derive(Clone, Copy)]
struct Salts {
    place: u64,
    file: u64,
}

/// Reads the chain of the whole file `bytes`.
pub(super) fn read_chain(kind: Kind, number: u64, identity: Identity, bytes: &[u8]) -> Chain<'_> {
    let salt = Salts {
        place: place_salt(kind, number, identity.store),
        file: salt(kind, number, identity),
    };
    let mut records = Vec::new();
    let mut end = PREAMBLE.min(bytes.len() as u64);
    let mut fault = None;
    while end < bytes.len() as u64 {
        match read_record(salt, bytes, end) {
            Ok(record) => {
                end = record.end;
                records.push(record);
            }
            Err(_) if kind == Kind::Wal && is_room(bytes, end) => break,
            Err(broken) => {
                let (expected, found) = broken.told();
                fault = Some(Fault {
                    offset: end,
                    expected,
                    found,
                    proven: highest_mark_behind(salt, bytes, end),
                });
                break;
            }
        }
    }
    let proven = records
        .iter()
        .map(|record: &Record<'_>| record.synced)
        .max();
    Chain {
        records,
        end,
        proven: proven.unwrap_or(0),
        fault,
    }
}

/// Whether only zeros follow from `from` on.
fn is_room(bytes: &[u8], from: u64) -> bool {
    bytes[from as usize..].iter().all(|&byte| byte == 0)
}

/// Why no record begins at a place. It is put into words only for the first such place, because the
/// search behind a fault tries every byte.
enum Broken {
    Header { left: usize },
    Tag { expected: u32, found: u32 },
    Payload { expected: usize, left: usize },
    Checksum { expected: u32, found: u32 },
}

impl Broken {
    /// The expected and the found value.
    fn told(&self) -> (String, String) {
        let to_the_end = |left: usize| format!("{left} bytes to the end of the file");
        match *self {
            Self::Header { left } => (
                format!("a record header of {HEADER} bytes"),
                to_the_end(left),
            ),
            Self::Tag { expected, found } => {
                (format!("record tag {expected:08x}"), format!("{found:08x}"))
            }
            Self::Payload { expected, left } => {
                (format!("a payload of {expected} bytes"), to_the_end(left))
            }
            Self::Checksum { expected, found } => (
                format!("record checksum {expected:08x}"),
                format!("{found:08x}"),
            ),
        }
    }
}

/// The record at `offset`.
fn read_record(salt: Salts, bytes: &[u8], offset: u64) -> Result<Record<'_>, Broken> {
    let rest = &bytes[offset as usize..];
    let Some((header, behind)) = rest.split_first_chunk::<HEADER>() else {
        return Err(Broken::Header { left: rest.len() });
    };
    let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| header[at + byte]));
    let (tag, length, found) = (short(0), short(4) as usize, short(16));
    let synced = u64::from_le_bytes(std::array::from_fn(|byte| header[8 + byte]));
    let expected = tag_of(salt.place, offset);
    if tag != expected {
        return Err(Broken::Tag {
            expected,
            found: tag,
        });
    }
    let Some(payload) = behind.get(..length) else {
        return Err(Broken::Payload {
            expected: length,
            left: behind.len(),
        });
    };
    let expected = checksum(salt.file, offset, &[&header[..16], payload]);
    if found != expected && !planted!(VerifyBelievesRecords) {
        return Err(Broken::Checksum { expected, found });
    }
    Ok(Record {
        offset,
        end: offset + (HEADER + length) as u64,
        payload,
        synced,
    })
}

fn tag_of(salt: u64, offset: u64) -> u32 {
    (mix(salt ^ offset.rotate_left(17)) >> 32) as u32 | 1
}

fn highest_mark_behind(salt: Salts, bytes: &[u8], fault: u64) -> u64 {
    (fault + 1..bytes.len() as u64)
        .filter_map(|offset| read_record(salt, bytes, offset).ok())
        .map(|record| record.synced)
        .max()
        .unwrap_or(0)
}

/// Whether a file with an unreadable preamble holds records that were written behind a durable
/// first one. Without the salt only tags can be recognised, two in a row.
pub(super) fn was_begun(kind: Kind, number: u64, store: u64, bytes: &[u8]) -> bool {
    let place = place_salt(kind, number, store);
    let end_of_record = |offset: u64| {
        let header = bytes.get(offset as usize..)?.first_chunk::<HEADER>()?;
        let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| header[at + byte]));
        let synced = u64::from_le_bytes(std::array::from_fn(|byte| header[8 + byte]));
        let end = offset + HEADER as u64 + u64::from(short(4));
        let fits = end <= bytes.len() as u64 && synced <= offset;
        (short(0) == tag_of(place, offset) && fits).then_some((end, synced))
    };
    let is_proof = |synced: u64| synced >= PREAMBLE + HEADER as u64;
    (PREAMBLE..bytes.len() as u64).any(|offset| {
        end_of_record(offset).is_some_and(|(end, synced)| match end_of_record(end) {
            Some((_, next)) => is_proof(synced) || is_proof(next),
            None => is_proof(synced) && is_room(bytes, end),
        })
    })
}

/// Checks that synced marks never go back, never point ahead, and point at ends of records.
pub(super) fn check_marks(name: &str, chain: &Chain<'_>, report: &mut Report) {
    let mut ends = vec![0];
    let mut last = 0;
    for record in &chain.records {
        if record.synced < last || ends.binary_search(&record.synced).is_err() {
            report.damage(
                name,
                record.offset + 8,
                format_args!("a synced mark at the end of a record, {last} or later"),
                record.synced,
            );
        }
        last = last.max(record.synced);
        ends.push(record.end);
    }
}
