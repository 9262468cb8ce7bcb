//! A filter that says "certainly not here" for most keys that a segment lacks.
//!
//! It is a split-block Bloom filter (Putze, Sanders and Singler, "Cache-, hash- and space-efficient
//! Bloom filters", 2007; Apache Parquet specifies this variant with 256-bit blocks and eight salted
//! bits). A key touches one 32-byte block, so a probe costs one cache line. With 10 bits for each
//! key, about 1 % of the probes for absent keys say "maybe".

use crate::codec::Decoder;

const WORDS: usize = 8;
/// The odd multipliers of the Parquet specification, one for each word of a block.
const SALTS: [u32; WORDS] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// The hash of a key, the same in every filter, so that a read computes it once.
pub(crate) fn hash_key(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

/// A filter over the keys of one segment.
#[derive(Debug)]
pub(crate) struct Filter {
    blocks: Vec<[u32; WORDS]>,
}

impl Filter {
    /// An empty filter for about `keys` keys.
    pub(crate) fn for_keys(keys: u64, bits_per_key: u32) -> Self {
        let bits = keys.saturating_mul(u64::from(bits_per_key));
        let blocks = usize::try_from(bits.div_ceil(WORDS as u64 * 32).max(1))
            .expect("a filter fits into memory");
        Self {
            blocks: vec![[0; WORDS]; blocks],
        }
    }

    fn block_of(&self, hash: u64) -> usize {
        ((u128::from(hash >> 32) * self.blocks.len() as u128) >> 32) as usize
    }

    fn masks(hash: u64) -> [u32; WORDS] {
        SALTS.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
    }

    pub(crate) fn insert(&mut self, hash: u64) {
        let block = self.block_of(hash);
        for (word, mask) in self.blocks[block].iter_mut().zip(Self::masks(hash)) {
            *word |= mask;
        }
    }

    /// False when the key was certainly never inserted.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        let block = &self.blocks[self.block_of(hash)];
        block
            .iter()
            .zip(Self::masks(hash))
            .all(|(word, mask)| word & mask != 0)
    }

    /// Appends the filter in its form on disk: its words, little-endian.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        for word in self.blocks.iter().flatten() {
            buffer.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// Decodes the bytes of [`Filter::encode`]; `None` when the length cannot be right.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(WORDS * 4) {
            return None;
        }
        let mut decoder = Decoder::new(bytes);
        let blocks = (0..bytes.len() / (WORDS * 4))
            .map(|_| {
                let mut block = [0; WORDS];
                for word in &mut block {
                    *word = decoder.u32()?;
                }
                Some(block)
            })
            .collect::<Option<_>>()?;
        Some(Self { blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserted_keys_are_found_and_few_others() {
        let keys = 10_000_u64;
        let mut filter = Filter::for_keys(keys, 10);
        for key in 0..keys {
            filter.insert(hash_key(&key.to_be_bytes()));
        }
        let mut encoded = Vec::new();
        filter.encode(&mut encoded);
        let filter = Filter::decode(&encoded).unwrap();
        assert!((0..keys).all(|key| filter.may_contain(hash_key(&key.to_be_bytes()))));
        let false_positives = (keys..keys * 11)
            .filter(|key| filter.may_contain(hash_key(&key.to_be_bytes())))
            .count();
        assert!(
            false_positives < 2_000,
            "{false_positives} of 100,000 absent keys pass"
        );
    }
}
