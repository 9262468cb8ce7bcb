//! The bytes of a recording: each content once, under its hash.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// XXH3 of 128 bits; in text, 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash(pub u128);

impl Hash {
    /// The hash of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_128(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'text> Deserialize<'text> for Hash {
    fn deserialize<D: Deserializer<'text>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = u128::from_str_radix(&text, 16);
        number.map(Self).map_err(serde::de::Error::custom)
    }
}

/// Contents by hash.
#[derive(Clone, Debug, Default)]
pub struct Blobs {
    known: BTreeMap<Hash, Arc<Vec<u8>>>,
}

impl Blobs {
    /// Keeps bytes.
    ///
    /// # Panics
    /// When other bytes have the same hash: by chance once in 2^64 contents.
    pub fn keep(&mut self, bytes: Vec<u8>) -> Hash {
        let hash = Hash::of(&bytes);
        let known = (self.known.entry(hash)).or_insert_with_key(|_| Arc::new(bytes.clone()));
        assert!(**known == bytes, "two contents have the hash {hash}");
        hash
    }

    /// The bytes of a hash.
    #[must_use]
    pub fn get(&self, hash: Hash) -> Option<&Arc<Vec<u8>>> {
        self.known.get(&hash)
    }

    /// All of them, by hash.
    pub fn iter(&self) -> impl Iterator<Item = (Hash, &Arc<Vec<u8>>)> {
        self.known.iter().map(|(hash, bytes)| (*hash, bytes))
    }
}
