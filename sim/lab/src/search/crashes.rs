//! Crashes an execution at every crash point, and judges what is left.
//!
//! In each epoch of an execution, at every crash point, under its model: legal images
//! are chosen within a budget, equal images are recognised by their digest, and each
//! new image is opened and judged. Crashes during the judgement, and so during
//! recovery, are explored in the same way, up to a depth.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::disk::explore::{Sources, explore_sources};
use crate::disk::oplog::{Log, Operation};
use crate::disk::{Budget, Choice, Coverage, Frontier, Image, Mark, Model, SimFs};
use crate::history::History;
use crate::judge::oracle::Finding;
use crate::judge::{Bounds, Enabled, Judge, Memory, PHASE_PROBE, phase_actions};
use crate::keyed::{Domain, Seed};
use crate::run::execute::{Epoch, Execution};
use crate::run::plan::place::crash_of;
use crate::run::plan::{Action, Plan};
use crate::stop::Stop;
use crate::system::{Engine, Settings};

/// How far the exploration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Images for each crash point.
    pub budget: Budget,
    /// One of this many recoveries is crashed too; 0 for none.
    pub recoveries_one_in: u64,
    /// Images for each crash point of a recovery.
    pub recovery_budget: Budget,
    /// The largest number of successive crashes, 1 or more.
    pub depth: u32,
    /// The largest number of images that are judged for one execution and model; 0 for
    /// no crashes. The crashes of the last recovery are still completed.
    pub max_images: u64,
    /// Whether only the epoch after the last loss of power is crashed. If the power
    /// fails several times in a plan, plans that end earlier have the other epochs.
    pub only_last_epoch: bool,
}

impl Reach {
    /// For many seeds.
    pub const SMALL: Self = Self {
        budget: Budget::SMALL,
        recoveries_one_in: 16,
        recovery_budget: Budget {
            enumerate: 8,
            bound: 0,
            samples: 2,
        },
        depth: 2,
        max_images: 4000,
        only_last_epoch: false,
    };
}

/// What crashing an execution has shown.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// How many of the legal images were looked at.
    pub coverage: Coverage,
    /// Images that differ in what a process can see, or in what the judge accepts.
    pub distinct: u64,
    /// Images that were opened and judged: distinct images, and images of recoveries.
    pub recovered: u64,
    /// The first finding, and a plan that shows it.
    pub finding: Option<(Finding, Plan)>,
}

/// Crashes an execution of `plan`, under the model of the plan.
///
/// # Panics
/// If the plan's settings are invalid.
#[must_use]
pub fn crash_everywhere(
    plan: &Plan,
    execution: &Execution,
    reach: Reach,
    enabled: &Enabled,
    stop: &Stop,
) -> Explored {
    let model = plan.model;
    let mut settings = plan.settings.clone();
    let mut explored = Explored::default();
    let first = match reach.only_last_epoch {
        true => execution.epochs.len().saturating_sub(1),
        false => 0,
    };
    let crashed = &execution.epochs[first..];
    let mut stride = Stride::new(crashed, model, plan.seed, reach.max_images);
    for (number, epoch) in execution.epochs.iter().enumerate() {
        let mut crasher = Crasher {
            plan,
            settings: &mut settings,
            model,
            reach,
            enabled,
            stop,
            explored: &mut explored,
            judged: BTreeMap::new(),
            stride: &mut stride,
            is_last_epoch: number + 1 == execution.epochs.len(),
        };
        if number >= first {
            crasher.epoch(epoch);
        }
        // Also after an epoch that was crashed: its crashes end early when enough images were judged, and
        // the next epoch begins with all changes of settings.
        crasher.pass(epoch);
        if explored.finding.is_some() {
            break;
        }
    }
    explored
}

/// The choice of crash points if the number of images is too small for all of them.
/// Points at equal distances are chosen, so that the end of an execution is reached
/// too. If faults have struck, the points after each fault are chosen instead: a few
/// barriers later, the effect of a fault is gone.
struct Stride {
    next: u64,
    every: u64,
    follows_faults: bool,
    /// The number of next points that still belong to the last fault.
    behind_fault: u64,
}

impl Stride {
    fn new(epochs: &[Epoch], model: &Model, seed: u64, max_images: u64) -> Self {
        /// The approximate number of images of a crash point.
        const IMAGES: u64 = 25;
        let points: usize = epochs
            .iter()
            .map(|epoch| {
                let operations = epoch.log.operations()[..epoch.end].iter();
                operations
                    .filter(|operation| model.is_crash_point(Some(operation)))
                    .count()
                    + 1
            })
            .sum();
        let every = (points as u64 * IMAGES).div_ceil(max_images.max(1)).max(1);
        let mut operations = (epochs.iter()).flat_map(|epoch| &epoch.log.operations()[..epoch.end]);
        let is_fault =
            |operation: &Operation| matches!(operation, Operation::Mark(Mark::Fault { .. }));
        Self {
            next: seed % every,
            every,
            follows_faults: every > 1 && operations.any(is_fault),
            behind_fault: 0,
        }
    }

    fn pass_fault(&mut self) {
        /// The number of points that belong to a fault.
        const BEHIND: u64 = 4;
        self.behind_fault = BEHIND;
    }

    fn takes(&mut self) -> bool {
        if self.follows_faults {
            let takes = self.behind_fault > 0;
            self.behind_fault = self.behind_fault.saturating_sub(1);
            return takes;
        }
        let takes = self.next == 0;
        self.next = if takes { self.every - 1 } else { self.next - 1 };
        takes
    }
}

struct Crasher<'run> {
    plan: &'run Plan,
    /// The settings at the current action.
    settings: &'run mut Settings,
    model: &'static Model,
    reach: Reach,
    enabled: &'run Enabled,
    stop: &'run Stop,
    explored: &'run mut Explored,
    /// Every judged image, with the largest number of successive crashes that began
    /// with it.
    judged: BTreeMap<Judged, u32>,
    stride: &'run mut Stride,
    is_last_epoch: bool,
}

/// An image and the demands on it. Equal values have equal verdicts, at any moment and
/// in any recovery, as long as the engine's settings are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Judged {
    disk: u128,
    bounds: Bounds,
    history: u64,
}

impl Judged {
    fn new(image: &Image, bounds: Bounds, judge: &Judge<'_>) -> Self {
        Self {
            disk: image.digest(),
            bounds,
            history: judge.history_digest(bounds.known.issued),
        }
    }
}

impl Crasher<'_> {
    fn epoch(&mut self, epoch: &Epoch) {
        let mut frontier = Frontier::new(self.model, epoch.start.clone(), &epoch.log);
        let mut engine = self.engine();
        let mut memory = Memory::default();
        let mut trouble = epoch.trouble_at(0, self.model);
        loop {
            if let Some(operation) = frontier.next()
                && self.plan.change_settings(operation, self.settings)
            {
                engine = self.engine();
                memory = Memory::default();
                self.judged.clear();
            }
            if let Some(Operation::Mark(Mark::Fault { kind, .. })) = frontier.next() {
                self.stride.pass_fault();
                trouble.strike(*kind);
            }
            let position = frontier.position();
            let is_point = frontier.is_crash_point() || position == epoch.end;
            let is_decided = || epoch.is_decided(position, &trouble);
            if is_point && is_decided() && self.stride.takes() {
                let history = epoch.history_at(position);
                let judge = Judge::new(&*engine, history, self.enabled, &memory);
                let mut known = frontier.known();
                known.issued = known.issued.min(history.head());
                let bounds = trouble.bounds(epoch.has_lost_witness(position), known);
                if self.point(epoch, &frontier, &judge, bounds).is_break() {
                    return;
                }
            }
            if position >= epoch.end {
                return;
            }
            frontier.advance();
        }
    }

    /// Applies the changes of settings in an epoch.
    fn pass(&mut self, epoch: &Epoch) {
        for operation in epoch.log.operations() {
            self.plan.change_settings(operation, self.settings);
        }
    }

    fn engine(&self) -> Arc<dyn Engine> {
        let engine = self.plan.system.configure(self.settings);
        engine.expect("settings are checked when a plan is made")
    }

    fn point(
        &mut self,
        epoch: &Epoch,
        frontier: &Frontier<'_>,
        judge: &Judge<'_>,
        bounds: Bounds,
    ) -> ControlFlow<()> {
        let mut draws = Seed(self.plan.seed).draws(Domain::CrashImages, frontier.position() as u64);
        let budget = self.reach.budget;
        let sources = sources(judge.engine(), bounds);
        let mut visit = |choice: Choice, image: Image| {
            let key = Judged::new(&image, bounds, judge);
            if self.judged.contains_key(&key) {
                return ControlFlow::Continue(());
            }
            self.judged.insert(key, 1);
            self.explored.distinct += 1;
            if let Err((finding, tail)) = self.judge(judge, &image, bounds) {
                let mut plan = self.crashed_plan(epoch, frontier, &choice);
                plan.actions.extend(tail);
                self.explored.finding = Some((finding, plan));
                return ControlFlow::Break(());
            }
            self.go_on()
        };
        let coverage = explore_sources(frontier, budget, sources, &mut draws, &mut visit);
        self.explored.coverage.add(coverage);
        if self.explored.finding.is_some() {
            return ControlFlow::Break(());
        }
        self.go_on()
    }

    /// Continues until enough images were judged or the search must stop.
    fn go_on(&self) -> ControlFlow<()> {
        if self.explored.recovered >= self.reach.max_images || self.stop.is_due() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Opens an image and checks everything. Returns the disk with the log of the
    /// check.
    fn recover(
        &mut self,
        judge: &Judge<'_>,
        image: &Image,
        bounds: Bounds,
    ) -> Result<SimFs, InTail> {
        let fs = SimFs::from_image(image);
        for skip in &self.plan.skipped {
            fs.skip_barriers(skip.clone());
        }
        self.explored.recovered += 1;
        match self
            .enabled
            .guarded(|| judge.check(&fs, bounds).map(|_| ()))
        {
            Ok(()) => Ok(fs),
            Err(finding) => Err((finding, Vec::new())),
        }
    }

    /// Opens an image and checks everything; for some images also crashes the recovery.
    fn judge(&mut self, judge: &Judge<'_>, image: &Image, bounds: Bounds) -> Result<(), InTail> {
        let one_in = self.reach.recoveries_one_in;
        let is_chosen = one_in > 0 && (self.explored.recovered + 1).is_multiple_of(one_in);
        if is_chosen && self.reach.depth > 1 && !bounds.is_damaged {
            let fs = self.recover(&judge.whole(), image, bounds)?;
            self.recovery(judge, image, &fs.log(), bounds, self.reach.depth - 1)
        } else {
            self.recover(judge, image, bounds).map(|_| ())
        }
    }

    /// Crashes inside the recovery of an image, after the judge's own commit, and
    /// inside the recovery from that.
    fn recovery(
        &mut self,
        judge: &Judge<'_>,
        start: &Image,
        log: &Log,
        bounds: Bounds,
        depth: u32,
    ) -> Result<(), InTail> {
        let mut frontier = Frontier::new(self.model, start.clone(), log);
        let probe = Probe::of(log, judge);
        let probed = probe.as_ref().map(|probe| judge.of(&probe.history));
        loop {
            // Each level multiplies the work of the level above it, so only the
            // innermost level is always completed.
            if self.stop.is_due() || (depth > 1 && self.go_on().is_break()) {
                return Ok(());
            }
            let position = frontier.position();
            let begins_probe = probe.as_ref().is_some_and(|probe| probe.at == position);
            let is_end = frontier.next().is_none();
            if frontier.is_crash_point() || begins_probe || is_end {
                let is_probed = probe.as_ref().is_some_and(|probe| probe.at < position);
                let judge = probed.as_ref().filter(|_| is_probed).unwrap_or(judge);
                let bounds = Bounds {
                    known: frontier.known(),
                    ..bounds
                };
                self.point_of_recovery(judge, log, &frontier, bounds, depth)?;
            }
            if is_end {
                return Ok(());
            }
            frontier.advance();
        }
    }

    fn point_of_recovery(
        &mut self,
        judge: &Judge<'_>,
        log: &Log,
        frontier: &Frontier<'_>,
        bounds: Bounds,
        depth: u32,
    ) -> Result<(), InTail> {
        let mut finding = None;
        let identity = frontier.position() as u64;
        let mut draws = Seed(self.plan.seed).draws(Domain::Recovery, identity);
        let budget = self.reach.recovery_budget;
        let sources = sources(judge.engine(), bounds);
        let mut visit = |choice: Choice, image: Image| {
            if depth > 1 && self.go_on().is_break() {
                return ControlFlow::Break(());
            }
            let key = Judged::new(&image, bounds, judge);
            let known_depth = self.judged.entry(key).or_default();
            if *known_depth >= depth {
                return ControlFlow::Continue(());
            }
            *known_depth = depth;
            let outcome = match depth {
                ..=1 => self.recover(judge, &image, bounds).map(|_| ()),
                _ => self
                    .recover(&judge.whole(), &image, bounds)
                    .and_then(|fs| self.recovery(judge, &image, &fs.log(), bounds, depth - 1)),
            };
            match outcome {
                Ok(()) => ControlFlow::Continue(()),
                Err((found, tail)) => {
                    let (phase, crash) = crash_of(log, frontier, &choice);
                    let mut actions = phase_actions(phase.unwrap_or(0));
                    actions.push(Action::Crash(crash));
                    actions.extend(tail);
                    finding = Some((found, actions));
                    ControlFlow::Break(())
                }
            }
        };
        explore_sources(frontier, budget, sources, &mut draws, &mut visit);
        finding.map_or(Ok(()), Err)
    }

    /// The plan that ends with this crash.
    fn crashed_plan(&self, epoch: &Epoch, frontier: &Frontier<'_>, choice: &Choice) -> Plan {
        let (action, crash) = crash_of(&epoch.log, frontier, choice);
        let mut plan = self.plan.clone();
        if let Some(action) = action {
            plan.actions.truncate(action as usize + 1);
        } else if self.is_last_epoch {
            plan.actions.clear();
        }
        plan.actions.push(Action::Crash(crash));
        // An image is judged without waiting faults.
        if plan.may_have_waiting_faults() {
            plan.actions.push(Action::Heal);
        }
        plan
    }
}

/// The sources of stale bytes. If syncs lie, a *whole* file may be an earlier one,
/// including the bytes that identify the file, and no store can notice that.
pub(crate) fn sources(engine: &dyn Engine, bounds: Bounds) -> Sources {
    /// Enough for two remnants of the same name and one of another name, in addition to
    /// the remnants of the file itself.
    const SOURCES: usize = 3;
    match engine.tells_stale_bytes() && !bounds.excuses_loss {
        true => Sources::Earlier(SOURCES),
        false => Sources::Last,
    }
}

/// A finding, and the actions that lead to it from the previous crash.
type InTail = (Finding, Vec<Action>);

/// The commit that the judge makes on the recovered store.
struct Probe {
    /// The position in the log where it begins.
    at: usize,
    /// The history that the store must hold then.
    history: History,
}

impl Probe {
    /// `None` if the check ended before the probe.
    fn of(log: &Log, judge: &Judge<'_>) -> Option<Self> {
        let is_probe = |operation: &Operation| matches!(operation, Operation::Mark(Mark::Action(phase)) if *phase == PHASE_PROBE);
        let at = log.operations().iter().position(is_probe)?;
        let number = log.operations()[at..]
            .iter()
            .find_map(|operation| match operation {
                Operation::Mark(Mark::Issued(number)) => Some(*number),
                _ => None,
            });
        let history = judge.probed_history(number?);
        Some(Self { at, history })
    }
}
