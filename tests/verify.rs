//! Goal: `verify` calls a store sound exactly when its files hold what was written.
//!
//! Method: stores with every kind of file, and stores left by random histories, are
//! sound. Then damage of each kind is planted, most of it *with correct checksums*, so
//! that only the check it is meant for can see it, and the finding must name the file
//! and the place. The planting code below computes salts and checksums by itself.

use std::sync::Arc;

use lithify::fs::{Fs, LockKind, MemFs};
use lithify::verify::{Report, Severity, verify};
use lithify::{
    Alignment, Cascade, Compression, Error, History, Options, Pacing, Placement, RemoveInputs,
    Store, WriteBatch,
};
use proptest::prelude::*;

mod small_stores;

use small_stores::{files, interrupted, settled, unflushed};

fn check(fs: &MemFs) -> Report {
    verify(fs).unwrap()
}

fn names(fs: &MemFs, prefix: &str) -> Vec<String> {
    let names = fs.list("").unwrap();
    names
        .into_iter()
        .filter(|name| name.starts_with(prefix))
        .collect()
}

#[test]
fn small_stores_are_sound() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let fs = settled(compression);
        let report = check(&fs);
        assert_eq!(report.findings, [], "{compression:?}");
        assert_eq!(report.head.get(), 13);
        let bytes: usize = files(&fs).iter().map(|(_, length)| length).sum();
        assert_eq!(report.checked.bytes, bytes as u64, "every byte was read");
        assert_eq!(
            report.checked.files,
            files(&fs).len() as u64 - 1,
            "all but the lock"
        );
        assert!(report.checked.blocks > 20 && report.checked.entries > 40);
    }
    assert_eq!(check(&unflushed()).findings, []);
}

#[test]
fn what_a_crash_leaves_behind_is_noted_and_sound() {
    let fs = interrupted();
    let report = check(&fs);
    assert!(report.is_sound(), "{report}");
    let noted: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| &finding.file[..])
        .collect();
    for kind in ["manifest-", "wal-", "segment-"] {
        assert!(noted.iter().any(|name| name.starts_with(kind)), "{report}");
    }
    // Opening for writing and settling leaves nothing to note.
    let mut store = small_stores::open(&fs).unwrap();
    store.settle().unwrap();
    store.commit(&WriteBatch::new()).unwrap();
    store.close().unwrap();
    assert_eq!(check(&fs).findings, []);
}

#[test]
fn a_store_that_was_not_closed_is_noted() {
    let fs = MemFs::new();
    let mut store = Store::open(Arc::new(fs.clone()), Options::default()).unwrap();
    store.commit(&WriteBatch::new()).unwrap();
    drop(store);
    let report = check(&fs);
    assert!(report.is_sound());
    assert_eq!(report.findings.len(), 1);
    assert!(
        report.findings[0].message.contains("close mark"),
        "{report}"
    );
}

#[test]
fn what_is_not_a_store_is_refused() {
    let fs = MemFs::new();
    assert!(matches!(verify(&fs), Err(Error::NotAStore { .. })));
    fs.create("wal-1").unwrap();
    assert!(
        matches!(verify(&fs), Err(Error::NotAStore { .. })),
        "a foreign file"
    );
    let fs = settled(Compression::None);
    let lock = fs.lock("lock", LockKind::Exclusive).unwrap();
    assert!(matches!(verify(&fs), Err(Error::Locked)));
    drop(lock);
    let _reader = fs.lock("lock", LockKind::Shared).unwrap();
    assert_eq!(check(&fs).findings, []);
}

#[test]
fn foreign_files_are_ignored_and_nothing_is_changed() {
    let fs = settled(Compression::Lz4);
    fs.create("README").unwrap().append(b"mine").unwrap();
    fs.create("segment-7.bak").unwrap();
    let before: Vec<_> = files(&fs)
        .iter()
        .map(|(name, _)| fs.read(name).unwrap())
        .collect();
    assert_eq!(check(&fs).findings, []);
    let after: Vec<_> = files(&fs)
        .iter()
        .map(|(name, _)| fs.read(name).unwrap())
        .collect();
    assert_eq!(before, after);
}

#[test]
fn a_newer_format_version_is_not_called_damage() {
    for prefix in ["manifest-", "wal-", "segment-"] {
        let fs = settled(Compression::None);
        let name = names(&fs, prefix).pop().unwrap();
        let mut bytes = fs.read(&name).unwrap();
        bytes[8] = 3;
        let checksum = crc32(&bytes[..12]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        fs.overwrite(&name, bytes).unwrap();
        let outcome = verify(&fs);
        assert!(
            matches!(outcome, Err(Error::UnsupportedFormat { found: 3, .. })),
            "{name}"
        );
    }
}

#[test]
fn a_report_prints_and_serializes() {
    let fs = settled(Compression::None);
    let name = names(&fs, "segment-").remove(0);
    let mut bytes = fs.read(&name).unwrap();
    bytes[40] ^= 1;
    fs.overwrite(&name, bytes).unwrap();
    let report = check(&fs);
    let text = report.to_string();
    let line = format!("damage: {name} at offset 36: expected block checksum ");
    assert!(text.starts_with(&line), "{text}");
    assert!(
        text.lines()
            .last()
            .unwrap()
            .starts_with("DAMAGED through commit 13: ")
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["severity"], "damage");
    assert_eq!(json["findings"][0]["offset"], 36);
}

// Planting damage.

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// Bytes of a preamble.
const PREAMBLE: usize = 36;

/// The salt of the file `name` that holds these bytes.
fn salt_of(name: &str, file: &[u8]) -> u64 {
    let number: u64 = name.rsplit('-').next().unwrap().parse().unwrap();
    let store = u64::from_le_bytes(file[16..24].try_into().unwrap());
    let fresh = u64::from_le_bytes(file[24..32].try_into().unwrap());
    let place = mix(mix(store) ^ (u64::from(name.as_bytes()[0]) << 56) ^ number);
    mix(place ^ mix(fresh))
}

fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The checksum of `bytes` where they lie in `file`.
fn salted(name: &str, file: &[u8], offset: usize, bytes: &[u8]) -> [u8; 4] {
    let mut input = salt_of(name, file).to_le_bytes().to_vec();
    input.extend_from_slice(&(offset as u64).to_le_bytes());
    input.extend_from_slice(bytes);
    crc32(&input).to_le_bytes()
}

/// The records of a log: header offset and payload range.
fn records(bytes: &[u8]) -> Vec<(usize, std::ops::Range<usize>)> {
    let mut records = Vec::new();
    let mut offset = PREAMBLE;
    while offset < bytes.len() {
        let length = u32::from_le_bytes(bytes[offset + 4..offset + 8].try_into().unwrap());
        let payload = offset + 20..offset + 20 + length as usize;
        records.push((offset, payload.clone()));
        offset = payload.end;
    }
    records
}

/// Changes the payload of a record and corrects the checksum. The length stays.
fn forge_record(fs: &MemFs, name: &str, record: usize, change: impl FnOnce(&mut [u8])) -> u64 {
    let mut bytes = fs.read(name).unwrap();
    let (offset, payload) = records(&bytes).swap_remove(record);
    change(&mut bytes[payload.clone()]);
    let mut covered = bytes[offset..offset + 16].to_vec();
    covered.extend_from_slice(&bytes[payload]);
    let checksum = salted(name, &bytes, offset, &covered);
    bytes[offset + 16..offset + 20].copy_from_slice(&checksum);
    fs.overwrite(name, bytes).unwrap();
    offset as u64
}

/// Changes the stored bytes of the uncompressed block at `offset` and corrects its
/// checksum.
fn forge_block(
    fs: &MemFs,
    name: &str,
    offset: usize,
    length: usize,
    change: impl FnOnce(&mut [u8]),
) {
    let mut bytes = fs.read(name).unwrap();
    let body = offset..offset + length - 4;
    change(&mut bytes[offset..offset + length - 9]);
    let checksum = salted(name, &bytes, offset, &bytes[body.clone()]);
    bytes[body.end..body.end + 4].copy_from_slice(&checksum);
    fs.overwrite(name, bytes).unwrap();
}

/// The table of contents: offset and length.
fn table_of(bytes: &[u8]) -> (usize, usize) {
    let footer = &bytes[bytes.len() - 24..];
    let offset = u64::from_le_bytes(footer[..8].try_into().unwrap());
    let length = u32::from_le_bytes(footer[8..12].try_into().unwrap());
    (offset as usize, length as usize)
}

/// The length of the intact block at `offset`: the shortest one with a good checksum.
fn block_length(name: &str, bytes: &[u8], offset: usize) -> usize {
    (9..bytes.len() - offset)
        .find(|length| {
            let (body, checksum) = bytes[offset..offset + length].split_at(length - 4);
            salted(name, bytes, offset, body) == checksum
        })
        .unwrap()
}

#[track_caller]
fn assert_damage(fs: &MemFs, file: &str, offset: u64, words: &str) {
    let report = check(fs);
    let is_found = report.findings.iter().any(|finding| {
        finding.severity == Severity::Damage
            && finding.file == file
            && finding.offset == offset
            && finding.message.contains(words)
    });
    assert!(
        is_found,
        "no finding in {file} at {offset} with {words:?}:\n{report}"
    );
    assert!(!report.is_sound());
}

#[test]
fn a_damaged_preamble_is_found() {
    let fs = settled(Compression::None);
    for prefix in ["manifest-", "wal-", "segment-"] {
        let fs = fs.deep_copy();
        let name = names(&fs, prefix).pop().unwrap();
        let mut bytes = fs.read(&name).unwrap();
        bytes[3] ^= 4;
        fs.overwrite(&name, bytes).unwrap();
        assert_damage(&fs, &name, 0, "preamble checksum");
    }
}

#[test]
fn an_intact_file_in_the_place_of_another_is_found() {
    let fs = settled(Compression::None);
    let segments = names(&fs, "segment-");
    let (one, other) = (&segments[0], &segments[1]);
    fs.overwrite(one, fs.read(other).unwrap()).unwrap();
    let report = check(&fs);
    assert!(report.findings.iter().any(|finding| &finding.file == one
        && finding.severity == Severity::Damage
        && finding.message.contains("checksum")));

    let fs = unflushed();
    let wals = names(&fs, "wal-");
    fs.overwrite(&wals[2], fs.read(&wals[1]).unwrap()).unwrap();
    let report = check(&fs);
    // Nobody vouches for the newest WAL file: this may be a creation that was
    // interrupted, so it is a note.
    assert_eq!(report.findings[0].file, wals[2], "{report}");
}

#[test]
fn entries_that_do_not_fit_are_found() {
    let fs = settled(Compression::None);
    let name = names(&fs, "segment-").remove(0);
    let bytes = fs.read(&name).unwrap();
    let length = block_length(&name, &bytes, PREAMBLE);
    let raw = bytes[PREAMBLE..PREAMBLE + length - 9].to_vec();
    // The first entry: key code, key, commit distance.
    let key_length = usize::from(raw[0]) - 1;
    assert!(key_length > 0);
    let plant = |change: &dyn Fn(&mut [u8])| {
        let fs = fs.deep_copy();
        forge_block(&fs, &name, PREAMBLE, length, change);
        fs
    };
    let forged = plant(&|raw| raw[1] = 0xff);
    assert_damage(&forged, &name, PREAMBLE as u64, "where the index has");
    let forged = plant(&|raw| raw[1 + key_length] += 1);
    assert_damage(&forged, &name, PREAMBLE as u64, "where the index has");
    let forged = plant(&|raw| raw[0] = 0x7f);
    assert_damage(&forged, &name, PREAMBLE as u64, "for a key");
    // Later entries.
    let second = next_entry(&raw, 0);
    let forged = plant(&|raw| raw[second + 1] = 0);
    assert_damage(&forged, &name, PREAMBLE as u64, "behind");
    let commit = second + usize::from(raw[second]).max(1);
    let forged = plant(&|raw| raw[commit] = 0x7f);
    assert_damage(&forged, &name, PREAMBLE as u64, "not in commits");
    let forged = plant(&|raw| *raw.last_mut().unwrap() ^= 1);
    assert!(
        check(&forged).is_sound(),
        "another value is nobody's business here"
    );
}

/// Where the entry behind the one at `start` begins; lengths below 128 assumed.
fn next_entry(raw: &[u8], start: usize) -> usize {
    let key = usize::from(raw[start]).saturating_sub(1);
    let value = start + 1 + key + 1;
    value + 1 + usize::from(raw[value]).saturating_sub(1)
}

#[test]
fn a_filter_that_denies_a_key_is_found() {
    let fs = settled(Compression::None);
    let name = names(&fs, "segment-").remove(0);
    let bytes = fs.read(&name).unwrap();
    let mut offset = PREAMBLE;
    // A filter of so few keys is one block of 32 bytes.
    let filter = loop {
        let length = block_length(&name, &bytes, offset);
        if length == 32 + 9
            && bytes[offset..offset + 32]
                .iter()
                .filter(|byte| **byte == 0)
                .count()
                > 4
        {
            break offset;
        }
        offset += length;
    };
    forge_block(&fs, &name, filter, 41, |raw| raw.fill(0));
    assert_damage(&fs, &name, PREAMBLE as u64, "which the filter denies");
}

#[test]
fn a_table_of_contents_that_differs_is_found() {
    let fs = settled(Compression::None);
    let name = names(&fs, "segment-").remove(0);
    let bytes = fs.read(&name).unwrap();
    let (offset, length) = table_of(&bytes);
    // Count of segments, then the first one: keyspace, right edge, level, left edge,
    // first, last, floor, commits, entries.
    let forged = fs.deep_copy();
    forge_block(&forged, &name, offset, length, |raw| raw[9] += 1);
    assert_damage(&forged, &name, PREAMBLE as u64, "in the table of contents");
    assert_damage(&forged, &name, PREAMBLE as u64, "entries");
    let forged = fs.deep_copy();
    forge_block(&forged, &name, offset, length, |raw| raw[0] -= 1);
    assert_damage(&forged, &name, offset as u64, "a table of contents");
}

#[test]
fn a_damaged_footer_is_found_and_the_blocks_are_checked_all_the_same() {
    let fs = settled(Compression::None);
    let name = names(&fs, "segment-").remove(0);
    let mut bytes = fs.read(&name).unwrap();
    let footer = bytes.len() - 24;
    bytes[footer] ^= 1;
    bytes[40] ^= 1;
    fs.overwrite(&name, bytes).unwrap();
    assert_damage(&fs, &name, footer as u64 + 12, "footer checksum");
    assert_damage(&fs, &name, PREAMBLE as u64, "block checksum");
}

#[test]
fn a_manifest_that_contradicts_itself_or_the_files_is_found() {
    let fs = settled(Compression::None);
    let name = names(&fs, "manifest-").pop().unwrap();
    let bytes = fs.read(&name).unwrap();
    let records = records(&bytes);
    // The last record is a mark.
    let last = records.len() - 2;
    assert!(last >= 3, "a manifest with several edits");
    // An edit: kind, flushed commit, oldest WAL, next file number.
    let plant = |position: usize, change: &dyn Fn(u8) -> u8| {
        let fs = fs.deep_copy();
        let offset = forge_record(&fs, &name, last, |payload| {
            payload[position] = change(payload[position]);
        });
        (fs, offset)
    };
    let (forged, offset) = plant(0, &|_| 9);
    assert_damage(&forged, &name, offset, "record kind 9");
    let (forged, offset) = plant(1, &|_| 0);
    assert_damage(&forged, &name, offset, "behind commit");
    let (forged, offset) = plant(3, &|_| 1);
    assert_damage(&forged, &name, offset, "behind commit");
    // Another WAL file.
    let (forged, _) = plant(2, &|wal| wal + 1);
    let missing = format!("wal-{:06}", bytes[records[last].1.start + 2] + 1);
    assert_damage(&forged, &missing, 0, "no usable file");
}

/// The same windows under another rule: three live segments were fewer than needed, and
/// now one merge was left out.
#[test]
fn a_layout_that_is_not_the_settled_one_is_found() {
    let fs = MemFs::new();
    let options = Options {
        placement: Some(Placement {
            min_inputs: 4,
            ..Placement::with_divisor(4).unwrap()
        }),
        ..small_stores::options(Compression::None)
    };
    let mut store = Store::open(Arc::new(fs.clone()), options).unwrap();
    for number in 1..=8_u64 {
        let mut batch = WriteBatch::new();
        if number != 2 {
            batch.put("main", &number.to_be_bytes(), b"value");
        }
        store.commit(&batch).unwrap();
    }
    store.settle().unwrap();
    store.close().unwrap();
    assert_eq!(check(&fs).findings, []);
    let name = names(&fs, "manifest-").remove(0);
    // A snapshot: kind, alignment as text, min_inputs. The last edit has the offset.
    forge_record(&fs, &name, 0, |payload| {
        let position = 2 + usize::from(payload[1]);
        assert_eq!(payload[position], 4);
        payload[position] = 3;
    });
    let records = records(&fs.read(&name).unwrap());
    let edit = records[records.len() - 2].0 as u64;
    assert_damage(&fs, &name, edit, "fewer than 3 live segments");
}

#[test]
fn a_missing_or_resized_segment_file_is_found() {
    let fs = settled(Compression::None);
    let name = names(&fs, "segment-").remove(1);
    let bytes = fs.read(&name).unwrap();
    let forged = fs.deep_copy();
    forged.remove(&name).unwrap();
    assert_damage(&forged, &name, 0, "no such file");
    let forged = fs.deep_copy();
    forged
        .overwrite(&name, bytes[..bytes.len() - 1].to_vec())
        .unwrap();
    assert_damage(&forged, &name, bytes.len() as u64 - 1, "bytes");
    let forged = fs.deep_copy();
    forged
        .overwrite(&name, [&bytes[..], b"more"].concat())
        .unwrap();
    assert_damage(&forged, &name, bytes.len() as u64, "bytes");
}

#[test]
fn a_wal_with_a_wrong_history_is_found() {
    let fs = unflushed();
    let wals = names(&fs, "wal-");
    // A commit record: kind, commit number, new keyspaces.
    let forged = fs.deep_copy();
    let offset = forge_record(&forged, &wals[1], 1, |payload| payload[1] += 1);
    assert_damage(&forged, &wals[1], offset, "commit 2");
    let forged = fs.deep_copy();
    let offset = forge_record(&forged, &wals[1], 1, |payload| payload[0] = 7);
    assert_damage(&forged, &wals[1], offset, "record kind 7");
    // A header: kind, file before, its end, last commit before, carried records.
    let forged = fs.deep_copy();
    forge_record(&forged, &wals[2], 0, |payload| payload[1] = 0x63);
    assert_damage(&forged, "wal-000099", 0, "no usable file");
    let forged = fs.deep_copy();
    forge_record(&forged, &wals[2], 0, |payload| {
        let after = payload.len() - 1;
        payload[after] += 1;
    });
    assert_damage(&forged, &wals[2], PREAMBLE as u64, "continues after commit");
    // The newest file may end anywhere, an older one only where its successor says.
    let forged = fs.deep_copy();
    let bytes = forged.read(&wals[1]).unwrap();
    let records = records(&bytes);
    let start_of_last = records[records.len() - 2].0;
    forged
        .overwrite(&wals[1], bytes[..start_of_last].to_vec())
        .unwrap();
    assert_damage(
        &forged,
        &wals[1],
        start_of_last as u64,
        "where the next file begins",
    );
    forged.remove(&wals[1]).unwrap();
    assert_damage(&forged, &wals[1], 0, "no usable file");
}

#[test]
fn a_synced_mark_that_cannot_be_is_found() {
    let fs = unflushed();
    let name = names(&fs, "wal-").remove(1);
    let mut bytes = fs.read(&name).unwrap();
    let (offset, payload) = records(&bytes).swap_remove(1);
    bytes[offset + 8] ^= 1;
    let mut covered = bytes[offset..offset + 16].to_vec();
    covered.extend_from_slice(&bytes[payload]);
    let checksum = salted(&name, &bytes, offset, &covered);
    bytes[offset + 16..offset + 20].copy_from_slice(&checksum);
    fs.overwrite(&name, bytes).unwrap();
    assert_damage(&fs, &name, offset as u64 + 8, "synced mark");
}

#[test]
fn a_torn_tail_is_a_note_and_damage_before_a_mark_is_not() {
    let fs = unflushed();
    let name = names(&fs, "wal-").pop().unwrap();
    let bytes = fs.read(&name).unwrap();
    let records = records(&bytes);
    // The close mark: nothing vouches for it.
    let (last, _) = records[records.len() - 1];
    let forged = fs.deep_copy();
    let mut flipped = bytes.clone();
    flipped[last + 2] ^= 1;
    forged.overwrite(&name, flipped).unwrap();
    let report = check(&forged);
    assert!(report.is_sound(), "{report}");
    assert_eq!(
        (&report.findings[0].file, report.findings[0].offset),
        (&name, last as u64)
    );
    // The commit before it: the close mark vouches for it.
    let (commit, _) = records[records.len() - 2];
    let forged = fs.deep_copy();
    let mut flipped = bytes;
    flipped[commit + 25] ^= 1;
    forged.overwrite(&name, flipped).unwrap();
    assert_damage(&forged, &name, commit as u64, "record checksum");
}

// Whatever a store has gone through, its files are sound.

fn placement() -> impl Strategy<Value = Placement> {
    let alignment = prop_oneof![
        (2_u64..5).prop_map(|divisor| Alignment::uniform(divisor).unwrap()),
        Just(Alignment::mixed(&[3, 2]).unwrap()),
    ];
    let history = prop_oneof![
        Just(History::All),
        Just(History::Newest),
        Just(History::Last(3))
    ];
    let remove_inputs = prop_oneof![
        Just(RemoveInputs::Always),
        Just(RemoveInputs::Never),
        Just(RemoveInputs::UpToLevel(1)),
        (0_u64..12).prop_map(|keep| RemoveInputs::HeadWindow { keep }),
        (0_u64..12).prop_map(|keep| RemoveInputs::HeadWindowUpToLevel { keep, level: 1 }),
    ];
    (alignment, 2_u32..4, history, remove_inputs).prop_map(
        |(alignment, min_inputs, history, remove_inputs)| Placement {
            alignment,
            min_inputs,
            history,
            remove_inputs,
        },
    )
}

fn random_options() -> impl Strategy<Value = Options> {
    (
        placement(),
        prop_oneof![Just(Cascade::Step), Just(Cascade::Direct)],
        1_u8..4,
        prop_oneof![Just(0_usize), Just(500), Just(1 << 20)],
        prop_oneof![Just(0_u32), Just(10)],
        prop_oneof![
            Just(Compression::None),
            Just(Compression::Lz4),
            Just(Compression::Zstd)
        ],
    )
        .prop_map(
            |(placement, cascade, file_level, memory, bits, compression)| Options {
                placement: Some(placement),
                cascade,
                file_level: Some(file_level),
                memory_budget_bytes: memory,
                wal_file_bytes: 600,
                block_bytes: 64,
                filter_bits_per_key: bits,
                compression,
                pacing: Pacing::Manual,
                ..Options::default()
            },
        )
}

proptest! {
    #[test]
    fn every_store_is_sound_whenever_it_is_looked_at(
        options in random_options(),
        turns in proptest::collection::vec((0_u8..8, 0_u64..12, any::<u8>()), 1..60),
    ) {
        let fs = MemFs::new();
        let mut store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
        let mut number = 0;
        for (turn, count, touched) in turns {
            match turn {
                0..4 => {
                    number += 1;
                    let mut batch = WriteBatch::new();
                    for keyspace in (0..3).filter(|keyspace| touched >> keyspace & 1 == 1) {
                        let name = ["a", "b", "c"][keyspace];
                        batch.put(name, &[b'k', touched % 7], &[touched; 20]);
                        batch.delete(name, &[b'k', touched % 3]);
                    }
                    store.commit(&batch).unwrap();
                }
                4 => store.settle().unwrap(),
                5 => {
                    // A process that was killed: what it has handed over is there.
                    drop(store);
                    let report = check(&fs);
                    prop_assert!(report.is_sound(), "{}", report);
                    prop_assert_eq!(report.head.get(), number);
                    store = Store::open(Arc::new(fs.clone()), options.clone()).unwrap();
                }
                _ => {
                    for _ in 0..count {
                        store.step().unwrap();
                    }
                }
            }
        }
        store.close().unwrap();
        let report = check(&fs);
        prop_assert!(report.is_sound(), "{}", report);
        let unnamed = "a segment that no segment names";
        prop_assert!(!report.to_string().contains(unnamed), "{}", report);
    }
}
