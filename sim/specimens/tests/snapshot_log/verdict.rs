//! The expected content of an opened store, and the findings if it differs.

use std::sync::Arc;

use lithify::fs::Fs;
use lithify_sim::disk::SimFs;
use lithify_sim::history::{Batch, History};
use lithify_sim::system::{Engine, Failure, Instance};

use crate::script::batch;

/// A promise that the store has not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding(pub(crate) String);

/// The commits that were issued, and how many of them were promised.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// All issued commits.
    pub(crate) history: History,
    /// Commits up to this one must be stored.
    pub(crate) acknowledged: u64,
    /// This number of the last commits may be lost without an error, because damage has
    /// no witness there.
    pub(crate) may_lose: u64,
}

impl Expected {
    pub(crate) fn issue(&mut self, batches: &[Batch]) {
        for batch in batches {
            self.history.push(batch.clone());
        }
    }

    /// Accepts the head of a newly opened store if it is a prefix of the history with
    /// all acknowledged commits. Removes the other commits from the history.
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

    /// Checks that the store has the state at the head of the history.
    pub(crate) fn check_state(&self, instance: &mut dyn Instance) -> Result<(), Finding> {
        let head = instance.head();
        match instance.state_at(head) {
            Ok(Some(state)) if state == **self.history.state(self.history.head()) => Ok(()),
            other => Err(Finding(format!("the state at commit {head} is {other:?}"))),
        }
    }
}

/// Opens what a crash has left, compares it with the history, writes to it, closes it,
/// checks the files, and opens it again.
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

/// Opens what is left by a disk whose syncs do nothing. An error and any prefix of the
/// history are accepted.
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

/// Checks that the directory holds exactly the files of the store.
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

/// Checks that a settled store takes no more space than its limit.
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
