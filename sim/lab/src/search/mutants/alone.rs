//! Which oracle or fault is the only one that finds a bug, and under which models the
//! bug shows: repeats the search without an oracle, without a kind or a class of
//! faults, and under other models.
//!
//! "Only" means: within the search time, which is four times the time of the first
//! search, and at least [`MIN_AGAIN`].

use std::time::Duration;

use super::Mutant;
use super::arena::Arena;
use super::hunt::{Search, campaign, find, has_crash};
use crate::disk::model::MODELS;
use crate::disk::{FaultKind, Model};
use crate::finding::replay::Found;
use crate::judge::oracle::Oracle;
use crate::search::campaign::Ledger;
use crate::search::mutants::cpu_time::Stopwatch;

/// The least time for a repeated search.
const MIN_AGAIN: Duration = Duration::from_millis(1500);

/// The results of the repeated searches.
#[derive(Debug, Default)]
pub(super) struct Alone {
    pub(super) oracle: bool,
    pub(super) fault: bool,
    pub(super) class: bool,
    /// The models whose crashes show the bug.
    pub(super) models: Vec<String>,
}

/// Repeats the search for a bug that was found under `model` within `elapsed`.
pub(super) fn look_again(
    mutant: &Mutant,
    search: &Search,
    (found, arena, model): (&Found, Arena, &'static Model),
    fault: &str,
    elapsed: Duration,
) -> Alone {
    let again = Search {
        models: vec![model],
        time: (elapsed * 4).clamp(MIN_AGAIN, search.time.max(MIN_AGAIN)),
        ..search.clone()
    };
    let is_without =
        |is_meant: &dyn Fn(FaultKind) -> bool| !is_found_without(mutant, &again, fault, is_meant);
    let class = class_of(fault);
    let only_fault = is_without(&|kind| kind.name() == fault);
    Alone {
        oracle: !is_found_without_oracle(mutant, &again, found.finding.oracle),
        fault: only_fault,
        class: only_fault || is_without(&|kind| kind.class() == class),
        models: showing(mutant, search, model, found, arena),
    }
}

/// The class of a kind of fault, by name. `crash` and `none` are classes of their own.
pub(super) fn class_of(fault: &str) -> &str {
    match FaultKind::named(fault) {
        Some(kind) => kind.class(),
        None => fault,
    }
}

fn is_found_without_oracle(mutant: &Mutant, search: &Search, oracle: Oracle) -> bool {
    let mut search = search.clone();
    search.without.push(oracle);
    find(mutant, &search, &mut Ledger::default(), &|_, _| true)
        .0
        .is_some()
}

/// Whether the bug is found without the faults that `is_meant` selects, or without
/// crashes. Always true if the bug needed neither.
fn is_found_without(
    mutant: &Mutant,
    search: &Search,
    fault: &str,
    is_meant: &dyn Fn(FaultKind) -> bool,
) -> bool {
    let is_other = |arena: Arena, max_images: u64| match fault {
        "crash" => max_images == 0,
        _ => !arena.fault.is_some_and(is_meant),
    };
    fault == "none"
        || find(mutant, search, &mut Ledger::default(), &is_other)
            .0
            .is_some()
}

/// The models under which the same arena shows the bug: with more images for the seed
/// that found it, and with fewer for some further seeds.
fn showing(
    mutant: &Mutant,
    search: &Search,
    known: &'static Model,
    found: &Found,
    arena: Arena,
) -> Vec<String> {
    const MORE_SEEDS: u64 = 12;
    const LONGEST: Duration = Duration::from_millis(800);
    let takes_crash = has_crash(found);
    let shows = |model: &&'static Model| {
        // A bug that shows in a running store does not depend on the model.
        if model.name == known.name || !takes_crash {
            return true;
        }
        let watch = Stopwatch::start();
        let seeds = std::iter::once((found.seed, 3000))
            .chain((1..=MORE_SEEDS).map(|more| (found.seed + more, 300)));
        seeds
            .take_while(|_| watch.elapsed() < LONGEST.min(search.time))
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
