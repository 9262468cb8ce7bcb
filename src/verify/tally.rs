//! The sums over the entries of one segment, and the order of the entries.

use super::block::Entry;
use super::meta::Meta;

/// The odd multipliers of the filter's eight words, as Apache Parquet specifies them.
const MULTIPLIERS: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// A segment's entries so far.
pub(super) struct Tally<'a> {
    meta: &'a Meta,
    filter: Option<&'a [u8]>,
    keeps_all: bool,
    entries: u64,
    tombstones: u64,
    keys: u64,
    bytes: u64,
    lowest: u64,
    highest: u64,
    /// Key and commit of the last entry.
    last: Option<(Vec<u8>, u64)>,
}

impl<'a> Tally<'a> {
    /// An empty tally for a segment with this meta and filter.
    pub(super) fn new(meta: &'a Meta, filter: Option<&'a [u8]>, keeps_all: bool) -> Self {
        Self {
            meta,
            filter,
            keeps_all,
            entries: 0,
            tombstones: 0,
            keys: 0,
            bytes: 0,
            lowest: u64::MAX,
            highest: 0,
            last: None,
        }
    }

    /// Counts an entry, and checks order, bounds, floor and filter.
    pub(super) fn add(&mut self, entry: &Entry<'_>) -> Result<(), String> {
        let Meta {
            first, last, floor, ..
        } = *self.meta;
        let what = || format!("{:02x?} at commit {}", entry.key, entry.commit);
        if !(first..=last).contains(&entry.commit) {
            return Err(format!("{}, not in commits {first} to {last}", what()));
        }
        let is_new_key = match &self.last {
            Some((key, commit)) if key == entry.key => {
                if *commit <= entry.commit {
                    return Err(format!("{} behind the same key at {commit}", what()));
                }
                if *commit <= floor {
                    return Err(format!(
                        "{} below the base at {commit}, floor {floor}",
                        what()
                    ));
                }
                false
            }
            Some((key, _)) if &key[..] > entry.key => {
                return Err(format!("{} behind {key:02x?}", what()));
            }
            _ => true,
        };
        if is_new_key
            && !planted!(VerifySkipsFilter)
            && self.filter.is_some_and(|filter| !passes(filter, entry.key))
        {
            return Err(format!("{}, which the filter denies", what()));
        }
        self.count(entry, is_new_key);
        Ok(())
    }

    fn count(&mut self, entry: &Entry<'_>, is_new_key: bool) {
        self.entries += 1;
        self.tombstones += u64::from(entry.value.is_none());
        self.keys += u64::from(is_new_key);
        self.bytes += (entry.key.len() + entry.value.unwrap_or_default().len()) as u64;
        self.lowest = self.lowest.min(entry.commit);
        self.highest = self.highest.max(entry.commit);
        self.last = Some((entry.key.to_vec(), entry.commit));
    }

    /// Compares the sums with the meta, once all entries were added.
    pub(super) fn compare(&self, meta: &Meta) -> Result<(), (String, String)> {
        let words = |[entries, tombstones, keys, bytes]: [u64; 4]| {
            format!("{entries} entries, {tombstones} deletions, {keys} keys and {bytes} bytes")
        };
        let expected = [meta.entries, meta.tombstones, meta.keys, meta.bytes];
        let found = [self.entries, self.tombstones, self.keys, self.bytes];
        if expected != found {
            return Err((words(expected), words(found)));
        }
        // When all versions are kept, the first and the last commit have left an entry.
        let is_exact = !self.keeps_all || (self.lowest, self.highest) == (meta.first, meta.last);
        if !is_exact {
            let expected = format!("entries of commits {} to {}", meta.first, meta.last);
            return Err((expected, format!("{} to {}", self.lowest, self.highest)));
        }
        Ok(())
    }
}

/// False when the filter denies the key.
fn passes(filter: &[u8], key: &[u8]) -> bool {
    let hash = xxhash_rust::xxh3::xxh3_64(key);
    let blocks = filter.len() as u64 / 32;
    let block = (((hash >> 32) * blocks) >> 32) as usize;
    let words = filter[block * 32..][..32].as_chunks::<4>().0;
    words.iter().zip(MULTIPLIERS).all(|(word, multiplier)| {
        let bit = (hash as u32).wrapping_mul(multiplier) >> 27;
        u32::from_le_bytes(*word) >> bit & 1 == 1
    })
}
