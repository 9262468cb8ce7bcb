//! The search for one bug: seed after seed, until something objects or time is up.

use std::time::Duration;

use serde::Serialize;

use super::alone::{class_of, look_again};
use super::arena::{Arena, STAGES};
use super::proof::{Attempt, Proof, prove};
use super::{Mutant, alone::Alone};
use crate::campaign::{Campaign, Found, Ledger};
use crate::cpu_time::Stopwatch;
use crate::crashes::Reach;
use crate::generate::Recipe;
use crate::judge::Enabled;
use crate::oracle::Oracle;
use crate::plan::Action;
use crate::simfs::Model;
use crate::simfs::model::MODELS;
use crate::stop::Stop;
use crate::system::{Settings, System};

/// How long to look, and where.
#[derive(Clone, Debug)]
pub struct Search {
    /// The system.
    pub system: &'static dyn System,
    /// The persistence models, in the order in which they are asked: the next one when
    /// nothing was found under those before it.
    pub models: Vec<&'static Model>,
    /// The first seed.
    pub first_seed: u64,
    /// Rounds under each model, each with other seeds.
    pub rounds: u64,
    /// The most time of a core for one bug.
    pub time: Duration,
    /// When to stop before.
    pub stop: Stop,
    /// Oracles that are not asked.
    pub without: Vec<Oracle>,
    /// Whether to ask which models show what was found, and what alone finds it.
    pub asks_models: bool,
    /// Whether to try to prove that a bug that was not found changes nothing.
    pub proves: bool,
}

impl Search {
    /// A search that ends by itself after some rounds, under one model.
    #[must_use]
    pub fn new(system: &'static dyn System, model: &'static Model, rounds: u64) -> Self {
        Self {
            system,
            models: vec![model],
            first_seed: 0,
            rounds,
            time: Duration::MAX,
            stop: Stop::never(),
            without: Vec::new(),
            asks_models: false,
            proves: false,
        }
    }

    /// The default model, and then every other one that stands for an honest disk.
    #[must_use]
    pub fn published_models() -> Vec<&'static Model> {
        let is_published = |model: &&Model| model.honest && !model.is_comparison;
        MODELS.iter().filter(is_published).collect()
    }
}

/// What one bug is found by.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// The system that it is in.
    pub system: String,
    /// The pattern or published bug that it is an instance of.
    pub pattern: String,
    /// What goes wrong.
    pub story: String,
    /// Whether something objected.
    pub killed: bool,
    /// Whether it was proven to change nothing that can be seen.
    pub equivalent: bool,
    /// What that was proven by.
    pub proof: Option<Proof>,
    /// The oracle that objected first.
    pub oracle: Option<String>,
    /// The kind of fault that it took: `none`, `crash`, or a run-time fault.
    pub fault: Option<String>,
    /// The class of that kind.
    pub class: Option<String>,
    /// The persistence model under which it was found first.
    pub model: Option<String>,
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

/// Looks for one bug, and tries to prove that there is nothing to find when nothing is.
#[must_use]
pub fn hunt(mutant: &Mutant, search: &Search) -> Row {
    let watch = Stopwatch::start();
    let mut ledger = Ledger::default();
    let found = find(mutant, search, &mut ledger, &|_, _| true);
    let elapsed = watch.elapsed();
    let mut row = Row {
        name: mutant.about.name.to_owned(),
        system: search.system.name().to_owned(),
        pattern: mutant.about.pattern.to_owned(),
        story: mutant.about.story.to_owned(),
        killed: false,
        equivalent: false,
        proof: None,
        oracle: None,
        fault: None,
        class: None,
        model: None,
        workload: None,
        runs: ledger.seeds + ledger.recovered,
        seeds: ledger.seeds,
        cpu_seconds: elapsed.as_secs_f64(),
        only_oracle: false,
        only_fault: false,
        only_class: false,
        models: Vec::new(),
        message: None,
        found: None,
    };
    match found {
        Some((found, arena, model)) => {
            let fault = fault_of(&found);
            if search.asks_models {
                let known = (&found, arena, model);
                row.note_alone(look_again(mutant, search, known, &fault, elapsed));
            }
            row.note_found(found, model, arena.workload.name);
        }
        None if search.proves && mutant.about.is_thought_equivalent => {
            match prove(mutant, search) {
                Attempt::Found(found) => row.note_found(found, search.models[0], "enumerated"),
                Attempt::Equivalent(proof) => {
                    row.equivalent = true;
                    row.proof = Some(proof);
                }
                Attempt::Open => {}
            }
        }
        None => {}
    }
    row
}

impl Row {
    fn note_found(&mut self, found: Found, model: &Model, workload: &str) {
        let fault = fault_of(&found);
        self.killed = true;
        self.oracle = Some(found.finding.oracle.to_string());
        self.class = Some(class_of(&fault).to_owned());
        self.fault = Some(fault);
        self.model = Some(model.name.to_owned());
        self.workload = Some(workload.to_owned());
        self.message = Some(found.finding.message.clone());
        self.found = Some(found);
    }

    fn note_alone(&mut self, alone: Alone) {
        self.only_oracle = alone.oracle;
        self.only_fault = alone.fault;
        self.only_class = alone.class;
        self.models = alone.models;
    }
}

/// What was found, where, and under which model.
type Kill = (Found, Arena, &'static Model);

/// Looks under each model in turn. The first one gets half of the time when there are
/// others, and each further one half of what is left; what needs no crash was looked for
/// under the first one already.
pub(super) fn find(
    mutant: &Mutant,
    search: &Search,
    ledger: &mut Ledger,
    is_meant: &dyn Fn(Arena, u64) -> bool,
) -> Option<Kill> {
    let mut left = search.time;
    for (index, &model) in search.models.iter().enumerate() {
        let is_last = index + 1 == search.models.len();
        let share = if is_last { left } else { left / 2 };
        left -= share;
        let is_new =
            |arena, most_images| (index == 0 || most_images > 0) && is_meant(arena, most_images);
        let found = find_under(mutant, search, (model, share), ledger, &is_new);
        if let Some((found, arena)) = found {
            return Some((found, arena, model));
        }
    }
    None
}

fn find_under(
    mutant: &Mutant,
    search: &Search,
    (model, time): (&'static Model, Duration),
    ledger: &mut Ledger,
    is_meant: &dyn Fn(Arena, u64) -> bool,
) -> Option<(Found, Arena)> {
    let watch = Stopwatch::start();
    let mut next_seed = search.first_seed;
    for round in 0..search.rounds {
        for stage in STAGES {
            let seeds = stage.seeds * (round + 1);
            for arena in stage.arenas(round) {
                if !is_meant(arena, stage.most_images) {
                    continue;
                }
                let mut campaign = campaign(mutant, search, arena, model, stage.most_images);
                campaign.reach.recoveries_one_in = stage.recoveries_one_in;
                for seed in (0..seeds).map(|more| next_seed.wrapping_add(more)) {
                    if watch.elapsed() > time || search.stop.is_due() {
                        return None;
                    }
                    if let Some(found) = campaign.seed(seed, ledger) {
                        return Some((found, arena));
                    }
                }
            }
            next_seed = next_seed.wrapping_add(seeds);
        }
    }
    None
}

pub(super) fn campaign(
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
        stop: search.stop.clone(),
        bug: mutant.skipped.is_none().then_some(mutant.about.name),
        determinism_one_in: 4,
    }
}

/// The kind of fault that a finding took, by its plan.
fn fault_of(found: &Found) -> String {
    let mut actions = found.plan.actions.iter().rev();
    let fault = actions.find_map(|action| match action {
        Action::Fault(fault) => Some(fault.kind.name().to_owned()),
        _ => None,
    });
    match (fault, has_crash(found)) {
        (Some(fault), _) => fault,
        (None, true) => "crash".to_owned(),
        (None, false) => "none".to_owned(),
    }
}

pub(super) fn has_crash(found: &Found) -> bool {
    let mut actions = found.plan.actions.iter();
    actions.any(|action| matches!(action, Action::Crash(_)))
}
