//! The losses of power of an execution, each with what was pending and what it kept.

use fixedbitset::FixedBitSet;

use crate::disk::{Frontier, Image, Log};
use crate::run::execute::{Epoch, Execution};
use crate::run::plan::{Action, Crash, Plan};
use crate::system::Settings;

/// A loss of power.
pub(super) struct Blow<'run> {
    /// The number of the epoch that it ends, counted from 0. It is the number of the
    /// crash, too: each ends one epoch.
    pub(super) epoch: usize,
    /// The number of the action.
    pub(super) action: usize,
    pub(super) crash: &'run Crash,
    pub(super) log: &'run Log,
    pub(super) frontier: Frontier<'run>,
    /// The pending changes that are kept.
    pub(super) kept: FixedBitSet,
    /// The disk behind it.
    pub(super) image: Image,
    /// The settings of the next opening.
    pub(super) settings: Settings,
}

/// The losses of power that happened, in order.
pub(super) fn blows<'run>(plan: &'run Plan, execution: &'run Execution) -> Vec<Blow<'run>> {
    let mut settings = plan.settings.clone();
    let mut epochs = execution.epochs.iter().enumerate();
    let mut blows = Vec::new();
    for (action, step) in plan.actions.iter().enumerate() {
        match step {
            Action::Set(name, value) => {
                settings.insert(name.clone(), value.clone());
            }
            Action::Crash(crash) => {
                let Some((
                    epoch,
                    Epoch {
                        start,
                        log,
                        crashed_at: Some(position),
                        ..
                    },
                )) = epochs.next()
                else {
                    // An earlier finding has ended the run.
                    break;
                };
                let mut frontier = Frontier::new(plan.model, start.clone(), log);
                frontier.advance_to(*position);
                blows.push(Blow {
                    epoch,
                    action,
                    crash,
                    log,
                    kept: crash.kept(&frontier),
                    image: crash.image(&frontier),
                    frontier,
                    settings: settings.clone(),
                });
            }
            _ => {}
        }
    }
    blows
}
