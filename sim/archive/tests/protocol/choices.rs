//! Decisions by numbers: every sequence of them in turn, or sequences drawn from a seed.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A source of decisions.
pub(crate) trait Choices {
    /// A number below `count`, which is 1 or more. 0 is the usual course.
    fn choose(&mut self, count: usize) -> usize;
}

/// Every sequence of decisions, one in each round.
#[derive(Debug, Default)]
pub(crate) struct Every {
    taken: Vec<(usize, usize)>,
    next: usize,
}

impl Every {
    /// Begins the next round; false when there is none.
    pub(crate) fn advance(&mut self) -> bool {
        self.next = 0;
        while let Some((choice, count)) = self.taken.pop() {
            if choice + 1 < count {
                self.taken.push((choice + 1, count));
                return true;
            }
        }
        false
    }
}

impl Choices for Every {
    fn choose(&mut self, count: usize) -> usize {
        if self.next == self.taken.len() {
            self.taken.push((0, count));
        }
        let (choice, known) = self.taken[self.next];
        assert_eq!(known, count, "equal decisions lead to equal choices");
        self.next += 1;
        choice
    }
}

/// Decisions drawn from a seed. In each run one of several tempers: how often it leaves the usual
/// course.
#[derive(Debug)]
pub(crate) struct Drawn {
    random: ChaCha8Rng,
    usual: f64,
}

impl Drawn {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let usual = [0.3, 0.7, 0.9, 0.97][random.random_range(0..4)];
        Self { random, usual }
    }
}

impl Choices for Drawn {
    fn choose(&mut self, count: usize) -> usize {
        match count == 1 || self.random.random_bool(self.usual) {
            true => 0,
            false => self.random.random_range(0..count),
        }
    }
}
