//! The files of a store: their names, and the preamble that each begins with.
//!
//! A store directory holds numbered files of three kinds and a lock file. All
//! kinds draw from one number space and a number is never used twice, so a file
//! number alone identifies content. Anything with another name is foreign and is
//! left alone, but for `replica`, which is empty and says by its name what the store is.
//!
//! The preamble is what tells a store of another format version from a damaged
//! one: magic, kind, version, and a checksum over the three.

use crate::codec::Decoder;
use crate::error::{Error, Result};

/// The lock file's name.
pub(crate) const LOCK: &str = "lock";
/// The name of the file that makes a store a replica.
pub const REPLICA: &str = "replica";
/// The name that it has while a promotion is under way.
pub const PROMOTED: &str = "promoted";
/// The format version that this library writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// The length of a preamble in bytes.
pub(crate) const PREAMBLE_BYTES: u64 = 16;

/// The highest file number. A file with a higher one is foreign: it would leave no
/// numbers for new files.
const HIGHEST_NUMBER: u64 = 1 << 62;

const MAGIC: &[u8; 7] = b"lithify";

/// What a numbered file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// Batches, in commit order.
    Wal,
    /// Layout changes.
    Manifest,
    /// Segments.
    Segment,
}

impl FileKind {
    const ALL: [Self; 3] = [Self::Wal, Self::Manifest, Self::Segment];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Wal => "wal-",
            Self::Manifest => "manifest-",
            Self::Segment => "segment-",
        }
    }

    const fn letter(self) -> u8 {
        match self {
            Self::Wal => b'w',
            Self::Manifest => b'm',
            Self::Segment => b's',
        }
    }
}

/// The digits that a number has at least.
const LEAST_DIGITS: usize = 6;

/// The name of a numbered file. Six digits keep listings in order for a million
/// files; longer numbers still parse.
#[must_use]
pub fn file_name(kind: FileKind, number: u64) -> String {
    format!("{}{number:0LEAST_DIGITS$}", kind.prefix())
}

/// The kind and number behind a name, or `None` for a foreign file.
#[must_use]
pub fn parse_file_name(name: &str) -> Option<(FileKind, u64)> {
    for kind in FileKind::ALL {
        if let Some(digits) = name.strip_prefix(kind.prefix()) {
            let number = digits.parse().ok()?;
            // Only the canonical spelling is ours: `wal-1` is somebody else's.
            let is_ours = is_canonical(digits) || planted!(SimilarNameIsOurs);
            let is_usable = number <= HIGHEST_NUMBER || planted!(HugeNumberIsOurs);
            return (is_ours && is_usable).then_some((kind, number));
        }
    }
    None
}

/// Whether [`file_name`] would write a number like this.
fn is_canonical(digits: &str) -> bool {
    let is_padded = digits.len() == LEAST_DIGITS;
    let is_longer = digits.len() > LEAST_DIGITS && !digits.starts_with('0');
    (is_padded || is_longer) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// The number that every checksum in a file is salted with, so that bytes of
/// another file, or of the same file at another place, never pass.
pub(crate) fn salt(kind: FileKind, number: u64) -> u64 {
    mix(u64::from(kind.letter()) << 56 ^ number)
}

/// A bijective mixer (the finaliser of `SplitMix64`, Steele, Lea and Flood 2014).
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The checksum of `parts` at `offset` of the file with this salt.
pub(crate) fn checksum(salt: u64, offset: u64, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut place = [0; 16];
    place[..8].copy_from_slice(&salt.to_le_bytes());
    place[8..].copy_from_slice(&offset.to_le_bytes());
    hasher.update(&place);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The first bytes of a file of this kind.
pub(crate) fn preamble(kind: FileKind) -> [u8; PREAMBLE_BYTES as usize] {
    let mut bytes = [0; PREAMBLE_BYTES as usize];
    bytes[..7].copy_from_slice(MAGIC);
    bytes[7] = kind.letter();
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Checks the preamble at the start of `bytes`.
///
/// # Errors
/// [`Error::UnsupportedFormat`] for an intact preamble of another version,
/// [`Error::Damage`] for anything else that is not ours.
pub(crate) fn check_preamble(kind: FileKind, name: &str, bytes: &[u8]) -> Result<()> {
    let mut decoder = Decoder::new(bytes);
    let (Some(magic), Some(version), Some(found)) = (decoder.take(8), decoder.u32(), decoder.u32())
    else {
        return Err(Error::damage(
            name,
            0,
            format!("a preamble of {PREAMBLE_BYTES} bytes"),
            format!("{} bytes", bytes.len()),
        ));
    };
    let expected = crc32fast::hash(&bytes[..12]);
    if found != expected {
        return Err(Error::damage(
            name,
            0,
            format!("preamble checksum {expected:08x}"),
            format!("{found:08x}"),
        ));
    }
    if &magic[..7] != MAGIC || magic[7] != kind.letter() {
        return Err(Error::damage(
            name,
            0,
            format!("a {kind:?} file of lithify"),
            format!("magic {:?}", String::from_utf8_lossy(magic)),
        ));
    }
    if version != FORMAT_VERSION {
        return Err(Error::UnsupportedFormat {
            file: name.to_owned(),
            found: version,
            supported: FORMAT_VERSION,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_names_are_ours() {
        assert_eq!(parse_file_name("wal-000012"), Some((FileKind::Wal, 12)));
        assert_eq!(
            parse_file_name("segment-12345678"),
            Some((FileKind::Segment, 12_345_678))
        );
        for foreign in [
            "wal-12",
            "wal-",
            "wal-+00001",
            "lock",
            "segment-000001.tmp",
            "segment-18446744073709551615",
            ".DS_Store",
        ] {
            assert_eq!(parse_file_name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let mut bytes = preamble(FileKind::Wal);
        assert!(check_preamble(FileKind::Wal, "wal-000001", &bytes).is_ok());
        assert!(check_preamble(FileKind::Manifest, "wal-000001", &bytes).is_err());
        bytes[8] = 9;
        assert!(matches!(
            check_preamble(FileKind::Wal, "wal-000001", &bytes),
            Err(Error::Damage(_))
        ));
        let checksum = crc32fast::hash(&bytes[..12]);
        bytes[12..].copy_from_slice(&checksum.to_le_bytes());
        assert!(matches!(
            check_preamble(FileKind::Wal, "wal-000001", &bytes),
            Err(Error::UnsupportedFormat { found: 9, .. })
        ));
    }
}
