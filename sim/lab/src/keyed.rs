//! Randomness by key and not by order.
//!
//! Every decision is drawn from its own stream. The seed, a domain and the identity of
//! the decision name the stream. So removing an operation from a plan, or adding a new
//! option, does not change any other draw, and a disabled fault draws nothing. The
//! streams are ChaCha with eight rounds, which is the same on every machine and in
//! every release.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The subject of a decision. The numbers determine what every seed means: new domains
/// must be added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is what its name says")]
pub enum Domain {
    Options = 1,
    Workload = 2,
    Batch = 3,
    Schedule = 4,
    Faults = 5,
    CrashImages = 6,
    CrashPoints = 7,
    Recovery = 8,
    Comparison = 9,
    Reads = 10,
    Damage = 11,
    Flips = 12,
    Beside = 13,
}

/// The source of all randomness of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of one decision.
    #[must_use]
    pub fn draws(self, domain: Domain, identity: u64) -> Draws {
        let mut generator = ChaCha8Rng::seed_from_u64(self.0);
        // The two parts must not collide. Identities are counts, so they stay below
        // 2^56.
        generator.set_stream((domain as u64) << 56 ^ identity);
        Draws { generator }
    }
}

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Draws {
    generator: ChaCha8Rng,
}

impl Draws {
    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.generator.random_range(0..bound)
    }

    /// A number in `least..=most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        self.generator.random_range(least..=most)
    }

    /// True in `percent` of a hundred draws.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'items, T>(&mut self, items: &'items [T]) -> &'items T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// A position in `weights`, with a probability in proportion to its weight. The sum
    /// of the weights must not be 0.
    pub fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut rest = self.below(weights.iter().sum());
        for (position, &weight) in weights.iter().enumerate() {
            if rest < weight {
                return position;
            }
            rest -= weight;
        }
        unreachable!("the draw is below the sum")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, domain: Domain, identity: u64) -> u64 {
        Seed(seed).draws(domain, identity).below(u64::MAX)
    }

    #[test]
    fn streams_differ_in_each_part_of_their_key_and_repeat() {
        let base = first(1, Domain::Workload, 1);
        assert_eq!(base, first(1, Domain::Workload, 1));
        assert_ne!(base, first(2, Domain::Workload, 1));
        assert_ne!(base, first(1, Domain::Schedule, 1));
        assert_ne!(base, first(1, Domain::Workload, 2));
    }

    #[test]
    fn the_meaning_of_a_seed_does_not_change() {
        // Traces name seeds. A library update that changed these draws would break the
        // traces.
        let draws: Vec<u64> = {
            let mut draws = Seed(7).draws(Domain::Workload, 3);
            (0..4).map(|_| draws.below(1000)).collect()
        };
        assert_eq!(draws, [286, 721, 339, 903]);
    }

    #[test]
    fn weights_of_zero_are_never_picked() {
        let mut draws = Seed(1).draws(Domain::Workload, 0);
        assert!((0..1000).all(|_| draws.weighted(&[0, 3, 0, 1]) % 2 == 1));
    }
}
