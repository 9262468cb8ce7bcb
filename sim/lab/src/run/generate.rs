//! Makes a plan from a seed.
//!
//! The operations of the client are generated first. Then they run once on an
//! undisturbed disk (`rehearsal`), to learn which background tasks exist, and the
//! scheduler's decisions are written between them. Faults are drawn last (`faults`), so
//! a plan has the same operations and the same schedule with and without faults.

mod faults;
mod rehearsal;
mod storm;

use self::faults::add_faults;
use self::rehearsal::Rehearsal;
use self::storm::Storm;
use crate::disk::{FaultKind, Model, SkippedBarrier};
use crate::keyed::{Domain, Seed};
use crate::run::plan::{Action, Crash, Expectation, Plan};
use crate::run::schedule::{Order, Scheduler};
use crate::run::workload::{WORKLOADS, Workload};
use crate::system::{Setting, Settings, System};

/// The parameters from which a seed draws a plan.
#[derive(Clone)]
pub struct Recipe {
    /// The system.
    pub system: &'static dyn System,
    /// The persistence model.
    pub model: &'static Model,
    /// The workload.
    pub workload: &'static Workload,
    /// The kinds of faults that may occur. Each seed uses some of them.
    pub faults: Vec<FaultKind>,
    /// The order of turns; with `None` the seed draws one.
    pub order: Option<Order>,
    /// Settings with fixed values.
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

/// The plan of a seed.
///
/// # Panics
/// If the fixed settings of the recipe are invalid.
#[must_use]
pub fn generate(recipe: &Recipe, seed: Seed) -> Plan {
    let settings = settings(recipe, seed);
    let operations =
        (recipe.workload).operations(seed, &changeable(recipe), recipe.system.max_keyspaces());
    let order = recipe
        .order
        .clone()
        .unwrap_or_else(|| Order::draw(seed, recipe.system.task_kinds()));
    let scheduler = Scheduler::new(seed, order);
    let mut storm = Storm::draw(recipe.workload, seed, operations.len());
    let mut rehearsal = Rehearsal::new(recipe, settings.clone(), scheduler, storm.is_some());
    for (index, operation) in operations.into_iter().enumerate() {
        rehearsal.client(operation);
        if let Some(storm) = &mut storm {
            storm.behind(index + 1, &mut rehearsal);
        }
    }
    rehearsal.background();
    if ends_settled(recipe.workload, seed) {
        rehearsal.settle();
        if let Some(storm) = &mut storm {
            storm.behind(usize::MAX, &mut rehearsal);
        }
    }
    // A storm aims at operations of the rehearsal. No lost callback, death or loss of power
    // may be added that would change these operations.
    if storm.is_none() {
        add_losses(seed, &mut rehearsal.actions);
        add_deaths(seed, &mut rehearsal);
        add_power_losses(seed, &mut rehearsal);
    }
    let tells_stale_bytes = rehearsal.tells_stale_bytes();
    let mut actions = add_faults(recipe, seed, rehearsal);
    if !tells_stale_bytes || may_be_deceived(recipe, &actions) {
        take_last_file_only(&mut actions);
    }
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

/// Whether a disk may lose what it has reported as durable. Then a *whole* file may be
/// replaced by an earlier one, including the bytes that identify the file, and no store
/// can notice that.
fn may_be_deceived(recipe: &Recipe, actions: &[Action]) -> bool {
    let loses = |action: &Action| match action {
        Action::Fault(fault) => fault.kind.harm().excuses_loss(),
        _ => false,
    };
    !recipe.model.honest || actions.iter().any(loses)
}

/// Restricts stale bytes to the file that most recently lost its name, as in the crash
/// images of such a disk.
fn take_last_file_only(actions: &mut [Action]) {
    for action in actions {
        if let Action::Crash(crash) = action
            && crash.fill.starts_with("stale ")
        {
            crash.fill = "stale".to_owned();
        }
    }
}

/// The settings that may differ at each opening. A fixed setting does not change.
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

/// Some plans end with all remaining work, so that the power can fail during it. After
/// the last commit nothing else would start that work.
fn ends_settled(workload: &Workload, seed: Seed) -> bool {
    workload.is_burst || seed.draws(Domain::Schedule, 4).percent(40)
}

/// In some seeds, a few callbacks never arrive.
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

/// In some seeds, the process dies between two turns, and so also in the middle of
/// jobs. Most often it dies where something was written and not synced.
fn add_deaths(seed: Seed, rehearsal: &mut Rehearsal<'_>) {
    let mut draws = seed.draws(Domain::Schedule, 3);
    if !draws.percent(40) {
        return;
    }
    let (dirty, actions) = (&rehearsal.dirty, rehearsal.actions.len() as u64);
    let mut places: Vec<usize> = (0..draws.between(1, 3))
        .map(|_| match draws.percent(60) && !dirty.is_empty() {
            true => *draws.pick(dirty),
            false => draws.below(actions + 1) as usize,
        })
        .collect();
    places.sort_unstable();
    for place in places.into_iter().rev() {
        rehearsal.interrupt(place, Action::Die);
    }
}

/// In some seeds, the power fails and the client continues on what is left. So commits
/// are made, and lost in crashes, on a store that has recovered.
fn add_power_losses(seed: Seed, rehearsal: &mut Rehearsal<'_>) {
    let mut draws = seed.draws(Domain::Schedule, 5);
    if !draws.percent(20) {
        return;
    }
    for _ in 0..draws.between(1, 2) {
        let place = draws.below(rehearsal.actions.len() as u64 + 1) as usize;
        let crash = match draws.percent(50) {
            true => Crash::losing_everything(),
            false => Crash::losing_nothing(),
        };
        rehearsal.interrupt(place, Action::Crash(crash));
    }
}
