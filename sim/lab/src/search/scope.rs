//! Everything that can happen to a small history: every order of callbacks and steps,
//! every crash point, every legal crash image.
//!
//! The search is depth first over *moves*: the client's next commit, the delivery of
//! any callback, or a step of the compactor. A store cannot be copied, so each node
//! runs its moves again from the beginning. Two nodes count as the same state if they
//! agree in: the disk as the process sees it, the pending changes, the layout, the
//! progress of background work, the waiting callbacks, and the position of the client.
//! Then one of them is skipped.
//!
//! That comparison is only as good as the progress that a store reports. So the search
//! also follows a move that changes nothing of the above. The result then says that
//! different states may have been taken for one. The result also says so if no state
//! was final, because a history that never comes to rest was not followed to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::disk::oplog::Log;
use crate::disk::{Budget, Coverage, Frontier, Image, Known, Mark, Model, SimFs, explore};
use crate::history::{Batch, History, Key, Value, Write};
use crate::judge::oracle::Finding;
use crate::judge::{Enabled, Judge, Memory, Trouble};
use crate::keyed::{Domain, Seed};
use crate::run::plan::place::crash_of;
use crate::run::plan::{Action, Expectation, Plan};
use crate::stop::Stop;
use crate::system::{Engine, Instance, Settings, System};

/// The parameters of an enumeration.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The system.
    pub system: &'static dyn System,
    /// Its settings.
    pub settings: Settings,
    /// The persistence model.
    pub model: &'static Model,
    /// The number of commits.
    pub commits: u64,
    /// The number of keyspaces.
    pub keyspaces: u8,
    /// Crash points with more images than this are bounded instead of enumerated.
    pub max_images: usize,
    /// When to stop early.
    pub stop: Stop,
}

/// The result of an enumeration.
#[derive(Clone, Debug, Default)]
pub struct Enumerated {
    /// Distinct states.
    pub states: u64,
    /// Complete schedules. Schedules with the same final state count once.
    pub ends: u64,
    /// Moves that left the state unchanged.
    pub silent: u64,
    /// Executions from the beginning.
    pub executions: u64,
    /// Crash points and images.
    pub coverage: Coverage,
    /// Images that differ in their content or in what is demanded of them.
    pub distinct: u64,
    /// Whether the search ended by itself: it was not stopped, and found nothing.
    pub came_to_end: bool,
    /// A digest of all states, including what can be read in them, and of all images,
    /// including the disk after opening and judging them. Two stores with equal digests
    /// cannot be told apart by the search.
    pub seen: u128,
    /// The first finding and a plan up to it.
    pub finding: Option<(Finding, Plan)>,
}

/// Why not everything was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// A finding has ended the search.
    Finding,
    /// The search was stopped.
    Stopped,
    /// The search ended by itself, but no state was final: the system never comes to
    /// rest, or different states were taken for one.
    NoEnd,
    /// This number of moves left the state unchanged, although the system said that
    /// there was work to do: different states may have been taken for one.
    Silent(u64),
    /// This number of crash points have too many images, and only some images were
    /// looked at.
    Bounded(u64),
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finding => formatter.write_str("ended by a finding"),
            Self::Stopped => formatter.write_str("ended early"),
            Self::NoEnd => formatter.write_str("not everything was seen, for no state was final"),
            Self::Silent(moves) => write!(
                formatter,
                "not everything may have been seen, for {moves} moves showed no progress"
            ),
            Self::Bounded(points) => write!(
                formatter,
                "not everything was seen, for {points} crash points have too many images"
            ),
        }
    }
}

impl Enumerated {
    /// Why not everything was seen. `None` if everything was, so that the result is a
    /// proof.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        let bounded = self.coverage.points - self.coverage.enumerated_points;
        if self.finding.is_some() {
            Some(Gap::Finding)
        } else if !self.came_to_end {
            Some(Gap::Stopped)
        } else if self.ends == 0 {
            Some(Gap::NoEnd)
        } else if self.silent > 0 {
            Some(Gap::Silent(self.silent))
        } else {
            (bounded > 0).then_some(Gap::Bounded(bounded))
        }
    }

    /// Whether everything was seen: every schedule to its end, and every image of every
    /// crash point.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gap().is_none()
    }
}

/// The largest number of unchanged states in a row that are followed. A step of a store
/// may end one or two phases without touching the disk; a store that needs more steps
/// is not working.
const MAX_SILENT: u32 = 4;

/// Enumerates. The cost is exponential in the number of commits: up to about five.
///
/// # Panics
/// If the settings are invalid.
#[must_use]
pub fn enumerate(scope: &Scope) -> Enumerated {
    enumerate_watched(scope, &mut |_| {})
}

/// As [`enumerate`], and repeatedly passes the result so far to `watch`.
///
/// # Panics
/// If the settings are invalid.
#[must_use]
pub fn enumerate_watched(scope: &Scope, watch: &mut dyn FnMut(&Enumerated)) -> Enumerated {
    let engine = scope
        .system
        .configure(&scope.settings)
        .expect("settings are checked before");
    let batches = small_history(scope.commits, scope.keyspaces);
    let mut complete = History::default();
    batches
        .iter()
        .for_each(|batch| complete.push(batch.clone()));
    let enabled = Enabled::default();
    let memory = Memory::default();
    let mut search = SmallScope {
        scope,
        engine: &*engine,
        judge: Judge::new(&*engine, &complete, &enabled, &memory).whole(),
        batches: &batches,
        states: BTreeSet::new(),
        images: BTreeMap::new(),
        found: Enumerated::default(),
        watch,
    };
    let outcome = search.visit(&mut Vec::new(), None);
    let seen = search.seen();
    let mut found = search.found;
    found.seen = seen;
    found.came_to_end = outcome.is_continue();
    found
}

/// Commits that overwrite and delete across keyspaces.
pub(crate) fn small_history(commits: u64, keyspaces: u8) -> Vec<Batch> {
    let write = |commit: u64, keyspace: u16, key: u32, is_deletion: bool| Write {
        key: Key { keyspace, key },
        value: (!is_deletion).then_some(Value {
            length: 4,
            tag: commit as u32,
        }),
    };
    let batch = |commit: u64| {
        let mut writes = vec![write(commit, 0, 0, commit % 4 == 3)];
        for keyspace in 1..u16::from(keyspaces) {
            if commit.is_multiple_of(u64::from(keyspace) + 1) {
                writes.push(write(commit, keyspace, commit as u32 % 2, false));
            }
        }
        Batch { writes }
    };
    (1..=commits).map(batch).collect()
}

/// The digest of a state, and the number of moves before it that left it unchanged.
type Shown = (u128, u32);

/// Whether a task is one of the engine's callbacks about new segments. The compactor of
/// the engine ignores these callbacks, so delivering them changes nothing. Every order
/// of them would only repeat the same states. Other systems may use such names for
/// other tasks.
fn is_for_observers(system: &dyn System, task: &str) -> bool {
    system.name() == "lithify" && task.starts_with("segment-")
}

struct SmallScope<'run> {
    scope: &'run Scope,
    engine: &'run dyn Engine,
    judge: Judge<'run>,
    batches: &'run [Batch],
    /// The states, each with the number of moves in a row that left it unchanged.
    states: BTreeSet<Shown>,
    /// Each image with what clients know, and the disk after it was judged.
    images: BTreeMap<(u128, Known), u128>,
    found: Enumerated,
    watch: &'run mut dyn FnMut(&Enumerated),
}

/// A node after its moves have run.
struct Node {
    log: Log,
    /// The position in the log where the last move began.
    last_move: usize,
    moves: Vec<Action>,
    state: u128,
    finding: Option<Finding>,
}

impl SmallScope<'_> {
    fn seen(&self) -> u128 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for (state, silent) in &self.states {
            hasher.update(&state.to_le_bytes());
            hasher.update(&silent.to_le_bytes());
        }
        for ((image, _), left) in &self.images {
            hasher.update(&image.to_le_bytes());
            hasher.update(&left.to_le_bytes());
        }
        hasher.digest128()
    }

    fn visit(&mut self, path: &mut Vec<Action>, before: Option<Shown>) -> ControlFlow<()> {
        if self.scope.stop.is_due() {
            return ControlFlow::Break(());
        }
        let node = self.run(path);
        if let Some(finding) = node.finding {
            return self.report(finding, path.clone());
        }
        // A known state may be reached on another path, and the crashes on this path
        // are new.
        self.crash(&node, path)?;
        let silent = match before {
            Some((state, silent)) if state == node.state => silent + 1,
            _ => 0,
        };
        self.found.silent += u64::from(silent > 0);
        let shown = (node.state, silent);
        if silent > MAX_SILENT || !self.states.insert(shown) {
            return ControlFlow::Continue(());
        }
        self.found.states += 1;
        (self.watch)(&self.found);
        if node.moves.is_empty() {
            self.found.ends += 1;
        }
        for next in node.moves {
            path.push(next);
            self.visit(path, Some(shown))?;
            path.pop();
        }
        ControlFlow::Continue(())
    }

    fn report(&mut self, finding: Finding, actions: Vec<Action>) -> ControlFlow<()> {
        let plan = Plan {
            system: self.scope.system,
            settings: self.scope.settings.clone(),
            model: self.scope.model,
            seed: 0,
            bug: None,
            skipped: Vec::new(),
            actions,
            expectation: Expectation::Violation(finding.oracle),
        };
        self.found.finding = Some((finding, plan));
        ControlFlow::Break(())
    }

    /// Runs the moves of a path on an empty disk.
    fn run(&mut self, path: &[Action]) -> Node {
        self.found.executions += 1;
        let fs = SimFs::new();
        let mut node = Node {
            log: Log::default(),
            last_move: 0,
            moves: Vec::new(),
            state: 0,
            finding: None,
        };
        let enabled = Enabled::default();
        let outcome = enabled.guarded(|| self.run_on(&fs, path, &mut node));
        node.finding = node.finding.or(outcome.err());
        node.log = fs.log();
        node
    }

    fn run_on(&self, fs: &SimFs, path: &[Action], node: &mut Node) -> Result<(), Finding> {
        use crate::judge::oracle::Oracle::Errors;
        let wrong = |failure: crate::system::Failure| Finding::new(Errors, failure.to_string());
        // As in a plan, opening is part of the first action.
        fs.mark(Mark::Action(0));
        fs.begin_call("open");
        let mut instance = self.engine.open(Arc::new(fs.clone())).map_err(wrong)?;
        let mut committed = 0;
        for (index, action) in path.iter().enumerate() {
            node.last_move = fs.log_length();
            if index > 0 {
                fs.mark(Mark::Action(index as u32));
            }
            fs.begin_call(action.call());
            match action {
                Action::Commit(batches) => {
                    committed += 1;
                    fs.mark(Mark::Issued(committed));
                    instance.commit(batches).map_err(wrong)?;
                    if self.engine.syncs(batches) {
                        fs.mark(Mark::Acknowledged(committed));
                    }
                }
                Action::Run(task) => instance.run(task).map_err(wrong)?,
                _ => {}
            }
            let failures = instance.take_failures().into_iter();
            failures.map(wrong).try_for_each(Err)?;
        }
        let tasks = instance.tasks();
        let moves = tasks
            .iter()
            .filter(|task| !is_for_observers(self.scope.system, task));
        node.moves = moves.cloned().map(Action::Run).collect();
        if let Some(batch) = self.batches.get(committed as usize) {
            node.moves.push(Action::Commit(vec![batch.clone()]));
        }
        node.state = self.state(fs, &mut *instance, committed, &tasks);
        Ok(())
    }

    fn state(
        &self,
        fs: &SimFs,
        instance: &mut dyn Instance,
        committed: u64,
        tasks: &[String],
    ) -> u128 {
        let log = fs.log();
        let details = instance.layout_details().unwrap_or_default();
        let progress = instance.progress();
        let mut frontier = Frontier::new(self.scope.model, Image::default(), &log);
        while frontier.next().is_some() {
            frontier.advance();
        }
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(&fs.image().digest().to_le_bytes());
        hasher.update(&frontier.durable().digest().to_le_bytes());
        for change in frontier.pending() {
            hasher.update(format!("{:?}", change.kind).as_bytes());
        }
        hasher.update(details.as_bytes());
        hasher.update(format!("{committed} {tasks:?} {progress}").as_bytes());
        for commit in 0..=instance.head() {
            hasher.update(format!("{:?}", instance.state_at(commit)).as_bytes());
        }
        hasher.digest128()
    }

    /// Crashes at every crash point of the last move.
    fn crash(&mut self, node: &Node, path: &[Action]) -> ControlFlow<()> {
        let mut frontier = Frontier::new(self.scope.model, Image::default(), &node.log);
        loop {
            let is_new = frontier.position() >= node.last_move;
            if is_new && frontier.is_crash_point() {
                self.point(&node.log, &frontier, path)?;
            }
            if frontier.next().is_none() {
                return ControlFlow::Continue(());
            }
            frontier.advance();
        }
    }

    fn point(&mut self, log: &Log, frontier: &Frontier<'_>, path: &[Action]) -> ControlFlow<()> {
        let bounds = Trouble::new(self.scope.model, Vec::new()).bounds(false, frontier.known());
        let budget = Budget {
            enumerate: self.scope.max_images,
            bound: 2,
            samples: 0,
        };
        let mut draws = Seed(0).draws(Domain::CrashImages, 0);
        let mut finding = None;
        let mut goes_on = true;
        let coverage = explore::explore(frontier, budget, &mut draws, &mut |choice, image| {
            let key = (image.digest(), bounds.known);
            if self.images.contains_key(&key) {
                return ControlFlow::Continue(());
            }
            if self.scope.stop.is_due() {
                goes_on = false;
                return ControlFlow::Break(());
            }
            self.found.distinct += 1;
            (self.watch)(&self.found);
            let fs = SimFs::from_image(&image);
            let enabled = Enabled::default();
            match enabled.guarded(|| self.judge.check(&fs, bounds).map(|_| ())) {
                Ok(()) => {
                    self.images.insert(key, fs.image().digest());
                    ControlFlow::Continue(())
                }
                Err(found) => {
                    finding = Some((found, crash_of(log, frontier, &choice).1));
                    ControlFlow::Break(())
                }
            }
        });
        self.found.coverage.add(coverage);
        match finding {
            Some((finding, crash)) => {
                // If there are no moves, an action must open the store.
                let opening = path.is_empty().then_some(Action::Settle);
                let actions = path.iter().cloned().chain(opening);
                self.report(finding, actions.chain([Action::Crash(crash)]).collect())
            }
            None if goes_on => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        }
    }
}
