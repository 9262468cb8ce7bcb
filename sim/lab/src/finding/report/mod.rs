//! All facts about one trace, as data: what was promised and what was found, what
//! happened in which order, what each loss of power took, and why that matters.
//!
//! A report is made by running the plan, never from texts of an earlier run. It is the
//! source of every page and serialises to JSON, so a page shows nothing that a program
//! cannot read. This module draws nothing.
//!
//! Invariants: equal plans give equal reports, as long as `stop` does not end the
//! explanation; [`Report::is_cut_short`] says that it did. Places in a report are
//! numbers of [`Event`]s. Files are told apart by identity and not by name.

mod blow;
mod curve;
mod disks;
mod fates;
mod losses;
mod models;
mod timeline;

use serde::Serialize;

pub use curve::{Curve, Point};
pub use disks::{Difference, DiskFile, Disks, Opened, Stage};
pub use fates::Fate;
pub use losses::{Loss, PendingChange};
pub use models::{Shows, UnderModel};
pub use timeline::{Event, Lane, LaneKind, Naming, What};

use crate::finding::explain::{Explanation, Flip, explain};
use crate::finding::replay::{Replay, as_planted, replay};
use crate::finding::signature::{Diagnosis, Signature};
use crate::judge::oracle::Oracle;
use crate::run::execute::{Execution, Struck};
use crate::run::plan::Plan;
use crate::stop::Stop;
use crate::system::Settings;

/// All facts about a trace.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The system.
    pub system: &'static str,
    /// What the system is.
    pub about: &'static str,
    /// The persistence model.
    pub model: &'static str,
    /// The planted bug, if any.
    pub bug: Option<String>,
    /// The seed that the trace came from.
    pub seed: u64,
    /// The settings that differ from their defaults.
    pub settings: Settings,
    /// The trace, line by line.
    pub trace: Vec<String>,
    /// What was found; `None` if nothing was.
    pub found: Option<Found>,
    /// The line that findings with this cause have in common.
    pub signature: Option<Signature>,
    /// The changes that make the finding go away.
    pub causes: Vec<Cause>,
    /// Where stale bytes came from.
    pub stale: Vec<String>,
    /// Whether the time ended before every change was tried.
    pub is_cut_short: bool,
    /// Lines of the trace that had no effect.
    pub without_effect: Vec<String>,
    /// The faults that struck.
    pub faults: Vec<Strike>,
    /// Who or what the events belong to.
    pub lanes: Vec<Lane>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What each loss of power found pending.
    pub losses: Vec<Loss>,
    /// The disk around each loss of power, or at the end.
    pub disks: Vec<Disks>,
    /// The same trace under the other models.
    pub models: Vec<UnderModel>,
    /// The share of legal images that end in the finding, over the last epoch.
    pub curve: Option<Curve>,
}

/// A finding, with the numbers that clients were told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The oracle that objects.
    pub oracle: Oracle,
    /// The promise that it checks.
    pub promise: &'static str,
    /// What is wrong, with the numbers that were compared.
    pub message: String,
}

/// A change of the trace that makes the finding go away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What kind of change it is.
    pub kind: CauseKind,
    /// The change, in a sentence.
    pub text: String,
    /// The pending changes that it is about, by their names in traces.
    pub changes: Vec<String>,
    /// The number of the crash that it is about, if there are several.
    pub crash: Option<usize>,
}

/// The kinds of [`Cause`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// A barrier is missing.
    MissingBarrier,
    /// A lost change would have to survive.
    Survives,
    /// A kept change would have to be lost.
    IsLost,
    /// A fault struck.
    Fault,
    /// A line of the trace is needed.
    Line,
}

/// A fault that struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Strike {
    /// The kind of the fault.
    pub fault: &'static str,
    /// The call of the store that met it.
    pub call: String,
    /// The line of the trace with that call, counted from 1 behind `begin`.
    pub line: usize,
    /// The operation that it struck.
    pub operation: String,
    /// What the store answered; `None` if it answered that all was well.
    pub answer: Option<String>,
    /// Whether any call of the store has failed or refused because of it.
    pub is_observed: bool,
}

impl Report {
    /// Runs a plan, and collects the facts about it. Explaining needs a run for each
    /// line and each pending change; `stop` ends the explanation early.
    ///
    /// # Errors
    /// If the plan names a bug that the system does not have.
    pub fn of(plan: &Plan, stop: &Stop) -> Result<Self, String> {
        let Replay { finding, execution } = replay(plan, false)?;
        let found = finding.map(|finding| Found {
            oracle: finding.oracle,
            promise: finding.oracle.about(),
            message: finding.message,
        });
        let explained = match &found {
            // Two runs that differ cannot be explained by further runs.
            Some(found) if found.oracle != Oracle::Determinism => explain(plan, stop).ok(),
            _ => None,
        };
        let signature = match &found {
            Some(_) => Diagnosis::of(plan).ok().map(|it| it.signature),
            None => None,
        };
        let mut report = Self {
            found,
            signature,
            is_cut_short: explained.as_ref().is_some_and(|it| it.is_cut_short),
            ..Self::without_run(plan)
        };
        if let Some(explained) = explained {
            report.take_explanation(&explained);
        }
        if let Some(execution) = execution {
            as_planted(plan, || report.take_execution(plan, &execution))?;
        }
        report.models = models::under_others(plan, report.found.as_ref().map(|it| it.oracle));
        Ok(report)
    }

    /// What the plan itself says.
    fn without_run(plan: &Plan) -> Self {
        Self {
            system: plan.system.name(),
            about: plan.system.about(),
            model: plan.model.name,
            bug: plan.bug.clone(),
            seed: plan.seed,
            settings: plan.settings.clone(),
            trace: plan.to_string().lines().map(str::to_owned).collect(),
            found: None,
            signature: None,
            causes: Vec::new(),
            stale: Vec::new(),
            is_cut_short: false,
            without_effect: Vec::new(),
            faults: Vec::new(),
            lanes: Vec::new(),
            events: Vec::new(),
            losses: Vec::new(),
            disks: Vec::new(),
            models: Vec::new(),
            curve: None,
        }
    }

    fn take_explanation(&mut self, explained: &Explanation) {
        let causes = explained.pivots.iter().map(|pivot| {
            let (kind, changes) = kind_of(&pivot.flip);
            Cause {
                kind,
                text: pivot.to_string(),
                changes,
                crash: pivot.crash.map(|(number, _)| number),
            }
        });
        self.causes = causes.collect();
        self.stale = explained.stale.iter().map(ToString::to_string).collect();
    }

    fn take_execution(&mut self, plan: &Plan, execution: &Execution) {
        self.without_effect.clone_from(&execution.unmatched);
        self.faults = execution.struck.iter().map(strike).collect();
        let blows = blow::blows(plan, execution);
        let told = timeline::tell(plan, execution, &blows);
        self.losses = losses::losses(&blows, &told, &self.causes);
        self.disks = disks::disks(plan, execution, &blows);
        self.curve = match &self.found {
            Some(found) => curve::curve(plan, execution, &told, found.oracle),
            None => None,
        };
        (self.lanes, self.events) = (told.lanes, told.events);
    }
}

fn kind_of(flip: &Flip) -> (CauseKind, Vec<String>) {
    match flip {
        Flip::Barrier { .. } => (CauseKind::MissingBarrier, Vec::new()),
        Flip::Survives(change) => (CauseKind::Survives, vec![change.clone()]),
        Flip::SurviveTogether(changes) => (CauseKind::Survives, changes.clone()),
        Flip::IsLost(change) => (CauseKind::IsLost, vec![change.clone()]),
        Flip::Fault { .. } => (CauseKind::Fault, Vec::new()),
        Flip::Line(_) => (CauseKind::Line, Vec::new()),
    }
}

fn strike(struck: &Struck) -> Strike {
    Strike {
        fault: struck.kind.name(),
        call: struck.call.clone(),
        line: struck.action + 1,
        operation: struck.operation.clone(),
        answer: struck.answer.clone(),
        is_observed: struck.is_observed,
    }
}
