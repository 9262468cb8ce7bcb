//! Records in an append-only file: the framing that the WAL and the manifest share.
//!
//! A record is `tag u32 | length u32 | synced u64 | checksum u32 | payload`.
//!
//! - `tag` is a hash of the offset, salted with store, kind and number. It makes a candidate record
//!   cheap to reject, so the reader can look for intact records behind a damaged one. It can be
//!   computed without the preamble.
//! - `synced` is the offset up to which the file was known to be durable when the record was
//!   written: the mark of the record. A corrupt record *below* the mark of a later record was
//!   durable once, so the record is damage; a corrupt record above every mark is a torn tail.
//! - `checksum` covers the file's salt, the offset, the other header fields and the payload. A
//!   record of another file, of an earlier file of this name, or at another place never passes. A
//!   value that a client writes cannot contain a record that passes, because the salt contains a
//!   number that is drawn when the file is created.
//!
//! A log may have zeros behind its end: see `room`. Zeros are not a record, so the log ends where
//! the zeros begin. Zeros up to the end of the file are not a torn tail.
//!
//! This module does not interpret payloads.

mod reader;
mod room;
mod writer;

pub(crate) use reader::{Record, Tail, first_record, scan, scan_whole, was_written};
pub(crate) use room::Room;
pub(crate) use writer::{LogIo, LogWriter};

use crate::files::{checksum, mix};

/// The length of a record's header in bytes.
pub(crate) const HEADER_BYTES: usize = 20;

/// The tag of a record at `offset`. It is never zero, so that zeros never look like a record.
fn tag_at(place_salt: u64, offset: u64) -> u32 {
    (mix(place_salt ^ offset.rotate_left(17)) >> 32) as u32 | 1
}

/// The checksum of a record whose header is `header` (the checksum field left out).
fn record_checksum(file_salt: u64, offset: u64, header: &[u8], payload: &[u8]) -> u32 {
    checksum(file_salt, offset, &[header, payload])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::files::FileKind;
    use crate::fs::{Fs, MemFs};
    use crate::identity::{FileId, PREAMBLE_BYTES, StoreId};

    const NAME: &str = "wal-000007";
    const START: usize = PREAMBLE_BYTES as usize;
    const ID: FileId = FileId {
        store: StoreId::of(3),
        kind: FileKind::Wal,
        number: 7,
        fresh: 5,
    };

    /// A log of four records; the first two were synced before the others were staged.
    fn log() -> Vec<u8> {
        let fs = MemFs::new();
        let mut writer = LogWriter::create(&fs, ID, Room::NONE).unwrap();
        for (record, is_synced) in [
            ("one", false),
            ("two", true),
            ("three", false),
            ("four", false),
        ] {
            writer.stage(|buffer| buffer.extend_from_slice(record.as_bytes()));
            writer.write().unwrap();
            if is_synced {
                writer.sync().unwrap();
            }
        }
        let file: Arc<dyn Fs> = Arc::new(fs);
        crate::whole_file::read_whole(&*file, NAME).unwrap()
    }

    /// The ends of the records of an intact log.
    fn ends(bytes: &[u8]) -> Vec<u64> {
        let records = scan(NAME, ID.salts(), bytes, 0).records;
        records.iter().map(|record| record.end).collect()
    }

    fn read(bytes: &[u8], known_durable: u64) -> (Vec<String>, Tail) {
        let scan = scan(NAME, ID.salts(), bytes, known_durable);
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
        (
            scan.records
                .iter()
                .map(|record| text(record.payload))
                .collect(),
            scan.tail,
        )
    }

    #[test]
    fn an_intact_log_reads_back() {
        let (records, tail) = read(&log(), 0);
        assert_eq!(records, ["one", "two", "three", "four"]);
        assert_eq!(tail, Tail::Clean);
    }

    #[test]
    fn every_cut_is_a_torn_tail_unless_somebody_knows_better() {
        let whole = log();
        let ends = ends(&whole);
        for length in START..whole.len() {
            let (records, tail) = read(&whole[..length], 0);
            let complete = ends.iter().filter(|end| **end <= length as u64).count();
            assert_eq!(records.len(), complete, "{length} bytes");
            let is_whole = length == START || ends.contains(&(length as u64));
            assert_eq!(
                tail,
                if is_whole { Tail::Clean } else { Tail::Torn },
                "{length} bytes"
            );
            let (_, tail) = read(&whole[..length], whole.len() as u64);
            assert!(
                matches!(tail, Tail::Damaged(_)),
                "{length} bytes, known to be more"
            );
        }
    }

    /// The third and fourth record carry a mark that covers the first two records, so damage to
    /// those two is damage. No mark covers the third and fourth record.
    #[test]
    fn a_bad_record_below_a_mark_is_damage_and_above_it_a_torn_tail() {
        let whole = log();
        let (records, _) = (scan(NAME, ID.salts(), &whole, 0).records, ());
        for position in START..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 0x10;
            let (found, tail) = read(&bytes, 0);
            let hit = records
                .iter()
                .position(|record| record.end > position as u64)
                .unwrap();
            assert_eq!(found.len(), hit, "records before the bad one are read");
            match tail {
                Tail::Damaged(damage) => {
                    assert!(hit < 2, "byte {position}");
                    assert_eq!(damage.offset, records[hit].offset);
                }
                tail => assert!(hit >= 2 && tail == Tail::Torn, "byte {position}"),
            }
        }
    }

    /// The marks of the third and fourth record prove the first two records. Damage to the second
    /// record hides no other record. If the third record is corrupt too, damage or a crash can be
    /// the cause, so the fourth record does not count.
    #[test]
    fn a_record_behind_damage_counts_if_a_mark_proves_the_bytes_up_to_it() {
        let intact = log();
        let ends = ends(&intact);
        let whole = |bad: &[usize], end: Option<u64>| {
            let mut bytes = intact.clone();
            bad.iter()
                .for_each(|record| bytes[ends[*record] as usize - 1] ^= 1);
            let whole = scan_whole(NAME, ID.salts(), &bytes, end);
            let text = |record: &Record<'_>| String::from_utf8(record.payload.to_vec()).unwrap();
            let records: Vec<_> = whole.records.iter().map(text).collect();
            (records.join(" "), whole.damages.len())
        };
        let is = |records: &str, damages| (records.to_owned(), damages);
        assert_eq!(whole(&[1], None), is("one three four", 1));
        assert_eq!(whole(&[2], None), is("one two", 0));
        assert_eq!(whole(&[1, 2], None), is("one", 1));
        // The next file states that all four were durable.
        assert_eq!(whole(&[1, 2], Some(ends[3])), is("one four", 1));
        assert_eq!(whole(&[2], Some(ends[3])), is("one two four", 1));
    }

    /// A record of another file, or of the same file at another place, never passes.
    #[test]
    fn misplaced_records_are_refused() {
        let whole = log();
        let (mut number, mut fresh, mut store) = (ID, ID, ID);
        (number.number, fresh.fresh, store.store) = (8, 6, StoreId::of(4));
        for other in [number, fresh, store] {
            assert!(scan(NAME, other.salts(), &whole, 0).records.is_empty());
        }
        let mut moved = whole[..START].to_vec();
        moved.extend_from_slice(&[0; 4]);
        moved.extend_from_slice(&whole[START..]);
        assert!(read(&moved, 0).0.is_empty());
        let zeros = [&whole[..], &[0; 64]].concat();
        let (records, tail) = read(&zeros, 0);
        assert_eq!(
            (records.len(), tail),
            (4, Tail::Clean),
            "zeros are no record"
        );
    }

    /// Zeros end a log where nothing follows them, because no record shows that there was more.
    #[test]
    fn room_is_the_end_unless_something_is_behind_it() {
        let whole = log();
        let ends = ends(&whole);
        for zeroed in START..whole.len() {
            let mut bytes = [&whole[..], &[0; 64]].concat();
            bytes[zeroed..].fill(0);
            // A record may itself end with zeros, and then none of its bytes are lost.
            let is_whole = |end: &&u64| bytes[..**end as usize] == whole[..**end as usize];
            let complete = ends.iter().filter(is_whole).count();
            let before = complete
                .checked_sub(1)
                .map_or(START as u64, |last| ends[last]);
            let expected = match bytes[before as usize..].iter().all(|&byte| byte == 0) {
                true => Tail::Clean,
                false => Tail::Torn,
            };
            assert_eq!(read(&bytes, 0).1, expected, "zeros from {zeroed} on");
            let (records, tail) = read(&bytes, whole.len() as u64);
            assert_eq!(records.len(), complete, "zeros from {zeroed} on");
            let is_damaged = matches!(tail, Tail::Damaged(_));
            assert_eq!(is_damaged, complete < ends.len(), "zeros from {zeroed} on");
        }
        // A hole of zeros below a mark is damage, wherever it begins and ends.
        for start in START..ends[1] as usize {
            let mut bytes = whole.clone();
            bytes[start..ends[1] as usize].fill(0);
            let (_, tail) = read(&bytes, 0);
            let is_changed = bytes != whole;
            assert_eq!(
                matches!(tail, Tail::Damaged(_)),
                is_changed,
                "zeros from {start} on"
            );
        }
    }
}
