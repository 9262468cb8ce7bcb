//! Makes a failing plan as small as possible, by running smaller plans.
//!
//! A smaller plan is accepted only if the same oracle objects. The passes are repeated
//! until none helps: the tail, whole stretches of lines (delta debugging: Zeller and
//! Hildebrandt, TSE 2002), the losses of crashes, their fills and places, writes and
//! batches, settings, faults, keys and values. The best plan so far is available at any
//! time, whatever the budget.

use crate::finding::replay::{as_planted, replay};
use crate::history::{Batch, Write};
use crate::judge::Enabled;
use crate::judge::oracle::Oracle;
use crate::run::plan::{Action, Crash, Expectation, Plan, Survivors};
use crate::search::crashes::{Reach, crash_everywhere};
use crate::stop::Stop;

/// The smallest plan that was found.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The plan.
    pub plan: Plan,
    /// The number of plans that were run.
    pub runs: u64,
    /// Whether the budget ended while smaller plans may still exist.
    pub is_cut_short: bool,
}

/// Shrinks `plan`, which must violate an oracle.
///
/// # Errors
/// If it does not.
pub fn shrink(plan: &Plan, stop: Stop) -> Result<Shrunk, String> {
    shrink_watched(plan, stop, &mut |_, _| true)
}

/// As [`shrink`]. Before each run, passes the best plan so far and the number of runs
/// to `watch`. `watch` returns whether to continue.
///
/// # Errors
/// As [`shrink`].
pub fn shrink_watched(
    plan: &Plan,
    stop: Stop,
    watch: &mut dyn FnMut(&Plan, u64) -> bool,
) -> Result<Shrunk, String> {
    let finding = replay(plan, false)?
        .finding
        .ok_or("the trace has no finding: there is nothing to shrink")?;
    let mut plan = plan.clone();
    plan.expectation = Expectation::Violation(finding.oracle);
    let mut shrinker = Shrinker {
        best: plan,
        oracle: finding.oracle,
        stop,
        runs: 1,
        watch,
        is_ended: false,
    };
    while shrinker.pass() && !shrinker.is_over() {}
    Ok(Shrunk {
        is_cut_short: shrinker.is_over(),
        plan: shrinker.best,
        runs: shrinker.runs,
    })
}

struct Shrinker<'run> {
    best: Plan,
    oracle: Oracle,
    stop: Stop,
    runs: u64,
    watch: &'run mut dyn FnMut(&Plan, u64) -> bool,
    /// Whether `watch` has asked to stop.
    is_ended: bool,
}

impl Shrinker<'_> {
    fn is_over(&self) -> bool {
        self.is_ended || self.stop.is_due()
    }

    /// Accepts `candidate` if the same oracle objects to it.
    fn attempt(&mut self, candidate: Plan) -> bool {
        if self.is_over() || candidate.system.configure(&candidate.settings).is_err() {
            return false;
        }
        if !(self.watch)(&self.best, self.runs) {
            self.is_ended = true;
            return false;
        }
        self.runs += 1;
        let found = replay(&candidate, false)
            .ok()
            .and_then(|replay| replay.finding);
        let is_same = found.is_some_and(|finding| finding.oracle == self.oracle);
        if is_same {
            self.best = candidate;
        }
        is_same
    }

    /// Tries a changed copy of the best plan.
    fn change(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        if self.is_over() {
            return false;
        }
        let mut candidate = self.best.clone();
        change(&mut candidate);
        format!("{candidate}") != format!("{}", self.best) && self.attempt(candidate)
    }

    /// Runs all passes. Returns whether any of them helped.
    fn pass(&mut self) -> bool {
        let before = self.best.to_string();
        self.lines();
        self.turns();
        self.crashes();
        self.elsewhere();
        self.batches();
        self.faults();
        self.settings();
        self.best.to_string() != before
    }

    /// Removes stretches of lines, long ones first.
    fn lines(&mut self) {
        let mut length = self.best.actions.len().max(1);
        while length > 0 && !self.is_over() {
            // From the end, because lines after the damage are not needed.
            let mut end = self.best.actions.len();
            while end > 0 {
                let start = end.saturating_sub(length);
                self.change(|plan| drop(plan.actions.drain(start..end)));
                end = start.min(self.best.actions.len());
            }
            length /= 2;
        }
    }

    /// Replaces stretches of turns by one line that settles all background work. A
    /// crash in the last turn then strikes another operation of that line.
    fn turns(&mut self) {
        const MAX_OPERATIONS: u32 = 6;
        let is_turn = |action: &Action| matches!(action, Action::Run(_));
        let mut start = 0;
        while start < self.best.actions.len() && !self.is_over() {
            let length = self.best.actions[start..]
                .iter()
                .take_while(|action| is_turn(action));
            let end = start + length.count();
            if end >= start + 2 {
                let mut settled = self.best.clone();
                settled.actions.splice(start..end, [Action::Settle]);
                let mut is_taken = self.attempt(settled.clone());
                for count in 1..=MAX_OPERATIONS {
                    if is_taken {
                        break;
                    }
                    if let Some(Crash {
                        before: Some((_, at)),
                        ..
                    }) = Self::crash_at(&mut settled, start + 1)
                    {
                        *at = count;
                        is_taken = self.attempt(settled.clone());
                    }
                }
            }
            start = end + 1;
        }
    }

    fn crash_at(plan: &mut Plan, index: usize) -> Option<&mut Crash> {
        match plan.actions.get_mut(index) {
            Some(Action::Crash(crash)) => Some(crash),
            _ => None,
        }
    }

    /// Makes crashes lose as little as possible.
    fn crashes(&mut self) {
        for index in 0..self.best.actions.len() {
            if matches!(self.best.actions[index], Action::DieBefore(_)) {
                self.change(|plan| plan.actions[index] = Action::Die);
            }
            if Self::crash_at(&mut self.best.clone(), index).is_none() {
                continue;
            }
            let edit = |shrinker: &mut Self, edit: &dyn Fn(&mut Crash)| {
                shrinker.change(|plan| {
                    if let Some(crash) = Self::crash_at(plan, index) {
                        edit(crash);
                    }
                })
            };
            edit(self, &|crash| "zero".clone_into(&mut crash.fill));
            edit(self, &|crash| {
                if crash.fill != "zero" {
                    "stale".clone_into(&mut crash.fill);
                }
            });
            edit(self, &|crash| {
                crash.survivors = Survivors::AllBut(Vec::new())
            });
            edit(self, &|crash| crash.survivors = Survivors::Only(Vec::new()));
            edit(self, &|crash| crash.before = None);
            self.labels(index);
        }
    }

    /// Removes names from the lists of changes that a crash loses or keeps.
    fn labels(&mut self, index: usize) {
        let mut label = 0;
        loop {
            let mut plan = self.best.clone();
            let Some(crash) = Self::crash_at(&mut plan, index) else {
                return;
            };
            let (Survivors::AllBut(labels) | Survivors::Only(labels)) = &mut crash.survivors;
            if label >= labels.len() || self.is_over() {
                return;
            }
            labels.remove(label);
            if !self.attempt(plan) {
                label += 1;
            }
        }
    }

    /// If lines in the middle are removed, the changes that a crash names may get other
    /// names. So this looks for the same finding among all crashes of the plan without
    /// its last crash.
    fn elsewhere(&mut self) {
        const MAX_LINES: usize = 60;
        if !self.best.ends_with_crash() {
            return;
        }
        let mut index = self.best.actions.len() - 1;
        while index > 0 && self.best.actions.len() <= MAX_LINES && !self.is_over() {
            index = (index - 1).min(self.best.actions.len().saturating_sub(2));
            let mut plan = self.best.clone();
            if let Some(Action::Heal) = plan.actions.pop() {
                plan.actions.pop();
            }
            if index < plan.actions.len() {
                plan.actions.remove(index);
            }
            if let Some(found) = self.crashed(&plan)
                && found.actions.len() < self.best.actions.len()
            {
                self.attempt(found);
            }
        }
    }

    /// The plan with one more crash at its end to which an oracle objects.
    fn crashed(&mut self, plan: &Plan) -> Option<Plan> {
        let enabled = Enabled::default();
        let reach = Reach {
            recoveries_one_in: 0,
            max_images: 300,
            ..Reach::SMALL
        };
        let outcome = replay(plan, false).ok()?;
        if outcome.finding.is_some() {
            return None;
        }
        self.runs += 1;
        let execution = outcome.execution?;
        let crash = || crash_everywhere(plan, &execution, reach, &enabled, &self.stop);
        let (_, mut found) = as_planted(plan, crash).ok()?.finding?;
        found.expectation = self.best.expectation;
        Some(found)
    }

    /// Makes batches and keys smaller, and values shorter.
    fn batches(&mut self) {
        for index in 0..self.best.actions.len() {
            let count = match &self.best.actions[index] {
                Action::Commit(batches) => batches.len(),
                _ => continue,
            };
            for batch in (0..count).rev() {
                self.edit_batches(index, |batches| {
                    if batches.len() > 1 && batch < batches.len() {
                        batches.remove(batch);
                    }
                });
                self.writes(index, batch);
            }
        }
    }

    fn edit_batches(&mut self, index: usize, edit: impl FnOnce(&mut Vec<Batch>)) -> bool {
        self.change(|plan| {
            if let Some(Action::Commit(batches)) = plan.actions.get_mut(index) {
                edit(batches);
            }
        })
    }

    /// Removes halves of many writes as long as that helps. One by one would take
    /// thousands of runs.
    fn halves(&mut self, index: usize, batch: usize) {
        const MANY: usize = 8;
        let count = |shrinker: &Self| match shrinker.best.actions.get(index) {
            Some(Action::Commit(batches)) => batches.get(batch).map_or(0, |it| it.writes.len()),
            _ => 0,
        };
        let mut length = count(self) / 2;
        while length > 0 && count(self) > MANY && !self.is_over() {
            let mut start = 0;
            while start < count(self) && !self.is_over() {
                let is_gone = self.edit_batches(index, |batches| {
                    let writes = &mut batches[batch].writes;
                    let end = (start + length).min(writes.len());
                    writes.drain(start..end);
                });
                start += if is_gone { 0 } else { length };
            }
            length /= 2;
        }
    }

    fn writes(&mut self, index: usize, batch: usize) {
        self.halves(index, batch);
        let count = match self.best.actions.get(index) {
            Some(Action::Commit(batches)) => batches.get(batch).map_or(0, |b| b.writes.len()),
            _ => 0,
        };
        for write in (0..count).rev() {
            let is_gone = self.edit_batches(index, |batches| {
                if let Some(batch) = batches.get_mut(batch)
                    && write < batch.writes.len()
                {
                    batch.writes.remove(write);
                }
            });
            if is_gone {
                continue;
            }
            let simpler: [fn(&mut Write); 3] = [
                |write| {
                    if let Some(value) = &mut write.value {
                        value.length = 1;
                    }
                },
                |write| write.key.key = 0,
                |write| write.key.keyspace = 0,
            ];
            for simplify in simpler {
                self.edit_batches(index, |batches| {
                    if let Some(write) = batches
                        .get_mut(batch)
                        .and_then(|batch| batch.writes.get_mut(write))
                    {
                        simplify(write);
                    }
                });
            }
        }
    }

    fn faults(&mut self) {
        for index in 0..self.best.actions.len() {
            if !matches!(self.best.actions[index], Action::Fault(_)) {
                continue;
            }
            self.change(|plan| {
                if let Action::Fault(fault) = &mut plan.actions[index] {
                    fault.at = 1;
                }
            });
        }
    }

    /// Resets settings to their defaults.
    fn settings(&mut self) {
        let names: Vec<String> = self.best.settings.keys().cloned().collect();
        for name in names {
            self.change(|plan| drop(plan.settings.remove(&name)));
        }
    }
}
