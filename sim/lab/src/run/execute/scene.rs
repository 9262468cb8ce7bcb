//! The moment of a planned crash: the pending changes, and which of them survive.

use fixedbitset::FixedBitSet;

use super::executor::Executor;
use crate::disk::oplog::Log;
use crate::disk::{Fill, Frontier, Image, Model};
use crate::judge::Enabled;
use crate::run::plan::{Action, Crash, Plan, Survivors};

/// The moment of a planned crash.
#[derive(Debug)]
pub struct CrashScene {
    /// The disk at the beginning of the epoch that the crash ends.
    pub start: Image,
    /// The operations on the disk in this epoch.
    pub log: Log,
    /// The logs of the earlier epochs, if they were kept.
    pub earlier: Vec<Log>,
    /// The position in the log at which the crash strikes.
    pub position: usize,
    /// Whether the operation that the plan names was found in the log.
    pub is_matched: bool,
}

impl CrashScene {
    /// What is durable and what is pending at that moment.
    #[must_use]
    pub fn frontier(&self, model: &'static Model) -> Frontier<'_> {
        let mut frontier = Frontier::new(model, self.start.clone(), &self.log);
        frontier.advance_to(self.position);
        frontier
    }

    /// Whether everything that the plan says about a crash exists.
    pub(super) fn is_understood(&self, frontier: &Frontier<'_>, crash: &Crash) -> bool {
        let labels = frontier.labels();
        let (Survivors::AllBut(names) | Survivors::Only(names)) = &crash.survivors;
        let is_source = || {
            frontier
                .fills()
                .iter()
                .any(|fill| fill.name() == crash.fill)
        };
        let is_filled = !crash.fill.contains('#') || is_source();
        self.is_matched && is_filled && names.iter().all(|name| labels.contains(name))
    }
}

impl Crash {
    /// The pending changes of a frontier that this crash keeps.
    #[must_use]
    pub fn kept(&self, frontier: &Frontier<'_>) -> FixedBitSet {
        let labels = frontier.labels();
        let named = |names: &[String]| -> Vec<usize> {
            (0..labels.len())
                .filter(|&index| names.contains(&labels[index]))
                .collect()
        };
        match &self.survivors {
            Survivors::AllBut(names) => frontier.dropping(&named(names)),
            Survivors::Only(names) => frontier.keeping(&named(names)),
        }
    }

    /// The image that this crash leaves.
    #[must_use]
    pub fn image(&self, frontier: &Frontier<'_>) -> Image {
        let kept = self.kept(frontier);
        let mut fills = frontier.fills().into_iter();
        let fill = fills.find(|fill| fill.name() == self.fill);
        frontier.image(|index| kept.contains(index), &fill.unwrap_or(Fill::Zero))
    }
}

/// Executes a plan up to its crash at `index`, with the bugs that are planted already.
/// `None` if there is an earlier finding, or if the action is not a crash.
///
/// # Panics
/// If the plan's settings are invalid.
#[must_use]
pub fn execute_until_crash(plan: &Plan, index: usize) -> Option<(CrashScene, &Crash)> {
    let Action::Crash(crash) = &plan.actions[index] else {
        return None;
    };
    let enabled = Enabled::default();
    let mut executor = Executor::new(plan, &enabled, false);
    for (number, action) in plan.actions[..index].iter().enumerate() {
        executor.action(number, action).ok()?;
    }
    let mut scene = executor.scene(crash);
    scene.earlier = executor.epochs.into_iter().map(|epoch| epoch.log).collect();
    Some((scene, crash))
}

/// The position in the log at which a crash strikes. `None` if the operation that it
/// names was not done.
pub(super) fn position_of(
    log: &Log,
    start: usize,
    before: Option<&(String, u32)>,
) -> Option<usize> {
    let Some((text, count)) = before else {
        return Some(log.operations().len());
    };
    let mut seen = 0;
    for (position, operation) in log.operations().iter().enumerate().skip(start) {
        if operation.is_call() && log.describe(operation).to_string() == *text {
            seen += 1;
            if seen == *count {
                return Some(position);
            }
        }
    }
    None
}
