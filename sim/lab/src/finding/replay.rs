//! Runs a plan exactly as it is written, with its planted bug if it names one.

use crate::judge::Enabled;
use crate::judge::oracle::{Finding, Oracle};
use crate::run::execute::{Execution, execute};
use crate::run::plan::{Expectation, Plan};
use crate::system::planted_in;

/// The outcome of a replay.
#[derive(Debug)]
pub struct Replay {
    /// The finding, if any.
    pub finding: Option<Finding>,
    /// The execution, unless it panicked.
    pub execution: Option<Execution>,
}

impl Replay {
    /// The first difference between two replays of one plan, if any.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<Finding> {
        let executions = self.execution.as_ref().zip(other.execution.as_ref());
        let message = executions.and_then(|(one, other)| one.difference(other));
        message.map(|message| Finding::new(Oracle::Determinism, message))
    }

    /// Whether the plan's expectation holds.
    #[must_use]
    pub fn holds(&self, expectation: Expectation) -> bool {
        match (expectation, &self.finding) {
            (Expectation::Pass, None) => true,
            (Expectation::Violation(oracle), Some(finding)) => finding.oracle == oracle,
            _ => false,
        }
    }
}

/// Runs `plan`; twice if it expects a difference between two runs. Missing syncs are
/// the finding if the plan expects no other one.
///
/// # Errors
/// As [`as_planted`].
pub fn replay(plan: &Plan, wants_timeline: bool) -> Result<Replay, String> {
    let run =
        |wants_timeline| as_planted(plan, || attempt(plan, &Enabled::default(), wants_timeline));
    let mut replay = run(wants_timeline)?;
    if plan.expectation == Expectation::Violation(Oracle::Determinism) && replay.finding.is_none() {
        replay.finding = replay.difference(&run(false)?);
    }
    let may_be_missing_syncs = matches!(
        plan.expectation,
        Expectation::Pass | Expectation::Violation(Oracle::Counters)
    );
    if may_be_missing_syncs && replay.finding.is_none() {
        let execution = replay.execution.as_ref();
        replay.finding = execution.and_then(|execution| execution.missing_syncs.clone());
    }
    Ok(replay)
}

/// Calls `run` with the bug planted that the plan names, if any.
///
/// # Errors
/// If the system has no bug with that name.
pub fn as_planted<T>(plan: &Plan, run: impl FnOnce() -> T) -> Result<T, String> {
    let Some(name) = &plan.bug else {
        return Ok(run());
    };
    let bugs = plan.system.bugs();
    let bug = bugs.iter().find(|bug| bug.name == name).ok_or_else(|| {
        format!(
            "the system {} has no planted bug {name:?}{}",
            plan.system.name(),
            if bugs.is_empty() {
                ": this program was built without them"
            } else {
                ""
            }
        )
    })?;
    Ok(planted_in(plan.system, bug.name, run))
}

/// Runs `plan` with the bugs that are planted already. A panic of the system is a
/// finding.
#[must_use]
pub fn attempt(plan: &Plan, enabled: &Enabled, wants_timeline: bool) -> Replay {
    let mut execution = None;
    let panicked = enabled.guarded(|| {
        execution = Some(execute(plan, enabled, wants_timeline));
        Ok(())
    });
    let finding = execution
        .as_ref()
        .and_then(|execution: &Execution| execution.finding.clone());
    Replay {
        finding: finding.or(panicked.err()),
        execution,
    }
}

/// A finding and the plan that shows it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// What is wrong.
    pub finding: Finding,
    /// A plan that shows it, with the finding as its expectation.
    pub plan: Plan,
}

impl Found {
    /// What a replay of the plan finds instead, if it finds something else. A campaign
    /// and the replay of its trace judge by the same rules, so a disagreement is a bug
    /// of the laboratory. O(one execution of the plan).
    #[must_use]
    pub fn disagreement(&self) -> Option<String> {
        let replayed = match replay(&self.plan, false) {
            Ok(replay) => replay.finding,
            Err(message) => return Some(message),
        };
        match replayed {
            Some(again) if again == self.finding => None,
            // A finding of nondeterminism may differ in each run.
            Some(again) if [again.oracle, self.finding.oracle] == [Oracle::Determinism; 2] => None,
            Some(again) => Some(format!("the replay of its trace finds {again}")),
            None => Some("the replay of its trace finds nothing".to_owned()),
        }
    }
}
