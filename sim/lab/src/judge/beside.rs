//! Opens a store for reading while its writer goes on, as a second process would, and checks what the
//! reader sees.
//!
//! The operations of the writer are those that an execution has logged. Some readers begin at drawn
//! places of each epoch that no fault has disturbed; between two calls of a reader, a drawn number of the
//! writer's calls happen. A writer that has the store open holds its lock all the time. So a reader
//! can begin or end in the middle of a commit, of a merge, or of the writer's recovery.
//!
//! The promises:
//! - the reader shows all commits that were acknowledged before it began, and none that nobody asked for;
//! - the state at each of them is the model's, also at the end, when the writer has removed what it
//!   does not need any more, and every other read is the model's too;
//! - it opens, unless the writer has changed the disk [`GIVES_UP_AFTER`] times meanwhile. It reports no
//!   damage, and writes nothing.

use std::sync::Arc;

use super::Enabled;
use super::difference::difference;
use crate::disk::moving::{MovingFs, Pace};
use crate::disk::{Known, Log, Mark, Model, Operation};
use crate::history::History;
use crate::judge::oracle::{Finding, Oracle};
use crate::keyed::{Domain, Draws, Seed};
use crate::reads::{self, Ask};
use crate::run::execute::Epoch;
use crate::run::plan::Plan;
use crate::system::{Engine, Failure, Instance};

/// The number of readers of one epoch. Each begins in its own part of the epoch.
const READERS: u64 = 8;
/// The number of drawn questions to each reader.
const DRAWN: u64 = 6;
/// A reader may give up when the writer has made this number of calls while the reader opened the
/// store: each attempt of a reader that fails needs one.
const GIVES_UP_AFTER: usize = 16;

/// Checks readers beside the writers of all epochs of an execution.
///
/// # Errors
/// The first finding.
pub(crate) fn check(plan: &Plan, epochs: &[Epoch], enabled: &Enabled) -> Result<(), Finding> {
    let engine = plan.system.configure(&plan.settings);
    let engine = engine.expect("settings are checked when a plan is made");
    if !engine.reads_beside() {
        return Ok(());
    }
    let is_calm = |epoch: &Epoch| is_calm(epoch, plan.model);
    for (number, epoch) in epochs
        .iter()
        .enumerate()
        .filter(|(_, epoch)| is_calm(epoch))
    {
        let Some(first) = first_commit(&epoch.log) else {
            continue;
        };
        let log = Arc::new(epoch.log.clone());
        let entries = (epoch.end.saturating_sub(first)) as u64;
        for reader in 0..READERS {
            let identity = (number as u64) << 32 | reader;
            let mut draws = Seed(plan.seed).draws(Domain::Beside, identity);
            let (from, to) = (entries * reader / READERS, entries * (reader + 1) / READERS);
            let begin = first + draws.between(from, to) as usize;
            let pace = pace(&mut draws);
            let fs = MovingFs::new(&epoch.start, Arc::clone(&log), begin..epoch.end, pace);
            fs.begin_call("read");
            let wrong = wrong(&*engine, epoch, (begin, &fs), &mut draws)
                .unwrap_or_else(|failure| Some(format!("it cannot read: {failure}")));
            if let Some(wrong) = wrong {
                let place = place(epoch, begin, fs.position());
                enabled.object(
                    Oracle::Beside,
                    format!("a reader that began {place}: {wrong}"),
                )?;
            }
        }
    }
    Ok(())
}

/// Whether no fault has disturbed the epoch, so that every demand holds. Where syncs lie, a loss of power
/// can leave a directory without a store.
fn is_calm(epoch: &Epoch, model: &'static Model) -> bool {
    let disturbs = |operation: &Operation| {
        matches!(
            operation,
            Operation::Rot { .. } | Operation::Mark(Mark::Fault { .. })
        )
    };
    !epoch.trouble_at(0, model).has_lies()
        && epoch.past.is_empty()
        && epoch.undecided.is_empty()
        && !epoch.log.operations()[..epoch.end].iter().any(disturbs)
}

/// The place behind the mark from which on a store is there for certain: the first commit was asked for, or was there
/// from the beginning.
fn first_commit(log: &Log) -> Option<usize> {
    let is_commit = |operation: &Operation| matches!(operation, Operation::Mark(Mark::Issued(number)) if *number > 0);
    Some(log.operations().iter().position(is_commit)? + 1)
}

/// Draws how fast the writer is: as a rule it makes no call between two calls of the reader.
fn pace(draws: &mut Draws) -> Pace {
    let calm = draws.between(0, 90);
    let most = *draws.pick(&[1, 2, 8, 40]);
    let mut draws = draws.clone();
    Box::new(move || match draws.percent(calm) {
        true => 0,
        false => draws.between(1, most) as usize,
    })
}

/// What the reader sees that it must not see.
fn wrong(
    engine: &dyn Engine,
    epoch: &Epoch,
    (begin, fs): (usize, &MovingFs),
    draws: &mut Draws,
) -> Result<Option<String>, Failure> {
    let Some(mut reader) = engine.open_beside(Arc::new(fs.clone()))? else {
        let passed = fs.passed();
        return Ok((passed < GIVES_UP_AFTER)
            .then(|| format!("it gave up, and the writer has made {passed} calls meanwhile")));
    };
    let (before, after) = (
        Known::at(&epoch.log, begin),
        Known::at(&epoch.log, fs.position()),
    );
    let head = reader.head();
    if head < before.acknowledged {
        let acknowledged = before.acknowledged;
        return Ok(Some(format!(
            "commit {acknowledged} was acknowledged before, and the newest one is {head}"
        )));
    }
    let history = epoch.history_at(fs.position());
    let issued = after.issued.min(history.head());
    if head > issued {
        return Ok(Some(format!(
            "the newest commit is {head}, only {issued} were asked for"
        )));
    }
    for commit in [head, head / 2, head.saturating_sub(1)] {
        if let Some(wrong) = misread(engine, &mut *reader, history, commit)? {
            return Ok(Some(wrong));
        }
    }
    let ask = Ask {
        engine,
        history,
        head,
        reader: None,
        is_kept: true,
        drawn: DRAWN,
        listed: 0,
    };
    let wrong = reads::check(&ask, draws, &mut |question| reader.ask(question))?;
    if wrong.is_some() {
        return Ok(wrong);
    }
    fs.finish();
    let wrong = misread(engine, &mut *reader, history, head)?;
    let refused = fs.refused();
    Ok(wrong.or_else(|| (refused > 0).then(|| format!("it made {refused} calls that write"))))
}

fn misread(
    engine: &dyn Engine,
    reader: &mut dyn Instance,
    history: &History,
    commit: u64,
) -> Result<Option<String>, Failure> {
    let head = reader.head();
    Ok(match reader.state_at(commit)? {
        Some(state) if state == **history.state(commit) => None,
        Some(state) => {
            let difference = difference(history.state(commit), &state);
            Some(format!(
                "as of commit {commit}, at head {head}: {difference}"
            ))
        }
        None if commit == head || engine.is_readable(commit, head) == Some(true) => Some(format!(
            "commit {commit} cannot be read at head {head}, and nothing thins it out"
        )),
        None => None,
    })
}

/// The operations between which the reader opened the store, for people.
fn place(epoch: &Epoch, begin: usize, end: usize) -> String {
    let operations = &epoch.log.operations()[..end];
    let is_call = |operation: &&Operation| operation.is_call();
    let after = operations[..begin].iter().rev().find(is_call);
    let after = after.map_or("at first".to_owned(), |operation| {
        format!("after {}", epoch.log.describe(operation))
    });
    let meanwhile = operations[begin..].iter().filter(is_call).count();
    format!("{after}, {meanwhile} calls of the writer ago")
}
