//! A plan: everything that a run does, as data.
//!
//! The client's operations, the scheduler's decisions, faults and crashes are in one
//! list, in the order in which they happen. So a plan needs no seed to run again, and
//! stays valid when the generators change. Every line of it can be removed: a line that
//! names something that no longer exists has no effect.

pub(crate) mod place;

use crate::disk::{Fault, Mark, Model, Operation, SkippedBarrier};
use crate::history::Batch;
use crate::judge::oracle::Oracle;
use crate::system::{Settings, System};

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client commits batches, with one sync for all of them.
    Commit(Vec<Batch>),
    /// The client asks for durability.
    Sync,
    /// The scheduler runs a background task, or delivers a callback.
    Run(String),
    /// A callback is lost.
    Lose(String),
    /// All background work is done.
    Settle,
    /// The store is closed and opened again.
    Reopen,
    /// The process dies and the machine keeps running: the store is not closed, and is
    /// opened again.
    Die,
    /// The process dies during the previous action, before this operation of it, and
    /// the machine keeps running. Then the store is opened again.
    DieBefore(Moment),
    /// The client reads the whole state as of a commit. A number beyond the head means
    /// the head.
    Read(u64),
    /// A reader as of a commit is opened and kept.
    Pin(u64),
    /// The oldest reader is compared once more and closed.
    Release,
    /// A setting gets another value from the next opening on.
    Set(String, String),
    /// A fault is armed.
    Fault(Fault),
    /// Faults that have not fired are removed, and a full disk has space again.
    Heal,
    /// The machine loses power during the previous action.
    Crash(Crash),
}

impl Action {
    /// The call of the store that this action makes.
    pub(crate) fn call(&self) -> &'static str {
        match self {
            Self::Commit(_) => "commit",
            Self::Sync => "sync",
            Self::Run(_) => "run",
            Self::Lose(_) => "lose",
            Self::Settle => "settle",
            Self::Reopen => "close",
            Self::Read(_) | Self::Pin(_) | Self::Release => "read",
            // These make no call but an opening.
            Self::Set(..) | Self::Fault(_) | Self::Heal => "open",
            Self::Die | Self::DieBefore(_) | Self::Crash(_) => "open",
        }
    }
}

/// An operation of an action: its text, and its position among the operations with the
/// same text, counted from 1.
pub type Moment = (String, u32);

/// The pending changes that survive a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// All except these changes and the changes that require one of them.
    AllBut(Vec<String>),
    /// Only these changes and the changes that they require.
    Only(Vec<String>),
}

/// A loss of power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// The operation of the action before which the power fails. `None`: after the
    /// action.
    pub before: Option<Moment>,
    /// The changes that survive.
    pub survivors: Survivors,
    /// The name of the fill; for stale bytes of a given file, including the name of the
    /// remnant.
    pub fill: String,
}

impl Crash {
    /// A loss of power after the action. All pending changes are lost.
    #[must_use]
    pub fn losing_everything() -> Self {
        Self {
            before: None,
            survivors: Survivors::Only(Vec::new()),
            fill: "zero".to_owned(),
        }
    }

    /// A loss of power after the action. All pending changes are on the disk.
    #[must_use]
    pub fn losing_nothing() -> Self {
        Self {
            survivors: Survivors::AllBut(Vec::new()),
            ..Self::losing_everything()
        }
    }
}

/// The outcome that a trace expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing is wrong.
    Pass,
    /// This oracle objects.
    Violation(Oracle),
}

/// A whole run.
#[derive(Clone)]
pub struct Plan {
    /// The system.
    pub system: &'static dyn System,
    /// Its settings at the beginning.
    pub settings: Settings,
    /// The persistence model.
    pub model: &'static Model,
    /// The seed that generated the plan, for people.
    pub seed: u64,
    /// The planted bug, if any.
    pub bug: Option<String>,
    /// Barriers without effect.
    pub skipped: Vec<SkippedBarrier>,
    /// The actions.
    pub actions: Vec<Action>,
    /// The expected outcome.
    pub expectation: Expectation,
}

impl Plan {
    /// Whether the plan ends with a loss of power. Then the judge is the first to open
    /// what is left.
    #[must_use]
    pub fn ends_with_crash(&self) -> bool {
        matches!(
            *self.actions,
            [.., Action::Crash(_)] | [.., Action::Crash(_), Action::Heal]
        )
    }

    /// Changes the settings as the log entry says, if an action begins there that changes a setting.
    /// Returns whether it does.
    pub(crate) fn change_settings(&self, operation: &Operation, settings: &mut Settings) -> bool {
        let Operation::Mark(Mark::Action(action)) = operation else {
            return false;
        };
        let Some(Action::Set(name, value)) = self.actions.get(*action as usize) else {
            return false;
        };
        settings.insert(name.clone(), value.clone());
        true
    }

    /// Whether a fault may still wait at the end.
    #[must_use]
    pub fn may_have_waiting_faults(&self) -> bool {
        let of_faults = |action: &&Action| matches!(action, Action::Fault(_) | Action::Heal);
        matches!(
            self.actions.iter().rev().find(of_faults),
            Some(Action::Fault(_))
        )
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{self}")
    }
}
