//! Random schedules of larger scopes. Each follows from its seed alone.
//!
//! The usual run is short. The long one is `cargo test -p lithify-archive --test protocol --release --
//! --ignored`.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::choices::Drawn;
use crate::exhaustive::world;
use crate::history::history;
use crate::laws::check;
use crate::play::{Bounds, Journal, Role, play};

/// Plays the schedule of a seed.
pub(crate) fn random(seed: u64) -> Result<(), String> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let alignment = ["2", "3", "2x2", "2,3", "none"][random.random_range(0..5)];
    let common = random.random_range(0..6);
    let before = random.random_range(0..=common);
    let count = random.random_range(1..4);
    let mut roles = Vec::new();
    for number in 0..count {
        // Two of three may have the same history.
        let name = ["x", "y", "x"][number];
        let most = [1, 2, 9][random.random_range(0..3)];
        let history = history(name, common, common + random.random_range(1..5));
        roles.push(match random.random_bool(0.5) {
            true => Role::Write { history, most },
            false => Role::WriteAndTrim { history, most },
        });
    }
    for _ in 0..random.random_range(0..3) {
        roles.push(if random.random_bool(0.6) {
            Role::Look
        } else {
            Role::Trim
        });
    }
    let bounds = Bounds {
        switches: random.random_range(0..20),
        faults: random.random_range(0..8),
    };
    let mut world = world(alignment, &history("all", 99, before), before);
    let journal = Journal::default();
    play(&mut world, &roles, bounds, &journal, &mut Drawn::new(seed));
    check(&mut world, &roles, &alignment.parse().unwrap(), &journal)
        .map_err(|finding| format!("seed {seed}: {finding}"))
}

#[test]
fn random_schedules_keep_the_laws() {
    for seed in 0..3_000 {
        random(seed).unwrap();
    }
}

#[test]
#[ignore = "takes twenty minutes in a release build"]
fn a_million_random_schedules_keep_the_laws() {
    for seed in 0..1_000_000 {
        random(seed).unwrap();
    }
}
