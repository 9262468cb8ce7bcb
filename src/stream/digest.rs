//! The digest of a stream up to a line.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128;

use crate::commit::Commit;
use crate::read::Past;

/// A digest of 128 bits, which serde sees as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest(pub(super) u128);

impl Digest {
    /// The digest of a header with these contents.
    pub(super) fn of_header(contents: &[u8]) -> Self {
        Self(xxh3_128(contents))
    }

    /// The digest with one more commit. `after` is the history including this commit, and covers the
    /// operations.
    pub(super) fn with(self, commit: Commit, after: Past) -> Self {
        let parts = [self.0, u128::from(commit.get()), after.digest];
        Self(xxh3_128(parts.map(u128::to_le_bytes).as_flattened()))
    }

    fn parse(digits: &str) -> Option<Self> {
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digest = u128::from_str_radix(digits, 16).ok()?;
        (digits.len() == 32 && is_hexadecimal).then_some(Self(digest))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let digest = Self::parse(&digits);
        digest.ok_or_else(|| {
            D::Error::custom(format!("{digits:?} is no digest of 32 hexadecimal digits"))
        })
    }
}
