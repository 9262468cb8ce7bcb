//! Scripted histories: their actions and settings, and the code that runs them.

use std::sync::Arc;

use lithify_sim::disk::{Mark, SimFs};
use lithify_sim::history::{Batch, History, Key, Value, Write};
use lithify_sim::system::{Engine, Failure, Instance, Settings, System};
use lithify_specimens::snapshot_log::SnapshotLogSystem;

use crate::verdict::{Expected, Finding};

/// One action of a history.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A group of batches is committed.
    Commit(Vec<Batch>),
    /// Commits become durable, if the settings do not sync each commit.
    Sync,
    /// The background task does one operation, if there is a task.
    Step,
    /// The process dies and another one opens the store. The machine keeps running.
    Restart,
}

/// A history and its settings.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) actions: Vec<Action>,
    /// The number of crashes that the history goes through.
    pub(crate) crashes: u32,
}

pub(crate) fn engine(settings: &[(&str, &str)]) -> Arc<dyn Engine> {
    let settings: Settings = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    SnapshotLogSystem
        .configure(&settings)
        .expect("the settings are legal")
}

/// A batch that writes two keys, and for each third tag deletes one of them.
pub(crate) fn batch(tag: u32, length: u32) -> Batch {
    let key = |key: u32| Key {
        keyspace: (key % 2) as u16,
        key: key % 5,
    };
    let value = Some(Value { length, tag });
    let mut writes = vec![
        Write {
            key: key(tag),
            value,
        },
        Write {
            key: key(tag + 2),
            value,
        },
    ];
    if tag.is_multiple_of(3) {
        writes[1].value = None;
    }
    Batch { writes }
}

/// Commits with steps of the background task between them, so that commits interrupt
/// snapshots.
fn commits(tags: std::ops::Range<u32>, length: u32, steps: usize) -> Vec<Action> {
    let mut actions = Vec::new();
    for tag in tags {
        actions.push(Action::Commit(vec![batch(tag, length)]));
        actions.extend(vec![Action::Step; steps]);
    }
    actions
}

/// The scripts. They are small enough to check everything, and differ in the work that is
/// pending.
pub(crate) fn scripts() -> Vec<Script> {
    let settings = |bytes, every, durability, index| {
        engine(&[
            ("segment-bytes", bytes),
            ("snapshot-every", every),
            ("durability", durability),
            ("index", index),
        ])
    };
    let group = |tags: std::ops::Range<u32>, length| {
        Action::Commit(tags.map(|tag| batch(tag, length)).collect())
    };
    // The rename follows after six operations, or after five if the segment has ended
    // already.
    let mut restarts = commits(1..4, 20, 0);
    for (steps, tags) in [(6, 4..4), (8, 4..7), (5, 7..7), (5, 7..7), (8, 7..9)] {
        restarts.extend(vec![Action::Step; steps]);
        restarts.push(Action::Restart);
        restarts.extend(commits(tags, 20, 0));
    }
    let mut groups = vec![group(1..4, 300), group(4..6, 300)];
    groups.extend(vec![Action::Step; 14]);
    groups.extend([group(6..8, 300), Action::Restart, group(8..10, 300)]);
    let mut buffered = commits(1..7, 60, 0);
    buffered.push(Action::Sync);
    buffered.extend(commits(7..10, 60, 0));
    buffered.extend(vec![Action::Step; 20]);
    buffered.extend([
        group(10..12, 60),
        Action::Restart,
        group(12..13, 60),
        Action::Sync,
    ]);
    let mut indexed = commits(1..4, 30, 3);
    indexed.push(Action::Restart);
    indexed.extend(vec![Action::Step; 14]);
    // An index is never synced, so one incarnation with an index has as many images as two
    // without.
    let script = |name, engine, actions| Script {
        name,
        engine,
        actions,
        crashes: if name == "indexed" { 1 } else { 2 },
    };
    vec![
        script(
            "steps",
            settings("150", "3", "synced", "off"),
            commits(1..9, 30, 4),
        ),
        script("restarts", settings("400", "3", "synced", "off"), restarts),
        script("groups", settings("4000", "3", "synced", "off"), groups),
        script(
            "buffered",
            settings("150", "5", "buffered", "off"),
            buffered,
        ),
        script("indexed", settings("150", "2", "synced", "on"), indexed),
    ]
}

/// A run: the disk, the open store if there is one, and its expected content.
pub(crate) struct Run {
    pub(crate) fs: SimFs,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) expected: Expected,
    /// The length of the log when the last process began to serve. Commits that were
    /// issued before and are not served then count as never made. So only crashes after
    /// this position can be judged by the expected content at the end.
    pub(crate) serves_since: usize,
    /// Whether a process continues after a failure.
    pub(crate) goes_on: bool,
    /// The head of the process after an operation has failed.
    doubted: Option<u64>,
    instance: Option<Box<dyn Instance>>,
}

impl Run {
    /// Begins on a disk that may already hold a store.
    pub(crate) fn new(fs: SimFs, engine: Arc<dyn Engine>, expected: Expected) -> Self {
        Self {
            fs,
            engine,
            expected,
            serves_since: 0,
            goes_on: false,
            doubted: None,
            instance: None,
        }
    }

    /// Runs all actions. When an operation fails, the fault is disarmed, and the process
    /// ends unless `goes_on`. The next action then opens the store again. Returns the
    /// failures.
    pub(crate) fn play(&mut self, actions: &[Action]) -> Result<Vec<Failure>, Finding> {
        let mut failures = Vec::new();
        for action in actions {
            if let Err(failure) = self.act(action)? {
                failures.push(failure);
                self.fs.disarm();
                match &self.instance {
                    Some(instance) if self.goes_on => self.doubted = Some(instance.head()),
                    _ => self.instance = None,
                }
            }
        }
        Ok(failures)
    }

    fn act(&mut self, action: &Action) -> Result<Result<(), Failure>, Finding> {
        if matches!(action, Action::Restart) {
            self.instance = None;
        }
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => match self.open()? {
                Ok(instance) => instance,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        let done = match action {
            Action::Commit(batches) => self.commit(&mut *instance, batches)?,
            Action::Sync => instance.sync().map(|()| self.acknowledge(instance.head())),
            Action::Step => match instance.tasks().first() {
                Some(task) => instance.run(task),
                None => Ok(()),
            },
            Action::Restart => Ok(()),
        };
        self.instance = Some(instance);
        Ok(done)
    }

    /// Opens the store. The commits that it serves must never be lost again.
    fn open(&mut self) -> Result<Result<Box<dyn Instance>, Failure>, Finding> {
        let fs = Arc::new(self.fs.clone());
        let mut instance = match self.engine.open(fs) {
            Ok(instance) => instance,
            Err(failure) => return Ok(Err(failure)),
        };
        self.expected.admit(&mut *instance)?;
        self.doubted = None;
        self.acknowledge(instance.head());
        self.fs.mark(Mark::Issued(instance.head()));
        self.serves_since = self.fs.log_length();
        Ok(Ok(instance))
    }

    fn commit(
        &mut self,
        instance: &mut dyn Instance,
        batches: &[Batch],
    ) -> Result<Result<(), Failure>, Finding> {
        self.expected.issue(batches);
        self.fs.mark(Mark::Issued(self.expected.history.head()));
        let head = match instance.commit(batches) {
            Ok(head) => head,
            Err(failure) => return Ok(Err(failure)),
        };
        if let Some(held) = self.doubted.take() {
            // The process has continued, which means that the failed commits were never
            // made.
            self.expected.history.truncate(held);
            self.expected.issue(batches);
        }
        self.expected.check_state(instance)?;
        if head != self.expected.history.head() {
            let issued = self.expected.history.head();
            return Err(Finding(format!("commit {issued} was answered with {head}")));
        }
        if self.engine.syncs_commits() {
            self.acknowledge(head);
        }
        Ok(Ok(()))
    }

    fn acknowledge(&mut self, head: u64) {
        self.expected.acknowledged = head;
        self.fs.mark(Mark::Acknowledged(head));
    }
}

/// An empty history.
pub(crate) fn nothing() -> Expected {
    Expected {
        history: History::default(),
        acknowledged: 0,
        may_lose: 0,
    }
}
