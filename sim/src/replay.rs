//! Running a plan exactly as it is written, with its planted bug if it names one.

use crate::crashes::guarded;
use crate::execute::{Execution, execute};
use crate::judge::Enabled;
use crate::oracle::Finding;
use crate::plan::{Expectation, Plan};

/// What came of a replay.
#[derive(Debug)]
pub struct Replay {
    /// The finding, if there is one.
    pub finding: Option<Finding>,
    /// The execution, unless it panicked.
    pub execution: Option<Execution>,
}

impl Replay {
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

/// Runs `plan`.
///
/// # Errors
/// When the system has no bug of the name that the plan gives.
pub fn replay(plan: &Plan, wants_timeline: bool) -> Result<Replay, String> {
    let Some(name) = &plan.bug else {
        return Ok(run(plan, wants_timeline));
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
    let mut outcome = None;
    plan.system
        .with_bug(bug.name, &mut || outcome = Some(run(plan, wants_timeline)));
    Ok(outcome.expect("with_bug runs what it is given"))
}

fn run(plan: &Plan, wants_timeline: bool) -> Replay {
    let enabled = Enabled::default();
    let mut execution = None;
    let panicked = guarded(&enabled, || {
        execution = Some(execute(plan, &enabled, wants_timeline));
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
