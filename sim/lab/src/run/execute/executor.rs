//! The state of a running plan, and the dispatch of its actions.

use std::ops::Range;
use std::sync::Arc;

use super::doubt::Fork;
use super::epoch::Epoch;
use super::foreign;
use super::struck::{self, Struck};
use super::timeline::Timeline;
use super::witness::lost_witness;
use crate::disk::{FaultKind, Harm, Image, Known, Mark, SimFs};
use crate::history::{History, State};
use crate::judge::oracle::{Finding, Oracle};
use crate::judge::{Bounds, Enabled, Trouble};
use crate::run::plan::{Action, Plan};
use crate::system::{Call, Engine, Failure, Instance, Pinned, Settings};

/// A reader that the client keeps open.
pub(super) struct Pin {
    pub(super) commit: u64,
    pub(super) reader: Box<dyn Pinned>,
    /// The state that the reader showed when it was opened.
    pub(super) shown: State,
    /// The newest commit at that time, and a digest of the history up to it.
    pub(super) head: (u64, u64),
}

pub(super) struct Executor<'run> {
    pub(super) plan: &'run Plan,
    pub(super) enabled: &'run Enabled,
    pub(super) settings: Settings,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) fs: SimFs,
    pub(super) start: Image,
    pub(super) instance: Option<Box<dyn Instance>>,
    pub(super) history: History,
    pub(super) histories: Vec<(usize, History)>,
    pub(super) acknowledged: u64,
    pub(super) served: u64,
    pub(super) pins: Vec<Pin>,
    pub(super) epochs: Vec<Epoch>,
    /// The faults of earlier epochs: their damage stays.
    pub(super) past: Vec<FaultKind>,
    /// Whether a fault of an earlier epoch has destroyed the only witness of some bytes.
    pub(super) has_lost_witness: bool,
    pub(super) observed: u64,
    /// The latest failure that the store returned.
    pub(super) said: String,
    /// Whether this incarnation has met an error of the disk that no caller was told of
    /// yet.
    pub(super) is_untold: bool,
    /// The position from which two histories are possible, and the earlier ranges in
    /// which they were.
    pub(super) undecided_since: Option<usize>,
    pub(super) undecided: Vec<Range<usize>>,
    /// Set if the disk may hold commits whose numbers were given to other commits.
    pub(super) fork: Option<Fork>,
    /// Whether two histories stay possible for ever, so that nothing more can be
    /// judged.
    pub(super) is_undecidable: bool,
    /// Whether an epoch has begun and has not ended.
    pub(super) is_alive: bool,
    /// Whether the instance has run undisturbed since the disk was empty.
    pub(super) is_first: bool,
    /// The calls of the client since the disk was empty.
    pub(super) calls: Vec<Call>,
    /// The first time that the store made fewer syncs than the rule demands.
    pub(super) missing_syncs: Option<Finding>,
    pub(super) struck: Vec<Struck>,
    pub(super) unmatched: Vec<String>,
    pub(super) timeline: Timeline,
    /// The position in the log at which the last action began.
    pub(super) action_start: usize,
    /// The number of the last action.
    pub(super) action_index: u32,
}

impl<'run> Executor<'run> {
    pub(super) fn new(plan: &'run Plan, enabled: &'run Enabled, wants_timeline: bool) -> Self {
        let engine = plan.system.configure(&plan.settings);
        let engine = engine.expect("settings are checked when a plan is made");
        let start = foreign::disk(&*engine);
        let mut executor = Self {
            plan,
            enabled,
            settings: plan.settings.clone(),
            engine,
            fs: SimFs::from_image(&start),
            start,
            instance: None,
            history: History::default(),
            histories: Vec::new(),
            acknowledged: 0,
            served: 0,
            pins: Vec::new(),
            epochs: Vec::new(),
            past: Vec::new(),
            has_lost_witness: false,
            observed: 0,
            said: String::new(),
            is_untold: false,
            undecided_since: None,
            undecided: Vec::new(),
            fork: None,
            is_undecidable: false,
            is_alive: false,
            is_first: true,
            calls: Vec::new(),
            missing_syncs: None,
            struck: Vec::new(),
            unmatched: Vec::new(),
            timeline: Timeline::new(wants_timeline),
            action_start: 0,
            action_index: 0,
        };
        executor.begin_epoch();
        executor
    }

    pub(super) fn begin_epoch(&mut self) {
        for skip in &self.plan.skipped {
            self.fs.skip_barriers(skip.clone());
        }
        for action in &self.plan.actions {
            if let Action::Fault(fault) = action {
                self.fs.prepare_for(fault.kind);
            }
        }
        self.histories = vec![(0, self.history.clone())];
        self.fs.mark_known(self.known());
        self.action_start = 0;
        self.is_alive = true;
        self.timeline.begin_epoch();
    }

    /// Ends the epoch. `end` is the position in the log at which its last action ended;
    /// later operations belong to the judge.
    pub(super) fn end_epoch(&mut self, end: usize) {
        self.is_alive = false;
        self.pins.clear();
        self.instance = None;
        let mut histories = std::mem::take(&mut self.histories);
        // Commits that were only added are part of the last history.
        if let Some((_, last)) = histories.last_mut() {
            *last = self.history.clone();
        }
        if let Some(since) = self.undecided_since.take() {
            self.undecided.push(since..usize::MAX);
        }
        if let Some(fork) = self.fork.filter(|_| self.is_fork_damaged()) {
            self.undecided.push(fork.since..usize::MAX);
        }
        self.epochs.push(Epoch {
            undecided: std::mem::take(&mut self.undecided),
            start: self.start.clone(),
            log: self.fs.log(),
            end,
            crashed_at: None,
            histories,
            past: self.past.clone(),
            lost_witness_since: self.lost_witness_since(),
        });
    }

    /// The position of this epoch's log from which the only witness of some bytes is
    /// destroyed.
    fn lost_witness_since(&self) -> Option<usize> {
        let has_rotted = |kind: &FaultKind| kind.harm() == Harm::WrongOnDevice;
        let here = || match self.fs.fired().iter().any(has_rotted) {
            true => lost_witness(&self.fs.log(), &*self.engine),
            false => None,
        };
        self.has_lost_witness.then_some(0).or_else(here)
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.timeline.is_wanted() {
            self.timeline.catch_up(&self.fs.log());
            self.timeline.line(line());
        }
    }

    /// The trouble so far.
    pub(super) fn trouble(&self) -> Trouble {
        let mut fired = self.past.clone();
        fired.extend(self.fs.fired());
        Trouble::new(self.plan.model, fired)
    }

    pub(super) fn is_faulty(&self) -> bool {
        self.trouble().is_faulty()
    }

    pub(super) fn is_excused(&self, failure: &Failure) -> bool {
        self.trouble().excuses(failure, || self.bounds())
    }

    /// Turns a failure into a finding while the disk is healthy, and tolerates it
    /// otherwise.
    pub(super) fn tolerate<T>(
        &mut self,
        outcome: Result<T, Failure>,
    ) -> Result<Option<T>, Finding> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(failure) if self.is_excused(&failure) => {
                self.observe(&failure);
                self.note(|| format!("    fails: {failure}"));
                // The call that has failed may be a commit that an earlier call has
                // submitted, and that was to end the doubt.
                self.is_undecidable |=
                    self.undecided_since.is_some() && self.engine.settling_tells_errors();
                Ok(None)
            }
            Err(failure) => {
                self.enabled.object(Oracle::Errors, failure.to_string())?;
                Ok(None)
            }
        }
    }

    /// Records that the store told a caller of a failure.
    fn observe(&mut self, failure: &Failure) {
        self.observed += 1;
        self.said = failure.to_string();
    }

    pub(super) fn action(&mut self, index: usize, action: &Action) -> Result<(), Finding> {
        self.action_index = index as u32;
        if !matches!(action, Action::Crash(_) | Action::DieBefore(_)) {
            self.action_start = self.fs.log_length();
            self.fs.mark(Mark::Action(index as u32));
        }
        self.fs.begin_call(action.call());
        self.note(|| format!("{index:>4}  {action}"));
        let observed = self.observed;
        let (epochs, fired) = (self.epochs.len(), self.fs.fired().len());
        let mut outcome = self.perform(action);
        if let Err(finding) = self.check_clients() {
            outcome = Err(finding);
        }
        let is_same_epoch = self.epochs.len() == epochs;
        let fired = if is_same_epoch { fired } else { 0 };
        let is_observed = self.observed > observed;
        let mut during = Vec::new();
        if self.fs.fired().len() > fired {
            let answer = is_observed.then_some(self.said.as_str());
            during = struck::during(&self.fs.log(), fired, (index, action), answer);
        }
        let has_error = during.iter().any(|struck| struck.kind.harm().is_error());
        struck::note(&mut self.struck, during, is_observed);
        let is_silent = has_error && !is_observed && !self.is_undecidable;
        self.is_untold = !is_observed && (self.is_untold || has_error);
        let is_late = action == &Action::Settle && self.engine.settling_tells_errors();
        let must_tell = match is_late {
            true => self.is_untold && !self.is_undecidable,
            false => is_silent && self.engine.surfaces_errors(),
        };
        if outcome.is_ok() && must_tell {
            outcome = self.enabled.object(
                Oracle::Honesty,
                format!("an error of the disk was met, and nothing was said: {action}"),
            );
        }
        if self.timeline.is_wanted() {
            self.timeline.catch_up(&self.fs.log());
        }
        outcome
    }

    pub(super) fn perform(&mut self, action: &Action) -> Result<(), Finding> {
        match action {
            Action::Set(name, value) => {
                self.settings.insert(name.clone(), value.clone());
                return Ok(());
            }
            Action::Fault(fault) => {
                self.fs.arm(fault.clone());
                return Ok(());
            }
            Action::Heal => return self.heal(),
            Action::Crash(crash) => return self.crash(crash),
            // A process must have opened the store before it dies, even if the plan
            // begins with its death, so that the next process finds what this one has
            // created.
            Action::Die if self.instance.is_none() && !self.open()? => return Ok(()),
            Action::Die => return self.die(),
            Action::DieBefore(moment) => return self.die_before(moment),
            _ => {}
        }
        if self.instance.is_none() && !self.open()? {
            return Ok(());
        }
        self.fs.begin_call(action.call());
        match action {
            Action::Commit(batches) => self.commit(batches),
            Action::Sync => self.sync(),
            Action::Run(task) => {
                if self.timeline.is_wanted() && !self.instance().tasks().contains(task) {
                    self.unmatched.push(action.to_string());
                }
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

    pub(super) fn instance(&mut self) -> &mut dyn Instance {
        &mut **self.instance.as_mut().expect("the store is open")
    }

    /// Applies the current settings. The next opening uses them.
    pub(super) fn take_settings(&mut self) -> Result<(), Finding> {
        match self.plan.system.configure(&self.settings) {
            Ok(engine) => {
                self.engine = engine;
                Ok(())
            }
            Err(message) => self.enabled.object(Oracle::Errors, message),
        }
    }

    /// Opens the store with the current settings. False if a fault prevents it.
    pub(super) fn open(&mut self) -> Result<bool, Finding> {
        self.is_untold = false;
        self.is_first &= self.history.head() == 0;
        self.take_settings()?;
        let mut outcome = self.attempt_to_open();
        if let Err(failure) = &outcome
            && self.is_faulty()
        {
            // Whatever an error has caused, the next attempt without the error must
            // succeed.
            let failure = failure.clone();
            self.observe(&failure);
            self.note(|| format!("    cannot open: {failure}"));
            self.check_room()?;
            self.fs.disarm();
            self.is_first = false;
            outcome = self.attempt_to_open();
        }
        let bounds = self.bounds();
        match outcome {
            Ok(instance) => {
                self.instance = Some(instance);
                self.adopt(bounds)?;
                Ok(true)
            }
            Err(failure) if bounds.excuses(&failure) => {
                self.observe(&failure);
                Ok(false)
            }
            Err(failure) => {
                self.enabled.object(Oracle::Opens, failure.to_string())?;
                Ok(false)
            }
        }
    }

    fn attempt_to_open(&self) -> Result<Box<dyn Instance>, Failure> {
        self.fs.begin_call("open");
        self.engine.open(Arc::new(self.fs.clone()))
    }

    /// Checks that a store that cannot be opened for lack of space gives back at least
    /// the space that its last attempt used: repeated attempts must not leave more and
    /// more.
    fn check_room(&mut self) -> Result<(), Finding> {
        const ATTEMPTS: usize = 5;
        if !self.fs.is_full() {
            return Ok(());
        }
        let disk = self.fs.restarted(&self.fs.image());
        let mut sizes = Vec::new();
        for _ in 0..ATTEMPTS {
            disk.begin_call("open");
            if self.engine.open(Arc::new(disk.clone())).is_ok() {
                return Ok(());
            }
            let image = disk.image();
            sizes.push((image.files().count(), image.total_bytes()));
        }
        // One attempt may leave more than the attempt before it, but not every attempt
        // may.
        let mut steps = sizes.windows(2).rev().take(3);
        if !steps.all(|pair| pair[1].0 > pair[0].0 || pair[1].1 > pair[0].1) {
            return Ok(());
        }
        self.enabled.object(
            Oracle::Space,
            format!(
                "opening fails on a full device, and each attempt leaves more: files and bytes \
                 are {sizes:?}"
            ),
        )
    }

    pub(super) fn bounds(&self) -> Bounds {
        let has_lost_witness = self.lost_witness_since().is_some();
        self.trouble().bounds(has_lost_witness, self.known())
    }

    pub(super) fn known(&self) -> Known {
        Known {
            acknowledged: self.acknowledged,
            served: self.served,
            issued: self.history.head(),
        }
    }
}
