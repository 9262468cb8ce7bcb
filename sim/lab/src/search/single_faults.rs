//! Every single fault: each kind at each operation of one small history, with crashes
//! after it.
//!
//! Campaigns draw where a fault strikes, so few of them find an error that is swallowed
//! on one path only. Here every disk call that can fail fails once, at every place.
//! Afterwards either this call or the next call reports the error, or the store is as
//! if the call had succeeded. The history commits, settles, dies, closes and reads.
//! Campaigns cover faults in other histories, and several faults in one history.

use crate::disk::{Fault, FaultKind, Model};
use crate::finding::replay::attempt;
use crate::judge::Enabled;
use crate::judge::oracle::Finding;
use crate::run::plan::{Action, Expectation, Plan};
use crate::search::crashes::{Reach, crash_everywhere};
use crate::search::scope::small_history;
use crate::stop::Stop;
use crate::system::{Settings, System};

/// The result of the enumeration.
#[derive(Clone, Debug)]
pub struct Faulted {
    /// Executions: one for each place of each kind, and one last execution per kind in
    /// which no fault strikes.
    pub runs: u64,
    /// A digest of what the store did and answered in all of them.
    pub seen: u128,
    /// The first finding and a plan that shows it.
    pub finding: Option<(Finding, Plan)>,
}

/// More than the number of operations of one kind in the history.
const MOST: u32 = 1000;

/// Fails every operation once, in every way in which it can fail. O(operations × kinds)
/// executions.
///
/// # Panics
/// If the settings are invalid.
#[must_use]
pub fn enumerate(
    system: &'static dyn System,
    settings: &Settings,
    model: &'static Model,
) -> Faulted {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let mut runs = 0;
    let mut finding = None;
    'kinds: for &kind in FaultKind::ALL {
        for at in 1..MOST {
            let plan = plan(system, settings, model, kind, at);
            runs += 1;
            match run(&plan, &mut hasher) {
                Ok(true) => {}
                // If this fault found no operation to strike, later ones will find
                // none.
                Ok(false) => break,
                Err(found) => {
                    finding = Some(*found);
                    break 'kinds;
                }
            }
        }
    }
    Faulted {
        runs,
        seen: hasher.digest128(),
        finding,
    }
}

/// Commits, a death, a close, and reads, with settling between them.
fn plan(
    system: &'static dyn System,
    settings: &Settings,
    model: &'static Model,
    kind: FaultKind,
    at: u32,
) -> Plan {
    let commits = small_history(4, 2).into_iter();
    let mut commits = commits.map(|batch| Action::Commit(vec![batch]));
    let fault = Fault {
        kind,
        file: String::new(),
        at,
        stays: false,
    };
    let newest = || Action::Read(999);
    let mut actions = vec![Action::Fault(fault)];
    actions.extend(commits.by_ref().take(2));
    actions.extend([Action::Settle, newest(), Action::Die]);
    actions.extend(commits.by_ref().take(1));
    actions.extend([Action::Settle, newest(), Action::Read(1), Action::Reopen]);
    actions.extend(commits);
    actions.extend([Action::Settle, newest()]);
    Plan {
        system,
        settings: settings.clone(),
        model,
        seed: 0,
        bug: None,
        skipped: Vec::new(),
        actions,
        expectation: Expectation::Pass,
    }
}

/// Runs a plan and crashes it after its fault. True if the fault has struck.
fn run(plan: &Plan, hasher: &mut xxhash_rust::xxh3::Xxh3) -> Result<bool, Box<(Finding, Plan)>> {
    let enabled = Enabled::default();
    let reach = Reach {
        max_images: 8,
        recoveries_one_in: 0,
        ..Reach::SMALL
    };
    let attempt = attempt(plan, &enabled, false);
    if let Some(finding) = attempt.finding {
        return Err(Box::new((finding, plan.clone())));
    }
    let Some(execution) = attempt.execution else {
        return Ok(false);
    };
    hasher.update(&execution.digest.to_le_bytes());
    hasher.update(format!("{:?}", execution.struck).as_bytes());
    let explored = crash_everywhere(plan, &execution, reach, &enabled, &Stop::never());
    hasher.update(&explored.recovered.to_le_bytes());
    match explored.finding {
        Some(found) => Err(Box::new(found)),
        None => Ok(!execution.struck.is_empty()),
    }
}
