//! Why a plan fails: the single changes and barriers that flip the verdict.
//!
//! For the last crash of a plan, each pending change is flipped from lost to kept or the
//! other way round, and the plan is run again. Then everything that one more sync of a file
//! or directory would have saved is kept: when that flips the verdict, it is the missing
//! barrier, in words. An append is lost with its bytes or its length, so often a barrier
//! matters and no single change does.

use std::collections::BTreeMap;
use std::fmt;

use fixedbitset::FixedBitSet;

use crate::execute::{CrashScene, execute_until_crash};
use crate::plan::{Action, Expectation, Plan, Survivors};
use crate::replay::{as_planted, replay};
use crate::simfs::Frontier;
use crate::simfs::change::labels;
use crate::stop::Stop;

/// What flips the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pivot {
    /// It goes away if this had survived.
    Survives(String),
    /// It goes away if all of these had survived.
    SurviveTogether(Vec<String>),
    /// It goes away if this had not survived.
    IsLost(String),
    /// It goes away if this barrier comes before that operation.
    Barrier {
        /// `sync_data(file)` or `sync_dir(directory)`.
        barrier: String,
        /// The operation whose effect survived, or the promise that was broken.
        before: String,
    },
    /// It goes away without this line of the plan.
    Line(String),
}

impl fmt::Display for Pivot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Survives(change) => write!(formatter, "goes away if {change} survives"),
            Self::SurviveTogether(changes) => {
                write!(formatter, "goes away if {} survive", changes.join(" and "))
            }
            Self::IsLost(change) => write!(formatter, "goes away if {change} is lost too"),
            Self::Barrier { barrier, before } => {
                write!(formatter, "goes away if {barrier} comes before {before}")
            }
            Self::Line(line) => write!(formatter, "goes away without \"{line}\""),
        }
    }
}

/// What was learned about a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What flips the verdict.
    pub pivots: Vec<Pivot>,
    /// Whether there was no time to try everything.
    pub is_cut_short: bool,
}

/// Explains a plan whose expectation is a violation. With a long plan that takes a run for
/// each line; `stop` ends it with what was learned by then. Commits are tried only when
/// nothing else flips the verdict: that a finding needs its commits goes without saying.
///
/// # Errors
/// When it has no finding.
pub fn explain(plan: &Plan, stop: &Stop) -> Result<Explanation, String> {
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
        Some(crash) => crash_pivots(&plan, crash, stop)?,
        None => Vec::new(),
    };
    let is_commit = |action: &Action| matches!(action, Action::Commit(_));
    pivots.extend(line_pivots(&plan, stop, &|action| !is_commit(action))?);
    if pivots.is_empty() {
        pivots.extend(line_pivots(&plan, stop, &is_commit)?);
    }
    Ok(Explanation {
        pivots,
        is_cut_short: stop.is_due(),
    })
}

fn still_fails(plan: &Plan) -> Result<bool, String> {
    Ok(replay(plan, false)?.holds(plan.expectation))
}

/// Lines that are meant and matter.
fn line_pivots(
    plan: &Plan,
    stop: &Stop,
    is_meant: &dyn Fn(&Action) -> bool,
) -> Result<Vec<Pivot>, String> {
    let mut pivots = Vec::new();
    for index in 0..plan.actions.len() {
        if stop.is_due() {
            break;
        }
        let action = &plan.actions[index];
        if matches!(action, Action::Crash(_)) || !is_meant(action) {
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

fn crash_pivots(plan: &Plan, crash_index: usize, stop: &Stop) -> Result<Vec<Pivot>, String> {
    let Some((scene, crash)) = as_planted(plan, || execute_until_crash(plan, crash_index))? else {
        return Ok(Vec::new());
    };
    let frontier = scene.frontier(plan.model);
    let kept = scene.kept(&frontier, crash);
    let mut suspect = Suspect {
        plan,
        crash_index,
        scene: &scene,
        frontier: &frontier,
        names: labels(&scene.log, frontier.pending()),
        kept,
        stop,
        pivots: Vec::new(),
    };
    let kept_pivots = suspect.single_changes()?;
    suspect.barriers(&kept_pivots)?;
    if suspect.pivots.is_empty() {
        suspect.several_changes()?;
    }
    Ok(suspect.pivots)
}

/// A crash that is asked what about it matters.
struct Suspect<'run> {
    plan: &'run Plan,
    crash_index: usize,
    scene: &'run CrashScene,
    frontier: &'run Frontier<'run>,
    /// The names of the pending changes.
    names: Vec<String>,
    /// Which of them the crash keeps.
    kept: FixedBitSet,
    stop: &'run Stop,
    pivots: Vec<Pivot>,
}

impl Suspect<'_> {
    /// Whether the plan fails when the crash keeps these changes instead.
    fn fails_with(&self, kept: &FixedBitSet) -> Result<bool, String> {
        let survivors = kept.ones().map(|index| self.names[index].clone());
        let mut other = self.plan.clone();
        if let Action::Crash(crash) = &mut other.actions[self.crash_index] {
            crash.survivors = Survivors::Only(survivors.collect());
        }
        still_fails(&other)
    }

    /// What the crash keeps, these changes, and what they require.
    fn keeping_also(&self, more: &[usize]) -> FixedBitSet {
        let wanted: Vec<usize> = self.kept.ones().chain(more.iter().copied()).collect();
        self.frontier.keeping(&wanted)
    }

    /// Flips one change after the other, and whatever must follow. Returns the kept ones
    /// that matter.
    fn single_changes(&mut self) -> Result<Vec<usize>, String> {
        let mut kept_pivots = Vec::new();
        for index in 0..self.names.len() {
            if self.stop.is_due() {
                break;
            }
            let is_kept = self.kept.contains(index);
            let flipped = if is_kept {
                let lost: Vec<usize> = self.kept.zeroes().chain([index]).collect();
                self.frontier.dropping(&lost)
            } else {
                self.keeping_also(&[index])
            };
            if flipped == self.kept || self.fails_with(&flipped)? {
                continue;
            }
            let name = self.names[index].clone();
            if is_kept {
                kept_pivots.push(index);
                self.pivots.push(Pivot::IsLost(name));
            } else {
                self.pivots.push(Pivot::Survives(name));
            }
        }
        Ok(kept_pivots)
    }

    /// Tries each barrier that would have made something durable that the crash loses. It
    /// belongs before the first later operation whose effect survived and matters, or
    /// before the promise that is broken.
    fn barriers(&mut self, kept_pivots: &[usize]) -> Result<(), String> {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for index in self.kept.zeroes() {
            for barrier in self.barriers_of(index) {
                groups.entry(barrier).or_default().push(index);
            }
        }
        for (barrier, group) in groups {
            if self.stop.is_due() {
                break;
            }
            if self.fails_with(&self.keeping_also(&group))? {
                continue;
            }
            let before = self.before(&group, kept_pivots);
            self.pivots.push(Pivot::Barrier { barrier, before });
        }
        Ok(())
    }

    /// The barriers that make a change durable, as their calls are written.
    fn barriers_of(&self, index: usize) -> Vec<String> {
        let kind = &self.frontier.pending()[index].kind;
        if let Some(inode) = kind.content_of() {
            return vec![format!("sync_data({})", self.scene.log.name_of(inode))];
        }
        let mut barriers = Vec::new();
        for path in kind.names().into_iter().flatten() {
            let barrier = format!("sync_dir(/{})", lithify::fs::name::split(path).0);
            if !barriers.contains(&barrier) {
                barriers.push(barrier);
            }
        }
        barriers
    }

    /// What a barrier that makes this group durable has to come before.
    fn before(&self, group: &[usize], kept_pivots: &[usize]) -> String {
        let changes = self.frontier.pending();
        let first = group.iter().map(|&index| changes[index].operation).min();
        let later = kept_pivots
            .iter()
            .map(|&kept| changes[kept].operation)
            .find(|&operation| Some(operation) > first);
        let known = self.frontier.known();
        match later {
            Some(operation) => {
                let operation = &self.scene.log.operations()[operation];
                self.scene.log.describe(operation).to_string()
            }
            None if known.acknowledged > 0 => {
                format!("commit {} is acknowledged", known.acknowledged)
            }
            None if known.served > 0 => format!("commit {} is served", known.served),
            None => "the crash".to_owned(),
        }
    }

    /// When no single one matters: a set of lost changes, from which none can be left out,
    /// that had to survive together.
    fn several_changes(&mut self) -> Result<(), String> {
        let mut needed: Vec<usize> = self.kept.zeroes().collect();
        if needed.len() < 2 || self.stop.is_due() || self.fails_with(&self.keeping_also(&needed))? {
            return Ok(());
        }
        let mut index = 0;
        while index < needed.len() && !self.stop.is_due() {
            let mut fewer = needed.clone();
            fewer.remove(index);
            if self.fails_with(&self.keeping_also(&fewer))? {
                index += 1;
            } else {
                needed = fewer;
            }
        }
        let names = needed.iter().map(|&index| self.names[index].clone());
        self.pivots.push(Pivot::SurviveTogether(names.collect()));
        Ok(())
    }
}
