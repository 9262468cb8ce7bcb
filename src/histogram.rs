//! Histograms of sizes: how many values lie between two powers of two.
//!
//! A histogram counts sizes and not times: the engine has no clock. A caller who wants times takes
//! the spans of the feature `tracing`.
//!
//! Invariant: the counts of all buckets together are the number of values.

use serde::{Serialize, Serializer};

/// The number of bits of a value, and one bucket for zero.
const BUCKETS: usize = u64::BITS as usize + 1;

/// How many values lie in each bucket. Bucket 0 holds zeros, and bucket `i` the values of `i` bits: from
/// `2^(i-1)` through `2^i - 1`. Recording is O(1); a histogram takes 536 bytes.
///
/// Serialized as `{"count":3,"sum":70,"max":64,"buckets":[[3,2],[127,1]]}`: the upper bounds of the
/// buckets that are not empty, with their counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
            sum: 0,
            max: 0,
        }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, value: u64) {
        self.counts[(u64::BITS - value.leading_zeros()) as usize] += 1;
        self.sum = self.sum.saturating_add(value);
        self.max = self.max.max(value);
    }

    /// The number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of the values, at most `u64::MAX`.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The largest value; 0 when there is none.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The buckets up to the one of the largest value: the largest value that a bucket can hold, and
    /// the number of its values.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let largest = (u64::BITS - self.max.leading_zeros()) as usize;
        let upper = |bits: usize| u64::MAX.checked_shr(u64::BITS - bits as u32).unwrap_or(0);
        (0..=largest).map(move |bits| (upper(bits), self.counts[bits]))
    }
}

#[derive(Serialize)]
struct Shown {
    count: u64,
    sum: u64,
    max: u64,
    buckets: Vec<(u64, u64)>,
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = Shown {
            count: self.count(),
            sum: self.sum,
            max: self.max,
            buckets: self.buckets().filter(|(_, count)| *count > 0).collect(),
        };
        shown.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    #[test]
    fn values_lie_between_powers_of_two() {
        let histogram = of(&[0, 1, 2, 3, 4, 64]);
        let buckets: Vec<_> = histogram.buckets().collect();
        let expected = [
            (0, 1),
            (1, 1),
            (3, 2),
            (7, 1),
            (15, 0),
            (31, 0),
            (63, 0),
            (127, 1),
        ];
        assert_eq!(buckets, expected);
        assert_eq!((histogram.sum(), histogram.max()), (74, 64));
        let edges: Vec<_> = of(&[u64::MAX]).buckets().skip(63).collect();
        assert_eq!(edges, [(u64::MAX >> 1, 0), (u64::MAX, 1)]);
        assert_eq!(of(&[]).buckets().collect::<Vec<_>>(), [(0, 0)]);
        insta::assert_compact_json_snapshot!(
            histogram,
            @r#"{"count": 6, "sum": 74, "max": 64, "buckets": [[0, 1], [1, 1], [3, 2], [7, 1], [127, 1]]}"#
        );
    }

    proptest! {
        /// Each value is counted once, in the first bucket whose upper bound it does not exceed.
        #[test]
        fn a_bucket_counts_what_its_bounds_say(values in prop::collection::vec(any::<u64>(), 0..40)) {
            let histogram = of(&values);
            prop_assert_eq!(histogram.count(), values.len() as u64);
            let mut below = 0;
            for (upper, count) in histogram.buckets() {
                below += count;
                let expected = values.iter().filter(|value| **value <= upper).count() as u64;
                prop_assert_eq!(below, expected, "up to {}", upper);
            }
            prop_assert_eq!(below, values.len() as u64);
        }
    }
}
