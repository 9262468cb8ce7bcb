//! The faults of a plan, and their places.
//!
//! Half of the faults are drawn blindly: any file and any place, even if no operation
//! is left to strike. The other half are aimed at an operation of the undisturbed run.
//! The kind of the operation and of the file is drawn first, so that a rare operation
//! is struck as often as a frequent one.

use std::collections::{BTreeMap, BTreeSet};

use lithify::fs::Fs as _;

use super::Recipe;
use super::rehearsal::Rehearsal;
use crate::disk::{Fault, FaultKind, Target, without_numbers};
use crate::keyed::{Domain, Draws, Seed};
use crate::run::plan::{Action, Crash};

/// The first identity of the draws that decide how long a fault lasts.
const LASTING: u64 = 1000;

/// The first identity of the draws that decide what a fault is aimed at.
const AIMED: u64 = 2000;

/// The first identity of the draws that decide whether several files are damaged
/// together.
const TOGETHER: u64 = 3000;

/// An operation of the undisturbed run that a fault could strike.
#[derive(Debug)]
pub(super) struct Moment {
    /// The action of the plan that performs the operation.
    pub(super) action: usize,
    pub(super) target: Target,
}

/// The actions of a run, with faults inserted.
pub(super) fn add_faults(recipe: &Recipe, seed: Seed, rehearsal: Rehearsal<'_>) -> Vec<Action> {
    let names = rehearsal.fs.list("").unwrap_or_default();
    let prefixes = prefixes(&names);
    let (mut actions, moments) = (rehearsal.actions, rehearsal.moments);
    let mut inserted: Vec<(usize, Action)> = Vec::new();
    for &kind in &recipe.faults {
        let mut draws = seed.draws(Domain::Faults, kind as u64);
        // If several kinds may occur, each seed uses a third of them.
        if recipe.faults.len() > 1 && !draws.percent(33) {
            continue;
        }
        let mut together = seed.draws(Domain::Faults, TOGETHER + kind as u64);
        if kind.harm().corrupts() && together.percent(20) {
            damage_together(kind, &names, &actions, &mut together, &mut inserted);
        }
        let mut lasting = seed.draws(Domain::Faults, LASTING + kind as u64);
        let mut aiming = seed.draws(Domain::Faults, AIMED + kind as u64);
        for _ in 0..draws.between(1, 2) {
            let stays = kind.may_stay() && lasting.percent(25);
            let first = inserted.len();
            let aimed = match aiming.percent(50) {
                true => aim(kind, &moments, &mut aiming),
                false => None,
            };
            let blind = blind(kind, &prefixes, actions.len(), &mut draws);
            let lists = (&mut draws, &mut inserted);
            add_fault(kind, aimed, blind, actions.len(), lists);
            if stays {
                let healed = stay(&mut inserted[first..], actions.len(), &mut lasting);
                inserted.push((healed, Action::Heal));
            }
        }
    }
    inserted.sort_by_key(|(at, _)| *at);
    for (at, action) in inserted.into_iter().rev() {
        actions.insert(at, action);
    }
    actions
}

/// Damages several files before one opening. If two files hold the same data, or one
/// file vouches for the other, damage to one of them does not show what happens without
/// both.
fn damage_together(
    kind: FaultKind,
    names: &[String],
    actions: &[Action],
    draws: &mut Draws,
    inserted: &mut Vec<(usize, Action)>,
) {
    let opens = |action: &Action| matches!(action, Action::Die | Action::Reopen);
    let openings = (0..actions.len()).filter(|&index| opens(&actions[index]));
    // Most often before the last opening, which has most to read.
    let at = openings.chain([actions.len(); 2]).collect::<Vec<_>>();
    let at = *draws.pick(&at);
    let files: BTreeSet<String> = names.iter().map(|name| without_numbers(name)).collect();
    for file in files {
        if draws.percent(60) {
            let fault = Fault {
                kind,
                file,
                at: 1,
                stays: false,
            };
            inserted.push((at, Action::Fault(fault)));
        }
    }
    if at == actions.len() {
        inserted.push((at, Action::Die));
    }
}

/// Makes the faults in `inserted` stay, and draws when the disk is healed.
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

/// A fault before an action.
type Placed = (usize, Fault);

/// Any file, by the beginning of its name, and any place.
fn blind(
    kind: FaultKind,
    prefixes: &[String],
    actions: usize,
    draws: &mut Draws,
) -> (usize, String) {
    let file = match draws.percent(kind.any_file()) || prefixes.is_empty() {
        true => String::new(),
        false => draws.pick(prefixes).clone(),
    };
    (draws.below(actions as u64 + 1) as usize, file)
}

/// A fault that strikes one of these operations, unless another fault changes the run.
/// `None` if no operation can be struck.
fn aim(kind: FaultKind, moments: &[Moment], draws: &mut Draws) -> Option<Placed> {
    let mut places: BTreeMap<Target, Vec<usize>> = BTreeMap::new();
    for (index, moment) in moments.iter().enumerate() {
        if moment.target.is_of(kind, "") {
            let place = moment.target.without_number();
            places.entry(place).or_default().push(index);
        }
    }
    let places: Vec<_> = places.into_iter().collect();
    if places.is_empty() {
        return None;
    }
    let (place, indexes) = draws.pick(&places);
    let index = *draws.pick(indexes);
    let action = moments[index].action;
    let until = moments[..=index].iter().rev();
    let of_action = until.take_while(|moment| moment.action == action);
    let at = of_action.filter(|moment| moment.target.is_of(kind, place.path()));
    let fault = Fault {
        kind,
        file: place.path().to_owned(),
        at: at.count() as u32,
        stays: false,
    };
    Some((action, fault))
}

/// Adds a fault. Most often also adds an action that the fault strikes, or that shows
/// its effect: an opening, a read of everything for faults of reads, or settling, which
/// does all remaining work.
fn add_fault(
    kind: FaultKind,
    aimed: Option<Placed>,
    blind: (usize, String),
    actions: usize,
    (draws, inserted): (&mut Draws, &mut Vec<(usize, Action)>),
) {
    let distance = draws.below(4) as usize;
    let reads_twice = kind.is_of_reads() && draws.percent(40);
    let before_crash = kind.is_of_reads() && !reads_twice && draws.percent(10);
    let blind_fault = Fault {
        kind,
        file: blind.1,
        at: draws.between(1, 6) as u32,
        stays: false,
    };
    let blind = (blind.0, blind_fault);
    // An aimed fault would strike the added read instead of its target.
    let (at, fault) = match reads_twice || before_crash {
        true => blind,
        false => aimed.unwrap_or(blind),
    };
    let later = (at + distance).min(actions);
    let newest = Action::Read(999);
    if reads_twice {
        inserted.push((at, newest.clone()));
    }
    inserted.push((at, Action::Fault(fault)));
    match draws.below(10) {
        _ if reads_twice => inserted.push((at, newest)),
        // The data that a loss of power leaves is damaged before any read of it.
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

/// The beginnings of the names of the store's files, up to the first digit. There is
/// one entry for each file, so that kinds with many files are drawn more often.
fn prefixes(names: &[String]) -> Vec<String> {
    let prefix = |name: &String| {
        let prefix = without_numbers(name);
        (!prefix.is_empty() && prefix != *name).then_some(prefix)
    };
    names.iter().filter_map(prefix).collect()
}
