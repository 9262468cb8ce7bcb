//! Executes a plan: the client, the scheduler's decisions, faults and crashes.
//!
//! The executor keeps the history that the client knows, puts marks into the log, and
//! asks the oracles that apply to a running store. An *epoch* of the disk is the time
//! from one loss of power to the next. The logs of all epochs are kept, so that other
//! crashes of the same execution can be explored afterwards.

mod checks;
mod client;
mod crash;
mod death;
mod doubt;
mod epoch;
mod executor;
mod foreign;
mod scene;
mod struck;
mod timeline;
mod witness;

use crate::disk::oplog::Operation;
use crate::judge::oracle::Finding;
use crate::judge::{Enabled, beside};
use crate::run::plan::{Action, Plan};
use executor::Executor;

pub use epoch::Epoch;
pub(crate) use foreign::disk as used_disk;
pub use scene::{CrashScene, execute_until_crash};
pub use struck::Struck;

/// The outcome of a plan.
#[derive(Debug)]
pub struct Execution {
    /// The first finding.
    pub finding: Option<Finding>,
    /// The store made fewer syncs than the rule demands. This is a finding only if
    /// there is no other: a crash that shows the effect of the missing sync tells more.
    pub missing_syncs: Option<Finding>,
    /// The epochs.
    pub epochs: Vec<Epoch>,
    /// The faults that have struck, in order.
    pub struck: Vec<Struck>,
    /// Parts of the plan that had no effect: tasks that did not exist (recorded only if
    /// a timeline is wanted), and operations and pending changes that a crash names and
    /// that did not exist.
    pub unmatched: Vec<String>,
    /// A digest of all operations.
    pub digest: u64,
    /// One line for each event, if a timeline is wanted.
    pub timeline: Vec<String>,
}

impl Execution {
    /// The first operation in which two executions of one plan differ, as text.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.digest == other.digest {
            return None;
        }
        let (one, other) = (self.operations(), other.operations());
        let position = one.iter().zip(&other).position(|(a, b)| a != b);
        let position = position.unwrap_or(one.len().min(other.len()));
        let at = |operations: &[(String, Vec<u8>)]| {
            let operation = operations.get(position);
            operation.map_or("the end", |(text, _)| text).to_owned()
        };
        let (one, other) = (at(&one), at(&other));
        Some(match one == other {
            true => format!("operation {position}, {one:?}, writes other bytes in the second run"),
            false => format!(
                "operation {position} is {one:?} in the first run and {other:?} in the second"
            ),
        })
    }

    /// The text of every operation, with the bytes that it writes.
    fn operations(&self) -> Vec<(String, Vec<u8>)> {
        let logs = self.epochs.iter().map(|epoch| &epoch.log);
        let described = logs.flat_map(|log| {
            log.operations().iter().map(|operation| {
                let bytes = match operation {
                    Operation::Write { bytes, .. } => log.bytes(bytes).to_vec(),
                    _ => Vec::new(),
                };
                (log.describe(operation).to_string(), bytes)
            })
        });
        described.collect()
    }
}

/// Whether an action is a loss of power during the previous action.
fn is_crash_inside(action: &Action, before: Option<&Action>) -> bool {
    let is_crash = |action: &Action| matches!(action, Action::Crash(_));
    is_crash(action) && before.is_some_and(|before| !is_crash(before))
}

/// Executes `plan`, and judges what is left at its end.
///
/// # Panics
/// If the plan's settings are invalid. Parsing and generating a plan checks them.
#[must_use]
pub fn execute(plan: &Plan, enabled: &Enabled, wants_timeline: bool) -> Execution {
    let mut executor = Executor::new(plan, enabled, wants_timeline);
    let mut finding = None;
    for (index, action) in plan.actions.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &plan.actions[index]);
        if executor.is_undecidable && !is_crash_inside(action, before) {
            break;
        }
        // If the power fails in the middle of an action, the later part of the action
        // has not happened, so it cannot make the outcome undecidable.
        executor.is_undecidable = false;
        finding = executor.action(index, action).err();
        if finding.is_some() {
            break;
        }
    }
    let end = executor.fs.log_length();
    if finding.is_none() && !executor.is_undecidable {
        finding = executor.finish().err();
    }
    if executor.is_alive {
        executor.end_epoch(end);
    }
    if finding.is_none() {
        finding = beside::check(plan, &executor.epochs, enabled).err();
    }
    Execution {
        finding,
        missing_syncs: executor.missing_syncs,
        digest: digest(&executor.epochs),
        epochs: executor.epochs,
        struck: executor.struck,
        unmatched: executor.unmatched,
        timeline: executor.timeline.into_lines(),
    }
}

fn digest(epochs: &[Epoch]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for epoch in epochs {
        for operation in epoch.log.operations() {
            hasher.update(epoch.log.describe(operation).to_string().as_bytes());
            if let Operation::Write { bytes, .. } = operation {
                hasher.update(epoch.log.bytes(bytes));
            }
            hasher.update(b"\n");
        }
    }
    hasher.digest()
}
