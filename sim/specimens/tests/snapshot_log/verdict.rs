//! What a store that was opened must hold, and what is found when it does not.

use std::sync::Arc;

use lithify::fs::Fs;
use lithify_sim::disk::SimFs;
use lithify_sim::history::{Batch, History};
use lithify_sim::system::{Engine, Failure, Instance};

use crate::script::batch;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding(pub(crate) String);

/// What was asked for, and how much of it was promised.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// Every commit that was asked for.
    pub(crate) history: History,
    /// Commits up to this one must be there.
    pub(crate) acknowledged: u64,
    /// So many of the last ones may be lost without notice: damage has no witness there.
    pub(crate) may_lose: u64,
}

impl Expected {
    pub(crate) fn issue(&mut self, batches: &[Batch]) {
        for batch in batches {
            self.history.push(batch.clone());
        }
    }

    /// Takes what a newly opened store serves, if it may: a prefix of the history that
    /// holds all that was acknowledged. What it lacks never happened.
    pub(crate) fn admit(&mut self, instance: &mut dyn Instance) -> Result<(), Finding> {
        let (head, issued) = (instance.head(), self.history.head());
        if head + self.may_lose < self.acknowledged || head > issued {
            return Err(Finding(format!(
                "opened at commit {head}, of {} acknowledged and {issued} issued",
                self.acknowledged
            )));
        }
        self.history.truncate(head);
        self.check_state(instance)
    }

    /// The store must be at the head of the history.
    pub(crate) fn check_state(&self, instance: &mut dyn Instance) -> Result<(), Finding> {
        let head = instance.head();
        match instance.state_at(head) {
            Ok(Some(state)) if state == **self.history.state(self.history.head()) => Ok(()),
            other => Err(Finding(format!("the state at commit {head} is {other:?}"))),
        }
    }
}

/// Opens what a crash has left, holds it against the history, writes on, closes, checks
/// the files, and opens again.
pub(crate) fn check_image(
    engine: &Arc<dyn Engine>,
    fs: &SimFs,
    mut expected: Expected,
) -> Result<(), Finding> {
    let mut instance = open(engine, fs)?;
    expected.admit(&mut *instance)?;
    check_files(&*instance, fs)?;
    drop(instance);
    let opened_bytes = fs.image().total_bytes();
    let mut instance = open(engine, fs)?;
    if fs.image().total_bytes() != opened_bytes {
        return Err(Finding(
            "opening twice takes more room than once".to_owned(),
        ));
    }
    let next = batch(expected.history.head() as u32 + 100, 25);
    expected.issue(std::slice::from_ref(&next));
    let failed = |failure: Failure| Finding(format!("going on fails: {failure}"));
    instance.commit(&[next]).map_err(failed)?;
    instance.settle().map_err(failed)?;
    expected.check_state(&mut *instance)?;
    check_room(engine, &expected, fs)?;
    instance.close().map_err(failed)?;
    engine
        .check(fs)
        .map_err(|failure| Finding(format!("the closed store is not sound: {failure}")))?;
    expected.acknowledged = expected.history.head();
    expected.admit(&mut *open(engine, fs)?)
}

/// Opens what is left by a disk whose syncs did nothing: an error will do, and so will
/// any prefix, but nothing else.
pub(crate) fn check_lied_to(
    engine: &Arc<dyn Engine>,
    fs: &SimFs,
    mut expected: Expected,
) -> Result<(), Finding> {
    expected.acknowledged = 0;
    match engine.open(Arc::new(fs.clone())) {
        Ok(mut instance) => expected.admit(&mut *instance),
        Err(_) => Ok(()),
    }
}

fn open(engine: &Arc<dyn Engine>, fs: &SimFs) -> Result<Box<dyn Instance>, Finding> {
    engine
        .open(Arc::new(fs.clone()))
        .map_err(|failure| Finding(format!("opening fails: {failure}")))
}

/// Nothing but the store's files lies in the directory, and all of them do.
fn check_files(instance: &dyn Instance, fs: &SimFs) -> Result<(), Finding> {
    let needed: Vec<String> = instance.files().into_iter().flatten().collect();
    let there = fs.list("").map_err(|error| Finding(error.to_string()))?;
    if needed == there {
        Ok(())
    } else {
        Err(Finding(format!(
            "{there:?} are there, {needed:?} are needed"
        )))
    }
}

/// A settled store takes no more room than it says.
fn check_room(engine: &Arc<dyn Engine>, expected: &Expected, fs: &SimFs) -> Result<(), Finding> {
    let state = expected.history.state(expected.history.head());
    let limit = engine.space_limit(expected.history.batches(), state);
    let taken = fs.image().total_bytes() as u64;
    match limit {
        Some(limit) if taken > limit => Err(Finding(format!(
            "the settled store takes {taken} bytes, more than {limit}"
        ))),
        _ => Ok(()),
    }
}
