//! Proves by enumeration that a bug that is not found changes nothing.
//!
//! The enumeration runs with and without the bug. It covers every schedule and every
//! legal crash image of small histories, under the default settings and under each
//! other value of each setting. Under the defaults it also covers every single fault at
//! every operation. The bug changes nothing if both runs saw everything (each schedule
//! to its end, each image of each crash point), both saw the same, and the code of the
//! bug was executed. This is a proof only for histories of this size, so the proof
//! states its counts.

use std::time::Duration;

use serde::Serialize;

use super::Mutant;
use super::hunt::Search;
use crate::finding::replay::Found;
use crate::judge::oracle::Finding;
use crate::planted;
use crate::run::plan::{Expectation, Plan};
use crate::search::scope::{Enumerated, Scope, enumerate};
use crate::search::single_faults;
use crate::system::{Settings, System, planted_in};

/// What was the same with and without a bug.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Choices of settings and models.
    pub scopes: u64,
    /// Commits of the longest history.
    pub commits: u64,
    /// The number of times that the code of the bug was executed.
    pub passes: u64,
    /// Distinct states of the store.
    pub states: u64,
    /// Executions, each from an empty disk.
    pub executions: u64,
    /// Crash points.
    pub crash_points: u64,
    /// Crash images.
    pub images: u64,
    /// Distinct crash images, each opened and judged.
    pub distinct_images: u64,
    /// Executions with one fault.
    pub faults: u64,
}

/// The outcome of a proof attempt.
pub(super) enum Attempt {
    /// An oracle objected during the enumeration: the bug is found.
    Found(Found),
    /// There is no difference.
    Equivalent(Proof),
    /// There is a difference to which no oracle objects, or not everything was seen.
    Open,
}

/// The largest time for one enumeration. Enumerations of the intended size take a
/// fraction of it.
const LONGEST: Duration = Duration::from_secs(60);

pub(super) fn prove(mutant: &Mutant, search: &Search) -> Attempt {
    let mut proof = Proof::default();
    if mutant.skipped.is_some() {
        return Attempt::Open;
    }
    for (number, settings) in variations(search.system).into_iter().enumerate() {
        let attempt = compare(mutant, search, settings, number == 0, &mut proof);
        if !matches!(attempt, Attempt::Equivalent(_)) {
            return attempt;
        }
    }
    match proof.passes {
        0 => Attempt::Open,
        _ => Attempt::Equivalent(proof),
    }
}

/// The default settings, and each other value of each setting.
fn variations(system: &dyn System) -> Vec<Settings> {
    let mut all = vec![Settings::new()];
    for setting in system.settings() {
        for value in &setting.values[1..] {
            let settings = Settings::from([(setting.name.to_owned(), (*value).to_owned())]);
            if *value != setting.values[0] && !all.contains(&settings) {
                all.push(settings);
            }
        }
    }
    all
}

/// Compares the enumeration with these settings with and without the bug.
fn compare(
    mutant: &Mutant,
    search: &Search,
    settings: Settings,
    is_default: bool,
    proof: &mut Proof,
) -> Attempt {
    let scope = Scope {
        system: search.system,
        settings,
        model: search.models[0],
        commits: if is_default { 4 } else { 3 },
        keyspaces: 2,
        max_images: 1 << 16,
        stop: search.stop.clone().within(Some(LONGEST)),
    };
    let clean = enumerate(&scope);
    // A finding of the store without the bug says nothing about the bug.
    if clean.finding.is_some() {
        return Attempt::Open;
    }
    let (bugged, passes) = with_bug(mutant, search.system, || enumerate(&scope));
    if let Some(finding) = bugged.finding {
        return found(mutant, finding);
    }
    if clean.seen != bugged.seen || !clean.is_complete() || !bugged.is_complete() {
        return Attempt::Open;
    }
    proof.commits = proof.commits.max(scope.commits);
    proof.passes += passes;
    proof.add(&clean);
    if !is_default {
        return Attempt::Equivalent(proof.clone());
    }
    let faulted = single_faults::enumerate(search.system, &scope.settings, scope.model);
    if faulted.finding.is_some() {
        return Attempt::Open;
    }
    let (bugged, more) = with_bug(mutant, search.system, || {
        single_faults::enumerate(search.system, &scope.settings, scope.model)
    });
    if let Some(finding) = bugged.finding {
        return found(mutant, finding);
    }
    if faulted.seen != bugged.seen {
        return Attempt::Open;
    }
    proof.passes += more;
    proof.faults += bugged.runs;
    Attempt::Equivalent(proof.clone())
}

impl Proof {
    fn add(&mut self, seen: &Enumerated) {
        self.scopes += 1;
        self.states += seen.states;
        self.executions += seen.executions;
        self.crash_points += seen.coverage.points;
        self.images += seen.coverage.images;
        self.distinct_images += seen.distinct;
    }
}

/// Runs with the bug planted. Also returns the number of times that its code was
/// executed.
fn with_bug<T>(mutant: &Mutant, system: &dyn System, run: impl FnOnce() -> T) -> (T, u64) {
    let before = planted::passed();
    let outcome = planted_in(system, mutant.about.name, run);
    (outcome, planted::passed() - before)
}

fn found(mutant: &Mutant, (finding, plan): (Finding, Plan)) -> Attempt {
    let plan = Plan {
        bug: Some(mutant.about.name.to_owned()),
        expectation: Expectation::Violation(finding.oracle),
        ..plan
    };
    Attempt::Found(Found {
        seed: 0,
        finding,
        plan,
    })
}
