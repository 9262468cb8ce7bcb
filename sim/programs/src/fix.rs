//! The least set of syncs with which every image passes.
//!
//! An image is refused because of what it has lost. A sync of the file or directory that holds a lost
//! change, placed between the change and the crash, makes the image impossible. So each refused image
//! is a set of places of which one is needed, and what is searched is a small set of places that meets
//! all of them. The recording with these syncs is crashed again in full; an image that is still
//! refused, because it comes at an earlier moment, too, joins the others. A further sync only makes
//! more durable, so no image becomes possible that was not.
//!
//! What this does not know: whether the program would do the same with the sync in it.

use std::collections::{BTreeMap, BTreeSet};

use lithify_sim::disk::Change;
use lithify_sim::stop::Stop;

use crate::checker::{Checker, Verdict};
use crate::crash::{Options, Outcome, Verdicts, crash};
use crate::edit::{Insertion, target_of, with_syncs};
use crate::failure::Failure;
use crate::losses::{Crashes, Loss};
use crate::recording::Recording;
use crate::shrink::{earliest, happened, shown_name};
use crate::steps::{Disk, Step};

/// How often the recording is crashed again.
const MAX_ROUNDS: usize = 24;

/// What came of it.
#[derive(Clone, Debug)]
pub enum Fixed {
    /// Nothing was refused.
    Nothing,
    /// With these syncs nothing is refused, as far as it was looked.
    With(Vec<Missing>, Box<Outcome>),
    /// No sync prevents this.
    Never(Box<Loss>),
    /// Not found in the rounds or the time that there were. These are needed, and more may be.
    Unknown(Vec<Missing>),
}

/// A sync, by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Of what.
    pub target: String,
    /// Before what.
    pub before: String,
    /// After how many operations of the program.
    pub after_operations: usize,
}

/// The places of which one is needed: for each file or directory, behind which operation and up to
/// which position of the recorded log.
type Needs = BTreeMap<u32, (usize, usize)>;

/// Searches the syncs that are missing.
///
/// # Errors
/// As [`crash`].
pub fn fix(
    recording: &Recording,
    checker: &Checker,
    options: &Options,
    verdicts: &mut Verdicts,
) -> Result<Fixed, Failure> {
    let mut needs: Vec<Needs> = Vec::new();
    let mut chosen: Vec<Insertion> = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let disk = with_syncs(recording, &chosen, &BTreeSet::new()).map_err(Failure::input)?;
        let outcome = crash(&disk, checker, options, verdicts)?;
        if !outcome.is_complete {
            return Ok(Fixed::Unknown(told(recording, &chosen)));
        }
        if outcome.bad.is_empty() {
            return Ok(match chosen.is_empty() {
                true => Fixed::Nothing,
                false => Fixed::With(told(recording, &chosen), Box::new(outcome)),
            });
        }
        let crashes = Crashes::of(&disk);
        let mut seen: Vec<Needs> = Vec::new();
        for loss in every_refused(&crashes, options, verdicts) {
            let need = needed(&crashes, &loss, &chosen);
            if seen.contains(&need) {
                continue;
            }
            seen.push(need);
            if options.stop.is_due() {
                return Ok(Fixed::Unknown(told(recording, &chosen)));
            }
            // The sync has to come before what makes the loss matter, not only before the crash.
            let loss = earliest(&crashes, &loss, &mut |loss| {
                is_refused(&crashes, checker, loss, verdicts, &options.stop)
            })?;
            let need = needed(&crashes, &loss, &chosen);
            if need.is_empty() {
                return Ok(Fixed::Never(Box::new(loss)));
            }
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        chosen = cover(&needs);
    }
    Ok(Fixed::Unknown(told(recording, &chosen)))
}

/// Every crash with an image that is refused, whether or not another one has the same image.
fn every_refused(crashes: &Crashes<'_>, options: &Options, verdicts: &Verdicts) -> Vec<Loss> {
    let mut refused = Vec::new();
    for model in &options.models {
        let seen = &mut |loss: Loss, key, _| {
            if matches!(verdicts.get(&key), Some(Verdict::Bad(..))) {
                refused.push(loss);
            }
            std::ops::ControlFlow::Continue(())
        };
        crashes.visit(model, options.budget, &options.stop, seen);
    }
    refused
}

/// The syncs of the program that no image needs, as far as it was looked: each is left out in turn,
/// and the rest is crashed again. Two of them need not be superfluous together. `false` if the time
/// was over before all were tried.
///
/// # Errors
/// As [`crash`].
pub fn superfluous(
    recording: &Recording,
    checker: &Checker,
    options: &Options,
    verdicts: &mut Verdicts,
) -> Result<(Vec<Missing>, bool), Failure> {
    let mut found = Vec::new();
    let mut recorded = Disk::default();
    for (number, step) in recording.steps.iter().enumerate() {
        let position = recorded.length();
        recorded
            .take(step, &recording.blobs)
            .map_err(Failure::input)?;
        let Step::Sync { file, .. } = step else {
            continue;
        };
        let without = with_syncs(recording, &[], &BTreeSet::from([number]));
        let without = without.map_err(Failure::input)?;
        let outcome = crash(&without, checker, options, verdicts)?;
        if !outcome.is_complete {
            return Ok((found, false));
        }
        if outcome.bad.is_empty() {
            found.push(Missing {
                target: shown_name(&recording.disk, *file),
                before: happened(&recording.disk, position + 1),
                after_operations: Crashes::of(&recording.disk).count_at(position),
            });
        }
    }
    Ok((found, true))
}

fn is_refused(
    crashes: &Crashes<'_>,
    checker: &Checker,
    loss: &Loss,
    verdicts: &mut Verdicts,
    stop: &Stop,
) -> Result<bool, Failure> {
    let (key, shown) = crashes.image(loss);
    if let Some(known) = verdicts.get(&key) {
        return Ok(matches!(known, Verdict::Bad(..)));
    }
    let Some(verdict) = checker.judge(0, crashes.disk(), key, &shown, stop)? else {
        return Ok(false);
    };
    let is_bad = matches!(verdict, Verdict::Bad(..));
    verdicts.insert(key, verdict);
    Ok(is_bad)
}

/// What would prevent a loss, in positions of the recorded log.
fn needed(crashes: &Crashes<'_>, loss: &Loss, chosen: &[Insertion]) -> Needs {
    let frontier = crashes.frontier(loss.model, loss.position);
    let pending = frontier.pending();
    let log = crashes.disk().log();
    let lost: Vec<&Change> = loss.kept.zeroes().map(|index| &pending[index]).collect();
    let mut needs = Needs::new();
    for change in lost {
        if let Some(file) = target_of(log, &change.kind) {
            let behind = recorded(change.operation, chosen) + 1;
            // Behind a sync right before the crash, the same crash is right before the sync.
            let end = recorded(loss.position, chosen).saturating_sub(1);
            let need = needs.entry(file).or_insert((behind, end));
            need.0 = need.0.min(behind);
        }
    }
    needs.retain(|_, (behind, end)| behind <= end);
    needs
}

/// Where a position of the edited log is in the recorded one.
fn recorded(position: usize, chosen: &[Insertion]) -> usize {
    let mut sorted = chosen.to_vec();
    sorted.sort_unstable();
    let before = (sorted.iter().enumerate())
        .filter(|(earlier, insertion)| insertion.position + earlier < position)
        .count();
    position - before
}

/// A small set that meets all needs: the place that meets most, again and again. Places are the ends
/// of needs: a sync may come as late as the earliest of them allows.
fn cover(needs: &[Needs]) -> Vec<Insertion> {
    let mut open: Vec<&Needs> = needs.iter().collect();
    let mut chosen = Vec::new();
    while !open.is_empty() {
        let ends: BTreeSet<Insertion> = (open.iter())
            .flat_map(|need| need.iter())
            .map(|(&file, &(_, position))| Insertion { position, file })
            .collect();
        let meets = |place: &Insertion, need: &Needs| {
            let range = need.get(&place.file);
            range.is_some_and(|(behind, end)| (*behind..=*end).contains(&place.position))
        };
        let count = |place: &Insertion| open.iter().filter(|need| meets(place, need)).count();
        let best = ends
            .into_iter()
            .max_by_key(count)
            .expect("a need has a place");
        open.retain(|need| !meets(&best, need));
        chosen.push(best);
    }
    chosen
}

fn told(recording: &Recording, chosen: &[Insertion]) -> Vec<Missing> {
    let crashes = Crashes::of(&recording.disk);
    let mut sorted = chosen.to_vec();
    sorted.sort_unstable();
    let missing = sorted.iter().map(|insertion| Missing {
        target: shown_name(&recording.disk, insertion.file),
        before: happened(&recording.disk, insertion.position),
        after_operations: crashes.count_at(insertion.position),
    });
    missing.collect()
}
