//! A plan: everything that a run does, as data.
//!
//! The client's operations, the scheduler's decisions, faults and crashes stand in one
//! list in the order in which they happen. So a plan needs no seed to be run again,
//! survives changes of the generators, and every line of it can be taken out: what a
//! missing line would have named is simply not there any more.

pub(crate) mod place;

use crate::disk::{Fault, Model, SkippedBarrier};
use crate::history::Batch;
use crate::judge::oracle::Oracle;
use crate::system::{Settings, System};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client commits batches, with one sync for all.
    Commit(Vec<Batch>),
    /// The client asks for durability.
    Sync,
    /// The scheduler runs a background task, or delivers a callback.
    Run(String),
    /// A callback is lost.
    Lose(String),
    /// All background work is done.
    Settle,
    /// The store is closed and opened.
    Reopen,
    /// The process dies and the machine does not: nothing is closed, then opened.
    Die,
    /// The process dies in the middle of the action before, and the machine does not: before
    /// this operation of it. Then the store is opened.
    DieBefore(Moment),
    /// The client reads everything as of a commit; beyond the head, as of the head.
    Read(u64),
    /// A reader is opened as of a commit and kept.
    Pin(u64),
    /// The oldest reader is compared once more and closed.
    Release,
    /// A setting has another value from the next opening on.
    Set(String, String),
    /// A fault is armed.
    Fault(Fault),
    /// Faults that have not fired are taken back, and a full disk has room again.
    Heal,
    /// The machine loses power during the action before.
    Crash(Crash),
}

/// An operation of an action: its text, and which one of that text, counted from 1.
pub type Moment = (String, u32);

/// Which pending changes a crash leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// All but these, and what requires them.
    AllBut(Vec<String>),
    /// Only these, and what they require.
    Only(Vec<String>),
}

/// A loss of power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Before which operation of the action. `None`: after the action.
    pub before: Option<Moment>,
    /// What is left.
    pub survivors: Survivors,
    /// The fill's name; for stale bytes of a certain file with the name of that.
    pub fill: String,
}

impl Crash {
    /// A loss of power after the action, of which nothing survives that was not durable.
    #[must_use]
    pub fn losing_everything() -> Self {
        Self {
            before: None,
            survivors: Survivors::Only(Vec::new()),
            fill: "zero".to_owned(),
        }
    }

    /// A loss of power after the action, which everything survives: what was pending is on
    /// the disk.
    #[must_use]
    pub fn losing_nothing() -> Self {
        Self {
            survivors: Survivors::AllBut(Vec::new()),
            ..Self::losing_everything()
        }
    }
}

/// What a trace says about its own outcome.
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
    /// The seed that it came from, for people.
    pub seed: u64,
    /// The planted bug, if one is.
    pub bug: Option<String>,
    /// Barriers without effect.
    pub skipped: Vec<SkippedBarrier>,
    /// What happens.
    pub actions: Vec<Action>,
    /// What should come of it.
    pub expectation: Expectation,
}

impl Plan {
    /// Whether it ends with a loss of power, so that the judge opens what is left, and
    /// nobody before it.
    #[must_use]
    pub fn ends_with_crash(&self) -> bool {
        matches!(
            *self.actions,
            [.., Action::Crash(_)] | [.., Action::Crash(_), Action::Heal]
        )
    }

    /// Whether a fault may lie in wait at the end.
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
