//! The result of a comparison, before it is formatted.

use lithify_policies::compare::optimal::Optimal;
use lithify_policies::compare::schedules::{Schedules, schedules};
use lithify_policies::compare::{Compared, Explained, History, Measured, RunOptions, run};
use lithify_policies::policies::{Ingest, Spec, registry};
use serde::Serialize;

/// The whole result.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) workloads: Vec<WorkloadReport>,
}

/// The results for one history.
#[derive(Serialize)]
pub(super) struct WorkloadReport {
    pub(super) workload: String,
    pub(super) commits: usize,
    pub(super) keyspaces: usize,
    pub(super) keys: usize,
    pub(super) policies: Vec<PolicyReport>,
}

/// The result of one policy for this history.
#[derive(Serialize)]
pub(super) struct PolicyReport {
    pub(super) policy: String,
    #[serde(flatten)]
    pub(super) measured: Measured,
    pub(super) predictions: Vec<Compared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schedules: Option<Schedules>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) optimal: Option<OptimalReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) explained: Vec<Explained>,
    /// Whether the lower bound applies to the policy.
    #[serde(skip)]
    is_bounded: bool,
}

/// The lower bound for the largest number of live segments that the policy had.
#[derive(Clone, Copy, Serialize)]
pub(super) struct OptimalReport {
    pub(super) live_segments: u64,
    pub(super) bytes_written: u64,
    /// Bytes written by the policy for each byte of the bound.
    pub(super) regret: f64,
}

/// Runs one policy on one history.
pub(super) fn play(
    spec: &Spec,
    history: &History,
    options: &RunOptions,
    schedule_count: u64,
) -> Result<PolicyReport, String> {
    let policy = registry::build(spec)?;
    let failed = |error| format!("{spec} on {}: {error}", history.name);
    let outcome = run(&*policy, history, options).map_err(failed)?;
    let profile = history.profile(
        policy.streams(),
        options.keeps_all_versions,
        options.reordering,
    );
    let schedules = match schedule_count {
        0 => None,
        count => {
            let counted = schedules(&*policy, history, options, options.seed, count);
            Some(counted.map_err(failed)?)
        }
    };
    Ok(PolicyReport {
        policy: spec.to_string(),
        predictions: outcome.measured.compare(&policy.expectations(&profile)),
        is_bounded: policy.ingest() == Ingest::SegmentPerCommit
            && outcome.measured.lost_records == 0,
        measured: outcome.measured,
        schedules,
        optimal: None,
        explained: outcome.explained,
    })
}

impl WorkloadReport {
    pub(super) fn of(history: &History, policies: Vec<PolicyReport>) -> Self {
        Self {
            workload: history.name.clone(),
            commits: history.commits.len(),
            keyspaces: history.keyspaces,
            keys: history.keyspace_of.len(),
            policies,
        }
    }

    /// Adds the lower bound to each policy to which it applies.
    pub(super) fn add_optimal(&mut self, history: &History) -> Result<(), String> {
        let mut optimal = Optimal::new(history)?;
        for policy in self.policies.iter_mut().filter(|policy| policy.is_bounded) {
            let measured = &policy.measured;
            let live_segments = measured.max_live_segments;
            let written: u64 = measured.by_cause.values().map(|one| one.bytes).sum();
            let bytes_written = optimal.bytes_written(live_segments as usize);
            policy.optimal = bytes_written.map(|bytes_written| OptimalReport {
                live_segments,
                bytes_written,
                regret: written as f64 / bytes_written.max(1) as f64,
            });
        }
        Ok(())
    }
}

impl Report {
    /// The first prediction that was wrong.
    pub(super) fn broken(&self) -> Option<String> {
        self.workloads.iter().find_map(|workload| {
            workload.policies.iter().find_map(|policy| {
                let broken = policy.predictions.iter().find(|one| one.is_broken)?;
                Some(format!(
                    "{} on {}: {} was predicted to be {}, and is {}",
                    policy.policy,
                    workload.workload,
                    broken.expectation.metric.name(),
                    broken.expectation.expected,
                    broken.measured
                ))
            })
        })
    }
}
