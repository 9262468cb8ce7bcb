//! The part of the history that the compactor knows.
//!
//! Events may come late, twice, in any order, or not at all. The watermark is the largest commit up
//! to which every commit is known. The watermark alone decides which windows close, so the order of
//! events cannot change the merges.

use std::collections::BTreeSet;

use crate::commit::Commit;

/// The most commits that are remembered beyond the watermark. A commit that is not remembered
/// raises lag until the next settling, and has no other effect.
const MAX_AHEAD: usize = 4096;

/// The contiguous prefix of known commits, and a bounded number of commits beyond it.
#[derive(Debug)]
pub(crate) struct Watermark {
    through: Commit,
    ahead: BTreeSet<Commit>,
}

impl Watermark {
    pub(crate) fn new(through: Commit) -> Self {
        Self {
            through,
            ahead: BTreeSet::new(),
        }
    }

    /// Every commit up to here is known.
    pub(crate) fn through(&self) -> Commit {
        self.through
    }

    /// Learns of one commit.
    pub(crate) fn learn(&mut self, commit: Commit) {
        if commit == self.through.next() || planted!(ArrivalsCounted) {
            self.through = self.through.next();
        } else if commit > self.through
            && self.ahead.len() < MAX_AHEAD
            && !planted!(EarlyEventForgotten)
        {
            mark!(EventAhead);
            self.ahead.insert(commit);
        }
        self.advance();
    }

    /// Learns of every commit up to `through`, from the version itself.
    pub(crate) fn learn_all(&mut self, through: Commit) {
        if self.through < through {
            mark!(EventsReconciled);
        }
        self.through = self.through.max(through);
        self.ahead = self.ahead.split_off(&self.through.next());
        self.advance();
    }

    fn advance(&mut self) {
        while self.ahead.remove(&self.through.next()) {
            self.through = self.through.next();
        }
        assert!(
            self.ahead
                .first()
                .is_none_or(|&commit| commit > self.through.next()),
            "commit {:?} is known beyond the watermark {}, and nothing is between them",
            self.ahead.first(),
            self.through
        );
        assert!(
            self.ahead.len() <= MAX_AHEAD,
            "{} commits are remembered beyond the watermark, at most {MAX_AHEAD} may be",
            self.ahead.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_and_repetition_comes_to_the_same_watermark(
            mut commits in proptest::collection::vec(1_u64..30, 0..60),
            start in 0_u64..10,
        ) {
            let mut watermark = Watermark::new(Commit::new(start));
            for &commit in &commits {
                watermark.learn(Commit::new(commit));
            }
            commits.extend(1..=start);
            let expected = (1..).find(|commit| !commits.contains(commit)).unwrap() - 1;
            prop_assert_eq!(watermark.through().get(), expected.max(start));
        }
    }
}
