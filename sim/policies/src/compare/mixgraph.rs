//! The social-graph workload of RocksDB's `db_bench mixgraph`, with the published parameters
//! of its prefix model (Cao et al., FAST 2020).
//!
//! There are thirty ranges of keys. The hotness of a range is a sum of two exponentials.
//! Within a range, keys follow a power law and are scattered. The sizes of values follow a
//! generalized Pareto distribution. 85 % of operations are gets, 14 % puts, 1 % seeks. Keys
//! have 48 bytes. The sine of the request rate is not modelled: a commit takes a fixed time.
//! There are 50,000 keys instead of 50 million, so that histories of a few thousand commits
//! contain overwrites.

use lithify_sim::keyed::{Domain, Draws, Seed};

use super::history::{History, Read, Write};
use super::zipfian::{scatter, uniform};

const KEYS: u64 = 50_000;
const RANGES: u64 = 30;
const KEY_BYTES: u32 = 48;
/// `a * exp(b x) + c * exp(d x)` for range x.
const RANGE_HOTNESS: [f64; 4] = [14.18, -2.917, 0.0164, -0.08082];
/// `(u / a)^(1 / b)` for a key in a range.
const KEY_POWER: [f64; 2] = [0.002312, 0.3467];
/// Shape and scale of value sizes.
const VALUE_PARETO: [f64; 2] = [0.2615, 25.45];
const VALUE_LEAST: u64 = 10;
const VALUE_MOST: u64 = 102_400;
const GET_PERCENT: u64 = 85;
const PUT_PERCENT: u64 = 14;

/// A history with this number of operations. Each put is one commit.
pub(super) fn history(operations: u64, seconds: u64, seed: Seed) -> History {
    let mut history = History::new("mixgraph", 1);
    for _ in 0..KEYS {
        history.new_key(0);
    }
    let [a, b, c, d] = RANGE_HOTNESS;
    let hotness = |range: u64| a * (b * range as f64).exp() + c * (d * range as f64).exp();
    let hotness: Vec<f64> = (1..=RANGES).map(hotness).collect();
    let mut clock = 0;
    for operation in 0..operations {
        let mut draws = seed.draws(Domain::Comparison, operation);
        let key = key(&hotness, &mut draws);
        match draws.below(100) {
            kind if kind < GET_PERCENT => history.read(Read::Point(key)),
            kind if kind < GET_PERCENT + PUT_PERCENT => {
                clock += seconds;
                let bytes = KEY_BYTES + value_bytes(&mut draws);
                let is_tombstone = false;
                history.push(
                    clock,
                    vec![Write {
                        key,
                        bytes,
                        is_tombstone,
                    }],
                );
            }
            _ => history.read(Read::Scan(key)),
        }
    }
    history
}

fn key(hotness: &[f64], draws: &mut Draws) -> u32 {
    let mut rest = uniform(draws) * hotness.iter().sum::<f64>();
    let mut range = 0;
    while range + 1 < hotness.len() && rest >= hotness[range] {
        rest -= hotness[range];
        range += 1;
    }
    let [a, b] = KEY_POWER;
    let rank = (uniform(draws) / a).powf(1.0 / b).ceil() as u64;
    let width = KEYS / RANGES;
    // Hot ranges are scattered over all keys, and hot keys are scattered within a range.
    let range = scatter(range as u64, RANGES);
    (range * width + scatter(rank, width)) as u32
}

fn value_bytes(draws: &mut Draws) -> u32 {
    let [shape, scale] = VALUE_PARETO;
    let drawn = 1.0 - uniform(draws);
    let size = (scale * (drawn.powf(-shape) - 1.0) / shape).ceil() as u64;
    size.clamp(VALUE_LEAST, VALUE_MOST) as u32
}
