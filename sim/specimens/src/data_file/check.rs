//! Checks the files of a closed store, with code that the store does not use.
//!
//! The check was written from the description of the format: it has its own parser of
//! headers and records, its own CRC, and reads every byte. It demands more than
//! recovery does: a closed store has no torn tail, no temporary file and no unfinished
//! promotion. Its backup is older than its data and ends with the mark.

use lithify::fs::whole::read_exact_at;
use lithify::fs::{Access, Fs};
use lithify_sim::planted;
use lithify_sim::system::Failure;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::parts::identity::Identity;
use crate::parts::walk::{self, crc};

pub(super) fn check(fs: &dyn Fs) -> Result<(), Failure> {
    let names = fs.list("").map_err(disk)?;
    let has = |name: &str| names.iter().any(|found| found == name);
    if has("data.db.tmp") || has("data.db.new") {
        return damage("a temporary file is left".to_owned());
    }
    if has("promoted") {
        return damage("a promotion has not ended".to_owned());
    }
    if !has("data.db") {
        return damage("there is no data.db".to_owned());
    }
    let data = read(fs, "data.db")?;
    let generation = check_data(&data)?;
    if has("data.db.old") && !planted::is_active("recycled-without-generation") {
        check_backup(&read(fs, "data.db.old")?, generation)?;
    }
    Ok(())
}

fn damage<T>(message: String) -> Result<T, Failure> {
    Err(Failure::Damage(message))
}

fn disk(error: std::io::Error) -> Failure {
    Failure::Disk(format!("cannot check the store: {error}"))
}

fn read(fs: &dyn Fs, name: &str) -> Result<Vec<u8>, Failure> {
    let file = fs.open(name, Access::Read).map_err(disk)?;
    let mut bytes = vec![0; file.len().map_err(disk)? as usize];
    read_exact_at(&*file, 0, &mut bytes).map_err(disk)?;
    Ok(bytes)
}

/// The five numbers of a header: generation, base commit, base chain, copied end,
/// certain end.
fn header(bytes: &[u8]) -> Result<[u64; 5], Failure> {
    let is_framed = bytes.len() >= 72
        && bytes.starts_with(b"lithdata\x03\0\0\0")
        && bytes[68..72] == crc(&[&bytes[..68]]).to_le_bytes();
    if !is_framed {
        return damage("a data file has no header".to_owned());
    }
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    Ok([12, 20, 28, 36, 44].map(number))
}

/// The salt of a file. The last two numbers of the header are the identity.
fn salt(bytes: &[u8], generation: u64) -> u64 {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    Identity {
        store: number(52),
        file: number(60),
    }
    .salt(generation)
}

/// Reads all records of the data file and returns its generation.
fn check_data(bytes: &[u8]) -> Result<u64, Failure> {
    let [generation, _, mut chain, copied, certain] = header(bytes)?;
    let body = &bytes[72..];
    let salt = salt(bytes, generation);
    let (mut position, mut content) = (0, Vec::new());
    let (mut commit_end, mut end, mut opening) = (0, 0, 0);
    while position < body.len() {
        let payload = payload(body, salt, position)?;
        let is_copied = (position as u64) < copied;
        position += 8 + payload.len();
        match payload[0] {
            1 if is_copied => (commit_end, end) = (position, position),
            1 | 2 if !is_copied => {
                content.extend((payload.len() as u64).to_le_bytes());
                content.extend(payload);
            }
            3 if !is_copied => {
                chain = xxh3_64_with_seed(&content, chain);
                if payload[1..] != (chain ^ opening).to_le_bytes() {
                    return damage(format!(
                        "the commit that ends at {position} has another chain, or another opening than {opening} has written it"
                    ));
                }
                content.clear();
                (commit_end, end) = (position, position);
            }
            5 if payload.len() == 8 && commit_end + 16 == position => {
                opening = u64::from_le_bytes(payload.try_into().expect("eight bytes")) >> 8;
                end = position;
            }
            kind => return damage(format!("a record of kind {kind} ends at {position}")),
        }
    }
    if end != body.len() || (commit_end as u64) < certain.max(copied) {
        return damage(format!(
            "the last commit ends at {commit_end}, the file at {}, and {certain} bytes were durable when it got its name",
            body.len()
        ));
    }
    Ok(generation)
}

fn check_backup(bytes: &[u8], newest: u64) -> Result<(), Failure> {
    let [generation, ..] = header(bytes)?;
    if generation >= newest {
        return damage(format!(
            "the backup has generation {generation}, the data {newest}"
        ));
    }
    let body = &bytes[72..];
    let Some(at) = body.len().checked_sub(9) else {
        return damage("the backup has no mark".to_owned());
    };
    match payload(body, salt(bytes, generation), at)? {
        [4] => Ok(()),
        _ => damage("the backup does not end with its mark".to_owned()),
    }
}

/// The payload of the entry at this position. An empty payload is damage.
fn payload(body: &[u8], salt: u64, position: usize) -> Result<&[u8], Failure> {
    match walk::payload(salt, body, position) {
        Ok([]) => damage(format!("the record at {position} is empty")),
        Ok(payload) => Ok(payload),
        Err(reason) => damage(format!("the file {reason}")),
    }
}
