//! Explains why a plan fails: finds the single changes and barriers that flip the
//! verdict.
//!
//! For each crash of a plan, each pending change is flipped between lost and kept, and
//! the plan runs again. Then all changes are kept that one more sync of a file or a
//! directory would have saved. If that flips the verdict, this sync is the missing
//! barrier. An append is lost if either its bytes or its length is lost, so often a
//! barrier matters although no single change does. A fault that matters is reported
//! with the call that it struck, the operation, the answer of the store, and the
//! required answer.

mod stale;

use std::collections::BTreeMap;
use std::fmt;

use fixedbitset::FixedBitSet;

use crate::disk::oplog::{InodeId, Operation};
use crate::disk::{Fault, Frontier};
use crate::finding::replay::{as_planted, replay};
use crate::judge::oracle::Finding;
use crate::run::execute::{CrashScene, Struck, execute_until_crash};
use crate::run::plan::{Action, Expectation, Plan, Survivors};
use crate::stop::Stop;

pub use stale::StaleBytes;

/// A change of the plan that flips the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flip {
    /// The failure goes away if this change survives.
    Survives(String),
    /// The failure goes away if all of these changes survive.
    SurviveTogether(Vec<String>),
    /// The failure goes away if this change does not survive.
    IsLost(String),
    /// The failure goes away if this barrier comes before that operation.
    Barrier {
        /// `sync_data(file)` or `sync_dir(directory)`.
        barrier: String,
        /// The operation whose effect survived, or the promise that was broken.
        before: String,
    },
    /// The failure goes away without this fault.
    Fault {
        /// The fault, and the call that it struck.
        struck: Struck,
        /// The objection of the oracle.
        finding: Finding,
    },
    /// The failure goes away without this line of the plan.
    Line(String),
}

/// A flip, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pivot {
    /// The flip.
    pub flip: Flip,
    /// The number of the crash, counted from 1, and the number of crashes. `None` if
    /// the flip is not about a crash, or if there is only one crash.
    pub crash: Option<(usize, usize)>,
}

impl fmt::Display for Flip {
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
            Self::Fault { struck, finding } => {
                write!(
                    formatter,
                    "\"{}\" met {} at {}; the store answered ",
                    struck.call, struck.kind, struck.operation
                )?;
                match &struck.answer {
                    Some(answer) => write!(formatter, "{answer:?}")?,
                    None => formatter.write_str("that all was well")?,
                }
                let wanted = finding.oracle.about();
                write!(formatter, "; wanted: {wanted}; but {}", finding.message)
            }
            Self::Line(line) => write!(formatter, "goes away without \"{line}\""),
        }
    }
}

impl fmt::Display for Pivot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.flip)?;
        match self.crash {
            None => Ok(()),
            Some((crash, of)) => write!(formatter, ", at crash {crash} of {of}"),
        }
    }
}

/// The explanation of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is wrong.
    pub finding: Finding,
    /// The flips.
    pub pivots: Vec<Pivot>,
    /// Stale bytes that the crashes leave, and their sources.
    pub stale: Vec<StaleBytes>,
    /// Whether the time ended before everything was tried.
    pub is_cut_short: bool,
}

/// Explains a plan whose expectation is a violation. Each line of the plan needs a run.
/// `stop` ends the explanation with what was learned until then. Commits are tried only
/// if nothing else flips the verdict, because it is obvious that a finding needs its
/// commits.
///
/// # Errors
/// If the plan has no finding.
pub fn explain(plan: &Plan, stop: &Stop) -> Result<Explanation, String> {
    let case = Case::of(plan, stop)?;
    let (mut pivots, mut stale) = (Vec::new(), Vec::new());
    for crash in crashes_of(plan) {
        let Some(about) = case.about_crash(crash, &mut |suspect| suspect.everything())? else {
            continue;
        };
        pivots.extend(about.pivots);
        stale.extend(about.stale);
    }
    let is_commit = |action: &Action| matches!(action, Action::Commit(_));
    pivots.extend(case.line_pivots(&|action| !is_commit(action))?);
    if pivots.is_empty() {
        pivots.extend(case.line_pivots(&is_commit)?);
    }
    Ok(Explanation {
        finding: case.finding,
        pivots,
        stale,
        is_cut_short: stop.is_due(),
    })
}

/// Finds only the missing barriers of all crashes.
///
/// # Errors
/// As [`explain`].
pub fn missing_barriers(plan: &Plan, stop: &Stop) -> Result<Vec<Pivot>, String> {
    let case = Case::of(plan, stop)?;
    let mut pivots = Vec::new();
    for crash in crashes_of(plan) {
        let about = case.about_crash(crash, &mut |suspect| {
            let kept = suspect.single_changes()?;
            suspect.pivots.clear();
            suspect.barriers(&kept)
        })?;
        pivots.extend(about.into_iter().flat_map(|about| about.pivots));
    }
    Ok(pivots)
}

fn crashes_of(plan: &Plan) -> impl Iterator<Item = usize> {
    let actions = plan.actions.iter().enumerate();
    actions.filter_map(|(index, action)| matches!(action, Action::Crash(_)).then_some(index))
}

/// A plan and its finding.
struct Case<'run> {
    plan: Plan,
    finding: Finding,
    struck: Vec<Struck>,
    stop: &'run Stop,
}

/// What was learned about one crash.
struct AboutCrash {
    pivots: Vec<Pivot>,
    stale: Vec<StaleBytes>,
}

impl<'run> Case<'run> {
    fn of(plan: &Plan, stop: &'run Stop) -> Result<Self, String> {
        let shown = replay(plan, false)?;
        let finding = shown.finding.ok_or("the trace has no finding")?;
        let struck = shown.execution.map(|execution| execution.struck);
        Ok(Self {
            plan: Plan {
                expectation: Expectation::Violation(finding.oracle),
                ..plan.clone()
            },
            finding,
            struck: struck.unwrap_or_default(),
            stop,
        })
    }

    /// The lines that `is_meant` selects and that matter.
    fn line_pivots(&self, is_meant: &dyn Fn(&Action) -> bool) -> Result<Vec<Pivot>, String> {
        let mut pivots = Vec::new();
        for (index, action) in self.plan.actions.iter().enumerate() {
            if self.stop.is_due() {
                break;
            }
            if matches!(action, Action::Crash(_)) || !is_meant(action) {
                continue;
            }
            let pivot = Pivot {
                flip: self.flip_of(index, action),
                crash: None,
            };
            let mut without = self.plan.clone();
            without.actions.remove(index);
            if !pivots.contains(&pivot) && !still_fails(&without)? {
                pivots.push(pivot);
            }
        }
        Ok(pivots)
    }

    fn flip_of(&self, index: usize, action: &Action) -> Flip {
        let struck = match action {
            Action::Fault(fault) => self.struck_by(index, fault),
            _ => None,
        };
        match struck {
            Some(struck) => Flip::Fault {
                struck: struck.clone(),
                finding: self.finding.clone(),
            },
            None => Flip::Line(action.to_string()),
        }
    }

    /// The fault that struck, for a line of the plan that armed it.
    fn struck_by(&self, index: usize, fault: &Fault) -> Option<&Struck> {
        self.struck
            .iter()
            .find(|struck| struck.action > index && struck.kind == fault.kind)
    }

    /// What `ask` learns about the crash in this line; `None` if the plan does not
    /// reach the crash.
    fn about_crash(
        &self,
        crash_index: usize,
        ask: &mut dyn FnMut(&mut Suspect<'_>) -> Result<(), String>,
    ) -> Result<Option<AboutCrash>, String> {
        let plan = &self.plan;
        let reached = as_planted(plan, || execute_until_crash(plan, crash_index))?;
        let Some((scene, crash)) = reached else {
            return Ok(None);
        };
        let frontier = scene.frontier(plan.model);
        let kept = crash.kept(&frontier);
        let mut suspect = Suspect {
            plan,
            crash_index,
            scene: &scene,
            frontier: &frontier,
            names: frontier.labels(),
            kept,
            stop: self.stop,
            pivots: Vec::new(),
        };
        ask(&mut suspect)?;
        let (number, count) = (
            crashes_of(plan).take_while(|index| *index <= crash_index),
            crashes_of(plan).count(),
        );
        let place = (count > 1).then_some((number.count(), count));
        let pivots = suspect.pivots.into_iter();
        Ok(Some(AboutCrash {
            pivots: pivots.map(|flip| Pivot { flip, crash: place }).collect(),
            stale: stale::stale_bytes(plan, &scene, &frontier, crash),
        }))
    }
}

fn still_fails(plan: &Plan) -> Result<bool, String> {
    Ok(replay(plan, false)?.holds(plan.expectation))
}

/// A crash that is tested for what matters about it.
struct Suspect<'run> {
    plan: &'run Plan,
    crash_index: usize,
    scene: &'run CrashScene,
    frontier: &'run Frontier<'run>,
    /// The names of the pending changes.
    names: Vec<String>,
    /// The changes that the crash keeps.
    kept: FixedBitSet,
    stop: &'run Stop,
    pivots: Vec<Flip>,
}

/// What a barrier makes durable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Synced {
    /// The bytes and the length of a file.
    File(InodeId),
    /// The names in a directory.
    Directory(String),
}

impl Suspect<'_> {
    fn everything(&mut self) -> Result<(), String> {
        let kept_pivots = self.single_changes()?;
        self.barriers(&kept_pivots)?;
        match self.pivots.is_empty() {
            true => self.several_changes(),
            false => Ok(()),
        }
    }

    /// Whether the plan fails if the crash keeps these changes instead.
    fn fails_with(&self, kept: &FixedBitSet) -> Result<bool, String> {
        let survivors = kept.ones().map(|index| self.names[index].clone());
        let mut other = self.plan.clone();
        if let Action::Crash(crash) = &mut other.actions[self.crash_index] {
            crash.survivors = Survivors::Only(survivors.collect());
        }
        still_fails(&other)
    }

    /// The changes that the crash keeps, these changes, and the changes that they
    /// require.
    fn keeping_also(&self, more: &[usize]) -> FixedBitSet {
        let wanted: Vec<usize> = self.kept.ones().chain(more.iter().copied()).collect();
        self.frontier.keeping(&wanted)
    }

    /// Flips one change after the other, together with the changes that must follow.
    /// Returns the kept changes that matter.
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
                self.pivots.push(Flip::IsLost(name));
            } else {
                self.pivots.push(Flip::Survives(name));
            }
        }
        Ok(kept_pivots)
    }

    /// Tries each barrier that would have made lost changes durable. The barrier
    /// belongs before the first later operation whose effect survived and matters, or
    /// before the broken promise.
    fn barriers(&mut self, kept_pivots: &[usize]) -> Result<(), String> {
        let mut groups: BTreeMap<Synced, Vec<usize>> = BTreeMap::new();
        for index in self.kept.zeroes() {
            for synced in self.syncs_of(index) {
                groups.entry(synced).or_default().push(index);
            }
        }
        for (synced, group) in groups {
            if self.stop.is_due() {
                break;
            }
            if self.fails_with(&self.keeping_also(&group))? {
                continue;
            }
            let barrier = self.barrier(&synced, &group);
            let before = self.before(&group, kept_pivots);
            self.pivots.push(Flip::Barrier { barrier, before });
        }
        Ok(())
    }

    /// The syncs that make a change durable.
    fn syncs_of(&self, index: usize) -> Vec<Synced> {
        let kind = &self.frontier.pending()[index].kind;
        if let Some(inode) = kind.content_of() {
            return vec![Synced::File(inode)];
        }
        let mut directories = Vec::new();
        for path in kind.names().into_iter().flatten() {
            let directory = Synced::Directory(lithify::fs::name::split(path).0.to_owned());
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        directories
    }

    /// The text of the call of a barrier. A file has the name that it had when it was
    /// written.
    fn barrier(&self, synced: &Synced, group: &[usize]) -> String {
        let log = &self.scene.log;
        let first = &self.frontier.pending()[group[0]];
        match (synced, &log.operations()[first.operation]) {
            (Synced::Directory(directory), _) => format!("sync_dir(/{directory})"),
            (
                Synced::File(_),
                Operation::Write { path, .. } | Operation::SetLength { path, .. },
            ) => format!("sync_data({})", log.path(*path)),
            (Synced::File(file), _) => format!("sync_data({})", log.first_name(*file)),
        }
    }

    /// The operation or promise before which a barrier that makes this group durable
    /// belongs.
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

    /// If no single change matters: a minimal set of lost changes that must survive
    /// together.
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
        self.pivots.push(Flip::SurviveTogether(names.collect()));
        Ok(())
    }
}
