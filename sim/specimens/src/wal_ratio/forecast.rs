//! Predicts the costs of a history from the rule, by arithmetic on the lengths of
//! commits and without a store.
//!
//! The rule does not say when the checks happen. So the ticks of the clock are an input.
//! Each tick has the number of durable commits and the number of pending commits.

use std::collections::BTreeMap;

use lithify_sim::history::Batch;

use super::commit::operations;
use super::policy::Policy;
use super::record::Operation;
use super::settings::Chosen;
use super::store::commit_bytes;
use super::table::Table;

/// A tick of the clock, for a store that has existed since its first commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    /// The number of commits in the log.
    pub(super) durable: u64,
    /// The number of accepted commits. Those that are not durable are flushed before a
    /// rewrite.
    pub(super) accepted: u64,
}

/// The bytes that were written, and the length of the log at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) rewrites: u64,
    pub(super) commit_bytes: u64,
    pub(super) base_bytes: u64,
    pub(super) log_bytes: u64,
}

/// The length of a base without pairs: a header of 8 bytes, a kind, and four numbers of
/// 8 bytes.
const EMPTY_BASE: u64 = 41;

/// The length of a pair without its key and value.
const EMPTY_PAIR: u64 = 18;

/// The live bytes of each key.
#[derive(Default)]
pub(super) struct Live(BTreeMap<Vec<u8>, u64>);

impl Live {
    pub(super) fn apply(&mut self, batch: &Batch) {
        for operation in operations(batch) {
            match operation {
                Operation::Put(key, value) => {
                    let bytes = EMPTY_PAIR + (key.len() + value.len()) as u64;
                    self.0.insert(key, bytes);
                }
                Operation::Delete(key) => _ = self.0.remove(&key),
            }
        }
    }

    /// The live bytes of a table, counted from its pairs.
    pub(super) fn of(table: &Table) -> Self {
        let bytes =
            |(key, value): (&Vec<u8>, &Vec<u8>)| EMPTY_PAIR + (key.len() + value.len()) as u64;
        let pairs = table.pairs().iter();
        Self(pairs.map(|pair| (pair.0.clone(), bytes(pair))).collect())
    }

    pub(super) fn bytes(&self) -> u64 {
        EMPTY_BASE + self.0.values().sum::<u64>()
    }
}

/// Whether the rule rewrites a log at a tick. `last` is the time when the last rewrite
/// ended. Time begins with the opening.
pub(super) fn is_due(
    policy: &Policy,
    (log_bytes, live_bytes): (u64, u64),
    now: u64,
    last: Option<u64>,
) -> bool {
    let is_full = log_bytes >= policy.threshold * live_bytes;
    let since = now - last.unwrap_or(0);
    let is_late = policy.max_interval.is_some_and(|most| since >= most) && log_bytes > live_bytes;
    let is_soon = last.is_some() && since < policy.min_interval;
    (is_full || is_late) && !is_soon
}

/// The costs of these commits and ticks.
pub(super) fn forecast(chosen: &Chosen, history: &[Batch], ticks: &[Tick]) -> Spent {
    let policy = chosen.options.policy;
    let mut live = Live::default();
    let mut spent = Spent {
        base_bytes: EMPTY_BASE,
        log_bytes: EMPTY_BASE,
        ..Spent::default()
    };
    let mut commits = history.iter();
    let mut written = 0;
    let mut write_up_to = |most: u64, live: &mut Live, spent: &mut Spent| {
        for batch in commits.by_ref().take((most - written) as usize) {
            let bytes = commit_bytes(&operations(batch));
            spent.commit_bytes += bytes;
            spent.log_bytes += bytes;
            live.apply(batch);
        }
        written = most;
    };
    let (mut now, mut last) = (0, None);
    for tick in ticks {
        now += policy.check_every;
        write_up_to(tick.durable, &mut live, &mut spent);
        if is_due(&policy, (spent.log_bytes, live.bytes()), now, last) {
            write_up_to(tick.accepted, &mut live, &mut spent);
            spent.rewrites += 1;
            spent.base_bytes += live.bytes();
            spent.log_bytes = live.bytes();
            last = Some(now);
        }
    }
    write_up_to(history.len() as u64, &mut live, &mut spent);
    spent
}
