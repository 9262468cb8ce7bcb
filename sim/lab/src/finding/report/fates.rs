//! What became of each operation of an epoch: whether it became durable, and by what.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::disk::oplog::{Barrier, InodeId, Log, Operation};
use crate::disk::{Frontier, Image, Model};

/// What became of an operation. The number is that of the event that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", content = "event", rename_all = "kebab-case")]
pub enum Fate {
    /// It is durable since this event: no later crash can take it back.
    Durable(usize),
    /// It was not durable, and the loss of power kept it.
    Kept(usize),
    /// It was not durable, and the loss of power took it.
    Lost(usize),
    /// The loss of power took parts of it.
    PartlyLost(usize),
    /// A failed sync has marked its pages clean: it never becomes durable.
    Forgotten(usize),
    /// Nothing has made it durable up to the end.
    Pending,
}

/// What is known of an operation before the numbers of events are known: as [`Fate`],
/// with positions in the log.
pub(super) type FateAt = Fate;

/// The fate of every operation of a log before `end`, if a crash there keeps `kept`.
/// `None` for operations that change nothing on the disk. The numbers are positions.
pub(super) fn fates(
    model: &'static Model,
    (start, log): (&Image, &Log),
    end: usize,
    is_kept: Option<&dyn Fn(usize) -> bool>,
) -> Vec<Option<FateAt>> {
    let mut frontier = Frontier::new(model, start.clone(), log);
    let mut fates = vec![None; end];
    let mut waiting: BTreeSet<usize> = BTreeSet::new();
    while frontier.position() < end {
        let position = frontier.position();
        let operation = &log.operations()[position];
        frontier.advance();
        if changes_disk(operation) {
            waiting.insert(position);
        }
        if let Operation::Sync {
            inode,
            barrier: Barrier::Dropped,
            ..
        } = operation
        {
            let forgotten: Vec<usize> = of_file(log, &waiting, *inode).collect();
            for lost in forgotten {
                waiting.remove(&lost);
                fates[lost] = Some(Fate::Forgotten(position));
            }
        }
        let instant = model.instant.names || model.instant.lengths;
        if operation.is_barrier() || instant && changes_disk(operation) {
            let pending = frontier.pending().iter().map(|change| change.operation);
            let pending: BTreeSet<usize> = pending.collect();
            for durable in waiting.difference(&pending) {
                fates[*durable] = Some(Fate::Durable(position));
            }
            waiting = waiting.intersection(&pending).copied().collect();
        }
    }
    for left in waiting {
        fates[left] = Some(match is_kept {
            None => Fate::Pending,
            Some(is_kept) => at_crash(&frontier, left, end, is_kept),
        });
    }
    fates
}

fn at_crash(
    frontier: &Frontier<'_>,
    operation: usize,
    end: usize,
    is_kept: &dyn Fn(usize) -> bool,
) -> Fate {
    let changes = frontier.pending().iter().enumerate();
    let own = changes.filter(|(_, change)| change.operation == operation);
    let (kept, lost): (Vec<_>, Vec<_>) = own.partition(|(index, _)| is_kept(*index));
    match (kept.is_empty(), lost.is_empty()) {
        (_, true) => Fate::Kept(end),
        (true, false) => Fate::Lost(end),
        (false, false) => Fate::PartlyLost(end),
    }
}

/// Writes among `waiting` that went to this file.
fn of_file(log: &Log, waiting: &BTreeSet<usize>, file: InodeId) -> impl Iterator<Item = usize> {
    waiting.iter().copied().filter(move |&position| {
        matches!(&log.operations()[position], Operation::Write { inode, .. } if *inode == file)
    })
}

/// Whether an operation changes what is on the disk, so that a crash may undo it.
fn changes_disk(operation: &Operation) -> bool {
    match operation {
        Operation::SetLength { before, after, .. } => before != after,
        Operation::CreateDirectory { .. } => false,
        operation => operation.is_call() && !operation.is_barrier(),
    }
}
