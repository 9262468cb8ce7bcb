//! Running a plan: the client, the scheduler's decisions, faults and crashes.
//!
//! The executor keeps the history that the client knows of, puts marks into the log,
//! and asks the oracles that can be asked while a store runs. A crash ends one *life* of
//! the disk and begins another; the logs of all lives are kept, so that other crashes of
//! the same execution can be explored afterwards.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use crate::history::{Batch, History, State};
use crate::judge::{Bounds, Enabled, Judge, Outcome, References, misfit, misplaced};
use crate::oracle::{Finding, Oracle};
use crate::plan::{Action, Crash, Plan, Survivors};
use crate::simfs::change::labels;
use crate::simfs::oplog::{Barrier, InodeId, Log, Operation};
use crate::simfs::{FaultKind, Fill, Frontier, Image, Known, Mark, Model, SimFs};
use crate::system::{Engine, Failure, Instance, Pinned, Settings};

/// A time between two losses of power.
#[derive(Debug)]
pub struct Life {
    /// The disk at its beginning.
    pub start: Image,
    /// What was done to it.
    pub log: Log,
    /// Where in the log the plan's last action ended; the judge's own come after it.
    pub end: usize,
    /// What the client knew, from a position in the log on.
    pub histories: Vec<(usize, History)>,
    /// The faults that fired.
    pub fired: Vec<FaultKind>,
    /// Whether bytes rotted of which no copy and no later witness existed.
    pub lost_witness: bool,
    /// Parts of the log in which two histories are possible: see
    /// `may_be_back`. Crashes there cannot be judged.
    pub undecided: Vec<Range<usize>>,
}

impl Life {
    /// The history that the client knew at a position of the log.
    #[must_use]
    pub fn history_at(&self, position: usize) -> &History {
        let known = self
            .histories
            .iter()
            .rev()
            .find(|(from, _)| *from <= position);
        &known.unwrap_or(&self.histories[0]).1
    }

    /// Whether a crash at a position of the log can be judged.
    #[must_use]
    pub fn is_decided(&self, position: usize) -> bool {
        !self.undecided.iter().any(|range| range.contains(&position))
    }

    /// What a crash may leave, given what went wrong in this life.
    #[must_use]
    pub fn bounds(&self, model: &Model, known: Known) -> Bounds {
        bounds(model, &self.fired, self.lost_witness, known)
    }
}

/// What may be left after these faults, under a model.
pub(crate) fn bounds(
    model: &Model,
    fired: &[FaultKind],
    lost_witness: bool,
    known: Known,
) -> Bounds {
    let excuses = |kind: &FaultKind| match kind {
        FaultKind::BitRot => lost_witness,
        kind => kind.excuses_loss(),
    };
    let excuses_loss = !model.honest || fired.iter().any(excuses);
    Bounds {
        known,
        excuses_loss,
        is_damaged: excuses_loss || fired.iter().any(|kind| kind.corrupts()),
        is_unreadable: fired.contains(&FaultKind::LatentSector),
    }
}

/// What came of a plan.
#[derive(Debug)]
pub struct Execution {
    /// The first finding.
    pub finding: Option<Finding>,
    /// The lives.
    pub lives: Vec<Life>,
    /// Faults whose effect a caller of the store saw: an error or a refusal.
    pub observed: u64,
    /// A digest of all operations.
    pub digest: u64,
    /// A line for each thing that happened, when asked for.
    pub timeline: Vec<String>,
}

/// Runs `plan` and judges what is left at its end.
///
/// # Panics
/// When the plan's settings are impossible; parsing and generating check them.
#[must_use]
pub fn execute(plan: &Plan, enabled: &Enabled, wants_timeline: bool) -> Execution {
    let mut executor = Executor::new(plan, enabled, wants_timeline);
    let mut finding = None;
    for (index, action) in plan.actions.iter().enumerate() {
        finding = executor.action(index, action).err();
        if finding.is_some() || executor.is_undecidable {
            break;
        }
    }
    let end = executor.fs.log_length();
    if finding.is_none() && !executor.is_undecidable {
        finding = executor.finish().err();
    }
    executor.end_life(end);
    Execution {
        finding,
        digest: digest(&executor.lives),
        lives: executor.lives,
        observed: executor.observed,
        timeline: executor.timeline,
    }
}

/// The moment of a crash of a plan.
#[derive(Debug)]
pub struct CrashScene {
    /// The disk at the beginning of the life that ends.
    pub start: Image,
    /// What was done to it.
    pub log: Log,
    /// Where in the log the crash strikes.
    pub position: usize,
}

impl CrashScene {
    /// What is durable and pending at that moment.
    #[must_use]
    pub fn frontier(&self, model: &'static Model) -> Frontier<'_> {
        let mut frontier = Frontier::new(model, self.start.clone(), &self.log);
        frontier.advance_to(self.position);
        frontier
    }

    /// The pending changes that a crash keeps, of those of the scene's frontier.
    #[must_use]
    pub fn kept(&self, frontier: &Frontier<'_>, crash: &Crash) -> FixedBitSet {
        let labels = labels(&self.log, frontier.pending());
        let named = |names: &[String]| -> Vec<usize> {
            (0..labels.len())
                .filter(|&index| names.contains(&labels[index]))
                .collect()
        };
        match &crash.survivors {
            Survivors::AllBut(names) => frontier.dropping(&named(names)),
            Survivors::Only(names) => frontier.keeping(&named(names)),
        }
    }

    /// The image that a crash leaves.
    fn image(&self, frontier: &Frontier<'_>, crash: &Crash) -> Image {
        let kept = self.kept(frontier, crash);
        let mut fills = frontier.fills().into_iter();
        let fill = fills.find(|fill| fill.name() == crash.fill);
        frontier.durable().with(
            frontier.pending(),
            |index| kept.contains(index),
            &fill.unwrap_or(Fill::Zero),
        )
    }
}

/// Runs a plan up to its crash at `index`, with whatever is planted already; `None` when
/// something is found before, or no crash is there.
///
/// # Panics
/// When the plan's settings are impossible.
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
    Some((executor.scene(crash), crash))
}

fn digest(lives: &[Life]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for life in lives {
        for operation in life.log.operations() {
            hasher.update(life.log.describe(operation).to_string().as_bytes());
            if let Operation::Write { bytes, .. } = operation {
                hasher.update(life.log.bytes(bytes));
            }
            hasher.update(b"\n");
        }
    }
    hasher.digest()
}

struct Executor<'run> {
    plan: &'run Plan,
    enabled: &'run Enabled,
    settings: Settings,
    engine: Arc<dyn Engine>,
    fs: SimFs,
    start: Image,
    instance: Option<Box<dyn Instance>>,
    history: History,
    histories: Vec<(usize, History)>,
    acknowledged: u64,
    served: u64,
    pins: Vec<(u64, Box<dyn Pinned>, State)>,
    lives: Vec<Life>,
    /// The faults of earlier lives: damage stays.
    past: Vec<FaultKind>,
    observed: u64,
    /// Since when two histories are possible, and until when they were.
    undecided_since: Option<usize>,
    undecided: Vec<Range<usize>>,
    /// Whether that can not end any more, so that nothing more can be judged.
    is_undecidable: bool,
    /// Whether the instance has run since an empty disk, undisturbed.
    is_first: bool,
    timeline: Vec<String>,
    wants_timeline: bool,
    /// Where the last action began in the log.
    action_start: usize,
}

impl<'run> Executor<'run> {
    fn new(plan: &'run Plan, enabled: &'run Enabled, wants_timeline: bool) -> Self {
        let engine = plan.system.configure(&plan.settings);
        let mut executor = Self {
            plan,
            enabled,
            settings: plan.settings.clone(),
            engine: engine.expect("settings are checked when a plan is made"),
            fs: SimFs::new(),
            start: Image::default(),
            instance: None,
            history: History::default(),
            histories: Vec::new(),
            acknowledged: 0,
            served: 0,
            pins: Vec::new(),
            lives: Vec::new(),
            past: Vec::new(),
            observed: 0,
            undecided_since: None,
            undecided: Vec::new(),
            is_undecidable: false,
            is_first: true,
            timeline: Vec::new(),
            wants_timeline,
            action_start: 0,
        };
        executor.begin_life();
        executor
    }

    fn begin_life(&mut self) {
        for skip in &self.plan.skipped {
            self.fs.skip_barriers(skip.clone());
        }
        let is_stale = |action: &Action| matches!(action, Action::Fault(fault) if fault.kind == FaultKind::StaleRead);
        if self.plan.actions.iter().any(is_stale) {
            self.fs.keep_last_writes();
        }
        self.histories = vec![(0, self.history.clone())];
        self.fs.mark_known(self.known());
        self.action_start = 0;
    }

    fn end_life(&mut self, end: usize) {
        self.pins.clear();
        self.instance = None;
        let mut histories = std::mem::take(&mut self.histories);
        // Commits that were only added are part of the last history.
        if let Some((_, last)) = histories.last_mut() {
            *last = self.history.clone();
        }
        let lost_witness =
            self.past.contains(&FaultKind::BitRot) || lost_witness(&self.fs.log(), &*self.engine);
        self.past.extend(self.fs.fired());
        if let Some(since) = self.undecided_since.take() {
            self.undecided.push(since..usize::MAX);
        }
        self.lives.push(Life {
            undecided: std::mem::take(&mut self.undecided),
            start: self.start.clone(),
            log: self.fs.log(),
            end,
            histories,
            fired: self.past.clone(),
            lost_witness,
        });
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if self.wants_timeline {
            let line = line();
            self.timeline.push(line);
        }
    }

    fn is_faulty(&self) -> bool {
        let is_harmful = |kind: &FaultKind| !kind.is_benign();
        self.past.iter().any(is_harmful) || self.fs.fired().iter().any(is_harmful)
    }

    /// How many operations have failed by a fault.
    fn errors(&self) -> usize {
        let fired = self.fs.fired();
        fired.iter().filter(|kind| kind.is_error()).count()
    }

    /// Errors are findings while the disk is healthy, and expected when it is not.
    fn tolerate<T>(&mut self, outcome: Result<T, Failure>) -> Result<Option<T>, Finding> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(failure) if self.is_faulty() && !matches!(failure, Failure::Other(_)) => {
                self.observed += 1;
                self.note(|| format!("    fails: {failure}"));
                Ok(None)
            }
            Err(failure) => {
                self.enabled.object(Oracle::Errors, failure.to_string())?;
                Ok(None)
            }
        }
    }

    fn action(&mut self, index: usize, action: &Action) -> Result<(), Finding> {
        if !matches!(action, Action::Crash(_)) {
            self.action_start = self.fs.log_length();
            self.fs.mark(Mark::Action(index as u32));
        }
        self.note(|| format!("{index:>4}  {action}"));
        let before = self.fs.log_length();
        let (errors, observed) = (self.errors(), self.observed);
        let mut outcome = self.perform(action);
        let is_silent = self.errors() > errors && self.observed == observed;
        if outcome.is_ok() && is_silent && self.engine.surfaces_errors() {
            outcome = self.enabled.object(
                Oracle::Honesty,
                format!("an error of the disk was met, and nothing was said: {action}"),
            );
        }
        if self.wants_timeline {
            let log = self.fs.log();
            let operations = log.operations().get(before..).unwrap_or_default();
            let lines = operations.iter().filter(|operation| operation.is_call());
            let lines: Vec<String> = lines
                .map(|operation| format!("        {}", log.describe(operation)))
                .collect();
            self.timeline.extend(lines);
        }
        outcome
    }

    fn perform(&mut self, action: &Action) -> Result<(), Finding> {
        match action {
            Action::Set(name, value) => {
                self.settings.insert(name.clone(), value.clone());
                return Ok(());
            }
            Action::Fault(fault) => {
                self.fs.arm(fault.clone());
                return Ok(());
            }
            Action::Heal => {
                self.fs.disarm();
                return Ok(());
            }
            Action::Crash(crash) => return self.crash(crash),
            Action::Die => {
                self.instance = None;
                self.is_first = false;
                return self.open().map(|_| ());
            }
            _ => {}
        }
        if self.instance.is_none() && !self.open()? {
            return Ok(());
        }
        match action {
            Action::Commit(batches) => self.commit(batches),
            Action::Sync => self.sync(),
            Action::Run(task) => {
                let outcome = self.instance().run(task);
                self.tolerate(outcome)?;
                self.check_windows()
            }
            Action::Lose(task) => {
                self.instance().lose(task);
                Ok(())
            }
            Action::Settle => self.settle(),
            Action::Reopen => self.reopen(),
            Action::Read(commit) => self.read(*commit),
            Action::Pin(commit) => self.pin(*commit),
            Action::Release => self.release(),
            _ => unreachable!("handled above"),
        }
    }

    fn instance(&mut self) -> &mut dyn Instance {
        &mut **self.instance.as_mut().expect("the store is open")
    }

    /// Opens the store, with the settings of the moment; false when a fault prevents it.
    fn open(&mut self) -> Result<bool, Finding> {
        self.is_first &= self.history.head() == 0;
        match self.plan.system.configure(&self.settings) {
            Ok(engine) => self.engine = engine,
            Err(message) => {
                self.enabled.object(Oracle::Errors, message)?;
            }
        }
        let mut outcome = self.engine.open(Arc::new(self.fs.clone()));
        if let Err(failure) = &outcome
            && self.is_faulty()
        {
            // Whatever an error has done, the next attempt without it must succeed.
            self.observed += 1;
            let message = failure.to_string();
            self.note(|| format!("    cannot open: {message}"));
            self.fs.disarm();
            self.is_first = false;
            outcome = self.engine.open(Arc::new(self.fs.clone()));
        }
        let bounds = self.bounds();
        match outcome {
            Ok(instance) => {
                self.instance = Some(instance);
                self.adopt(bounds)?;
                Ok(true)
            }
            Err(failure) if bounds.excuses(&failure) => {
                self.observed += 1;
                Ok(false)
            }
            Err(failure) => {
                self.enabled.object(Oracle::Opens, failure.to_string())?;
                Ok(false)
            }
        }
    }

    fn bounds(&self) -> Bounds {
        let mut fired = self.fs.fired();
        let lost_witness = self.past.contains(&FaultKind::BitRot)
            || (fired.contains(&FaultKind::BitRot) && lost_witness(&self.fs.log(), &*self.engine));
        fired.extend(&self.past);
        bounds(self.plan.model, &fired, lost_witness, self.known())
    }

    fn known(&self) -> Known {
        Known {
            acknowledged: self.acknowledged,
            served: self.served,
            issued: self.history.head(),
        }
    }

    /// Takes over what the store says it holds, if that is possible.
    fn adopt(&mut self, bounds: Bounds) -> Result<(), Finding> {
        let head = self.instance().head();
        bounds.check_head(head, self.enabled)?;
        let head = head.min(self.history.head());
        if head < self.history.head() && !self.may_be_back() {
            self.forget_after(head);
        }
        self.served = head;
        self.fs.mark(Mark::Served(head));
        self.acknowledge(self.acknowledged.min(head));
        self.end_doubt(head);
        Ok(())
    }

    /// Whether commits that an opening did not find may be found by the next one: a read
    /// returned something else than what is stored, or a write damaged them in the page
    /// cache and a crash may take the damage back. Then they are in doubt until another
    /// commit with their number is acknowledged.
    fn may_be_back(&self) -> bool {
        let is_wrong = |kind: &FaultKind| {
            matches!(
                kind,
                FaultKind::StaleRead | FaultKind::MisdirectedRead | FaultKind::MisdirectedWrite
            )
        };
        self.past.iter().any(is_wrong) || self.fs.fired().iter().any(is_wrong)
    }

    /// Commits after `head` did not happen; what the client will ask for next has
    /// their numbers.
    fn forget_after(&mut self, head: u64) {
        let mut history = self.history.clone();
        history.truncate(head);
        self.replace_history(history);
    }

    fn replace_history(&mut self, history: History) {
        let position = self.fs.log_length();
        if let Some((_, last)) = self.histories.last_mut() {
            *last = std::mem::replace(&mut self.history, history);
        }
        self.histories.push((position, self.history.clone()));
        self.fs.mark(Mark::Issued(self.history.head()));
    }

    fn acknowledge(&mut self, commit: u64) {
        self.acknowledged = commit;
        self.fs.mark(Mark::Acknowledged(commit));
        self.end_doubt(commit);
    }

    /// A store that has shown or acknowledged the whole history has one history.
    fn end_doubt(&mut self, commit: u64) {
        if commit == self.history.head()
            && let Some(since) = self.undecided_since.take()
        {
            self.undecided.push(since..self.fs.log_length());
        }
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<(), Finding> {
        let head = self.instance().head();
        let in_doubt = (head < self.history.head()).then(|| self.history.clone());
        if in_doubt.is_some() {
            // An earlier commit failed, and this handle does not show it.
            self.forget_after(head);
            if self.may_be_back() {
                self.undecided_since.get_or_insert(self.fs.log_length());
            }
        }
        for batch in batches {
            self.history.push(batch.clone());
        }
        let issued = self.history.head();
        self.fs.mark(Mark::Issued(issued));
        let outcome = self.instance().commit(batches);
        let Some(number) = self.tolerate(outcome)? else {
            let shown = self.instance().head();
            if shown != head {
                self.enabled.object(
                    Oracle::Phantom,
                    format!("a commit after {head} failed, and the newest is {shown} all the same"),
                )?;
            }
            if let Some(in_doubt) = in_doubt {
                // Refused again: what is in doubt is still the first one that failed.
                self.replace_history(in_doubt);
                self.is_undecidable = self.undecided_since.is_some();
            }
            return Ok(());
        };
        if number != issued {
            self.enabled.object(
                Oracle::Numbers,
                format!("the commit should have number {issued} and has {number}"),
            )?;
        }
        if self.engine.syncs_commits() {
            self.acknowledge(issued);
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Finding> {
        let outcome = self.instance().sync();
        if self.tolerate(outcome)?.is_some() {
            let head = self.instance().head();
            self.acknowledge(head.min(self.history.head()));
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Finding> {
        let outcome = self.instance().settle();
        let settled = self.tolerate(outcome)?;
        if settled == Some(false) {
            self.enabled
                .object(Oracle::Liveness, "background work does not end")?;
        }
        self.check_windows()?;
        if settled == Some(true) {
            self.check_layout()?;
        }
        self.check_pins()?;
        self.check_equalities()
    }

    /// What a settled store must have counted since it was created.
    fn check_equalities(&mut self) -> Result<(), Finding> {
        if !self.is_first || self.is_faulty() {
            return Ok(());
        }
        let instance = self.instance.as_ref().expect("the store is open");
        for equality in instance.equalities(self.history.batches()) {
            if equality.counted != equality.expected {
                self.enabled.object(
                    Oracle::Counters,
                    format!(
                        "{} should be {} and are {}",
                        equality.what, equality.expected, equality.counted
                    ),
                )?;
            }
        }
        Ok(())
    }

    fn check_windows(&mut self) -> Result<(), Finding> {
        if let Some(message) = self.instance().layout().as_deref().and_then(misplaced) {
            self.enabled.object(Oracle::Layout, message)?;
        }
        Ok(())
    }

    /// What is wrong with the layout as of the newest commit, if anything.
    fn misfit(&self) -> Option<String> {
        let instance = self.instance.as_deref().expect("the store is open");
        let head = instance.head().min(self.history.head());
        let history = &self.history.batches()[..head as usize];
        let message = misfit(&*self.engine, instance, history)?;
        Some(format!("at commit {head}: {message}"))
    }

    fn check_layout(&self) -> Result<(), Finding> {
        match self.misfit() {
            Some(message) => self.enabled.object(Oracle::Layout, message),
            None => Ok(()),
        }
    }

    /// What is not laid out although nothing is left to do, and is when it is asked for,
    /// was forgotten. What is wrong even then is wrong.
    fn check_laid_out(&mut self) -> Result<(), Finding> {
        if self.misfit().is_none() {
            return self.check_equalities();
        }
        let outcome = self.instance().settle();
        self.tolerate(outcome)?;
        if self.misfit().is_none() {
            let head = self.instance().head();
            self.enabled.object(
                Oracle::Liveness,
                format!("at commit {head} nothing is left to do, and only settling finds more"),
            )?;
        }
        self.check_layout()
    }

    /// When every callback arrives, latest first, the layout settles without being
    /// asked to.
    fn check_unprompted(&mut self) -> Result<(), Finding> {
        const MOST_TURNS: usize = 10_000;
        let loses = |action: &Action| matches!(action, Action::Lose(_));
        if self.is_faulty() || self.plan.actions.iter().any(loses) {
            return Ok(());
        }
        for _ in 0..MOST_TURNS {
            let tasks = self.instance().tasks();
            let step = tasks.last().filter(|task| *task == "step");
            let Some(task) = tasks.iter().rev().find(|task| *task != "step").or(step) else {
                return self.check_laid_out();
            };
            let outcome = self.instance().run(task);
            self.tolerate(outcome)?;
        }
        self.enabled
            .object(Oracle::Liveness, "background work does not end")
    }

    fn reopen(&mut self) -> Result<(), Finding> {
        self.is_first = false;
        let instance = self.instance.take().expect("the store is open");
        let head = instance.head();
        let outcome = instance.close();
        if self.tolerate(outcome)?.is_some() {
            self.acknowledge(head.min(self.history.head()));
        }
        self.open().map(|_| ())
    }

    fn read(&mut self, commit: u64) -> Result<(), Finding> {
        let head = self.instance().head().min(self.history.head());
        let commit = commit.min(head);
        let outcome = self.instance().state_at(commit);
        let Some(found) = self.tolerate(outcome)? else {
            return Ok(());
        };
        let expected = self.history.state(commit);
        match found {
            Some(state) if state != **expected => {
                let oracle = if commit == head {
                    Oracle::State
                } else {
                    Oracle::TimeTravel
                };
                self.enabled.object_to_value(
                    self.bounds(),
                    oracle,
                    format!("wrong as of commit {commit}"),
                )
            }
            None if self.engine.is_readable(commit, head) == Some(true) && commit > 0 => {
                self.enabled.object(
                    Oracle::TimeTravel,
                    format!("commit {commit} cannot be read"),
                )
            }
            _ => Ok(()),
        }
    }

    fn pin(&mut self, commit: u64) -> Result<(), Finding> {
        let head = self.instance().head().min(self.history.head());
        let commit = commit.min(head);
        let outcome = self.instance().state_at(commit);
        // A reader of what cannot be read has nothing to keep.
        if !matches!(self.tolerate(outcome)?, Some(Some(_))) {
            return Ok(());
        }
        let outcome = self.instance().pin(commit);
        if let Some(Some(pinned)) = self.tolerate(outcome)? {
            let outcome = pinned.state();
            if let Some(shown) = self.tolerate(outcome)? {
                self.pins.push((commit, pinned, shown));
            }
        }
        Ok(())
    }

    fn check_pins(&mut self) -> Result<(), Finding> {
        for index in 0..self.pins.len() {
            let (commit, pinned, shown) = &self.pins[index];
            let commit = *commit;
            let outcome = pinned.state();
            let is_same = outcome.as_ref().is_ok_and(|state| state == shown);
            if let Err(failure) = &outcome
                && !self.is_faulty()
            {
                self.enabled.object(
                    Oracle::Snapshots,
                    format!("a reader of commit {commit} fails: {failure}"),
                )?;
                continue;
            }
            let found = self.tolerate(outcome)?;
            if found.is_some() && !is_same && !self.bounds().is_damaged {
                self.enabled.object(
                    Oracle::Snapshots,
                    format!("a reader of commit {commit} sees something else now"),
                )?;
            }
        }
        Ok(())
    }

    fn release(&mut self) -> Result<(), Finding> {
        self.check_pins()?;
        if !self.pins.is_empty() {
            self.pins.remove(0);
        }
        Ok(())
    }

    /// Where a crash strikes the last action.
    fn scene(&self, crash: &Crash) -> CrashScene {
        let log = self.fs.log();
        CrashScene {
            start: self.start.clone(),
            position: position_of(&log, self.action_start, crash.before.as_ref()),
            log,
        }
    }

    /// Loses power at a place of the last action, and starts on what is left.
    fn crash(&mut self, crash: &Crash) -> Result<(), Finding> {
        let scene = self.scene(crash);
        let frontier = scene.frontier(self.plan.model);
        let image = scene.image(&frontier, crash);
        let bounds = self.bounds();
        let known = frontier.known();
        self.end_life(scene.log.operations().len());
        let life = self.lives.last().expect("a life has ended");
        self.history = life.history_at(scene.position).clone();
        self.history.truncate(known.issued.min(self.history.head()));
        let stays = |commit: u64| if bounds.excuses_loss { 0 } else { commit };
        self.acknowledged = stays(known.acknowledged);
        self.served = stays(known.served);
        self.is_first = false;
        self.fs = SimFs::from_image(&image);
        self.start = image;
        self.begin_life();
        self.open().map(|_| ())
    }

    /// The judgement at the end: faults stop, the process dies, and what is on the disk
    /// is opened.
    fn finish(&mut self) -> Result<(), Finding> {
        self.check_pins()?;
        self.pins.clear();
        self.fs.disarm();
        if self.instance.is_none() && !self.open()? {
            return Ok(());
        }
        self.check_unprompted()?;
        self.check_space()?;
        self.check_syncs()?;
        self.instance = None;
        let bounds = self.bounds();
        let references = References::default();
        let is_calm = !self.is_faulty() && self.lives.is_empty();
        let judge = Judge::new(&*self.engine, &self.history, self.enabled, &references);
        let judge = judge.after_calm(is_calm);
        if judge.check(&self.fs, bounds)? == Outcome::Refused {
            self.observed += 1;
        }
        Ok(())
    }

    /// A sync of a file that is clean already costs time and gives nothing.
    fn check_syncs(&mut self) -> Result<(), Finding> {
        if self.is_faulty() {
            return Ok(());
        }
        let log = self.fs.log();
        let mut dirty = BTreeSet::new();
        for operation in log.operations() {
            match operation {
                Operation::Create { inode, .. }
                | Operation::Write { inode, .. }
                | Operation::SetLength { inode, .. } => {
                    dirty.insert(*inode);
                }
                Operation::Sync { inode, .. } if !dirty.remove(inode) => {
                    let text = log.describe(operation).to_string();
                    self.enabled.object(
                        Oracle::Counters,
                        format!("{text} when nothing was written since the last one"),
                    )?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Opening and settling again and again must reach a fixed size.
    fn check_space(&mut self) -> Result<(), Finding> {
        const ROUNDS: usize = 4;
        if self.is_faulty() {
            return Ok(());
        }
        let disk = SimFs::from_image(&self.fs.image());
        let mut sizes = Vec::new();
        for _ in 0..ROUNDS {
            let Ok(mut instance) = self.engine.open(Arc::new(disk.clone())) else {
                return Ok(());
            };
            if instance.settle().is_err() {
                return Ok(());
            }
            drop(instance);
            let image = disk.image();
            sizes.push((image.files().count(), image.total_bytes()));
        }
        if sizes[ROUNDS - 1].0 > sizes[1].0 || sizes[ROUNDS - 1].1 > sizes[1].1 {
            self.enabled.object(
                Oracle::Space,
                format!("opened {ROUNDS} times without a write: files and bytes are {sizes:?}"),
            )?;
        }
        Ok(())
    }
}

/// Where in the log a crash strikes.
fn position_of(log: &Log, start: usize, before: Option<&(String, u32)>) -> usize {
    let end = log.operations().len();
    let Some((text, count)) = before else {
        return end;
    };
    let mut seen = 0;
    for (position, operation) in log.operations().iter().enumerate().skip(start) {
        if operation.is_call() && log.describe(operation).to_string() == *text {
            seen += 1;
            if seen == *count {
                return position;
            }
        }
    }
    end
}

/// Whether bytes rotted in a log of which nothing says that they were ever durable: a
/// record can vouch only for what was synced before it was written.
fn lost_witness(log: &Log, engine: &dyn Engine) -> bool {
    let operations = log.operations();
    operations.iter().enumerate().any(|(position, operation)| {
        let Operation::Rot { inode, offset, .. } = operation else {
            return false;
        };
        engine.is_log(log.name_of(*inode))
            && *offset >= vouched_for(&operations[..position], *inode)
    })
}

/// How many bytes of a file a later record proves to have been durable. What was written
/// between two syncs may be one record in several pieces, so all of it together vouches
/// for what lies before its first byte; and only when it was synced in turn, for until
/// then it may be half a record. What recovery writes again in place takes nothing back.
fn vouched_for(operations: &[Operation], file: InodeId) -> u64 {
    let (mut length, mut synced, mut vouched): (u64, u64, u64) = (0, 0, 0);
    // The first byte that was written since the last sync.
    let mut unsynced: Option<u64> = None;
    for operation in operations {
        match operation {
            Operation::Write {
                inode,
                offset,
                bytes,
                ..
            } if *inode == file => {
                unsynced = Some(unsynced.map_or(*offset, |first| first.min(*offset)));
                length = length.max(offset + bytes.len() as u64);
            }
            Operation::SetLength { inode, after, .. } if *inode == file => {
                unsynced = unsynced.filter(|first| first < after);
                length = *after;
                (synced, vouched) = (synced.min(*after), vouched.min(*after));
            }
            Operation::Sync {
                inode,
                barrier: Barrier::Kept,
                ..
            } if *inode == file => {
                if let Some(first) = unsynced.take() {
                    vouched = vouched.max(synced.min(first));
                }
                synced = length;
            }
            _ => {}
        }
    }
    vouched
}
