//! The data that every engine is given: seeded, so that each run and each engine gets the same.
//!
//! Keys have 16 bytes, values as many as asked for (100 by default). A value is a piece of a
//! pool of random bytes, so that making it up costs little more than the copy that the engine
//! takes; it does not compress.

use std::ops::Deref;

/// Bytes of a key that the workloads make up.
pub(crate) const KEY_BYTES: usize = 16;
/// Bytes of the commit number in a key that carries one (see `composite`).
pub(crate) const COMMIT_BYTES: usize = 8;

/// Bytes of the pool that values are taken from.
const POOL_BYTES: usize = 1 << 20;

/// A key on the stack, with or without a commit number behind it.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    bytes: [u8; KEY_BYTES + COMMIT_BYTES],
    length: usize,
}

impl Key {
    /// `plain` with `suffix` behind it.
    pub(crate) fn with_suffix(plain: &[u8], suffix: [u8; COMMIT_BYTES]) -> Self {
        let mut bytes = [0; KEY_BYTES + COMMIT_BYTES];
        bytes[..KEY_BYTES].copy_from_slice(plain);
        bytes[KEY_BYTES..].copy_from_slice(&suffix);
        Self {
            bytes,
            length: bytes.len(),
        }
    }

    fn plain(high: u64, low: u64) -> Self {
        let mut key = Self {
            bytes: [0; KEY_BYTES + COMMIT_BYTES],
            length: KEY_BYTES,
        };
        key.bytes[..8].copy_from_slice(&high.to_be_bytes());
        key.bytes[8..KEY_BYTES].copy_from_slice(&low.to_be_bytes());
        key
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Where keys and values come from.
pub(crate) struct Data {
    pool: Vec<u8>,
    value_bytes: usize,
}

impl Data {
    /// Values of `value_bytes` bytes each.
    pub(crate) fn new(value_bytes: usize) -> Self {
        let pool = (0..POOL_BYTES as u64 / 8).flat_map(|word| mix(word).to_le_bytes());
        Self {
            pool: pool.collect(),
            value_bytes,
        }
    }

    /// Key number `number` of those in random order; another number gives another key.
    pub(crate) fn key(number: u64) -> Key {
        Key::plain(mix(number), number)
    }

    /// Key number `number` of those in ascending order.
    pub(crate) fn ascending(number: u64) -> Key {
        Key::plain(0, number)
    }

    /// The value that write number `number` writes.
    pub(crate) fn value(&self, number: u64) -> &[u8] {
        let start = pick(0x7661, number, (POOL_BYTES - self.value_bytes) as u64) as usize;
        &self.pool[start..start + self.value_bytes]
    }

    /// Bytes of a key and its value.
    pub(crate) fn entry_bytes(&self) -> u64 {
        (KEY_BYTES + self.value_bytes) as u64
    }
}

/// The longest value that the pool can give with enough places to take it from.
pub(crate) const MAX_VALUE_BYTES: usize = POOL_BYTES / 4;

/// Number `turn` of the stream `seed`, below `bound`.
pub(crate) fn pick(seed: u64, turn: u64, bound: u64) -> u64 {
    mix(mix(seed) ^ turn) % bound
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood 2014): well mixed, and a bijection.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
