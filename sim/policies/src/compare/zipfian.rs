//! Zipfian ranks as YCSB draws them (Gray et al., SIGMOD 1994), with a growing population.

use lithify_sim::keyed::Draws;

/// The exponent of YCSB.
const THETA: f64 = 0.99;

/// Draws ranks `0 .. items`. Low ranks are frequent.
#[derive(Clone, Debug)]
pub(super) struct Zipfian {
    items: u64,
    zeta: f64,
    zeta_of_two: f64,
}

impl Zipfian {
    pub(super) fn new(items: u64) -> Self {
        let mut zipfian = Self {
            items: 0,
            zeta: 0.0,
            zeta_of_two: 1.0 + 0.5_f64.powf(THETA),
        };
        zipfian.grow(items);
        zipfian
    }

    /// Adds ranks at the end.
    pub(super) fn grow(&mut self, items: u64) {
        for item in self.items + 1..=items {
            self.zeta += 1.0 / (item as f64).powf(THETA);
        }
        self.items = self.items.max(items);
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> u64 {
        let drawn = uniform(draws);
        let scaled = drawn * self.zeta;
        if scaled < 1.0 {
            return 0;
        }
        if scaled < self.zeta_of_two {
            return 1.min(self.items - 1);
        }
        let items = self.items as f64;
        let alpha = 1.0 / (1.0 - THETA);
        let eta = (1.0 - (2.0 / items).powf(1.0 - THETA)) / (1.0 - self.zeta_of_two / self.zeta);
        let rank = items * (eta * drawn - eta + 1.0).powf(alpha);
        (rank as u64).min(self.items - 1)
    }
}

/// A number in `0.0 .. 1.0`.
pub(super) fn uniform(draws: &mut Draws) -> f64 {
    draws.below(1 << 53) as f64 / (1_u64 << 53) as f64
}

/// FNV-1a over the eight bytes of a number. YCSB uses it to spread hot ranks over the
/// keys.
pub(super) fn scatter(rank: u64, items: u64) -> u64 {
    let hash = rank
        .to_le_bytes()
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
    hash % items
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithify_sim::keyed::{Domain, Seed};

    /// The share of a rank is 1 / (rank + 1)^0.99, divided by the sum over all ranks.
    #[test]
    fn shares_are_those_of_the_distribution() {
        let (items, count) = (100, 200_000);
        let zipfian = Zipfian::new(items);
        let mut draws = Seed(1).draws(Domain::Comparison, 0);
        let mut counts = vec![0_u64; items as usize];
        for _ in 0..count {
            counts[zipfian.draw(&mut draws) as usize] += 1;
        }
        let weight = |rank: u64| 1.0 / ((rank + 1) as f64).powf(0.99);
        let whole: f64 = (0..items).map(weight).sum();
        let share = |ranks: std::ops::Range<u64>| {
            let found = ranks.clone().map(|rank| counts[rank as usize]).sum::<u64>();
            found as f64 / (count as f64 * ranks.map(weight).sum::<f64>() / whole)
        };
        for rank in [0, 1] {
            let share = share(rank..rank + 1);
            assert!((0.97..1.03).contains(&share), "rank {rank}: {share}");
        }
        // For ranks after the first two, the formula is an approximation.
        for ranks in [2..10, 10..30, 30..60, 60..100] {
            let share = share(ranks.clone());
            assert!((0.85..1.15).contains(&share), "ranks {ranks:?}: {share}");
        }
        assert_eq!(counts.iter().sum::<u64>(), count);
    }

    /// FNV-1a of eight bytes, as its authors define it.
    #[test]
    fn ranks_are_scattered_by_their_hash() {
        assert_eq!(scatter(0, u64::MAX), 0xA8C7_F832_281A_39C5);
        assert_eq!(scatter(1, u64::MAX), 0x89CD_3129_1D2A_EFA4);
    }
}
