//! Layouts under reordering: the number of different layouts of one history.

use std::collections::BTreeSet;

use lithify_sim::keyed::Seed;

use super::history::History;
use super::run::{RunError, RunOptions, run};
use super::store::Store;
use crate::policies::Policy;

/// The result of a number of schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Schedules {
    /// The number of schedules.
    pub schedules: u64,
    /// The largest delay of a callback, in commits.
    pub reordering: u64,
    /// The number of different settled layouts.
    pub layouts: u64,
}

/// Runs a history under this number of schedules. Each schedule has its own seed,
/// beginning with `first`.
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

/// A digest of the live segments of every stream: their order, ranges and levels.
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
