//! Blocks of segment files, read without the engine's code: trailer, checksum, compression,
//! entries.

use super::bytes::{Reader, checksum};
use crate::compress::{Refusal, decompress};
use crate::options::Compression;

/// Bytes behind the stored bytes of a block: raw length, compression code, checksum.
pub(super) const TRAILER: usize = 9;

/// The raw bytes of the block `stored`, which is at `offset` of a file with this salt; or the
/// expected and the found value.
pub(super) fn open(salt: u64, offset: u64, stored: &[u8]) -> Result<Vec<u8>, (String, String)> {
    let Some((body, trailer)) = stored.split_last_chunk::<4>() else {
        return Err((
            format!("a block of at least {TRAILER} bytes"),
            stored.len().to_string(),
        ));
    };
    let (found, expected) = (
        u32::from_le_bytes(*trailer),
        checksum(salt, offset, &[body]),
    );
    if found != expected && !planted!(VerifyBelievesBlocks) {
        return Err((
            format!("block checksum {expected:08x}"),
            format!("{found:08x}"),
        ));
    }
    let Some((bytes, fields)) = body.split_last_chunk::<5>() else {
        return Err((
            format!("a block of at least {TRAILER} bytes"),
            stored.len().to_string(),
        ));
    };
    let [raw_length @ .., code] = *fields;
    let raw_length = u32::from_le_bytes(raw_length) as usize;
    let raw = match code {
        0 => Ok(bytes.to_vec()),
        1 => decompress(Compression::Lz4, bytes, raw_length),
        2 => decompress(Compression::Zstd, bytes, raw_length),
        _ => Err(Refusal::Damaged(format!("compression code {code}"))),
    };
    let expected = format!("{raw_length} raw bytes");
    match raw {
        Ok(raw) if raw.len() == raw_length => Ok(raw),
        Ok(raw) => Err((expected, raw.len().to_string())),
        Err(refusal) => Err((expected, refusal.to_string())),
    }
}

/// An entry of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a [u8],
    pub(super) commit: u64,
    pub(super) value: Option<&'a [u8]>,
}

/// Gives the entries of a block's raw bytes to `take` and returns its errors. `first` is the first
/// commit of the segment.
pub(super) fn for_each_entry<'a>(
    raw: &'a [u8],
    first: u64,
    mut take: impl FnMut(Entry<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = Reader::new(raw);
    let mut key: Option<&[u8]> = None;
    while !reader.is_at_end() {
        key = reader.optional("a key")?.or(key);
        let distance = reader.number("a commit")?;
        take(Entry {
            key: key.ok_or("a first entry without a key")?,
            commit: first
                .checked_add(distance)
                .ok_or_else(|| format!("commit {first} + {distance}"))?,
            value: reader.optional("a value")?,
        })?;
    }
    Ok(())
}
