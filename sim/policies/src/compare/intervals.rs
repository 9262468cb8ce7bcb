//! Sets of commits, as sorted, disjoint, inclusive ranges that are not adjacent.

/// A set of commits.
pub(super) type Intervals = Vec<(u64, u64)>;

/// The union of these ranges. Ranges with `first > last` are empty.
pub(super) fn union(mut ranges: Intervals) -> Intervals {
    ranges.retain(|range| range.0 <= range.1);
    ranges.sort_unstable();
    let mut joined: Intervals = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.0 <= last.1.saturating_add(1) => last.1 = last.1.max(range.1),
            _ => joined.push(range),
        }
    }
    joined
}

/// The commits that are in both sets.
pub(super) fn intersection(left: &Intervals, right: &Intervals) -> Intervals {
    let mut both = Vec::new();
    let (mut at_left, mut at_right) = (0, 0);
    while let (Some(one), Some(other)) = (left.get(at_left), right.get(at_right)) {
        let common = (one.0.max(other.0), one.1.min(other.1));
        if common.0 <= common.1 {
            both.push(common);
        }
        if one.1 < other.1 {
            at_left += 1;
        } else {
            at_right += 1;
        }
    }
    both
}

/// The number of commits in a set.
pub(super) fn size(set: &Intervals) -> u64 {
    set.iter().map(|range| range.1 - range.0 + 1).sum()
}

/// Whether a commit is in a set.
pub(super) fn contains(set: &Intervals, commit: u64) -> bool {
    let after = set.partition_point(|range| range.0 <= commit);
    after > 0 && commit <= set[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ranges() -> impl Strategy<Value = Intervals> {
        proptest::collection::vec((1_u64..40, 0_u64..9), 0..8)
            .prop_map(|pairs| pairs.iter().map(|pair| (pair.0, pair.0 + pair.1)).collect())
    }

    fn listed(ranges: &Intervals) -> BTreeSet<u64> {
        ranges.iter().flat_map(|range| range.0..=range.1).collect()
    }

    proptest! {
        #[test]
        fn sets_of_ranges_are_sets_of_numbers(left in ranges(), right in ranges(), at in 0_u64..60) {
            let (one, other) = (union(left.clone()), union(right.clone()));
            prop_assert_eq!(listed(&one), listed(&left));
            prop_assert_eq!(size(&one), listed(&left).len() as u64);
            prop_assert_eq!(contains(&one, at), listed(&left).contains(&at));
            let both: BTreeSet<u64> = listed(&left).intersection(&listed(&right)).copied().collect();
            prop_assert_eq!(listed(&intersection(&one, &other)), both);
        }
    }
}
