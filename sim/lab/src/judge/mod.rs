//! Judges whether an opened store holds what its history demands, whatever happened
//! before.
//!
//! The order of the checks lets each oracle be the first to object to something. An
//! oracle can be switched off, to learn what the other oracles would miss.

mod again;
pub(crate) mod beside;
mod bounds;
mod damaged;
mod difference;
mod enabled;
mod excuses;
mod flips;
mod memory;
mod opened;
pub mod oracle;
mod reads;
mod salvaged;
mod settled;

use std::sync::Arc;

use crate::disk::{Mark, SimFs};
use crate::history::History;
use crate::judge::oracle::{Finding, Oracle};
use crate::run::plan::Action;
use crate::system::{Engine, Failure, Instance};

pub use bounds::Bounds;
pub(crate) use difference::{misfit, misplaced};
pub use enabled::Enabled;
pub(crate) use excuses::Trouble;
pub use memory::Memory;
pub(crate) use settled::STRAY;

/// The phases of a check, as marks in the log. Their numbers match the actions of
/// [`phase_actions`], so that a crash during a check can be written into a plan.
const PHASE_OPEN: u32 = 0;
const PHASE_SETTLE: u32 = 1;
const PHASE_REOPEN: u32 = 2;
const PHASE_SETTLE_AGAIN: u32 = 3;
/// From this phase on, the store holds a commit that is in no history.
pub(crate) const PHASE_PROBE: u32 = 4;
const PHASE_SYNC: u32 = 5;
const PHASE_OPEN_PROBED: u32 = 6;

/// Begins a phase of a check.
fn begin_phase(fs: &SimFs, phase: u32) {
    fs.mark(Mark::Action(phase));
    fs.begin_call(match phase {
        PHASE_SETTLE | PHASE_SETTLE_AGAIN => "settle",
        PHASE_REOPEN => "close",
        PHASE_PROBE => "commit",
        PHASE_SYNC => "sync",
        _ => "open",
    });
}

/// The actions that repeat a check up to and including a phase.
pub(crate) fn phase_actions(phase: u32) -> Vec<Action> {
    let all = [
        Action::Settle,
        Action::Reopen,
        Action::Settle,
        Action::Commit(vec![again::probe()]),
        Action::Sync,
        Action::Die,
    ];
    all[..phase as usize].to_vec()
}

/// The outcome of a check without a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The store holds the history up to this commit.
    Sound(u64),
    /// The store reports damage, and the bounds allow that.
    Refused,
}

/// Judges stores that all ran one history.
pub struct Judge<'run> {
    engine: &'run dyn Engine,
    history: &'run History,
    enabled: &'run Enabled,
    memory: &'run Memory,
    is_calm: bool,
    is_whole: bool,
    /// The number of questions that are asked in addition to the drawn questions.
    listed: usize,
}

impl<'run> Judge<'run> {
    /// A judge. `memory` must only have been used by judges with the same engine.
    #[must_use]
    pub fn new(
        engine: &'run dyn Engine,
        history: &'run History,
        enabled: &'run Enabled,
        memory: &'run Memory,
    ) -> Self {
        Self {
            engine,
            history,
            enabled,
            memory,
            is_calm: false,
            is_whole: false,
            listed: 0,
        }
    }

    /// Sets whether nothing has disturbed the store so far. Then more must hold than
    /// after a crash.
    #[must_use]
    pub fn after_calm(self, is_calm: bool) -> Self {
        Self { is_calm, ..self }
    }

    /// A judge that runs every check to its end, even if the result is known, for the
    /// log that the check leaves.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self {
            is_whole: true,
            ..*self
        }
    }

    /// A judge that asks almost every possible question, for a disk that is judged
    /// alone. So a finding of a drawn question is found again when the plan runs as a
    /// trace.
    #[must_use]
    pub fn asking_all(self) -> Self {
        Self {
            listed: reads::LISTED,
            ..self
        }
    }

    /// The system whose promises count.
    pub(crate) fn engine(&self) -> &'run dyn Engine {
        self.engine
    }

    /// A judge with the same demands for a store that ran another history.
    pub(crate) fn of<'other>(&'other self, history: &'other History) -> Judge<'other> {
        Judge { history, ..*self }
    }

    /// The history that ends with the judge's own commit. `number` is the number of
    /// that commit.
    pub(crate) fn probed_history(&self, number: u64) -> History {
        let mut history = self.history.clone();
        history.truncate(number - 1);
        history.push(again::probe());
        history
    }

    /// A digest that distinguishes histories up to a commit.
    pub(crate) fn history_digest(&self, commit: u64) -> u64 {
        self.history.digest(commit.min(self.history.head()))
    }

    /// Opens the store on `fs` and checks it, then settles and closes it, opens and checks
    /// it again, makes one more commit, and checks a third opening. Leaves marks in the
    /// log of `fs`, so that crashes during these steps can be judged too.
    ///
    /// Many crash images become the same disk after the store has recovered and
    /// settled. The later steps depend on that disk alone, so they are checked once per
    /// disk.
    ///
    /// # Errors
    /// The first finding.
    pub fn check(&self, fs: &SimFs, bounds: Bounds) -> Result<Outcome, Finding> {
        let disk = fs.image().digest();
        if let Err(stop) = self.check_damaged(fs, damaged::AT_FIRST, bounds) {
            self.excuse(Err::<(), _>(stop), bounds)?;
        }
        if let Err(stop) = self.check_left(fs, bounds) {
            self.excuse(Err::<(), _>(stop), bounds)?;
        }
        fs.mark_known(bounds.known);
        begin_phase(fs, PHASE_OPEN);
        let Some(mut instance) = self.open(fs, bounds)? else {
            return Ok(Outcome::Refused);
        };
        let found = self.check_open(fs, &mut *instance, bounds);
        let found = found.and_then(|head| {
            self.check_reads(&mut *instance, (disk, reads::OPENED), bounds)?;
            Ok(head)
        });
        let Some(head) = self.excuse(found, bounds)? else {
            return Ok(Outcome::Refused);
        };
        // The commits that were served must stay.
        let served = Bounds {
            known: bounds.known.after_showing(head),
            ..bounds
        };
        fs.mark_known(served.known);
        begin_phase(fs, PHASE_SETTLE);
        let settled = self.check_settled(fs, &mut *instance, served);
        let Some(settled) = self.excuse(settled, bounds)? else {
            return Ok(Outcome::Refused);
        };
        let again = self.check_again(fs, instance, (served, disk), &settled);
        Ok(self
            .excuse(again, bounds)?
            .map_or(Outcome::Refused, |()| Outcome::Sound(head)))
    }

    /// Turns refusals that the bounds excuse into `None`.
    fn excuse<T>(&self, outcome: Checked<T>, bounds: Bounds) -> Result<Option<T>, Finding> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Finding(finding)) => Err(finding),
            Err(Stop::Failure(failure)) if bounds.excuses(&failure) => Ok(None),
            Err(Stop::Failure(failure)) => {
                self.enabled.object(Oracle::Errors, failure.to_string())?;
                Ok(None)
            }
        }
    }

    fn open(&self, fs: &SimFs, bounds: Bounds) -> Result<Option<Box<dyn Instance>>, Finding> {
        match self.engine.open(Arc::new(fs.clone())) {
            Ok(instance) => Ok(Some(instance)),
            Err(failure) if bounds.excuses(&failure) => Ok(None),
            Err(failure) => {
                self.enabled.object(Oracle::Opens, failure.to_string())?;
                Ok(None)
            }
        }
    }
}

/// Why a check ended early.
enum Stop {
    Finding(Finding),
    Failure(Failure),
}

type Checked<T> = Result<T, Stop>;

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Finding(finding)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
