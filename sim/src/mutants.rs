//! Planted bugs against the laboratory: who finds what, how, and how fast.
//!
//! For each bug, in a fixed order of *arenas* (no fault but crashes, then one kind of
//! fault after the other), seeds are run until something objects. What a bug is found by
//! says which oracle and which arena earn their keep; a bug that nothing finds within
//! the budget is a hole in the laboratory, or equivalent to the engine without it.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::campaign::{Campaign, Found, Ledger};
use crate::crashes::Reach;
use crate::generate::Recipe;
use crate::judge::Enabled;
use crate::oracle::Oracle;
use crate::plan::Action;
use crate::planted::Planted;
use crate::simfs::model::MODELS;
use crate::simfs::{FaultKind, Model, SkippedBarrier};
use crate::stop::Stop;
use crate::system::{Settings, System};
use crate::workload::{WORKLOADS, Workload};

/// A bug and how it is planted.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What is known of it.
    pub about: Planted,
    /// A barrier that is taken out by the file system, instead of code that changes.
    pub skipped: Option<SkippedBarrier>,
}

/// What one bug is found by.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// The pattern or published bug that it is an instance of.
    pub pattern: String,
    /// What goes wrong.
    pub story: String,
    /// Whether something objected.
    pub killed: bool,
    /// Whether it was proved to change nothing that can be seen.
    pub equivalent: bool,
    /// The oracle that objected first.
    pub oracle: Option<String>,
    /// The kind of fault that it took: `none`, `crash`, or a run-time fault.
    pub fault: Option<String>,
    /// The class of that kind.
    pub class: Option<String>,
    /// The workload.
    pub workload: Option<String>,
    /// Executions and openings of crash images until then.
    pub runs: u64,
    /// Seeds until then.
    pub seeds: u64,
    /// The time until then, of one core.
    pub cpu_seconds: f64,
    /// Whether nothing is found when that oracle is not asked; measured together with
    /// the models.
    pub only_oracle: bool,
    /// Whether nothing is found without that kind of fault, or without crashes; measured
    /// together with the models.
    pub only_fault: bool,
    /// Whether nothing is found without that class of faults, which has other kinds too.
    pub only_class: bool,
    /// The models whose crashes show it, of those that were asked.
    pub models: Vec<String>,
    /// What was said.
    pub message: Option<String>,
    /// A trace that shows it.
    #[serde(skip)]
    pub found: Option<Found>,
}

/// How long to look.
#[derive(Clone, Debug)]
pub struct Search {
    /// The system.
    pub system: &'static dyn System,
    /// The persistence model.
    pub model: &'static Model,
    /// Rounds, each with other seeds.
    pub rounds: u64,
    /// The most time for one bug.
    pub time: Duration,
    /// Oracles that are not asked.
    pub without: Vec<Oracle>,
    /// Whether to ask which models show what was found.
    pub asks_models: bool,
}

/// The bugs in the code of a system. [`crate::economy`] makes others out of its barriers.
#[must_use]
pub fn mutants(system: &'static dyn System) -> Vec<Mutant> {
    let in_code = system.bugs().into_iter().map(|about| Mutant {
        about,
        skipped: None,
    });
    in_code.collect()
}

/// An arena: a workload and at most one kind of fault.
#[derive(Clone, Copy, Debug)]
struct Arena {
    workload: &'static Workload,
    fault: Option<FaultKind>,
}

/// The arenas of a stage in a round.
fn arenas(stage: Stage, round: u64) -> Vec<Arena> {
    let calm = |workload| Arena {
        workload,
        fault: None,
    };
    match stage.arenas {
        Arenas::Small => vec![calm(&WORKLOADS[0])],
        Arenas::Others => WORKLOADS[1..].iter().map(calm).collect(),
        Arenas::Syncs => {
            let is_of_syncs = |kind: &&FaultKind| matches!(kind.class(), "sync-errors" | "lies");
            let kinds = FaultKind::ALL.iter().filter(is_of_syncs);
            kinds
                .map(|&kind| Arena {
                    workload: &WORKLOADS[0],
                    fault: Some(kind),
                })
                .collect()
        }
        // Small histories first, then the others in turn.
        Arenas::Faults => {
            let count = WORKLOADS.len();
            let workload = &WORKLOADS[(count - round as usize % count) % count];
            let kinds = FaultKind::ALL.iter();
            kinds
                .map(|&kind| Arena {
                    workload,
                    fault: Some(kind),
                })
                .collect()
        }
    }
}

/// Looks for one bug.
#[must_use]
pub fn hunt(mutant: &Mutant, search: &Search) -> Row {
    let start = Instant::now();
    let mut ledger = Ledger::default();
    let found = find(mutant, search, &mut ledger, &|_, _| true);
    let elapsed = start.elapsed();
    let cpu_seconds = elapsed.as_secs_f64();
    let fault = found.as_ref().map(|(found, _)| fault_of(found));
    let asked = found.as_ref().filter(|_| search.asks_models);
    let models = asked.map_or(Vec::new(), |(found, arena)| {
        showing(mutant, search, found, *arena)
    });
    let again = Search {
        time: (elapsed * 4).clamp(LEAST_AGAIN, search.time.max(LEAST_AGAIN)),
        ..search.clone()
    };
    let only_oracle = asked
        .is_some_and(|(found, _)| !is_found_without_oracle(mutant, &again, found.finding.oracle));
    let kind = fault.as_deref().filter(|_| asked.is_some());
    let only_fault =
        kind.is_some_and(|kind| !is_found_without(mutant, &again, kind, &|it| it.name() == kind));
    let class = fault.as_deref().map(class_of);
    let only_class = only_fault
        || kind.zip(class).is_some_and(|(kind, class)| {
            !is_found_without(mutant, &again, kind, &|it| it.class() == class)
        });
    Row {
        name: mutant.about.name.to_owned(),
        pattern: mutant.about.pattern.to_owned(),
        story: mutant.about.story.to_owned(),
        killed: found.is_some(),
        equivalent: false,
        oracle: found
            .as_ref()
            .map(|(found, _)| found.finding.oracle.to_string()),
        class: class.map(str::to_owned),
        fault,
        workload: found
            .as_ref()
            .map(|(_, arena)| arena.workload.name.to_owned()),
        runs: ledger.seeds + ledger.recovered,
        seeds: ledger.seeds,
        cpu_seconds,
        only_oracle,
        only_fault,
        only_class,
        models,
        message: found
            .as_ref()
            .map(|(found, _)| found.finding.message.clone()),
        found: found.map(|(found, _)| found),
    }
}

/// The least time to look for something else that finds a bug.
const LEAST_AGAIN: Duration = Duration::from_millis(1500);

fn is_found_without_oracle(mutant: &Mutant, search: &Search, oracle: Oracle) -> bool {
    let mut search = search.clone();
    search.without.push(oracle);
    find(mutant, &search, &mut Ledger::default(), &|_, _| true).is_some()
}

/// The class of a kind of fault, by name; crashes and no faults at all are classes of
/// their own.
fn class_of(fault: &str) -> &str {
    match FaultKind::named(fault) {
        Some(kind) => kind.class(),
        None => fault,
    }
}

/// Without the faults that are meant, or without crashes, or, when it took neither, always.
fn is_found_without(
    mutant: &Mutant,
    search: &Search,
    fault: &str,
    is_meant: &dyn Fn(FaultKind) -> bool,
) -> bool {
    let is_other = |arena: Arena, most_images: u64| match fault {
        "crash" => most_images == 0,
        _ => !arena.fault.is_some_and(is_meant),
    };
    fault == "none" || find(mutant, search, &mut Ledger::default(), &is_other).is_some()
}

/// Which arenas.
#[derive(Clone, Copy)]
enum Arenas {
    /// The first workload, without faults.
    Small,
    /// The others, without faults.
    Others,
    /// Each kind of fault.
    Faults,
    /// Each kind of fault that strikes syncs: only a crash shows what they leave.
    Syncs,
}

/// A part of a round: which arenas, how many seeds, and how far crashes go.
#[derive(Clone, Copy)]
struct Stage {
    arenas: Arenas,
    seeds: u64,
    most_images: u64,
    recoveries_one_in: u64,
}

const fn stage(arenas: Arenas, seeds: u64, most_images: u64, recoveries_one_in: u64) -> Stage {
    Stage {
        arenas,
        seeds,
        most_images,
        recoveries_one_in,
    }
}

/// Cheap stages first: running without a crash costs a thousandth of crashing everywhere.
const STAGES: [Stage; 8] = [
    stage(Arenas::Small, 16, 0, 0),
    stage(Arenas::Others, 3, 0, 0),
    stage(Arenas::Faults, 8, 0, 0),
    stage(Arenas::Small, 6, 150, 16),
    stage(Arenas::Faults, 24, 0, 0),
    stage(Arenas::Small, 8, 150, 4),
    stage(Arenas::Syncs, 4, 60, 0),
    stage(Arenas::Faults, 1, 50, 0),
];

fn find(
    mutant: &Mutant,
    search: &Search,
    ledger: &mut Ledger,
    is_meant: &dyn Fn(Arena, u64) -> bool,
) -> Option<(Found, Arena)> {
    let start = Instant::now();
    let mut next_seed = 0;
    for round in 0..search.rounds {
        for stage in STAGES {
            let seeds = stage.seeds * (round + 1);
            for arena in arenas(stage, round) {
                if !is_meant(arena, stage.most_images) {
                    continue;
                }
                let mut campaign = campaign(mutant, search, arena, search.model, stage.most_images);
                campaign.reach.recoveries_one_in = stage.recoveries_one_in;
                for seed in next_seed..next_seed + seeds {
                    if start.elapsed() > search.time {
                        return None;
                    }
                    if let Some(found) = campaign.seed(seed, ledger) {
                        return Some((found, arena));
                    }
                }
            }
            next_seed += seeds;
        }
    }
    None
}

fn campaign(
    mutant: &Mutant,
    search: &Search,
    arena: Arena,
    model: &'static Model,
    most_images: u64,
) -> Campaign {
    Campaign {
        recipe: Recipe {
            system: search.system,
            model,
            workload: arena.workload,
            faults: arena.fault.into_iter().collect(),
            order: None,
            fixed: Settings::new(),
            skipped: mutant.skipped.clone().into_iter().collect(),
        },
        models: vec![model],
        reach: Reach {
            most_images,
            ..Reach::SMALL
        },
        enabled: Enabled::without(search.without.iter().copied()),
        stop: Stop::never(),
        bug: mutant.skipped.is_none().then_some(mutant.about.name),
        determinism_one_in: 4,
    }
}

/// The kind of fault that a finding took, by its plan.
fn fault_of(found: &Found) -> String {
    let fault = found
        .plan
        .actions
        .iter()
        .rev()
        .find_map(|action| match action {
            Action::Fault(fault) => Some(fault.kind.name().to_owned()),
            _ => None,
        });
    match (fault, has_crash(found)) {
        (Some(fault), _) => fault,
        (None, true) => "crash".to_owned(),
        (None, false) => "none".to_owned(),
    }
}

/// The models under which the same arena shows the bug: with the seed that found it, at
/// length, and with some more.
fn showing(mutant: &Mutant, search: &Search, found: &Found, arena: Arena) -> Vec<String> {
    const MORE_SEEDS: u64 = 12;
    const LONGEST: Duration = Duration::from_millis(800);
    let takes_crash = has_crash(found);
    let shows = |model: &&'static Model| {
        // What shows while a store runs does not depend on what a crash would leave.
        if model.name == search.model.name || !takes_crash {
            return true;
        }
        let start = Instant::now();
        let seeds = std::iter::once((found.seed, 3000))
            .chain((1..=MORE_SEEDS).map(|more| (found.seed + more, 300)));
        seeds
            .take_while(|_| start.elapsed() < LONGEST.min(search.time))
            .any(|(seed, images)| {
                let campaign = campaign(mutant, search, arena, model, images);
                campaign.seed(seed, &mut Ledger::default()).is_some()
            })
    };
    MODELS
        .iter()
        .filter(shows)
        .map(|model| model.name.to_owned())
        .collect()
}

fn has_crash(found: &Found) -> bool {
    let mut actions = found.plan.actions.iter();
    actions.any(|action| matches!(action, Action::Crash(_)))
}
