//! The oracles of a running store; `judge` has those of a recovered store.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::executor::Executor;
use crate::disk::SimFs;
use crate::disk::oplog::{Log, Operation};
use crate::judge::oracle::{Finding, Oracle};
use crate::judge::{STRAY, misfit, misplaced};
use crate::keyed::{Domain, Seed};
use crate::reads::{Ask, check};
use crate::run::plan::Action;
use crate::system::Account;

impl Executor<'_> {
    /// Checks what a settled store and its disk must have counted since the store was
    /// created.
    pub(super) fn check_equalities(&mut self) -> Result<(), Finding> {
        if !self.is_first || self.is_faulty() {
            return Ok(());
        }
        let instance = self.instance.as_ref().expect("the store is open");
        let account = Account {
            history: self.history.batches(),
            calls: &self.calls,
            disk: &self.fs.disk_use(),
        };
        for equality in instance.equalities(&account) {
            if equality.counted == equality.expected {
                continue;
            }
            let object = self.enabled.object(Oracle::Counters, equality.to_string());
            match object {
                Err(finding) if equality.is_of_syncs && equality.counted < equality.expected => {
                    self.missing_syncs.get_or_insert(finding);
                }
                object => object?,
            }
        }
        Ok(())
    }

    /// Records the acknowledgements and the failures that other clients got. No client
    /// may wait for ever.
    pub(super) fn check_clients(&mut self) -> Result<(), Finding> {
        let failures = self.instance.as_mut().map(|it| it.take_failures());
        for failure in failures.into_iter().flatten() {
            self.tolerate(Err::<(), _>(failure))?;
        }
        let Some(instance) = self.instance.as_deref() else {
            return Ok(());
        };
        let acknowledged = instance.acknowledged().min(self.history.head());
        if let Some(message) = instance.stuck() {
            self.enabled.object(Oracle::Liveness, message)?;
        }
        if acknowledged > self.acknowledged {
            self.acknowledge(acknowledged);
        }
        Ok(())
    }

    pub(super) fn check_windows(&mut self) -> Result<(), Finding> {
        if let Some(message) = self.instance().layout().as_deref().and_then(misplaced) {
            self.enabled.object(Oracle::Layout, message)?;
        }
        Ok(())
    }

    /// The difference between the layout and the rule at the newest commit, if any.
    pub(super) fn misfit(&self) -> Option<String> {
        let instance = self.instance.as_deref().expect("the store is open");
        let head = instance.head().min(self.history.head());
        let expected = (self.engine).expected_layout(&self.history.batches()[..head as usize]);
        let message = misfit(expected.as_deref(), instance)?;
        Some(format!("at commit {head}: {message}"))
    }

    pub(super) fn check_layout(&self) -> Result<(), Finding> {
        match self.misfit() {
            Some(message) => self.enabled.object(Oracle::Layout, message),
            None => Ok(()),
        }
    }

    /// Checks the layout when no task is left. If only settling repairs the layout, the
    /// store has forgotten a task. If settling does not repair it, the layout is wrong.
    pub(super) fn check_laid_out(&mut self) -> Result<(), Finding> {
        if self.misfit().is_none() {
            self.check_files()?;
            return self.check_equalities();
        }
        self.fs.begin_call("settle");
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

    /// When all callbacks arrive, latest first, the layout must settle without a call
    /// of `settle`. After faults, which have stopped by now, a store may refuse; if it
    /// works, it must finish.
    pub(super) fn check_unprompted(&mut self) -> Result<(), Finding> {
        const TURNS: u64 = 60_000;
        const TURNS_OF_A_COMMIT: u64 = 200;
        let loses = |action: &Action| matches!(action, Action::Lose(_));
        if self.plan.actions.iter().any(loses) {
            return Ok(());
        }
        for _ in 0..TURNS + TURNS_OF_A_COMMIT * self.history.head() {
            let tasks = self.instance().tasks();
            let step = tasks.last().filter(|task| *task == "step");
            let Some(task) = tasks.iter().rev().find(|task| *task != "step").or(step) else {
                return if self.is_faulty() {
                    self.settle()
                } else {
                    self.check_laid_out()
                };
            };
            self.fs.begin_call("run");
            let outcome = self.instance().run(task);
            if self.tolerate(outcome)?.is_none() {
                return Ok(());
            }
        }
        self.enabled
            .object(Oracle::Liveness, "background work does not end")
    }

    /// A settled store has exactly the files that it needs, also while it runs. The
    /// next opening would remove leftover files, but a store may run for a long time.
    pub(super) fn check_files(&self) -> Result<(), Finding> {
        let instance = self.instance.as_deref().expect("the store is open");
        let Some(needed) = instance.files().filter(|_| !self.is_faulty()) else {
            return Ok(());
        };
        let image = self.fs.image();
        let is_left =
            |name: &&str| !name.contains('/') && !STRAY.contains(name) && !needed.contains(*name);
        match image.files().map(|(name, _)| name).find(is_left) {
            Some(left) => self.enabled.object(
                Oracle::Orphans,
                format!("{left} is there, and the running store does not need it"),
            ),
            None => Ok(()),
        }
    }

    pub(super) fn check_pins(&mut self) -> Result<(), Finding> {
        for index in 0..self.pins.len() {
            self.fs.begin_call("read");
            let pin = &self.pins[index];
            let commit = pin.commit;
            let outcome = pin.reader.state();
            let is_same = outcome.as_ref().is_ok_and(|state| *state == pin.shown);
            if let Err(failure) = &outcome
                && !self.is_excused(failure)
            {
                self.enabled.object(
                    Oracle::Snapshots,
                    format!("a reader of commit {commit} fails: {failure}"),
                )?;
                continue;
            }
            let found = self.tolerate(outcome)?;
            if found.is_some() && !is_same {
                self.enabled.object_to_value(
                    self.bounds(),
                    Oracle::Snapshots,
                    format!("a reader of commit {commit} sees something else now"),
                )?;
            }
            if is_same {
                self.ask_pin(index)?;
            }
        }
        Ok(())
    }

    /// Asks a kept reader further questions. The reader knows the history at the time
    /// when it was opened.
    fn ask_pin(&mut self, index: usize) -> Result<(), Finding> {
        const DRAWN: u64 = 6;
        let pin = &self.pins[index];
        let (head, digest) = pin.head;
        if head > self.history.head() || self.history.digest(head) != digest {
            return Ok(());
        }
        let ask = Ask {
            engine: &*self.engine,
            history: &self.history,
            head,
            reader: Some(pin.commit),
            is_kept: !self.bounds().excuses_loss,
            drawn: DRAWN,
            listed: 0,
        };
        let identity = head << 24 ^ pin.commit << 4 ^ 1;
        let mut draws = Seed(self.plan.seed).draws(Domain::Reads, identity);
        let outcome = check(&ask, &mut draws, &mut |question| pin.reader.ask(question));
        match self.tolerate(outcome)?.flatten() {
            Some(wrong) => {
                let message = format!("a reader that was kept: {wrong}");
                self.enabled
                    .object_to_value(self.bounds(), Oracle::Reads, message)
            }
            None => Ok(()),
        }
    }

    /// Asks the store further questions after a read of this commit.
    pub(super) fn check_reads(&mut self, commit: u64) -> Result<(), Finding> {
        const DRAWN: u64 = 12;
        let is_kept = !self.bounds().excuses_loss;
        let instance = self.instance.as_mut().expect("the store is open");
        let head = instance.head();
        if head > self.history.head() {
            return Ok(());
        }
        let ask = Ask {
            engine: &*self.engine,
            history: &self.history,
            head,
            reader: None,
            is_kept,
            drawn: DRAWN,
            listed: 0,
        };
        let identity = head << 24 ^ commit << 4;
        let mut draws = Seed(self.plan.seed).draws(Domain::Reads, identity);
        let outcome = check(&ask, &mut draws, &mut |question| instance.ask(question));
        match self.tolerate(outcome)?.flatten() {
            Some(wrong) => self
                .enabled
                .object_to_value(self.bounds(), Oracle::Reads, wrong),
            None => Ok(()),
        }
    }

    /// A sync of a clean file costs time and has no use.
    pub(super) fn check_syncs(&self, log: &Log) -> Result<(), Finding> {
        if self.is_faulty() {
            return Ok(());
        }
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

    /// Opening and settling repeatedly must reach a fixed size.
    pub(super) fn check_space(&mut self) -> Result<(), Finding> {
        const ROUNDS: usize = 4;
        if self.is_faulty() {
            return Ok(());
        }
        let disk = SimFs::from_image(&self.fs.image());
        let mut sizes = Vec::new();
        for _ in 0..ROUNDS {
            disk.begin_call("open");
            let Ok(mut instance) = self.engine.open(Arc::new(disk.clone())) else {
                return Ok(());
            };
            disk.begin_call("settle");
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
