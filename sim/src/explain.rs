//! Why a plan fails: the single changes and barriers that flip the verdict.
//!
//! For the last crash of a plan, each pending change is flipped from lost to kept or the
//! other way round, and the plan is run again. Where a lost change and a later kept one
//! both matter, the first should have been durable before the second: that is the
//! missing barrier, in words.

use std::fmt;

use fixedbitset::FixedBitSet;

use crate::execute::{CrashScene, execute_until_crash};
use crate::plan::{Action, Expectation, Plan, Survivors};
use crate::replay::{as_planted, replay};
use crate::simfs::change::labels;
use crate::simfs::{ChangeKind, Frontier};

/// What flips the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pivot {
    /// It goes away if this had survived.
    Survives(String),
    /// It goes away if this had not survived.
    IsLost(String),
    /// It goes away if this barrier comes before that operation.
    Barrier {
        /// `sync_data(file)` or `sync_dir(directory)`.
        barrier: String,
        /// The operation whose effect survived.
        before: String,
    },
    /// It goes away without this line of the plan.
    Line(String),
}

impl fmt::Display for Pivot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Survives(change) => write!(formatter, "goes away if {change} survives"),
            Self::IsLost(change) => write!(formatter, "goes away if {change} is lost too"),
            Self::Barrier { barrier, before } => {
                write!(formatter, "goes away if {barrier} comes before {before}")
            }
            Self::Line(line) => write!(formatter, "goes away without \"{line}\""),
        }
    }
}

/// Explains a plan whose expectation is a violation.
///
/// # Errors
/// When it has no finding.
pub fn explain(plan: &Plan) -> Result<Vec<Pivot>, String> {
    let finding = replay(plan, false)?
        .finding
        .ok_or("the trace has no finding")?;
    let mut plan = plan.clone();
    plan.expectation = Expectation::Violation(finding.oracle);
    let mut pivots = match plan
        .actions
        .iter()
        .rposition(|action| matches!(action, Action::Crash(_)))
    {
        Some(crash) => crash_pivots(&plan, crash)?,
        None => Vec::new(),
    };
    pivots.extend(line_pivots(&plan)?);
    Ok(pivots)
}

fn still_fails(plan: &Plan) -> Result<bool, String> {
    Ok(replay(plan, false)?.holds(plan.expectation))
}

/// Lines that are not commits and matter.
fn line_pivots(plan: &Plan) -> Result<Vec<Pivot>, String> {
    let mut pivots = Vec::new();
    for index in 0..plan.actions.len() {
        let action = &plan.actions[index];
        if matches!(action, Action::Crash(_) | Action::Commit(_)) {
            continue;
        }
        let mut without = plan.clone();
        without.actions.remove(index);
        let pivot = Pivot::Line(action.to_string());
        if !pivots.contains(&pivot) && !still_fails(&without)? {
            pivots.push(pivot);
        }
    }
    Ok(pivots)
}

fn crash_pivots(plan: &Plan, crash_index: usize) -> Result<Vec<Pivot>, String> {
    let Some((scene, crash)) = as_planted(plan, || execute_until_crash(plan, crash_index))? else {
        return Ok(Vec::new());
    };
    let frontier = scene.frontier(plan.model);
    let names = labels(&scene.log, frontier.pending());
    let kept = scene.kept(&frontier, crash);
    let mut pivots = Vec::new();
    let (mut lost_pivots, mut kept_pivots) = (Vec::new(), Vec::new());
    for (index, name) in names.iter().enumerate() {
        let flipped = flipped(&frontier, &kept, index);
        if flipped == kept {
            continue;
        }
        let survivors: Vec<String> = flipped.ones().map(|index| names[index].clone()).collect();
        let mut other = plan.clone();
        if let Action::Crash(crash) = &mut other.actions[crash_index] {
            crash.survivors = Survivors::Only(survivors);
        }
        if still_fails(&other)? {
            continue;
        }
        if kept.contains(index) {
            kept_pivots.push(index);
            pivots.push(Pivot::IsLost(name.clone()));
        } else {
            lost_pivots.push(index);
            pivots.push(Pivot::Survives(name.clone()));
        }
    }
    pivots.extend(barriers(&scene, &frontier, &lost_pivots, &kept_pivots));
    Ok(pivots)
}

/// The set with one change flipped, and whatever must follow.
fn flipped(frontier: &Frontier<'_>, kept: &FixedBitSet, index: usize) -> FixedBitSet {
    if kept.contains(index) {
        let mut lost: Vec<usize> = kept.zeroes().collect();
        lost.push(index);
        frontier.dropping(&lost)
    } else {
        let mut wanted: Vec<usize> = kept.ones().collect();
        wanted.push(index);
        frontier.keeping(&wanted)
    }
}

/// For each lost change that matters: the barrier that would have kept it, before the
/// earliest later operation whose effect survived and matters, or before the crash.
fn barriers(
    scene: &CrashScene,
    frontier: &Frontier<'_>,
    lost: &[usize],
    kept: &[usize],
) -> Vec<Pivot> {
    let changes = frontier.pending();
    let mut pivots = Vec::new();
    for &index in lost {
        let barrier = match &changes[index].kind {
            ChangeKind::Data { inode, .. } | ChangeKind::Size { inode, .. } => {
                format!("sync_data({})", scene.log.name_of(*inode))
            }
            ChangeKind::Link { name, .. }
            | ChangeKind::Unlink { name }
            | ChangeKind::Rename { to: name, .. } => {
                let directory = lithify::fs::name::split(name).0;
                format!("sync_dir(/{directory})")
            }
        };
        let later = kept
            .iter()
            .map(|&kept| changes[kept].operation)
            .find(|&operation| operation > changes[index].operation);
        let before = match later {
            Some(operation) => {
                let operation = &scene.log.operations()[operation];
                scene.log.describe(operation).to_string()
            }
            None if frontier.known().acknowledged > 0 => {
                format!("commit {} is acknowledged", frontier.known().acknowledged)
            }
            None => continue,
        };
        let pivot = Pivot::Barrier { barrier, before };
        if !pivots.contains(&pivot) {
            pivots.push(pivot);
        }
    }
    pivots
}
