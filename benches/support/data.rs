//! The data that every benchmark writes: seeded, so that each run writes the same.
//!
//! Keys are 16 random bytes and values 100, the sizes that storage engines are
//! commonly compared with. Nothing here allocates for each entry.

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 16;
/// Bytes of a value.
pub(crate) const VALUE_BYTES: usize = 100;
/// The keyspace that every benchmark uses.
pub(crate) const KEYSPACE: &str = "k";

/// A key.
pub(crate) type Key = [u8; KEY_BYTES];

/// The finaliser of `SplitMix64` (Steele, Lea and Flood 2014): well mixed, and a
/// bijection, so that different numbers never collide.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Key number `number`: random bytes, and a different key for each number.
pub(crate) fn key(number: u64) -> Key {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&mix(number).to_be_bytes());
    key[8..].copy_from_slice(&mix(!number).to_be_bytes());
    key
}

/// The value that write number `number` writes; it does not compress well.
pub(crate) fn value(number: u64) -> [u8; VALUE_BYTES] {
    let mut value = [0; VALUE_BYTES];
    for (position, chunk) in (0..).zip(value.chunks_mut(8)) {
        let word = mix(number.wrapping_mul(31).wrapping_add(position)).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
    value
}

/// A stream of numbers below `bound`, the same one for each seed.
pub(crate) fn picks(seed: u64, bound: u64) -> impl Iterator<Item = u64> {
    (0..).map(move |turn: u64| mix(mix(seed) ^ turn) % bound)
}
