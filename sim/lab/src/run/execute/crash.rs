//! The end of an epoch, and the end of a plan.

use super::doubt::Fork;
use super::executor::Executor;
use super::scene::{CrashScene, position_of};
use super::struck;
use crate::disk::{Frontier, Image, Mark};
use crate::judge::oracle::Finding;
use crate::judge::{Judge, Memory, Outcome};
use crate::run::plan::{Action, Crash};

impl Executor<'_> {
    /// The scene of a crash during the last action.
    pub(super) fn scene(&self, crash: &Crash) -> CrashScene {
        let log = self.fs.log();
        let position = position_of(&log, self.action_start, crash.before.as_ref());
        CrashScene {
            start: self.start.clone(),
            earlier: Vec::new(),
            position: position.unwrap_or(log.operations().len()),
            is_matched: position.is_some(),
            log,
        }
    }

    /// Loses power at a moment of the last action, and restarts on what is left.
    pub(super) fn crash(&mut self, crash: &Crash) -> Result<(), Finding> {
        let scene = self.scene(crash);
        let frontier = scene.frontier(self.plan.model);
        if !scene.is_understood(&frontier, crash) {
            self.unmatched
                .push(Action::Crash(crash.clone()).to_string());
        }
        let image = crash.image(&frontier);
        let position = scene.position;
        let known = frontier.known();
        self.note(|| format!("    {}", outcome_of(&frontier, crash)));
        self.end_epoch(scene.log.operations().len());
        let epoch = self.epochs.last_mut().expect("an epoch has ended");
        epoch.crashed_at = Some(position);
        // The action was executed to its end. Trouble after the moment of the crash
        // never happened.
        let trouble = epoch.trouble_at(position, self.plan.model);
        self.has_lost_witness = epoch.has_lost_witness(position);
        if !epoch.is_decided(position, &trouble) {
            self.is_undecidable = true;
            return Ok(());
        }
        self.history = epoch.history_at(position).clone();
        self.history.truncate(known.issued.min(self.history.head()));
        let bounds = trouble.bounds(self.has_lost_witness, known);
        let stays = |commit: u64| if bounds.excuses_loss { 0 } else { commit };
        self.acknowledged = stays(known.acknowledged);
        self.served = stays(known.served);
        self.past = trouble.into_fired();
        let is_before = |fork: &Fork| fork.since <= position;
        self.fork = self
            .fork
            .filter(is_before)
            .map(|fork| Fork { since: 0, ..fork });
        self.is_first = false;
        self.restart(image, position)
    }

    /// Starts the machine on what is left. An armed fault strikes the next opening. It
    /// is removed if the judge opens the store next, or if the plan heals the disk
    /// next. `position`: where in the log the power failed.
    fn restart(&mut self, image: Image, position: usize) -> Result<(), Finding> {
        let waiting = self.fs.waiting_faults();
        self.fs = self.fs.restarted_at(&image, position);
        self.start = image;
        self.begin_epoch();
        let later = &self.plan.actions[self.action_index as usize + 1..];
        if matches!(later, [] | [Action::Heal, ..]) {
            self.fs.disarm();
            return Ok(());
        }
        // The next opening belongs to the action of the loss of power.
        self.fs.mark(Mark::Action(self.action_index));
        waiting.into_iter().for_each(|fault| self.fs.arm(fault));
        self.open().map(|_| ())
    }

    /// Faults stop. If the disk is healed right after a crash, the store is opened now,
    /// unless the judge opens it next.
    pub(super) fn heal(&mut self) -> Result<(), Finding> {
        self.fs.disarm();
        let (before, later) = self.plan.actions.split_at(self.action_index as usize);
        let is_behind_crash = matches!(before, [.., Action::Crash(_)]);
        match is_behind_crash && later.len() > 1 {
            true => self.open().map(|_| ()),
            false => Ok(()),
        }
    }

    /// The judgement at the end: faults stop, the process dies, and the judge opens the
    /// store.
    pub(super) fn finish(&mut self) -> Result<(), Finding> {
        self.check_pins()?;
        self.pins.clear();
        self.fs.disarm();
        let is_crashed = self.plan.ends_with_crash() && self.instance.is_none();
        if !is_crashed {
            if self.instance.is_none() && !self.open()? {
                return Ok(());
            }
            if self.is_fork_damaged() || self.dies_undecided() {
                return Ok(());
            }
            self.check_unprompted()?;
            self.check_space()?;
            let log = self.fs.log();
            self.check_syncs(&log)?;
            self.instance = None;
        }
        self.judge()
    }

    /// Opens what is on the disk, and checks everything.
    fn judge(&mut self) -> Result<(), Finding> {
        self.take_settings()?;
        let bounds = self.bounds();
        let memory = Memory::default();
        let is_calm = !self.is_faulty() && self.epochs.is_empty();
        let judge = Judge::new(&*self.engine, &self.history, self.enabled, &memory);
        let judge = judge.after_calm(is_calm);
        // First with the questions that a campaign asks, so that its findings are found
        // again; then with all questions.
        let copy = self.fs.restarted(&self.fs.image());
        if judge.check(&copy, bounds)? == Outcome::Refused
            || judge.asking_all().check(&self.fs, bounds)? == Outcome::Refused
        {
            struck::note(&mut self.struck, Vec::new(), true);
        }
        Ok(())
    }
}

/// A text about the pending changes that a crash keeps and loses, for people.
fn outcome_of(frontier: &Frontier<'_>, crash: &Crash) -> String {
    let kept = crash.kept(frontier);
    let labels = frontier.labels();
    let list = |is_meant: bool| -> String {
        let meant = labels.iter().enumerate();
        let meant = meant.filter(|(index, _)| kept.contains(*index) == is_meant);
        let names: Vec<&str> = meant.map(|(_, label)| label.as_str()).collect();
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(" ")
        }
    };
    format!("power fails; kept {}; lost {}", list(true), list(false))
}
