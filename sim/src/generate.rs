//! From a seed to a plan.
//!
//! The client's operations are generated first. Then they are run once on an undisturbed
//! disk, to learn which background tasks there are, and the scheduler's decisions are
//! written between them. Faults are drawn last ([`faults`]), so that a plan with and
//! without them has the same operations and the same schedule.

mod faults;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use self::faults::{Moment, add_faults};
use crate::keyed::{Domain, Seed};
use crate::plan::{Action, Expectation, Plan};
use crate::schedule::{Order, Scheduler, Turn};
use crate::simfs::oplog::Operation;
use crate::simfs::{FaultKind, Model, SimFs, SkippedBarrier};
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
    let mut course = schedule(recipe, &settings, seed, order, operations, &fs);
    add_losses(seed, &mut course.actions);
    add_deaths(seed, &mut course);
    let Course {
        mut actions,
        moments,
        ..
    } = course;
    add_faults(recipe, seed, &fs, &moments, &mut actions);
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

/// What happens in a run that nothing disturbs.
#[derive(Default)]
struct Course {
    actions: Vec<Action>,
    /// Behind which actions something was written and not synced.
    dirty: Vec<usize>,
    /// What faults could strike, if there are to be any.
    moments: Vec<Moment>,
    has_faults: bool,
}

impl Course {
    /// Adds what was just done.
    fn push(&mut self, action: Action, fs: &SimFs) {
        if self.has_faults {
            let action = self.actions.len();
            let targets = fs.take_targets().into_iter();
            self.moments
                .extend(targets.map(|target| Moment { action, target }));
        }
        self.actions.push(action);
    }

    fn note_dirty(&mut self, fs: &SimFs) {
        if ends_dirty(fs) {
            self.dirty.push(self.actions.len());
        }
    }
}

/// Writes the scheduler's decisions between the client's operations.
fn schedule(
    recipe: &Recipe,
    settings: &Settings,
    seed: Seed,
    order: Order,
    operations: Vec<Action>,
    fs: &SimFs,
) -> Course {
    let mut settings = settings.clone();
    let configured = |settings: &Settings| {
        let engine = recipe.system.configure(settings);
        engine.expect("a system accepts the values that it offers")
    };
    let mut scheduler = Scheduler::new(seed, order);
    let mut course = Course {
        has_faults: !recipe.faults.is_empty(),
        ..Course::default()
    };
    let mut instance = None;
    unless_panics(&mut instance, |instance| {
        *instance = configured(&settings).open(Arc::new(fs.clone())).ok();
    });
    if course.has_faults {
        // Faults come behind the first opening.
        let _ = fs.take_targets();
    }
    let mut turns = |instance: &mut Option<Box<dyn Instance>>, course: &mut Course| {
        if recipe.workload.is_burst {
            return;
        }
        unless_panics(instance, |instance| {
            if let Some(instance) = instance.as_deref_mut() {
                background(instance, &mut scheduler, fs, course);
            }
        });
    };
    for operation in operations {
        if let Action::Set(name, value) = &operation {
            settings.insert(name.clone(), value.clone());
        }
        turns(&mut instance, &mut course);
        unless_panics(&mut instance, |instance| {
            match (&operation, &mut *instance) {
                (Action::Commit(batches), Some(instance)) => drop(instance.commit(batches)),
                (Action::Settle, Some(instance)) => drop(instance.settle()),
                (Action::Reopen | Action::Die, _) => {
                    let before = instance.take();
                    if operation == Action::Reopen {
                        drop(before.map(Instance::close));
                    }
                    *instance = configured(&settings).open(Arc::new(fs.clone())).ok();
                }
                _ => {}
            }
        });
        course.push(operation, fs);
        course.note_dirty(fs);
    }
    turns(&mut instance, &mut course);
    if ends_settled(recipe.workload, seed) {
        if course.has_faults {
            unless_panics(&mut instance, |instance| {
                drop(instance.as_deref_mut().map(Instance::settle));
            });
        }
        course.push(Action::Settle, fs);
    }
    course
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
    course: &mut Course,
) {
    for _ in 0..MOST_TURNS {
        match scheduler.next(&instance.tasks()) {
            Turn::Client => return,
            Turn::Task(task) => {
                let before = fs.log_length();
                let outcome = instance.run(&task);
                course.push(Action::Run(task), fs);
                if fs.log_length() > before {
                    course.note_dirty(fs);
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
fn ends_settled(workload: &Workload, seed: Seed) -> bool {
    workload.is_burst || seed.draws(Domain::Schedule, 4).percent(40)
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
fn add_deaths(seed: Seed, course: &mut Course) {
    let Course {
        actions,
        dirty,
        moments,
        ..
    } = course;
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
        let later = moments.iter_mut().filter(|moment| moment.action >= place);
        later.for_each(|moment| moment.action += 1);
    }
}
