//! The same trace under the other persistence models: whether they show the finding.

use serde::Serialize;

use crate::disk::model::MODELS;
use crate::disk::{Budget, Coverage, Model};
use crate::finding::replay::{as_planted, replay};
use crate::judge::Enabled;
use crate::judge::oracle::{Finding, Oracle};
use crate::run::plan::{Action, Expectation, Plan};
use crate::search::crashes::{Reach, crash_everywhere};
use crate::stop::Stop;

/// A trace under another model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnderModel {
    /// The model.
    pub model: &'static str,
    /// What it stands for.
    pub about: &'static str,
    /// Whether it shows the finding.
    pub shows: Shows,
    /// What was found, if anything.
    pub found: Option<String>,
    /// The last loss of power of the trace that shows it, if it is another one.
    pub crash: Option<String>,
    /// The images that were looked at, if the loss of power of the trace shows nothing.
    pub coverage: Option<Coverage>,
}

/// How a model shows a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shows {
    /// The trace as it is shows it.
    AsItIs,
    /// Another loss of power of the same run shows it.
    WithAnotherCrash,
    /// Another promise is broken.
    AnotherFinding,
    /// Nothing was found.
    Nothing,
}

/// A trace with a finding of `oracle` under all models but its own.
pub(super) fn under_others(plan: &Plan, oracle: Option<Oracle>) -> Vec<UnderModel> {
    let Some(oracle) = oracle else {
        return Vec::new();
    };
    let others = MODELS.iter().filter(|model| model.name != plan.model.name);
    others.map(|model| under(plan, model, oracle)).collect()
}

fn under(plan: &Plan, model: &'static Model, oracle: Oracle) -> UnderModel {
    let plan = Plan {
        model,
        expectation: Expectation::Violation(oracle),
        ..plan.clone()
    };
    let told = |shows, found, crash, coverage| UnderModel {
        model: model.name,
        about: model.about,
        shows,
        found,
        crash,
        coverage,
    };
    let outcome = replay(&plan, false).ok();
    let finding = outcome.and_then(|outcome| outcome.finding);
    if let Some(finding) = finding.as_ref().filter(|it| it.oracle == oracle) {
        return told(Shows::AsItIs, Some(finding.to_string()), None, None);
    }
    let (coverage, other) = elsewhere(&plan);
    let same = other.filter(|(found, _)| found.oracle == oracle);
    match (same, finding) {
        (Some((found, crash)), _) => told(
            Shows::WithAnotherCrash,
            Some(found.to_string()),
            crash,
            None,
        ),
        (None, Some(finding)) => told(
            Shows::AnotherFinding,
            Some(finding.to_string()),
            None,
            coverage,
        ),
        (None, None) => told(Shows::Nothing, None, None, coverage),
    }
}

/// Crashes the last epoch of a plan everywhere, without its last crash.
fn elsewhere(plan: &Plan) -> (Option<Coverage>, Option<(Finding, Option<String>)>) {
    if !plan.ends_with_crash() {
        return (None, None);
    }
    let reach = Reach {
        budget: Budget {
            enumerate: 512,
            ..Budget::SMALL
        },
        recoveries_one_in: 0,
        max_images: 2000,
        only_last_epoch: true,
        ..Reach::SMALL
    };
    let mut plan = plan.clone();
    if let Some(Action::Heal) = plan.actions.pop() {
        plan.actions.pop();
    }
    let Ok(outcome) = replay(&plan, false) else {
        return (None, None);
    };
    let (None, Some(execution)) = (outcome.finding, outcome.execution) else {
        return (None, None);
    };
    let enabled = Enabled::default();
    let crash = || crash_everywhere(&plan, &execution, reach, &enabled, &Stop::never());
    let Ok(explored) = as_planted(&plan, crash) else {
        return (None, None);
    };
    let found = explored.finding.map(|(finding, plan)| {
        let mut crashes = plan.actions.iter().rev();
        let crash = crashes.find(|action| matches!(action, Action::Crash(_)));
        (finding, crash.map(ToString::to_string))
    });
    (Some(explored.coverage), found)
}
