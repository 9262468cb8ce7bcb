//! Many seeds: generate, execute, crash, judge; and a ledger of what they covered.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::disk::{Coverage, FaultKind, Model, without_numbers};
use crate::finding::replay::{Found, attempt};
use crate::judge::Enabled;
use crate::judge::oracle::{Finding, Oracle};
use crate::keyed::Seed;
use crate::run::execute::{Execution, execute};
use crate::run::generate::{Recipe, generate};
use crate::run::plan::{Action, Expectation, Plan};
use crate::run::schedule::Order;
use crate::run::workload::{Workload, mixed};
use crate::search::crashes::{Reach, crash_everywhere};
use crate::stop::Stop;
use crate::system::{Settings, System};

/// What a campaign does with each seed.
#[derive(Clone)]
pub struct Campaign {
    /// How a plan is made from a seed.
    pub recipe: Recipe,
    /// The models under which each execution is crashed.
    pub models: Vec<&'static Model>,
    /// How far crashes go.
    pub reach: Reach,
    /// The oracles that are asked.
    pub enabled: Enabled,
    /// When to end the crashes of a seed early.
    pub stop: Stop,
    /// The name of the planted bug.
    pub bug: Option<&'static str>,
    /// One of this many seeds is executed twice, to compare the operations; 0 for none.
    pub determinism_one_in: u64,
}

/// The default meaning of seeds: the workloads in turn, and faults in every other seed.
/// It does not depend on the number of seeds and threads.
#[derive(Clone)]
pub struct Mixture {
    /// The system.
    pub system: &'static dyn System,
    /// The models under which each execution is crashed; at least one.
    pub models: Vec<&'static Model>,
    /// The workload; `None`: the workloads in turn.
    pub workload: Option<&'static Workload>,
    /// The kinds of faults; `None`: none in even seeds, all in odd seeds.
    pub faults: Option<Vec<FaultKind>>,
    /// The order of turns; `None`: drawn.
    pub order: Option<Order>,
    /// Settings that seeds do not choose.
    pub fixed: Settings,
    /// How far crashes go.
    pub reach: Reach,
    /// The name of the planted bug.
    pub bug: Option<&'static str>,
}

impl Mixture {
    /// Everything that a seed can choose, under the default model.
    #[must_use]
    pub fn new(system: &'static dyn System) -> Self {
        Self {
            system,
            models: vec![Model::DEFAULT],
            workload: None,
            faults: None,
            order: None,
            fixed: Settings::new(),
            reach: Reach::SMALL,
            bug: None,
        }
    }

    /// The campaign of one seed.
    #[must_use]
    pub fn campaign(&self, seed: u64) -> Campaign {
        let faults = match &self.faults {
            Some(kinds) => kinds.clone(),
            None if seed % 2 == 1 => FaultKind::ALL.to_vec(),
            None => Vec::new(),
        };
        Campaign {
            recipe: Recipe {
                model: self.models[0],
                workload: self.workload.unwrap_or_else(|| workload_of(seed)),
                faults,
                order: self.order.clone(),
                fixed: self.fixed.clone(),
                ..Recipe::new(self.system)
            },
            models: self.models.clone(),
            reach: self.reach,
            bug: self.bug,
            ..Campaign::new(self.system)
        }
    }
}

/// Half of the seeds use the small workload, because its images can be enumerated.
fn workload_of(seed: u64) -> &'static Workload {
    match seed % 8 {
        place @ 4..8 => {
            let others = mixed().len() as u64 - 1;
            let turn = seed / 8 * 4 + (place - 4);
            &mixed()[1 + (turn % others) as usize]
        }
        _ => &mixed()[0],
    }
}

/// What happened to the faults of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// The number of planned faults.
    pub armed: u64,
    /// The number of faults that struck.
    pub fired: u64,
    /// The number of faults because of which a caller of the store saw an error.
    pub observed: u64,
}

/// What was covered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Seeds.
    pub seeds: u64,
    /// Client operations and turns.
    pub actions: u64,
    /// Commits that the client asked for.
    pub commits: u64,
    /// File operations.
    pub operations: u64,
    /// Images by model.
    pub coverage: BTreeMap<Cow<'static, str>, Coverage>,
    /// Distinct images.
    pub distinct: u64,
    /// Openings of images, each with all oracles.
    pub recovered: u64,
    /// Faults by kind.
    pub faults: BTreeMap<FaultKind, FaultCount>,
    /// The number of file operations of each kind, by the beginning of the file name.
    pub calls: BTreeMap<String, u64>,
    /// The number of times that the system was in each situation that it counts: see
    /// [`System::reached`].
    pub marks: BTreeMap<Cow<'static, str>, u64>,
}

impl Ledger {
    /// Adds the ledger of another worker.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.actions += other.actions;
        self.commits += other.commits;
        self.operations += other.operations;
        self.distinct += other.distinct;
        self.recovered += other.recovered;
        for (model, coverage) in &other.coverage {
            self.coverage
                .entry(model.clone())
                .or_default()
                .add(*coverage);
        }
        for (kind, count) in &other.faults {
            let sum = self.faults.entry(*kind).or_default();
            sum.armed += count.armed;
            sum.fired += count.fired;
            sum.observed += count.observed;
        }
        for (call, count) in &other.calls {
            *self.calls.entry(call.clone()).or_default() += count;
        }
        for (mark, count) in &other.marks {
            *self.marks.entry(mark.clone()).or_default() += count;
        }
    }

    fn count(&mut self, plan: &Plan, execution: &Execution) {
        self.seeds += 1;
        self.actions += plan.actions.len() as u64;
        for action in &plan.actions {
            match action {
                Action::Fault(fault) => self.faults.entry(fault.kind).or_default().armed += 1,
                Action::Commit(batches) => self.commits += batches.len() as u64,
                _ => {}
            }
        }
        for struck in &execution.struck {
            let count = self.faults.entry(struck.kind).or_default();
            count.fired += 1;
            count.observed += u64::from(struck.is_observed);
        }
        for epoch in &execution.epochs {
            for operation in epoch.log.operations() {
                self.operations += u64::from(operation.is_call());
                if operation.is_call() {
                    let call = without_numbers(&epoch.log.describe(operation).to_string());
                    *self.calls.entry(call).or_default() += 1;
                }
            }
        }
    }
}

/// A finding ends the checks, with a plan that shows it.
type Checked<T> = Result<T, Box<(Finding, Plan)>>;

impl Campaign {
    /// The small workload without faults, crashed everywhere under the default model, with
    /// all oracles.
    #[must_use]
    pub fn new(system: &'static dyn System) -> Self {
        Self {
            recipe: Recipe::new(system),
            models: vec![Model::DEFAULT],
            reach: Reach::SMALL,
            enabled: Enabled::default(),
            stop: Stop::never(),
            bug: None,
            determinism_one_in: 16,
        }
    }

    /// The same campaign without crashes.
    #[must_use]
    pub fn without_crashes(&self) -> Self {
        let mut calm = self.clone();
        calm.reach.max_images = 0;
        calm
    }

    /// Runs one seed after the other up to the first finding. Returns what was covered.
    #[must_use]
    pub fn run(&self, seeds: impl IntoIterator<Item = u64>) -> (Ledger, Option<Found>) {
        let mut ledger = Ledger::default();
        let mut seeds = seeds.into_iter();
        let found = seeds.find_map(|seed| self.seed(seed, &mut ledger));
        (ledger, found)
    }

    /// Runs and crashes one seed. O(executions of its crash images).
    pub fn seed(&self, seed: u64, ledger: &mut Ledger) -> Option<Found> {
        let mut found = None;
        let mut run = || found = self.seed_as_planted(seed, ledger);
        match self.bug {
            Some(bug) => self.recipe.system.with_bug(bug, &mut run),
            None => run(),
        }
        for (mark, count) in self.recipe.system.reached() {
            *ledger.marks.entry(mark.into()).or_default() += count;
        }
        found
    }

    fn seed_as_planted(&self, seed: u64, ledger: &mut Ledger) -> Option<Found> {
        let mut plan = generate(&self.recipe, Seed(seed));
        plan.bug = self.bug.map(str::to_owned);
        self.plan(seed, &plan, ledger)
    }

    /// Runs and crashes one plan. The model also decides what the losses of power in
    /// the plan leave, so each model needs its own execution.
    pub fn plan(&self, seed: u64, plan: &Plan, ledger: &mut Ledger) -> Option<Found> {
        let found = |(finding, plan): (Finding, Plan)| Found {
            seed,
            plan: Plan {
                expectation: Expectation::Violation(finding.oracle),
                ..plan
            },
            finding,
        };
        self.check_plan(seed, plan, ledger)
            .err()
            .map(|it| found(*it))
    }

    fn check_plan(&self, seed: u64, plan: &Plan, ledger: &mut Ledger) -> Checked<()> {
        let counted = &mut |execution: &Execution| ledger.count(plan, execution);
        let Some(execution) = self.executed(plan, counted)? else {
            return Ok(());
        };
        if self.determinism_one_in > 0 && seed.is_multiple_of(self.determinism_one_in) {
            self.check_determinism(plan, &execution)?;
        }
        if self.reach.max_images == 0 {
            return Ok(());
        }
        for &model in &self.models {
            if model.name == plan.model.name {
                self.crash(plan, &execution, ledger)?;
                continue;
            }
            let plan = Plan {
                model,
                ..plan.clone()
            };
            if let Some(execution) = self.executed(&plan, &mut |_| {})? {
                self.crash(&plan, &execution, ledger)?;
            }
        }
        match execution.missing_syncs {
            Some(finding) => Err(Box::new((finding, plan.clone()))),
            None => Ok(()),
        }
    }

    /// `None` if the execution panicked and the oracle for panics is switched off.
    fn executed(
        &self,
        plan: &Plan,
        watch: &mut dyn FnMut(&Execution),
    ) -> Checked<Option<Execution>> {
        let attempt = attempt(plan, &self.enabled, false);
        attempt.execution.iter().for_each(watch);
        match attempt.finding {
            Some(finding) => Err(Box::new((finding, plan.clone()))),
            None => Ok(attempt.execution),
        }
    }

    fn check_determinism(&self, plan: &Plan, execution: &Execution) -> Checked<()> {
        let again = execute(plan, &self.enabled, false);
        let Some(message) = execution.difference(&again) else {
            return Ok(());
        };
        let object = self.enabled.object(Oracle::Determinism, message);
        object.map_err(|finding| Box::new((finding, plan.clone())))
    }

    fn crash(&self, plan: &Plan, execution: &Execution, ledger: &mut Ledger) -> Checked<()> {
        let explored = crash_everywhere(plan, execution, self.reach, &self.enabled, &self.stop);
        let coverage = ledger.coverage.entry(plan.model.name.into()).or_default();
        coverage.add(explored.coverage);
        ledger.distinct += explored.distinct;
        ledger.recovered += explored.recovered;
        match explored.finding {
            Some(found) => Err(Box::new(found)),
            None => Ok(()),
        }
    }
}
