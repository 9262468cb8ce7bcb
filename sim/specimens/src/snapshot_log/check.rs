//! Checks the files of a closed store, with code that the store does not use.
//!
//! The check was written from the description of the format: it has its own CRC, its
//! own parser of names and lengths, and reads every byte. It demands more than
//! recovery does: a closed store has no torn tail and no gap between two segments, its
//! log reaches the newest snapshot, and each index agrees with its segment.

use std::collections::BTreeMap;

use lithify::fs::whole::read_exact_at;
use lithify::fs::{Access, Fs};
use lithify_sim::planted;
use lithify_sim::system::Failure;

use crate::parts::identity::Identity;
use crate::parts::walk::{self, crc};

/// The identities by the offset of the first entry that each one salts.
type Identities = BTreeMap<u64, Identity>;

/// The bytes of the files, by the number in their names.
type Files = BTreeMap<u64, Vec<u8>>;

pub(super) fn check(fs: &dyn Fs) -> Result<(), Failure> {
    let (mut segments, mut indexes, mut snapshots) = (Files::new(), Files::new(), Files::new());
    let mut identities = Identities::new();
    for name in fs.list("").map_err(disk)? {
        let into = match name.rsplit_once('.') {
            Some((_, "log")) => &mut segments,
            Some((_, "index")) => &mut indexes,
            Some((_, "snapshot")) => &mut snapshots,
            Some((_, "identity")) => {
                add_identity(&mut identities, &name)?;
                continue;
            }
            _ => continue,
        };
        if let Some(number) = name.split('.').next().and_then(number) {
            into.insert(number, read(fs, &name)?);
        }
    }
    let mut covered = 0;
    for (number, bytes) in &snapshots {
        covered = covered.max(check_snapshot(*number, bytes)?);
    }
    let mut expected = None;
    for (start, bytes) in &segments {
        if expected.is_some_and(|end| end != *start) {
            return damage(format!("no segment ends at entry {start}"));
        }
        let Some((_, identity)) = identities.range(..=*start).next_back() else {
            return damage(format!("nothing says whose segment {start} is"));
        };
        let positions = entries(*start, identity.salt(*start), bytes)?;
        if let Some(index) = indexes.get(start) {
            check_index(*start, index, &positions)?;
        }
        expected = Some(start + positions.len() as u64);
    }
    let first = segments.keys().next().copied().unwrap_or(0);
    let end = expected.unwrap_or(0);
    if first > covered || end < covered {
        return damage(format!(
            "the log holds entries {first} to {end}, the newest snapshot covers {covered}"
        ));
    }
    Ok(())
}

fn damage<T>(message: String) -> Result<T, Failure> {
    Err(Failure::Damage(message))
}

fn disk(error: std::io::Error) -> Failure {
    Failure::Disk(format!("cannot check the store: {error}"))
}

/// Adds an identity: its offset, store and file are in the name of an empty file.
fn add_identity(identities: &mut Identities, name: &str) -> Result<(), Failure> {
    let parts: Vec<&str> = name.split(['.', '-']).collect();
    let [offset, store, file, _] = parts[..] else {
        return Ok(());
    };
    let hexadecimal = |digits: &str| match digits.len() {
        16 => u64::from_str_radix(digits, 16).ok(),
        _ => None,
    };
    let parts = (number(offset), hexadecimal(store), hexadecimal(file));
    let (Some(offset), Some(store), Some(file)) = parts else {
        return Ok(());
    };
    if identities.values().any(|other| other.store != store) {
        return damage(format!("{name} is of another store than the others"));
    }
    match identities.insert(offset, Identity { store, file }) {
        None => Ok(()),
        Some(_) => damage(format!("two identities begin at entry {offset}")),
    }
}

/// Parses a number of eight digits, or of more digits without a leading zero.
fn number(digits: &str) -> Option<u64> {
    let number: u64 = digits.parse().ok()?;
    (format!("{number:08}") == digits).then_some(number)
}

fn read(fs: &dyn Fs, name: &str) -> Result<Vec<u8>, Failure> {
    let file = fs.open(name, Access::Read).map_err(disk)?;
    let mut bytes = vec![0; file.len().map_err(disk)? as usize];
    read_exact_at(&*file, 0, &mut bytes).map_err(disk)?;
    Ok(bytes)
}

/// Checks a snapshot and returns the number of entries that it covers.
fn check_snapshot(number: u64, bytes: &[u8]) -> Result<u64, Failure> {
    let length = bytes.len();
    let is_framed = length >= 32
        && bytes.starts_with(b"lithsnap\x01\0\0\0")
        && bytes[20..28] == (length as u64 - 32).to_le_bytes();
    if !is_framed {
        return damage(format!("snapshot {number} has no header of its own"));
    }
    let (covered, stored) = bytes.split_at(length - 4);
    let crc = crc(&[b"snapshot", &number.to_le_bytes(), covered]);
    if stored != crc.to_le_bytes() {
        return damage(format!(
            "snapshot {number} has another checksum than {crc:08x}"
        ));
    }
    let offset = u64::from_le_bytes(bytes[12..20].try_into().expect("eight bytes"));
    // With the planted bug, all snapshots have one name. The check skips this test
    // then, so that the bug is found by its effect and not by its name.
    if offset != number && !planted::is_active("one-snapshot-name") {
        return damage(format!("snapshot {number} covers {offset} entries"));
    }
    Ok(offset)
}

/// The positions of the entries of a segment. Every byte must belong to an entry.
fn entries(start: u64, salt: u64, bytes: &[u8]) -> Result<Vec<u32>, Failure> {
    let (mut position, mut positions) = (0, Vec::new());
    while position < bytes.len() {
        positions.push(position as u32);
        match walk::payload(salt, bytes, position) {
            Ok(payload) => position += 8 + payload.len(),
            Err(fault) => return damage(format!("segment {start} {fault}")),
        }
    }
    Ok(positions)
}

/// Compares an index with its segment.
fn check_index(start: u64, bytes: &[u8], positions: &[u32]) -> Result<(), Failure> {
    let records = (0_u64..).zip(positions).flat_map(|(number, position)| {
        let position = position.to_le_bytes();
        let crc = crc(&[
            b"index",
            &start.to_le_bytes(),
            &number.to_le_bytes(),
            &position,
        ]);
        [position, crc.to_le_bytes()].concat()
    });
    match records.eq(bytes.iter().copied()) {
        true => Ok(()),
        false => damage(format!(
            "the index of segment {start} has {} bytes that do not say where its {} entries begin",
            bytes.len(),
            positions.len()
        )),
    }
}
