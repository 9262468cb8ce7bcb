//! A number of 128 bits as 32 hexadecimal digits: identities of archives and writers, digests,
//! checksums. Many parsers of JSON round large numbers, so these are text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub u128);

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl FromStr for Number {
    type Err = String;

    fn from_str(digits: &str) -> Result<Self, Self::Err> {
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(digits, 16).ok();
        number
            .filter(|_| digits.len() == 32 && is_hexadecimal)
            .map(Self)
            .ok_or_else(|| format!("{digits:?} is no number of 32 hexadecimal digits"))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        digits.parse().map_err(serde::de::Error::custom)
    }
}

/// A commit as a number, for serde: the engine only writes commits.
pub(crate) mod commit {
    use lithify::Commit;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(it: &Commit, serializer: S) -> Result<S::Ok, S::Error> {
        it.get().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Commit, D::Error> {
        u64::deserialize(source).map(Commit::new)
    }
}
