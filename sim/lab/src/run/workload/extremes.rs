//! Inputs at the limits: empty and longest keys, empty and huge values, keys that are
//! prefixes of one another, runs of 0xff, commits of thousands of operations, thousands
//! of keyspaces.
//!
//! A seed draws how far it goes. Most seeds use short inputs: there an empty value
//! meets a deletion, or a key its own prefix, within a few commits, and a crash can be
//! tried everywhere. Few seeds go to the limits, because their images are large.

use crate::history::{Batch, Key, Value, Write};
use crate::keyed::Draws;

/// The limits that a seed uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extremes {
    key_bytes: u16,
    value_bytes: u32,
    /// The percentage of commits that write thousands of keys, or to thousands of
    /// keyspaces.
    wide: u64,
    delete_percent: u64,
    /// The largest number of keyspaces.
    keyspaces: u16,
}

/// Lengths at which the behaviour may change: prefixes that are compared as numbers
/// (and keys with equal prefixes), lengths that need one byte or two, the largest
/// signed and unsigned 16-bit lengths, and the limit.
const KEY_BYTES: &[u16] = &[
    0, 0, 0, 1, 2, 7, 8, 9, 10, 12, 127, 128, 255, 256, 16_383, 16_384, 32_767, 32_768, 61_439,
    61_440,
];

/// The same for values: sectors, blocks, 64 KiB and more.
const VALUE_BYTES: &[u32] = &[
    0, 0, 0, 0, 1, 1, 2, 63, 64, 126, 127, 128, 511, 512, 4_096, 16_383, 16_384, 65_535, 65_536,
    70_000, 200_000,
];

impl Extremes {
    pub(super) fn draw(keyspaces: u16, draws: &mut Draws) -> Self {
        Self {
            keyspaces,
            key_bytes: *draws.pick(&[12, 12, 12, 256, 256, 61_440]),
            value_bytes: *draws.pick(&[2, 2, 128, 128, 4_096, 200_000]),
            wide: *draws.pick(&[0, 0, 0, 15]),
            delete_percent: *draws.pick(&[0, 30, 50]),
        }
    }

    pub(super) fn batch(self, tag: u32, draws: &mut Draws) -> Batch {
        let writes = match draws.percent(self.wide) {
            true => self.wide(tag, draws),
            false => {
                let count = draws.between(1, 4) as u32;
                (0..count)
                    .map(|more| self.write(tag + more, draws))
                    .collect()
            }
        };
        Batch { writes }
    }

    fn write(self, tag: u32, draws: &mut Draws) -> Write {
        let lengths: Vec<u16> = up_to(KEY_BYTES, self.key_bytes);
        let length = *draws.pick(&lengths);
        let key = match draws.below(4) {
            0 => draws.below(3) as u32,
            1 if length > 0 => Key::high(length),
            _ => Key::prefix(length),
        };
        let lengths: Vec<u32> = up_to(VALUE_BYTES, self.value_bytes);
        let value = Value {
            length: *draws.pick(&lengths),
            tag,
        };
        let is_deletion = draws.percent(self.delete_percent);
        Write {
            key: Key {
                keyspace: draws.below(2) as u16,
                key,
            },
            value: (!is_deletion).then_some(value),
        }
    }
}

/// The lengths that are at most `most`.
fn up_to<T: Copy + PartialOrd>(lengths: &[T], most: T) -> Vec<T> {
    let all = lengths.iter().copied();
    all.filter(|length| *length <= most).collect()
}

impl Extremes {
    /// Thousands of keys in one keyspace, or keyspaces with one key each.
    fn wide(self, tag: u32, draws: &mut Draws) -> Vec<Write> {
        const FIRST: u16 = 8;
        let length = draws.below(3) as u32;
        let is_deletion = draws.percent(20);
        let value = |more: u32| {
            let tag = tag + more;
            (!is_deletion).then_some(Value { length, tag })
        };
        let write = |keyspace: u16, key: u32, more: u32| Write {
            key: Key { keyspace, key },
            value: value(more),
        };
        if self.keyspaces <= FIRST || draws.percent(70) {
            let first = draws.below(2) as u32 * 1_000;
            let count = draws.between(20, 3_000) as u32;
            return (0..count)
                .map(|more| write(0, first + more, more))
                .collect();
        }
        let first = FIRST + draws.below(3) as u16 * 1_000;
        let count = draws
            .between(10, 1_000)
            .min(u64::from(self.keyspaces - first));
        let key = *draws.pick(&[0, Key::prefix(0)]);
        (0..count as u32)
            .map(|more| write(first + more as u16, key, more))
            .collect()
    }
}
