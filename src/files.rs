//! The files of a store: their names and numbers.
//!
//! A store directory holds numbered files of three kinds and a lock file. All kinds draw from one
//! number space. While a store is open no number is used twice. After a crash a number may be given
//! out again if its file did not count, and then `identity` tells the two files apart. A file with
//! any other name is foreign and is never changed, except these:
//! - `identity` names the store (`identity.new` while it is written again);
//! - `replica` is empty and marks the store as a replica (`promoted` during a promotion);
//! - `backup` marks a directory of backups, in which `segment-000001.copy` is a segment file that
//!   is being copied;
//! - `restoring` marks a directory in which a restore is not complete.
//!
//! The preamble of a file names its content and its identity: see `identity`.

/// The lock file's name.
pub(crate) const LOCK: &str = "lock";
/// The name of the file that makes a store a replica.
pub const REPLICA: &str = "replica";
/// The name of that file during a promotion.
pub const PROMOTED: &str = "promoted";
/// The name of the file that names the store in the directory.
pub const IDENTITY: &str = "identity";
/// The name under which a lost identity file is written again, until its bytes are durable.
pub const NEW_IDENTITY: &str = "identity.new";
/// The name of the file that marks a directory of backups. Such a directory accepts no commits.
pub const BACKUP: &str = "backup";
/// The name of the file that is in the directory of a store until its restore is complete.
pub const RESTORING: &str = "restoring";
/// The suffix of the name of a segment file while it is copied.
pub(crate) const COPY_SUFFIX: &str = ".copy";
/// The format version that this library writes and reads.
pub const FORMAT_VERSION: u32 = 2;

/// The highest file number. A file with a higher number is foreign, because no numbers would be
/// left for new files.
const HIGHEST_NUMBER: u64 = 1 << 62;

/// The content of a numbered file.
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

    pub(crate) const fn letter(self) -> u8 {
        match self {
            Self::Wal => b'w',
            Self::Manifest => b'm',
            Self::Segment => b's',
        }
    }
}

/// The least number of digits.
const MIN_DIGITS: usize = 6;

/// The name of a numbered file. Six digits keep listings in order for a million
/// files; longer numbers still parse.
#[must_use]
pub fn file_name(kind: FileKind, number: u64) -> String {
    format!("{}{number:0MIN_DIGITS$}", kind.prefix())
}

/// The kind and number behind a name, or `None` for a foreign file.
#[must_use]
pub fn parse_file_name(name: &str) -> Option<(FileKind, u64)> {
    for kind in FileKind::ALL {
        if let Some(digits) = name.strip_prefix(kind.prefix()) {
            let number = digits.parse().ok()?;
            // Only the canonical spelling is ours: `wal-1` is foreign.
            let is_ours = is_canonical(digits) || planted!(SimilarNameIsOurs);
            let is_usable = number <= HIGHEST_NUMBER || planted!(HugeNumberIsOurs);
            return (is_ours && is_usable).then_some((kind, number));
        }
    }
    None
}

/// Whether [`file_name`] would write the number in this way.
fn is_canonical(digits: &str) -> bool {
    let is_padded = digits.len() == MIN_DIGITS;
    let is_longer = digits.len() > MIN_DIGITS && !digits.starts_with('0');
    (is_padded || is_longer) && digits.bytes().all(|digit| digit.is_ascii_digit())
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
}
