//! Layouts under reordering: how many different ones does the same history get?

use std::collections::BTreeSet;

use lithify_sim::keyed::Seed;

use super::history::History;
use super::run::{RunError, RunOptions, run};
use super::store::Store;
use crate::policies::Policy;

/// What this many schedules came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Schedules {
    /// How many schedules were played.
    pub schedules: u64,
    /// How many commits a callback could be late.
    pub reordering: u64,
    /// How many different settled layouts there were.
    pub layouts: u64,
}

/// Plays a history under this many schedules, each with a seed of its own from `first` on.
///
/// # Errors
/// As [`run`].
pub fn schedules(
    policy: &dyn Policy,
    history: &History,
    options: &RunOptions,
    first: Seed,
    count: u64,
) -> Result<Schedules, RunError> {
    let mut layouts = BTreeSet::new();
    for number in 0..count {
        let options = RunOptions {
            seed: Seed(first.0.wrapping_add(number)),
            reads: false,
            explain: false,
            ..*options
        };
        layouts.insert(run(policy, history, &options)?.layout);
    }
    Ok(Schedules {
        schedules: count,
        reordering: options.reordering,
        layouts: layouts.len() as u64,
    })
}

/// The live segments of every stream, by place, extent and level, as a number.
pub(super) fn layout_digest(store: &Store) -> u64 {
    let mut text = String::new();
    for (stream, ids) in store.streams.iter().enumerate() {
        text += &format!("{stream}:");
        for &id in ids {
            let segment = &store.segments[id as usize];
            text += &format!(
                "{}..{}@{}/{} ",
                segment.first, segment.last, segment.level, segment.commits
            );
        }
    }
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}
