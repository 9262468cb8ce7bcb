//! An open store, driven by the laboratory.
//!
//! Three tasks alternate with the client. `group` writes or syncs the queued commits.
//! `rewrite` does one operation of a rewrite. `timer` advances the clock of the instance
//! by the check interval and evaluates the policy. As in the worker of a real store, the
//! timer waits until the other two have no work. The timer is offered only if the passage
//! of time can lead to a rewrite, so that a store can become idle. Settling advances the
//! time until then, so the final length of the log is known exactly.

use std::collections::BTreeSet;
use std::sync::Arc;

use lithify::fs::Fs;
use lithify_sim::history::{Batch, State};
use lithify_sim::system::{Account, Call, Equality, Failure, Instance};

use super::commit::{operations, state};
use super::forecast::{Live, Tick, forecast, is_due};
use super::names;
use super::settings::Chosen;
use super::store::RatioStore;

const GROUP: &str = "group";
const REWRITE: &str = "rewrite";
const TIMER: &str = "timer";

/// More steps than any history of the laboratory needs.
const SETTLE_STEPS: u64 = 20_000;

pub(super) struct Open {
    store: RatioStore,
    chosen: Chosen,
    /// The virtual time since the opening, in milliseconds.
    now: u64,
    ticks: Vec<Tick>,
    /// The number of rewrites that had ended at the last tick, and the time when the last
    /// one was seen to have ended.
    ended: (u64, Option<u64>),
}

impl Open {
    pub(super) fn new(fs: Arc<dyn Fs>, chosen: Chosen) -> Result<Self, Failure> {
        Ok(Self {
            store: RatioStore::open(fs, chosen.options, 0)?,
            chosen,
            now: 0,
            ticks: Vec::new(),
            ended: (0, None),
        })
    }

    /// The next task.
    fn task(&self) -> Option<&'static str> {
        if self.store.has_stopped() {
            None
        } else if self.store.is_paused() {
            Some(REWRITE)
        } else if self.store.has_group() {
            Some(GROUP)
        } else {
            self.time_matters().then_some(TIMER)
        }
    }

    /// Whether a tick can lead to a rewrite, according to the store or according to the
    /// rule.
    fn time_matters(&self) -> bool {
        let (log_bytes, live_bytes) = self.bytes();
        let is_full = log_bytes >= self.chosen.options.policy.threshold * live_bytes;
        is_full || self.store.may_come_to_rewrite(self.now)
    }

    /// The length of the log, and its length after a rewrite.
    fn bytes(&self) -> (u64, u64) {
        let live = Live::of(&self.store.read_table());
        (self.store.log_bytes(), live.bytes())
    }

    /// Advances the clock to the next check. The decision of the store must agree with
    /// the rule, even after failures.
    fn tick(&mut self) -> Result<(), Failure> {
        let rewrites = self.store.counters().rewrites;
        if rewrites > self.ended.0 {
            self.ended = (rewrites, Some(self.now));
        }
        let policy = self.chosen.options.policy;
        self.now += policy.check_every;
        self.ticks.push(Tick {
            durable: self.store.acknowledged(),
            accepted: self.store.accepted(),
        });
        let (log_bytes, live_bytes) = self.bytes();
        let is_due = is_due(&policy, (log_bytes, live_bytes), self.now, self.ended.1);
        let decision = self.store.check(self.now);
        if decision.rewrites() == is_due {
            return Ok(());
        }
        Err(Failure::Other(format!(
            "a check at {} ms, {log_bytes} bytes of log, {live_bytes} live bytes and a last rewrite at {:?} decides {decision:?}, against the rule",
            self.now, self.ended.1
        )))
    }
}

impl Instance for Open {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        for batch in batches {
            self.store.accept(&operations(batch))?;
        }
        if self.chosen.syncs_commits {
            self.sync()?;
        }
        Ok(self.head())
    }

    fn head(&self) -> u64 {
        self.store.accepted()
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.store.finish_commit(self.store.accepted(), self.now)
    }

    /// The acknowledged commits, and the accepted commits on top of them.
    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        if commit != self.head() {
            return Ok(None);
        }
        let mut table = self.store.read_table().clone();
        for payload in self.store.waiting() {
            table.apply(payload).map_err(Failure::Other)?;
        }
        Ok(Some(state(&table)))
    }

    fn tasks(&self) -> Vec<String> {
        let mut tasks: Vec<_> = self.task().map(str::to_owned).into_iter().collect();
        // A pending batch may be written, or still be pending at a tick.
        if self.task() == Some(GROUP) && self.store.has_only_queued() && self.time_matters() {
            tasks.push(TIMER.to_owned());
        }
        tasks
    }

    fn run(&mut self, task: &str) -> Result<(), Failure> {
        if !self.tasks().iter().any(|due| due == task) {
            return Ok(());
        }
        if task == TIMER {
            return self.tick();
        }
        self.store.step(self.now).map(|_| ())
    }

    fn settle(&mut self) -> Result<bool, Failure> {
        for _ in 0..SETTLE_STEPS {
            match self.task() {
                None => return Ok(true),
                Some(task) => self.run(task)?,
            }
        }
        Ok(false)
    }

    fn progress(&self) -> String {
        // The decision of a check depends on the time when the last rewrite was seen to
        // have ended.
        format!("{} {:?} {}", self.now, self.ended, self.store.progress())
    }

    fn files(&self) -> Option<BTreeSet<String>> {
        Some(self.store.files())
    }

    /// When and how often the log was rewritten, and the exact bytes and syncs of this.
    /// The number of groups is predicted only if each call waits for its own commits.
    /// Otherwise a group holds the commits that were queued when the loop had its turn.
    fn equalities(&self, account: &Account<'_>) -> Vec<Equality> {
        let expected = forecast(&self.chosen, account.history, &self.ticks);
        let counters = self.store.counters();
        let calls = account.calls.iter();
        let is_group = |call: &&Call| matches!(call, Call::Commit(1..));
        let groups = match self.chosen.syncs_commits {
            true => calls.filter(is_group).count() as u64,
            false => counters.groups,
        };
        let logs = account
            .disk
            .total(|name| names::generation(name).is_some() || name == names::TEMPORARY);
        // The first log, and one log for each rewrite.
        let made = expected.rewrites + 1;
        vec![
            Equality::new("rewrites", counters.rewrites, expected.rewrites),
            Equality::new(
                "bytes of commits",
                counters.commit_bytes,
                expected.commit_bytes,
            ),
            Equality::new(
                "bytes of rewritten state",
                counters.base_bytes,
                expected.base_bytes,
            ),
            Equality::new(
                "bytes of the log",
                self.store.log_bytes(),
                expected.log_bytes,
            ),
            Equality::new(
                "bytes written to logs",
                logs.written_bytes,
                expected.commit_bytes + expected.base_bytes,
            ),
            Equality::new("groups", counters.groups, groups),
            Equality::of_syncs("syncs of logs", logs.syncs, made + groups),
            Equality::of_syncs("syncs of the directory", account.disk.directory_syncs, made),
        ]
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        self.store.close(self.now)
    }
}
