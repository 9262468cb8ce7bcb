//! The undisturbed run of the client's operations. It shows which background tasks
//! exist, where something is written and not synced, and which operations faults could
//! strike.
//!
//! The reads of the client are done here only if the plan will have faults; nothing
//! else depends on reads. The readers that the client keeps are kept here too: a reader
//! keeps its files in use, and that changes the background work.

use std::sync::Arc;

use super::Recipe;
use super::faults::Moment;
use crate::disk::{Image, Mark, Operation, SimFs};
use crate::panics::caught;
use crate::run::execute::used_disk;
use crate::run::plan::Action;
use crate::run::schedule::{Scheduler, Turn};
use crate::system::{Instance, Pinned, Settings};

/// The largest number of background turns between two operations of the client.
const MAX_TURNS: usize = 40;

/// A rehearsal in progress.
pub(super) struct Rehearsal<'run> {
    pub(super) recipe: &'run Recipe,
    settings: Settings,
    scheduler: Scheduler,
    pub(super) fs: SimFs,
    /// The disk on which the log of `fs` begins.
    pub(super) start: Image,
    /// Whether the plan has a storm, which needs to know where each action began.
    is_stormy: bool,
    /// `None` if opening failed, or if a call has panicked. Then there are no more
    /// turns. The execution of the plan will meet the same failure and report it.
    pub(super) instance: Option<Box<dyn Instance>>,
    /// The readers that the client keeps, in order. They stay open when the store is
    /// dropped, and are closed by a blow of a storm.
    pub(super) pins: Vec<Box<dyn Pinned>>,
    pub(super) actions: Vec<Action>,
    /// The numbers of actions after which bytes were written and not synced.
    pub(super) dirty: Vec<usize>,
    /// The operations that faults could strike, if the plan will have faults.
    pub(super) moments: Vec<Moment>,
}

impl<'run> Rehearsal<'run> {
    /// See [`crate::system::Engine::tells_stale_bytes`].
    pub(super) fn tells_stale_bytes(&self) -> bool {
        let engine = self.recipe.system.configure(&self.settings);
        engine.is_ok_and(|engine| engine.tells_stale_bytes())
    }

    /// A store on an empty disk.
    pub(super) fn new(
        recipe: &'run Recipe,
        settings: Settings,
        scheduler: Scheduler,
        is_stormy: bool,
    ) -> Self {
        let engine = recipe.system.configure(&settings);
        let engine = engine.expect("a system accepts the values that it offers");
        // Only a storm crashes the rehearsal, so only then the earlier content of the
        // device matters.
        let start = match is_stormy {
            true => used_disk(&*engine),
            false => Image::default(),
        };
        let mut rehearsal = Self {
            recipe,
            settings,
            scheduler,
            fs: SimFs::from_image(&start),
            start,
            is_stormy,
            instance: None,
            pins: Vec::new(),
            actions: Vec::new(),
            dirty: Vec::new(),
            moments: Vec::new(),
        };
        // The first action includes the first opening.
        rehearsal.mark_action();
        rehearsal.unless_panics(Self::open);
        if rehearsal.has_faults() {
            // Faults strike only after the first opening.
            let _ = rehearsal.fs.take_targets();
        }
        rehearsal
    }

    /// Marks where an action begins, for a crash in the middle of the action.
    pub(super) fn mark_action(&self) {
        if self.is_stormy {
            self.fs.mark(Mark::Action(self.actions.len() as u32));
        }
    }

    fn mark_later_action(&self) {
        if !self.actions.is_empty() {
            self.mark_action();
        }
    }

    pub(super) fn has_faults(&self) -> bool {
        !self.recipe.faults.is_empty()
    }

    pub(super) fn open(&mut self) {
        let engine = self.recipe.system.configure(&self.settings);
        let engine = engine.expect("a system accepts the values that it offers");
        self.fs.begin_call("open");
        self.instance = engine.open(Arc::new(self.fs.clone())).ok();
    }

    /// Runs an operation of the client, after the background turns that precede it.
    pub(super) fn client(&mut self, operation: Action) {
        if let Action::Set(name, value) = &operation {
            self.settings.insert(name.clone(), value.clone());
        }
        self.background();
        self.mark_later_action();
        self.unless_panics(|rehearsal| rehearsal.perform(&operation));
        self.note(operation);
        self.note_dirty();
    }

    fn perform(&mut self, operation: &Action) {
        let reads = self.has_faults();
        self.fs.begin_call(operation.call());
        match (operation, &mut self.instance) {
            (Action::Commit(batches), Some(instance)) => drop(instance.commit(batches)),
            (Action::Sync, Some(instance)) => drop(instance.sync()),
            (Action::Settle, Some(instance)) => drop(instance.settle()),
            (Action::Read(commit), Some(instance)) if reads => {
                let commit = instance.head().min(*commit);
                drop(instance.state_at(commit));
            }
            (Action::Pin(commit), Some(instance)) => {
                let commit = instance.head().min(*commit);
                if let Ok(Some(_)) = instance.state_at(commit)
                    && let Ok(Some(reader)) = instance.pin(commit)
                {
                    self.pins.push(reader);
                }
            }
            (Action::Release, _) if !self.pins.is_empty() => drop(self.pins.remove(0)),
            (Action::Reopen, _) => {
                drop(self.instance.take().map(Instance::close));
                self.open();
            }
            (Action::Die, _) => {
                drop(self.instance.take());
                self.open();
            }
            _ => {}
        }
    }

    /// Gives turns to background tasks.
    pub(super) fn background(&mut self) {
        if !self.recipe.workload.is_burst {
            self.turns(MAX_TURNS);
        }
    }

    /// Gives at most this many turns, whatever the workload.
    pub(super) fn turns(&mut self, most: usize) {
        self.unless_panics(|rehearsal| rehearsal.give_turns(most));
    }

    fn give_turns(&mut self, most: usize) {
        for _ in 0..most {
            let tasks = self.instance.as_ref().map(|instance| instance.tasks());
            let Turn::Task(task) = self.scheduler.next(&tasks.unwrap_or_default()) else {
                return;
            };
            self.mark_later_action();
            let Some(instance) = &mut self.instance else {
                return;
            };
            let before = self.fs.log_length();
            self.fs.begin_call("run");
            let outcome = instance.run(&task);
            self.note(Action::Run(task));
            if self.fs.log_length() > before {
                self.note_dirty();
            }
            if outcome.is_err() {
                return;
            }
        }
    }

    /// Does all remaining work.
    pub(super) fn settle(&mut self) {
        self.mark_later_action();
        if self.has_faults() || self.is_stormy {
            self.unless_panics(|rehearsal| rehearsal.perform(&Action::Settle));
        }
        self.note(Action::Settle);
    }

    /// Adds an action that was just done to the plan.
    pub(super) fn note(&mut self, action: Action) {
        if self.has_faults() {
            let action = self.actions.len();
            let targets = self.fs.take_targets().into_iter();
            self.moments
                .extend(targets.map(|target| Moment { action, target }));
        }
        self.actions.push(action);
    }

    fn note_dirty(&mut self) {
        if matches!(self.fs.last_operation(), Some(Operation::Write { .. })) {
            self.dirty.push(self.actions.len());
        }
    }

    pub(super) fn unless_panics(&mut self, run: impl FnOnce(&mut Self)) {
        if caught(|| run(self)).is_err() {
            self.instance = None;
        }
    }

    /// Inserts the death of the process, or a loss of power, before an action.
    pub(super) fn interrupt(&mut self, place: usize, end: Action) {
        self.actions.insert(place, end);
        let later = self.moments.iter_mut();
        let later = later.filter(|moment| moment.action >= place);
        later.for_each(|moment| moment.action += 1);
    }
}
