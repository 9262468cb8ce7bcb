//! The changes that were pending when the power failed: which were kept, which were
//! lost, and what required what.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use serde::Serialize;

use super::Cause;
use super::blow::Blow;
use super::timeline::Told;
use crate::disk::{ChangeKind, Frontier, Known};
use crate::run::plan::Survivors;

/// Requirements cost the square of the number of changes for each change, so beyond
/// this many changes they are left out.
const MAX_WITH_REQUIREMENTS: usize = 300;

/// What a loss of power found pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The number of the loss, counted from 1.
    pub crash: usize,
    /// Its event.
    pub event: usize,
    /// The line of the trace behind `begin`, counted from 1.
    pub line: usize,
    /// That line.
    pub text: String,
    /// What lost bytes read as.
    pub fill: String,
    /// The newest commit that was asked for.
    pub issued: u64,
    /// The newest commit that was acknowledged.
    pub acknowledged: u64,
    /// The newest commit that was shown after an opening.
    pub shown: u64,
    /// The pending changes, in the order in which they were made.
    pub changes: Vec<PendingChange>,
    /// Whether there are too many changes to say what requires what.
    pub without_requirements: bool,
}

/// A pending change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingChange {
    /// Its name in traces.
    pub name: String,
    /// The event that made it.
    pub event: Option<usize>,
    /// The operation that made it.
    pub operation: String,
    /// The lane of the file that it is about.
    pub lane: Option<usize>,
    /// Whether it was kept.
    pub is_kept: bool,
    /// Why it was kept or lost.
    pub because: String,
    /// The earlier changes that must be on the disk if it is, by their numbers in this
    /// list from 0; only those that no other requirement implies.
    pub requires: Vec<usize>,
    /// Whether the finding goes away if the fate of this change is the other one.
    pub matters: bool,
}

/// The losses of power of an execution.
pub(super) fn losses(blows: &[Blow<'_>], told: &Told, causes: &[Cause]) -> Vec<Loss> {
    let losses = blows.iter().enumerate().map(|(index, blow)| {
        let Known {
            acknowledged,
            served,
            issued,
        } = blow.frontier.known();
        let number = index + 1;
        let changes = changes(blow, told);
        Loss {
            crash: number,
            event: told.failures[&blow.epoch],
            line: blow.action + 1,
            text: crate::run::plan::Action::Crash(blow.crash.clone()).to_string(),
            fill: blow.crash.fill.clone(),
            issued,
            acknowledged,
            shown: served,
            without_requirements: changes.len() > MAX_WITH_REQUIREMENTS,
            changes: marked(changes, number, causes),
        }
    });
    losses.collect()
}

fn marked(mut changes: Vec<PendingChange>, crash: usize, causes: &[Cause]) -> Vec<PendingChange> {
    // A cause without a number is about the only crash.
    let here = causes
        .iter()
        .filter(|cause| cause.crash.is_none_or(|of| of == crash));
    let named: Vec<&String> = here.flat_map(|cause| &cause.changes).collect();
    for change in &mut changes {
        change.matters = named.contains(&&change.name);
    }
    changes
}

fn changes(blow: &Blow<'_>, told: &Told) -> Vec<PendingChange> {
    let frontier = &blow.frontier;
    let names = frontier.labels();
    let required = requirements(frontier);
    let log = blow.log;
    let pending = frontier.pending().iter().enumerate();
    pending
        .map(|(index, change)| PendingChange {
            name: names[index].clone(),
            event: told.places.get(&(blow.epoch, change.operation)).copied(),
            operation: log
                .describe(&log.operations()[change.operation])
                .to_string(),
            lane: file_of(&change.kind).and_then(|file| told.files.get(&file).copied()),
            is_kept: blow.kept.contains(index),
            because: because(blow, &names, &required, index),
            requires: direct(&required, index),
            matters: false,
        })
        .collect()
}

fn file_of(kind: &ChangeKind) -> Option<u32> {
    match kind {
        ChangeKind::Data { inode, .. }
        | ChangeKind::Size { inode, .. }
        | ChangeKind::Link { inode, .. }
        | ChangeKind::Rename { inode, .. } => Some(*inode),
        ChangeKind::Unlink { .. } => None,
    }
}

/// By change: all changes that it requires; empty if there are too many changes.
fn requirements(frontier: &Frontier<'_>) -> BTreeMap<usize, FixedBitSet> {
    let count = frontier.pending().len();
    if count > MAX_WITH_REQUIREMENTS {
        return BTreeMap::new();
    }
    let all = (0..count).map(|index| {
        let mut required = frontier.keeping(&[index]);
        required.set(index, false);
        (index, required)
    });
    all.collect()
}

/// The requirements of a change that none of its other requirements implies.
fn direct(required: &BTreeMap<usize, FixedBitSet>, index: usize) -> Vec<usize> {
    let Some(all) = required.get(&index) else {
        return Vec::new();
    };
    let is_implied = |one: usize| all.ones().any(|other| required[&other].contains(one));
    all.ones().filter(|&one| !is_implied(one)).collect()
}

fn because(
    blow: &Blow<'_>,
    names: &[String],
    required: &BTreeMap<usize, FixedBitSet>,
    index: usize,
) -> String {
    let (named, keeps_named) = match &blow.crash.survivors {
        Survivors::AllBut(named) => (named, false),
        Survivors::Only(named) => (named, true),
    };
    let is_named = |index: usize| named.contains(&names[index]);
    let is_kept = blow.kept.contains(index);
    if is_named(index) {
        let verb = if is_kept { "keeps" } else { "loses" };
        return format!("the trace {verb} it by name");
    }
    if is_kept != keeps_named {
        return match is_kept {
            true => "the trace keeps what it does not name".to_owned(),
            false => "the trace loses what it does not name".to_owned(),
        };
    }
    // It follows a change that is named.
    let mut others = (0..names.len()).filter(|&other| is_named(other));
    let found = others.find(|&other| match is_kept {
        true => required.get(&other).is_some_and(|it| it.contains(index)),
        false => required.get(&index).is_some_and(|it| it.contains(other)),
    });
    match (found, is_kept) {
        (Some(other), true) => format!("{} requires it", names[other]),
        (Some(other), false) => format!("it requires {}", names[other]),
        (None, _) => "the order of the model demands it".to_owned(),
    }
}
