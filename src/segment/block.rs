//! A block: the unit of reading, checking and compressing in a segment file.
//!
//! On disk a block is `stored bytes | raw length u32 | compression u8 | checksum u32`. The checksum
//! is salted with the file's salt and the block's offset, so an intact block of another file or of
//! another place is refused.
//!
//! The raw bytes of an entry block are a sequence of entries:
//! `key code | key | commit | value code | value`. *Key code* is 0 for "the same key as before"
//! (older versions of a key cost no key bytes), and otherwise the key's length plus one. *Commit*
//! is the distance from the segment's first commit. *Value code* is 0 for a deletion, and otherwise
//! the value's length plus one. The index of a segment is an entry block too: its keys are the
//! first keys of the blocks, its values are their handles.

use crate::codec::{Decoder, put_varint};
use crate::commit::Commit;
use crate::compress::{Refusal, compress, decompress};
use crate::error::{Error, Result};
use crate::files::checksum;
use crate::options::Compression;
use crate::segment::run::{EntryRef, Run};

/// Bytes behind the stored bytes of a block.
pub(crate) const TRAILER_BYTES: usize = 9;

/// The place of a block in its file, trailer included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockHandle {
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

impl BlockHandle {
    /// The end of the block. Saturates, because a forged handle can hold any numbers.
    pub(crate) fn end(self) -> u64 {
        self.offset.saturating_add(u64::from(self.length))
    }

    pub(crate) fn encode(self, buffer: &mut Vec<u8>) {
        put_varint(buffer, self.offset);
        put_varint(buffer, u64::from(self.length));
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Option<Self> {
        let offset = decoder.varint()?;
        let length = u32::try_from(decoder.varint()?).ok()?;
        Some(Self { offset, length })
    }
}

/// Collects the raw bytes of an entry block.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    raw: Vec<u8>,
    /// The place of the last key in `raw`.
    last_key: std::ops::Range<usize>,
    entries: usize,
}

impl BlockBuilder {
    pub(crate) fn push(&mut self, entry: EntryRef<'_>, first_commit: Commit) {
        if self.entries > 0 && self.raw[self.last_key.clone()] == *entry.key {
            put_varint(&mut self.raw, 0);
        } else {
            put_varint(&mut self.raw, entry.key.len() as u64 + 1);
            let start = self.raw.len();
            self.raw.extend_from_slice(entry.key);
            self.last_key = start..self.raw.len();
        }
        put_varint(&mut self.raw, entry.commit.get() - first_commit.get());
        match entry.value {
            None => put_varint(&mut self.raw, 0),
            Some(value) => {
                put_varint(&mut self.raw, value.len() as u64 + 1);
                self.raw.extend_from_slice(value);
            }
        }
        self.entries += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    pub(crate) fn raw_bytes(&self) -> usize {
        self.raw.len()
    }

    /// Appends the block to `out` in the form in which it will be at `offset` of the file, and
    /// starts the next block.
    pub(crate) fn seal(
        &mut self,
        out: &mut Vec<u8>,
        salt: u64,
        offset: u64,
        compression: Compression,
    ) -> BlockHandle {
        let handle = seal(&self.raw, out, salt, offset, compression);
        self.raw.clear();
        self.entries = 0;
        handle
    }
}

/// Appends `raw` as a block to `out`; `offset` is the block's place in the file.
pub(crate) fn seal(
    raw: &[u8],
    out: &mut Vec<u8>,
    salt: u64,
    offset: u64,
    compression: Compression,
) -> BlockHandle {
    let start = out.len();
    let used = compress_into(raw, out, compression);
    let mut raw_length = u32::try_from(raw.len()).expect("limits keep a block below 4 GiB");
    if planted!(RawLengthCut) {
        raw_length &= 0xffff;
    }
    out.extend_from_slice(&raw_length.to_le_bytes());
    out.push(code(used));
    // The checksum covers raw length and compression as well: a damaged field must not reach the
    // decompressor.
    let checksum = checksum(salt, offset, &[&out[start..]]);
    out.extend_from_slice(&checksum.to_le_bytes());
    let length = u32::try_from(out.len() - start).expect("limits keep a block below 4 GiB");
    BlockHandle { offset, length }
}

/// Appends the compressed bytes, or the raw bytes if compression does not make them shorter.
/// Returns the compression that was used.
fn compress_into(raw: &[u8], out: &mut Vec<u8>, compression: Compression) -> Compression {
    match compress(raw, compression) {
        Some(bytes) if bytes.len() < raw.len() => {
            out.extend_from_slice(&bytes);
            compression
        }
        _ => {
            out.extend_from_slice(raw);
            Compression::None
        }
    }
}

const fn code(compression: Compression) -> u8 {
    match compression {
        Compression::None => 0,
        Compression::Lz4 => 1,
        Compression::Zstd => 2,
    }
}

/// Checks the block `stored` (trailer included), which was read from `offset` of the file `name`,
/// and returns its raw bytes. Uncompressed bytes stay in the same memory.
///
/// # Errors
/// [`Error::Damage`] when the bytes are not a block of this place, and
/// [`Error::CompressionLeftOut`].
pub(crate) fn open(name: &str, salt: u64, offset: u64, mut stored: Vec<u8>) -> Result<Vec<u8>> {
    let damage = |expected: String, found: String| Error::damage(name, offset, expected, found);
    let Some((body, trailer)) = stored
        .len()
        .checked_sub(4)
        .filter(|_| stored.len() >= TRAILER_BYTES)
        .map(|middle| stored.split_at(middle))
    else {
        return Err(damage(
            format!("a block of at least {TRAILER_BYTES} bytes"),
            format!("{} bytes", stored.len()),
        ));
    };
    let found = u32::from_le_bytes(trailer.try_into().expect("split four bytes from the end"));
    let expected = checksum(salt, offset, &[body]);
    let is_block_at = |place: u64| found == checksum(salt, place, &[body]);
    let is_accepted = found == expected
        || planted!(BlockChecksumIgnored) && body.ends_with(&[code(Compression::None)])
        || planted!(BlockPlaceIgnored) && (0..1 << 16).any(is_block_at);
    if !is_accepted {
        return Err(damage(
            format!("block checksum {expected:08x}"),
            format!("{found:08x}"),
        ));
    }
    // Nothing of the block is interpreted before its checksum was verified.
    let (bytes, fields) = body.split_at(body.len() + 4 - TRAILER_BYTES);
    let mut fields = Decoder::new(fields);
    let raw_length = fields.u32().unwrap_or_default() as usize;
    let compression = fields.u8().unwrap_or_default();
    let raw = match compression {
        0 => {
            stored.truncate(bytes.len());
            Ok(stored)
        }
        1 => decompress(Compression::Lz4, bytes, raw_length),
        2 => decompress(Compression::Zstd, bytes, raw_length),
        other => Err(Refusal::Damaged(format!("compression code {other}"))),
    };
    match raw {
        Ok(raw) if raw.len() == raw_length => Ok(raw),
        Ok(raw) => Err(damage(
            format!("{raw_length} raw bytes"),
            format!("{}", raw.len()),
        )),
        Err(refusal) => Err(refusal.into_error(name, |reason| {
            damage(format!("{raw_length} raw bytes"), reason)
        })),
    }
}

/// Decodes the raw bytes of an entry block; `None` when they are not valid.
pub(crate) fn decode_entries(raw: Vec<u8>, first_commit: Commit) -> Option<Run> {
    let total = raw.len();
    let mut run = Run::over(raw, total / 32 + 1);
    let mut position = 0;
    let mut key = 0..0;
    while position < total {
        let mut decoder = Decoder::new(&run.bytes()[position..]);
        let key_code = decoder.length()?;
        if key_code > 0 {
            let start = total - decoder.remaining();
            key = start..start + decoder.take(key_code - 1)?.len();
            u16::try_from(key.len()).ok()?;
        } else if run.is_empty() {
            return None;
        }
        let commit = Commit::new(first_commit.get().checked_add(decoder.varint()?)?);
        let value = match decoder.length()? {
            0 => None,
            length => {
                let start = total - decoder.remaining();
                Some(start..start + decoder.take(length - 1)?.len())
            }
        };
        position = total - decoder.remaining();
        run.push_inside(key.clone(), commit, value);
    }
    Some(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries() -> impl Strategy<Value = Vec<(Vec<u8>, u64, Option<Vec<u8>>)>> {
        let entry = (
            proptest::collection::vec(any::<u8>(), 0..12),
            5_u64..40,
            proptest::option::of(proptest::collection::vec(any::<u8>(), 0..30)),
        );
        proptest::collection::vec(entry, 0..40).prop_map(|mut entries| {
            entries.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            entries.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
            entries
        })
    }

    proptest! {
        #[test]
        fn blocks_round_trip(
            entries in entries(),
            compression in prop_oneof![Just(Compression::None), Just(Compression::Lz4), Just(Compression::Zstd)],
        ) {
            let first = Commit::new(5);
            let mut builder = BlockBuilder::default();
            for (key, commit, value) in &entries {
                builder.push(EntryRef { key, commit: Commit::new(*commit), value: value.as_deref() }, first);
            }
            let mut out = vec![0xaa; 3];
            let handle = builder.seal(&mut out, 7, 1000, compression);
            let stored = &out[3..];
            prop_assert_eq!(handle, BlockHandle { offset: 1000, length: stored.len() as u32 });
            let run = decode_entries(open("segment-000001", 7, 1000, stored.to_vec()).unwrap(), first).unwrap();
            let back: Vec<_> = run
                .iter()
                .map(|entry| (entry.key.to_vec(), entry.commit.get(), entry.value.map(<[u8]>::to_vec)))
                .collect();
            prop_assert_eq!(back, entries);
            prop_assert!(open("segment-000001", 7, 1001, stored.to_vec()).is_err(), "another place");
            prop_assert!(open("segment-000001", 8, 1000, stored.to_vec()).is_err(), "another file");
        }

        #[test]
        fn decoding_anything_never_panics(raw: Vec<u8>, salt: u64) {
            let _ = open("segment-000001", salt, 0, raw.clone());
            let _ = decode_entries(raw, Commit::new(1));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_block_is_detected() {
        let mut out = Vec::new();
        seal(b"some bytes of a block", &mut out, 1, 2, Compression::None);
        for bit in 0..out.len() * 8 {
            let mut flipped = out.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open("segment-000001", 1, 2, flipped).is_err(), "bit {bit}");
        }
    }
}
