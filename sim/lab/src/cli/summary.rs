//! What a campaign has covered and found, as data: the JSON of `sim run` and `sim merge`, and
//! the source of their text and their page.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::reach::ReachLine;
use super::told::{End, Told};
use crate::disk::Coverage;
use crate::finding::signature::Signature;

/// The numbers of a run, and its findings.
#[derive(Serialize)]
pub(super) struct Summary<'run> {
    pub(super) seeds: u64,
    pub(super) asked: u64,
    pub(super) complete: bool,
    /// Why the run has not done all that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shortfall: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
    pub(super) commits: u64,
    pub(super) operations: u64,
    pub(super) images: u64,
    pub(super) distinct_images: u64,
    pub(super) recoveries: u64,
    pub(super) models: Vec<ModelLine>,
    pub(super) faults: Vec<FaultLine>,
    pub(super) operations_reached: &'run BTreeMap<String, u64>,
    pub(super) marks: &'run BTreeMap<Cow<'static, str>, u64>,
    pub(super) reach: ReachLine,
    /// By signature, the most frequent first.
    pub(super) findings: Vec<FindingLine>,
    /// Known signatures that were not seen.
    pub(super) known_unseen: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct ModelLine {
    pub(super) model: String,
    pub(super) crash_points: u64,
    pub(super) enumerated_points: u64,
    pub(super) images: u64,
    pub(super) max_pending_changes: usize,
    #[serde(skip)]
    pub(super) coverage: Coverage,
}

#[derive(Serialize)]
pub(super) struct FaultLine {
    pub(super) fault: &'static str,
    pub(super) armed: u64,
    pub(super) fired: u64,
    pub(super) observed: u64,
}

#[derive(Serialize)]
pub(super) struct FindingLine {
    pub(super) seed: u64,
    pub(super) oracle: &'static str,
    pub(super) model: &'static str,
    pub(super) message: String,
    /// What had to go wrong, if that is known.
    pub(super) why: Vec<String>,
    pub(super) signature: Signature,
    /// The number of seeds that have shown it.
    pub(super) count: u64,
    /// Whether the file of known findings excuses it today.
    pub(super) known: bool,
    pub(super) until: Option<String>,
    pub(super) reason: Option<String>,
    /// The shortest trace.
    pub(super) trace: String,
    /// The page of the finding, beside the report of the campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<String>,
    /// What the replay of the trace finds instead, if it finds something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) disagreement: Option<String>,
}

/// The numbers of a run, with these findings.
pub(super) fn summary<'run>(
    run: &Told<'run>,
    findings: Vec<FindingLine>,
    known_unseen: Vec<String>,
) -> Summary<'run> {
    let ledger = run.ledger;
    let models = ledger.coverage.iter().map(|(model, coverage)| ModelLine {
        model: model.to_string(),
        crash_points: coverage.points,
        enumerated_points: coverage.enumerated_points,
        images: coverage.images,
        max_pending_changes: coverage.max_pending,
        coverage: *coverage,
    });
    let faults = ledger.faults.iter().map(|(kind, count)| FaultLine {
        fault: kind.name(),
        armed: count.armed,
        fired: count.fired,
        observed: count.observed,
    });
    let models: Vec<ModelLine> = models.collect();
    Summary {
        seeds: ledger.seeds,
        asked: run.asked,
        complete: run.end == End::Done,
        shortfall: (run.end != End::Done).then(|| run.shortfall()),
        seconds: run.time.map(|time| time.as_secs_f64()),
        commits: ledger.commits,
        operations: ledger.operations,
        images: models.iter().map(|line| line.images).sum(),
        distinct_images: ledger.distinct,
        recoveries: ledger.recovered,
        models,
        faults: faults.collect(),
        operations_reached: &ledger.calls,
        marks: &ledger.marks,
        reach: run.reach,
        findings,
        known_unseen,
    }
}
