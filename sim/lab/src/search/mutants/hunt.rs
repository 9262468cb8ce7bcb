//! The search for one bug: seed after seed, until an oracle objects or the time is
//! over.

use std::time::Duration;

use serde::Serialize;

use super::alone::{class_of, look_again};
use super::arena::{Arena, STAGES, Stage, seeds_of};
use super::proof::{Attempt, Proof, prove};
use super::{Mutant, alone::Alone};
use crate::disk::Model;
use crate::disk::model::MODELS;
use crate::finding::replay::{Found, as_planted, attempt};
use crate::judge::Enabled;
use crate::judge::oracle::Oracle;
use crate::planted;
use crate::run::generate::Recipe;
use crate::run::plan::Action;
use crate::search::campaign::{Campaign, Ledger};
use crate::search::crashes::Reach;
use crate::search::mutants::cpu_time::Stopwatch;
use crate::stop::Stop;
use crate::system::{Settings, System};

/// How long to search, and where.
#[derive(Clone, Debug)]
pub struct Search {
    /// The system.
    pub system: &'static dyn System,
    /// The persistence models in order. A model is used if nothing was found under the
    /// models before it.
    pub models: Vec<&'static Model>,
    /// The first seed.
    pub first_seed: u64,
    /// The number of rounds under each model. Each round uses other seeds.
    pub rounds: u64,
    /// The largest CPU time for one bug.
    pub time: Duration,
    /// When to stop early.
    pub stop: Stop,
    /// Oracles that are switched off.
    pub without: Vec<Oracle>,
    /// Whether to find out which models show the bug, and which oracle or fault is the
    /// only one that finds it.
    pub asks_models: bool,
    /// Whether to try to prove that a bug that was not found changes nothing.
    pub proves: bool,
}

impl Search {
    /// A search under one model that ends after this number of rounds.
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

    /// The default model, and then every other model of an honest disk.
    #[must_use]
    pub fn published_models() -> Vec<&'static Model> {
        let is_published = |model: &&Model| model.honest && !model.is_comparison;
        MODELS.iter().filter(is_published).collect()
    }
}

/// How one bug is found.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// The system of the bug.
    pub system: String,
    /// The pattern or published bug that it is an instance of.
    pub pattern: String,
    /// What goes wrong.
    pub story: String,
    /// Whether an oracle objected.
    pub killed: bool,
    /// Whether the bug was proven to change nothing that can be seen.
    pub equivalent: bool,
    /// The proof of that.
    pub proof: Option<Proof>,
    /// The oracle that objected first.
    pub oracle: Option<String>,
    /// The kind of fault that was needed: `none`, `crash`, or a run-time fault.
    pub fault: Option<String>,
    /// The class of that kind.
    pub class: Option<String>,
    /// The persistence model under which the bug was found first.
    pub model: Option<String>,
    /// The workload.
    pub workload: Option<String>,
    /// Executions and openings of crash images until the bug was found.
    pub runs: u64,
    /// Seeds until the bug was found.
    pub seeds: u64,
    /// CPU time until the bug was found.
    pub cpu_seconds: f64,
    /// Whether nothing is found if that oracle is switched off. Determined together
    /// with the models.
    pub only_oracle: bool,
    /// Whether nothing is found without that kind of fault, or without crashes.
    /// Determined together with the models.
    pub only_fault: bool,
    /// Whether nothing is found without the whole class of that kind of fault.
    pub only_class: bool,
    /// The models whose crashes show the bug, among the models that were tried.
    pub models: Vec<String>,
    /// The message of the finding.
    pub message: Option<String>,
    /// A trace that shows the bug.
    #[serde(skip)]
    pub found: Option<Found>,
    /// The first finding that the store shows without the bug, too. It says nothing about the bug, but
    /// the store or the laboratory has a mistake.
    #[serde(skip)]
    pub needless: Option<Found>,
}

/// Searches for one bug. If the bug is thought to change nothing, tries to prove that
/// first.
#[must_use]
pub fn hunt(mutant: &Mutant, search: &Search) -> Row {
    let watch = Stopwatch::start();
    let mut row = Row::unknown(mutant, search);
    // A proof is cheaper than a search that finds nothing.
    if search.proves && mutant.about.is_thought_equivalent {
        match prove(mutant, search) {
            Attempt::Found(found) => {
                let fault = fault_of(&found, search);
                row.note_found(found, fault, search.models[0], "enumerated");
            }
            Attempt::Equivalent(proof) => {
                row.equivalent = true;
                row.proof = Some(proof);
            }
            Attempt::Open => {}
        }
        row.cpu_seconds = watch.elapsed().as_secs_f64();
        if row.killed || row.equivalent {
            return row;
        }
    }
    let mut ledger = Ledger::default();
    let (found, needless) = find(mutant, search, &mut ledger, &|_, _| true);
    row.needless = needless;
    let elapsed = watch.elapsed();
    row.runs = ledger.seeds + ledger.recovered;
    row.seeds = ledger.seeds;
    row.cpu_seconds = elapsed.as_secs_f64();
    if let Some((found, arena, model)) = found {
        let fault = fault_of(&found, search);
        if search.asks_models {
            let known = (&found, arena, model);
            row.note_alone(look_again(mutant, search, known, &fault, elapsed));
        }
        row.note_found(found, fault, model, arena.workload.name);
    }
    row
}

impl Row {
    /// The row before the search.
    fn unknown(mutant: &Mutant, search: &Search) -> Self {
        Self {
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
            runs: 0,
            seeds: 0,
            cpu_seconds: 0.0,
            only_oracle: false,
            only_fault: false,
            only_class: false,
            models: Vec::new(),
            message: None,
            found: None,
            needless: None,
        }
    }

    fn note_found(&mut self, found: Found, fault: String, model: &Model, workload: &str) {
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

/// The finding, its arena, and its model.
type Kill = (Found, Arena, &'static Model);

/// Searches in rounds, each longer than the round before and with other seeds. Each
/// round uses the first model. Every other round then also uses one of the other models
/// in turn, for those arenas that have crashes. Also returns the first finding that needs no bug.
pub(super) fn find(
    mutant: &Mutant,
    search: &Search,
    ledger: &mut Ledger,
    is_meant: &dyn Fn(Arena, u64) -> bool,
) -> (Option<Kill>, Option<Found>) {
    let Some((first, others)) = search.models.split_first() else {
        return (None, None);
    };
    let mut pass = Pass {
        mutant,
        search,
        watch: Stopwatch::start(),
        first_seed: search.first_seed,
        needless: None,
    };
    for round in 0..search.rounds {
        let other = match round.is_multiple_of(2) {
            true => others.iter().cycle().nth(round as usize / 2),
            false => None,
        };
        let is_new = |arena, max_images| max_images > 0 && is_meant(arena, max_images);
        let found = pass
            .round(round, first, ledger, is_meant)
            .or_else(|| other.and_then(|model| pass.round(round, model, ledger, &is_new)));
        if found.is_some() || pass.is_over() {
            return (found, pass.needless);
        }
        pass.first_seed = pass.first_seed.wrapping_add(seeds_of(round));
    }
    (None, pass.needless)
}

/// The state of a search over all stages.
struct Pass<'run> {
    mutant: &'run Mutant,
    search: &'run Search,
    watch: Stopwatch,
    first_seed: u64,
    /// The first finding that needs no bug.
    needless: Option<Found>,
}

impl Pass<'_> {
    fn is_over(&self) -> bool {
        self.watch.elapsed() > self.search.time || self.search.stop.is_due()
    }

    fn round(
        &mut self,
        round: u64,
        model: &'static Model,
        ledger: &mut Ledger,
        is_meant: &dyn Fn(Arena, u64) -> bool,
    ) -> Option<Kill> {
        let mut first_seed = self.first_seed;
        for stage in STAGES {
            for arena in stage.arenas(round) {
                if is_meant(arena, stage.max_images) {
                    let seeds =
                        (0..stage.seeds_of(round)).map(|more| first_seed.wrapping_add(more));
                    let found = self.stage((stage, round), arena, model, seeds, ledger);
                    if let Some(found) = found {
                        return Some((found, arena, model));
                    }
                }
            }
            first_seed = first_seed.wrapping_add(stage.seeds_of(round));
        }
        None
    }

    fn stage(
        &mut self,
        (stage, round): (Stage, u64),
        arena: Arena,
        model: &'static Model,
        mut seeds: impl Iterator<Item = u64>,
        ledger: &mut Ledger,
    ) -> Option<Found> {
        let mut campaign = campaign(self.mutant, self.search, arena, model, stage.max_images);
        campaign.reach.recoveries_one_in = stage.recoveries_one_in;
        campaign.reach.budget = stage.budget;
        campaign.reach.only_last_epoch = stage.only_last_epoch;
        // A skipped barrier has no code of its own, so executions cannot count its
        // place.
        let is_guided = stage.out_of > 0 && self.mutant.skipped.is_none();
        let calm = campaign.without_crashes();
        let mut left = stage.crashed_of(round);
        seeds.find_map(|seed| {
            if self.is_over() || left == 0 {
                return None;
            }
            if is_guided {
                let before = planted::passed();
                let found = calm.seed(seed, ledger);
                if found.is_some() || planted::passed() == before {
                    return self.of_bug(found);
                }
            }
            left -= 1;
            self.of_bug(campaign.seed(seed, ledger))
        })
    }

    /// The finding, if it needs the bug.
    fn of_bug(&mut self, found: Option<Found>) -> Option<Found> {
        let mut found = found?;
        if needs_bug(&found) {
            return Some(found);
        }
        found.plan.bug = None;
        found.plan.skipped.clear();
        self.needless.get_or_insert(found);
        None
    }
}

/// Whether the store is right without the bug. Otherwise the finding is one of the store or
/// of the laboratory that is not mended yet, and says nothing about the bug.
fn needs_bug(found: &Found) -> bool {
    let mut plan = found.plan.clone();
    plan.bug = None;
    plan.skipped.clear();
    let right = attempt(&plan, &Enabled::default(), false);
    right
        .finding
        .is_none_or(|finding| finding.oracle != found.finding.oracle)
}

pub(super) fn campaign(
    mutant: &Mutant,
    search: &Search,
    arena: Arena,
    model: &'static Model,
    max_images: u64,
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
            max_images,
            ..Reach::SMALL
        },
        enabled: Enabled::without(search.without.iter().copied()),
        stop: search.stop.clone(),
        bug: mutant.skipped.is_none().then_some(mutant.about.name),
        determinism_one_in: 4,
    }
}

/// The kind of fault that a finding needed: the fault in its plan, unless the same
/// oracle also objects without it.
fn fault_of(found: &Found, search: &Search) -> String {
    let mut actions = found.plan.actions.iter().rev();
    let fault = actions.find_map(|action| match action {
        Action::Fault(fault) => Some(fault.kind.name().to_owned()),
        _ => None,
    });
    match fault {
        Some(fault) if !is_found_undisturbed(found, search) => fault,
        _ if has_crash(found) => "crash".to_owned(),
        _ => "none".to_owned(),
    }
}

fn is_found_undisturbed(found: &Found, search: &Search) -> bool {
    let is_of_faults = |action: &Action| matches!(action, Action::Fault(_) | Action::Heal);
    let mut plan = found.plan.clone();
    plan.actions.retain(|action| !is_of_faults(action));
    let enabled = Enabled::without(search.without.iter().copied());
    let again = as_planted(&plan, || attempt(&plan, &enabled, false));
    let finding = again.ok().and_then(|replay| replay.finding);
    finding.is_some_and(|finding| finding.oracle == found.finding.oracle)
}

pub(super) fn has_crash(found: &Found) -> bool {
    let mut actions = found.plan.actions.iter();
    actions.any(|action| matches!(action, Action::Crash(_)))
}
