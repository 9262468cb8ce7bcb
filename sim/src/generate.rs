//! From a seed to a plan.
//!
//! The client's operations are generated first. Then they are run once on an undisturbed
//! disk, to learn which background tasks there are, and the scheduler's decisions are
//! written between them. Faults are drawn last, so that a plan with and without them
//! has the same operations and the same schedule.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lithify::fs::Fs as _;

use crate::keyed::{Domain, Draws, Seed};
use crate::plan::{Action, Crash, Expectation, Plan};
use crate::schedule::{Order, Scheduler, Turn};
use crate::simfs::oplog::Operation;
use crate::simfs::{Fault, FaultKind, Model, SimFs, SkippedBarrier};
use crate::system::{Instance, Setting, Settings, System};
use crate::workload::{WORKLOADS, Workload};

/// What to draw from a seed.
#[derive(Clone)]
pub struct Recipe {
    /// The system.
    pub system: &'static dyn System,
    /// The persistence model.
    pub model: &'static Model,
    /// The workload.
    pub workload: &'static Workload,
    /// The kinds of faults that may occur; each seed takes some of them.
    pub faults: Vec<FaultKind>,
    /// The order of turns; `None` draws one.
    pub order: Option<Order>,
    /// Settings that are not drawn.
    pub fixed: Settings,
    /// Barriers without effect.
    pub skipped: Vec<SkippedBarrier>,
}

impl Recipe {
    /// The small workload without faults, under the default model.
    #[must_use]
    pub fn new(system: &'static dyn System) -> Self {
        Self {
            system,
            model: Model::DEFAULT,
            workload: &WORKLOADS[0],
            faults: Vec::new(),
            order: None,
            fixed: Settings::new(),
            skipped: Vec::new(),
        }
    }
}

/// Turns that the background gets at most between two operations of the client.
const MOST_TURNS: usize = 40;

/// The plan of a seed.
///
/// # Panics
/// When the fixed settings of the recipe are impossible.
#[must_use]
pub fn generate(recipe: &Recipe, seed: Seed) -> Plan {
    let settings = settings(recipe, seed);
    let operations = recipe.workload.operations(seed, &changeable(recipe));
    let order = recipe
        .order
        .clone()
        .unwrap_or_else(|| Order::draw(seed, recipe.system.task_kinds()));
    let fs = SimFs::new();
    let (mut actions, dirty) = schedule(recipe, &settings, seed, order, operations, &fs);
    add_end(recipe.workload, seed, &mut actions);
    add_losses(seed, &mut actions);
    add_deaths(seed, &dirty, &mut actions);
    add_faults(recipe, seed, &fs, &mut actions);
    Plan {
        system: recipe.system,
        settings,
        model: recipe.model,
        seed: seed.0,
        bug: None,
        skipped: recipe.skipped.clone(),
        actions,
        expectation: Expectation::Pass,
    }
}

/// The settings that may differ at each opening. One that is chosen stays as it is.
fn changeable(recipe: &Recipe) -> Vec<Setting> {
    let is_changeable = |setting: &&Setting| {
        let has_choice = setting.values.len() > 1;
        setting.may_change && has_choice && !recipe.fixed.contains_key(setting.name)
    };
    let settings = recipe.system.settings().iter();
    settings.filter(is_changeable).copied().collect()
}

fn settings(recipe: &Recipe, seed: Seed) -> Settings {
    let mut settings = Settings::new();
    for (index, setting) in recipe.system.settings().iter().enumerate() {
        let mut draws = seed.draws(Domain::Options, index as u64);
        let value = draws.pick(setting.values);
        settings.insert(setting.name.to_owned(), (*value).to_owned());
    }
    settings.extend(recipe.fixed.clone());
    settings
}

/// Writes the scheduler's decisions between the client's operations. Also returns behind
/// which actions something was written and not synced.
fn schedule(
    recipe: &Recipe,
    settings: &Settings,
    seed: Seed,
    order: Order,
    operations: Vec<Action>,
    fs: &SimFs,
) -> (Vec<Action>, Vec<usize>) {
    let mut settings = settings.clone();
    let configured = |settings: &Settings| {
        let engine = recipe.system.configure(settings);
        engine.expect("a system accepts the values that it offers")
    };
    let mut scheduler = Scheduler::new(seed, order);
    let mut actions = Vec::new();
    let mut dirty = Vec::new();
    let mut instance = None;
    unless_panics(&mut instance, |instance| {
        *instance = configured(&settings).open(Arc::new(fs.clone())).ok();
    });
    let mut turns = |instance: &mut Option<Box<dyn Instance>>, actions: &mut _, dirty: &mut _| {
        if recipe.workload.is_burst {
            return;
        }
        unless_panics(instance, |instance| {
            if let Some(instance) = instance.as_deref_mut() {
                background(instance, &mut scheduler, fs, actions, dirty);
            }
        });
    };
    for operation in operations {
        if let Action::Set(name, value) = &operation {
            settings.insert(name.clone(), value.clone());
        }
        turns(&mut instance, &mut actions, &mut dirty);
        unless_panics(&mut instance, |instance| {
            match (&operation, &mut *instance) {
                (Action::Commit(batches), Some(instance)) => drop(instance.commit(batches)),
                (Action::Settle, Some(instance)) => drop(instance.settle()),
                (Action::Reopen | Action::Die, _) => {
                    drop(instance.take());
                    *instance = configured(&settings).open(Arc::new(fs.clone())).ok();
                }
                _ => {}
            }
        });
        actions.push(operation);
        if ends_dirty(fs) {
            dirty.push(actions.len());
        }
    }
    turns(&mut instance, &mut actions, &mut dirty);
    (actions, dirty)
}

/// Whether the last operation is a write.
fn ends_dirty(fs: &SimFs) -> bool {
    let log = fs.log();
    matches!(log.operations().last(), Some(Operation::Write { .. }))
}

/// A store that panics has no more turns; the execution of the plan will meet the same
/// panic and report it.
fn unless_panics(
    instance: &mut Option<Box<dyn Instance>>,
    run: impl FnOnce(&mut Option<Box<dyn Instance>>),
) {
    if catch_unwind(AssertUnwindSafe(|| run(instance))).is_err() {
        *instance = None;
    }
}

fn background(
    instance: &mut dyn Instance,
    scheduler: &mut Scheduler,
    fs: &SimFs,
    actions: &mut Vec<Action>,
    dirty: &mut Vec<usize>,
) {
    for _ in 0..MOST_TURNS {
        match scheduler.next(&instance.tasks()) {
            Turn::Client => return,
            Turn::Task(task) => {
                let before = fs.log_length();
                let outcome = instance.run(&task);
                actions.push(Action::Run(task));
                if fs.log_length() > before && ends_dirty(fs) {
                    dirty.push(actions.len());
                }
                if outcome.is_err() {
                    return;
                }
            }
        }
    }
}

/// Some plans end with all the work that is left, so that power is lost in it: behind the
/// last commit nothing else would make it come up.
fn add_end(workload: &Workload, seed: Seed, actions: &mut Vec<Action>) {
    if workload.is_burst || seed.draws(Domain::Schedule, 4).percent(40) {
        actions.push(Action::Settle);
    }
}

/// In some seeds a few callbacks never arrive.
fn add_losses(seed: Seed, actions: &mut [Action]) {
    if !seed.draws(Domain::Schedule, 2).percent(20) {
        return;
    }
    for (index, action) in actions.iter_mut().enumerate() {
        if let Action::Run(task) = action
            && task != "step"
            && seed
                .draws(Domain::Schedule, 1 << 32 | index as u64)
                .percent(15)
        {
            *action = Action::Lose(task.clone());
        }
    }
}

/// In some seeds the process dies between any two turns, so also in the middle of jobs;
/// most often where something was written and not synced.
fn add_deaths(seed: Seed, dirty: &[usize], actions: &mut Vec<Action>) {
    let mut draws = seed.draws(Domain::Schedule, 3);
    if !draws.percent(40) {
        return;
    }
    let mut places: Vec<usize> = (0..draws.between(1, 3))
        .map(|_| match draws.percent(60) && !dirty.is_empty() {
            true => *draws.pick(dirty),
            false => draws.below(actions.len() as u64 + 1) as usize,
        })
        .collect();
    places.sort_unstable();
    for place in places.into_iter().rev() {
        actions.insert(place, Action::Die);
    }
}

fn add_faults(recipe: &Recipe, seed: Seed, fs: &SimFs, actions: &mut Vec<Action>) {
    let prefixes = prefixes(fs);
    let mut inserted: Vec<(usize, Action)> = Vec::new();
    for &kind in &recipe.faults {
        let mut draws = seed.draws(Domain::Faults, kind as u64);
        // With several kinds on offer each seed takes a third of them.
        if recipe.faults.len() > 1 && !draws.percent(33) {
            continue;
        }
        let mut lasting = seed.draws(Domain::Faults, LASTING + kind as u64);
        for _ in 0..draws.between(1, 2) {
            let stays = kind.may_stay() && lasting.percent(25);
            let at = inserted.len();
            add_fault(kind, &prefixes, actions.len(), &mut draws, &mut inserted);
            if stays {
                let healed = stay(&mut inserted[at..], actions.len(), &mut lasting);
                inserted.push((healed, Action::Heal));
            }
        }
    }
    inserted.sort_by_key(|(at, _)| *at);
    for (at, action) in inserted.into_iter().rev() {
        actions.insert(at, action);
    }
}

/// Where the identities begin of draws that say how long a fault lasts.
const LASTING: u64 = 1000;

/// Makes the fault among these stay, and draws when the disk is healed.
fn stay(inserted: &mut [(usize, Action)], actions: usize, draws: &mut Draws) -> usize {
    let mut begins = 0;
    for (at, action) in inserted {
        if let Action::Fault(fault) = action {
            fault.stays = true;
            begins = *at;
        }
    }
    (begins + draws.between(1, 12) as usize).min(actions)
}

/// Draws one fault, and most often something that it strikes, or that shows what it has
/// left: an opening, reading everything for faults of reads, and for others all the work
/// and all the time that settling takes.
fn add_fault(
    kind: FaultKind,
    prefixes: &[String],
    actions: usize,
    draws: &mut Draws,
    inserted: &mut Vec<(usize, Action)>,
) {
    // What happens to a directory has no file's name.
    let any_file = match kind {
        FaultKind::DirectorySyncError | FaultKind::StrayFiles => 100,
        FaultKind::MetadataError => 60,
        _ => 30,
    };
    let file = match draws.percent(any_file) || prefixes.is_empty() {
        true => String::new(),
        false => draws.pick(prefixes).clone(),
    };
    let at = draws.below(actions as u64 + 1) as usize;
    let later = (at + draws.below(4) as usize).min(actions);
    let newest = Action::Read(999);
    let reads_twice = kind.is_of_reads() && draws.percent(40);
    let before_crash = kind.is_of_reads() && !reads_twice && draws.percent(10);
    if reads_twice {
        inserted.push((at, newest.clone()));
    }
    let fault = Fault {
        kind,
        file,
        at: draws.between(1, 6) as u32,
        stays: false,
    };
    inserted.push((at, Action::Fault(fault)));
    match draws.below(10) {
        _ if reads_twice => inserted.push((at, newest)),
        // What a loss of power has left is damaged, too, before anybody reads it.
        _ if before_crash => inserted.push((at, Action::Crash(Crash::losing_everything()))),
        0..5 => inserted.push((later, Action::Die)),
        5..7 if kind.is_of_reads() => {
            inserted.push((later, Action::Read(draws.below(20))));
        }
        5..7 => inserted.push((later, Action::Settle)),
        7 => inserted.push((later, Action::Reopen)),
        8 => inserted.push((later, Action::Settle)),
        _ => {}
    }
}

/// How the names of the store's files begin: everything before the first digit, once for
/// each file, so that kinds with many files are drawn more often.
fn prefixes(fs: &SimFs) -> Vec<String> {
    let names = fs.list("").unwrap_or_default();
    let prefix = |name: &String| {
        let end = name.find(|letter: char| letter.is_ascii_digit());
        end.map(|end| name[..end].to_owned())
    };
    let mut prefixes: Vec<String> = names.iter().filter_map(prefix).collect();
    prefixes.retain(|prefix| !prefix.is_empty());
    prefixes
}
