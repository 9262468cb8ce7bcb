//! Storms: the process dies and the power fails several times in a row, in the middle
//! of the store's work and therefore also in the middle of its recoveries.
//!
//! Between two losses of power that are far apart, the store repairs everything. Some
//! bugs need two losses of power close together: a file whose name was lost in a crash
//! and another file with that name, or a recovery from an interrupted recovery. So in
//! some seeds, the rehearsal is interrupted at a drawn place by two to five blows, with
//! little or no work between them. Each blow is aimed at an operation of the latest
//! action. The kind of the operation is drawn first, so that the one rename of an
//! opening is struck as often as its many writes. The rehearsal continues on what is
//! left, so that the actions after a blow have the names and the turns that the
//! execution will have.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::rehearsal::Rehearsal;
use crate::disk::explore::{Sources, explore_sources};
use crate::disk::oplog::Log;
use crate::disk::{Budget, Choice, Frontier, Image, Mark, Operation, SimFs, without_numbers};
use crate::keyed::{Domain, Draws, Seed};
use crate::run::plan::Action;
use crate::run::plan::place::{crash_of, place_of};
use crate::run::workload::Workload;

/// The number of blows of a plan, and their place.
pub(super) struct Storm {
    draws: Draws,
    /// The number of client operations before the first blow.
    begins: u64,
    left: u64,
    /// Whether the last blow was the death of the process. Then the next blow mostly
    /// follows at once and strikes the recovery.
    has_died: bool,
}

impl Storm {
    /// The storm of a seed, if any.
    pub(super) fn draw(workload: &Workload, seed: Seed, operations: usize) -> Option<Self> {
        let mut draws = seed.draws(Domain::Schedule, 6);
        draws.percent(workload.storms).then(|| Self {
            begins: draws.between(1, operations.max(1) as u64),
            left: draws.between(2, 5),
            has_died: false,
            draws,
        })
    }

    /// Strikes after this number of client operations, if the storm has begun, until it
    /// ends or pauses.
    pub(super) fn behind(&mut self, operations: usize, rehearsal: &mut Rehearsal<'_>) {
        while self.left > 0 && operations as u64 >= self.begins {
            let goes_on = if self.has_died { 85 } else { 50 };
            if !self.draws.percent(goes_on) {
                return;
            }
            self.left -= 1;
            if !self.has_died {
                // So that every step of background work can be struck too.
                rehearsal.turns(self.draws.below(8) as usize);
            }
            self.has_died = self.draws.percent(if self.has_died { 30 } else { 50 });
            rehearsal.strike(self.has_died, &mut self.draws);
        }
    }
}

/// A blow, and the machine and the disk after it.
struct Blow {
    action: Action,
    fs: SimFs,
    /// The disk, if the power has failed.
    image: Option<Image>,
}

impl Rehearsal<'_> {
    /// Strikes one blow, and opens the store again.
    fn strike(&mut self, dies: bool, draws: &mut Draws) {
        // The first action of a plan opens the store. Before it there is no process to
        // strike, and the next process would not find what this one has created.
        if self.actions.is_empty() {
            return;
        }
        self.unless_panics(|rehearsal| {
            let log = rehearsal.fs.log();
            let position = aim(&log, draws);
            let blow = match dies {
                true => rehearsal.death(&log, position),
                false => rehearsal.power_loss(&log, position, draws),
            };
            rehearsal.resume(blow);
        });
    }

    fn death(&self, log: &Log, position: usize) -> Blow {
        Blow {
            action: match place_of(log, position).1 {
                Some(moment) => Action::DieBefore(moment),
                None => Action::Die,
            },
            fs: SimFs::from_log(&self.start, log, position),
            image: None,
        }
    }

    fn power_loss(&self, log: &Log, position: usize, draws: &mut Draws) -> Blow {
        let mut frontier = Frontier::new(self.recipe.model, self.start.clone(), log);
        frontier.advance_to(position);
        let (choice, image) = choose(&frontier, draws);
        Blow {
            action: Action::Crash(crash_of(log, &frontier, &choice).1),
            fs: SimFs::from_image(&image),
            image: Some(image),
        }
    }

    /// Opens the store on what a blow has left.
    fn resume(&mut self, blow: Blow) {
        self.pins.clear();
        self.instance = None;
        self.fs = blow.fs;
        self.start = blow.image.unwrap_or_else(|| self.start.clone());
        if self.has_faults() {
            let _ = self.fs.take_targets();
        }
        self.mark_action();
        self.open();
        self.note(blow.action);
    }
}

/// The position in the last action at which a blow strikes: before an operation whose
/// kind is drawn first, or seldom after all operations.
fn aim(log: &Log, draws: &mut Draws) -> usize {
    let operations = log.operations();
    let is_action = |operation: &Operation| matches!(operation, Operation::Mark(Mark::Action(_)));
    let since = operations.iter().rposition(is_action).unwrap_or(0);
    let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (position, operation) in operations.iter().enumerate().skip(since) {
        if operation.is_call() {
            let kind = without_numbers(&log.describe(operation).to_string());
            kinds.entry(kind).or_default().push(position);
        }
    }
    if kinds.is_empty() || draws.percent(20) {
        return operations.len();
    }
    let kinds: Vec<_> = kinds.into_values().collect();
    let positions = draws.pick(&kinds);
    *draws.pick(positions)
}

/// Which pending changes survive: in half of the cases none, otherwise any legal set.
fn choose(frontier: &Frontier<'_>, draws: &mut Draws) -> (Choice, Image) {
    const FEW: Budget = Budget {
        enumerate: 16,
        bound: 0,
        samples: 6,
    };
    let mut choices = Vec::new();
    let mut samples = draws.clone();
    let sources = Sources::Earlier(1);
    explore_sources(
        frontier,
        FEW,
        sources,
        &mut samples,
        &mut |choice, image| {
            choices.push((choice, image));
            ControlFlow::Continue(())
        },
    );
    let nothing = choices
        .iter()
        .position(|(choice, _)| choice.kept.is_clear());
    let chosen = match nothing.filter(|_| draws.percent(50)) {
        Some(nothing) => nothing,
        None => draws.below(choices.len() as u64) as usize,
    };
    choices.swap_remove(chosen)
}
