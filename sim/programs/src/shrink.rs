//! The smallest loss behind a finding, and the sync that would have prevented it.
//!
//! First what was lost comes back piece by piece, as long as the checker says the same. Then the crash
//! moves to the earliest moment at which the same loss is refused: what happened just before is
//! what must not overtake the lost change. A sync of the file or directory that holds the lost
//! change, placed before that, makes the image impossible, and this is looked up on the disk with the
//! sync in it. That the program would behave the same with one more sync is an assumption.

use std::collections::BTreeSet;

use lithify_sim::disk::change::changes_of;
use lithify_sim::disk::{Change, Frontier, Log, Mark, Model, Operation};
use lithify_sim::stop::Stop;

use crate::checker::{Checker, Verdict, Wrong};
use crate::crash::Verdicts;
use crate::edit::{Insertion, target_of, with_syncs};
use crate::failure::Failure;
use crate::losses::{Crashes, Loss};
use crate::recording::Recording;

/// How many moments are tried.
const MAX_MOMENTS: usize = 256;

/// What is left of a finding.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest loss that was found.
    pub loss: Loss,
    /// What would prevent it; any of them alone does.
    pub cures: Vec<Cure>,
    /// How often the checker was asked.
    pub asked: usize,
}

/// A sync that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cure {
    /// Of what: `data/f`, `/`.
    pub target: String,
    /// Before what: `rename f g`, `the user sees "ok"`.
    pub before: String,
}

struct Shrinker<'run> {
    recording: &'run Recording,
    crashes: Crashes<'run>,
    checker: &'run Checker,
    verdicts: &'run mut Verdicts,
    wrong: Wrong,
    stop: &'run Stop,
    asked: usize,
}

/// Shrinks a loss of which the checker says that it is `wrong`, until `stop`.
///
/// # Errors
/// When an image cannot be written.
pub fn shrink(
    recording: &Recording,
    checker: &Checker,
    loss: &Loss,
    wrong: Wrong,
    verdicts: &mut Verdicts,
    stop: &Stop,
) -> Result<Shrunk, Failure> {
    let mut shrinker = Shrinker {
        recording,
        crashes: Crashes::of(&recording.disk),
        checker,
        verdicts,
        wrong,
        stop,
        asked: 0,
    };
    let loss = shrinker.smaller(loss.clone())?;
    let loss = shrinker.earlier(&loss)?;
    Ok(Shrunk {
        cures: shrinker.cures(&loss),
        asked: shrinker.asked,
        loss,
    })
}

impl Shrinker<'_> {
    fn is_same(&mut self, loss: &Loss) -> Result<bool, Failure> {
        let (key, shown) = self.crashes.image(loss);
        let known = match self.verdicts.get(&key) {
            Some(known) => known.clone(),
            None => {
                self.asked += 1;
                let disk = self.crashes.disk();
                let Some(verdict) = self.checker.judge(0, disk, key, &shown, self.stop)? else {
                    return Ok(false);
                };
                self.verdicts.insert(key, verdict.clone());
                verdict
            }
        };
        Ok(matches!(known, Verdict::Bad(wrong, _) if wrong == self.wrong))
    }

    /// The same with as little lost as possible: nothing more can come back.
    fn smaller(&mut self, loss: Loss) -> Result<Loss, Failure> {
        let mut loss = self.crashes.seen_only(&loss);
        let frontier = self.crashes.frontier(loss.model, loss.position);
        loop {
            let mut is_smaller = false;
            for word in self.crashes.words(&loss) {
                is_smaller |= self.try_back(&frontier, &mut loss, &word.changes)?;
            }
            let lost: Vec<usize> = loss.kept.zeroes().collect();
            if lost.len() <= MAX_MOMENTS {
                for index in lost {
                    is_smaller |= self.try_back(&frontier, &mut loss, &[index])?;
                }
            }
            if !is_smaller || self.stop.is_due() {
                return Ok(loss);
            }
        }
    }

    fn try_back(
        &mut self,
        frontier: &Frontier<'_>,
        loss: &mut Loss,
        back: &[usize],
    ) -> Result<bool, Failure> {
        let mut more = loss.clone();
        more.kept.union_with(&frontier.keeping(back));
        let is_less = more.kept != loss.kept && self.is_same(&more)?;
        if is_less {
            *loss = more;
        }
        Ok(is_less)
    }

    fn earlier(&mut self, loss: &Loss) -> Result<Loss, Failure> {
        let crashes = self.crashes;
        earliest(&crashes, loss, &mut |loss| self.is_same(loss))
    }

    /// A sync before the last thing that happened, for each file or directory that has lost something.
    fn cures(&self, loss: &Loss) -> Vec<Cure> {
        let frontier = self.crashes.frontier(loss.model, loss.position);
        let pending = frontier.pending();
        let lost: Vec<&Change> = loss.kept.zeroes().map(|index| &pending[index]).collect();
        let Some(before) = loss.position.checked_sub(1) else {
            return Vec::new();
        };
        let log = self.crashes.disk().log();
        let mut cures = Vec::new();
        for change in &lost {
            // What is lost at once is refused without it, too.
            if change.operation >= before {
                continue;
            }
            let Some(file) = target_of(log, &change.kind) else {
                continue;
            };
            let cure = Cure {
                target: shown_name(self.crashes.disk(), file),
                before: happened(self.crashes.disk(), before),
            };
            if !cures.contains(&cure) && self.prevents(loss, &lost, before, file) {
                cures.push(cure);
            }
        }
        cures
    }

    /// Whether with this sync some of what was lost cannot be lost any more.
    fn prevents(&self, loss: &Loss, lost: &[&Change], before: usize, file: u32) -> bool {
        let insertion = Insertion {
            position: before,
            file,
        };
        let Ok(disk) = with_syncs(self.recording, &[insertion], &BTreeSet::new()) else {
            return false;
        };
        let crashes = Crashes::of(&disk);
        let frontier = crashes.frontier(loss.model, loss.position + 1);
        // Nothing before the sync has moved.
        let is_pending = |change: &&Change| {
            let mut pending = frontier.pending().iter();
            pending.any(|it| it.operation == change.operation && it.kind == change.kind)
        };
        !lost.iter().all(is_pending)
    }
}

/// The same loss at the first moment at which it is refused.
pub(crate) fn earliest(
    crashes: &Crashes<'_>,
    loss: &Loss,
    is_refused: &mut dyn FnMut(&Loss) -> Result<bool, Failure>,
) -> Result<Loss, Failure> {
    let frontier = crashes.frontier(loss.model, loss.position);
    let log = crashes.disk().log();
    let lost: BTreeSet<(usize, usize)> = identities(log, loss.model, frontier.pending())
        .into_iter()
        .zip(0..)
        .filter(|(_, index)| !loss.kept.contains(*index))
        .map(|(identity, _)| identity)
        .collect();
    let Some(last) = lost.iter().map(|(operation, _)| *operation).max() else {
        return Ok(loss.clone());
    };
    for position in (last + 1..loss.position).take(MAX_MOMENTS) {
        let frontier = crashes.frontier(loss.model, position);
        let pending = frontier.pending();
        let mut kept = fixedbitset::FixedBitSet::with_capacity(pending.len());
        let here = identities(log, loss.model, pending).into_iter().zip(0..);
        kept.extend(here.filter_map(|(it, index)| (!lost.contains(&it)).then_some(index)));
        let earlier = Loss {
            position,
            kept,
            ..loss.clone()
        };
        if is_refused(&earlier)? {
            return Ok(earlier);
        }
    }
    Ok(loss.clone())
}

/// Which part of which operation each change is. What is durable already is no part of `pending`, so
/// a change is found by what it does.
fn identities(log: &Log, model: &Model, pending: &[Change]) -> Vec<(usize, usize)> {
    let mut parts: (usize, Vec<Change>) = (usize::MAX, Vec::new());
    let mut next = 0;
    let identity = |change: &Change| {
        if parts.0 != change.operation {
            parts = (change.operation, changes_of(log, change.operation, model));
            next = 0;
        }
        let rest = parts.1.iter().enumerate().skip(next);
        let mut same = rest.filter(|(_, part)| part.kind == change.kind);
        let place = same.next().map_or(next, |(place, _)| place);
        next = place + 1;
        (change.operation, place)
    };
    pending.iter().map(identity).collect()
}

/// A file or directory for people.
pub(crate) fn shown_name(disk: &crate::steps::Disk, file: u32) -> String {
    let log = disk.log();
    match log.directory(file) {
        Some(key) if key.is_empty() => "/".to_owned(),
        Some(key) => format!("{key}/"),
        None => log.first_name(file).to_string(),
    }
}

/// What happened at a position, for people.
pub(crate) fn happened(disk: &crate::steps::Disk, position: usize) -> String {
    let log = disk.log();
    match log.operations().get(position) {
        Some(Operation::Mark(Mark::Acknowledged(number))) => {
            let (before, after) = (disk.output(number - 1), disk.output(*number));
            let text = String::from_utf8_lossy(&after[before.len()..]).into_owned();
            let text: String = text.trim().chars().take(40).collect();
            format!("the user sees {text:?}")
        }
        Some(operation) => log.describe(operation).to_string(),
        None => "the end".to_owned(),
    }
}
