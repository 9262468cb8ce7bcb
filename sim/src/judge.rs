//! Whether a store that was opened after anything at all is what the history demands.
//!
//! The checks are ordered so that each oracle can be the first to object to something.
//! An oracle can be switched off, to learn what the others would miss.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lithify::fs::Fs as _;

use crate::history::{Batch, History, Key, State, Value, Write, apply};
use crate::oracle::{Finding, Oracle};
use crate::plan::Action;
use crate::simfs::{Known, Mark, SimFs};
use crate::system::{Engine, Failure, Instance, Piece};

/// What may be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// What clients know.
    pub known: Known,
    /// The disk has broken its promises: acknowledged commits may be missing.
    pub excuses_loss: bool,
    /// Stored bytes were changed: the store may refuse, and must not answer wrongly.
    pub is_damaged: bool,
    /// Stored bytes cannot be read: the store may say that the disk fails.
    pub is_unreadable: bool,
}

impl Bounds {
    /// Whether a store may refuse to go on like this.
    #[must_use]
    pub fn excuses(&self, failure: &Failure) -> bool {
        match failure {
            Failure::Damage(_) => self.is_damaged,
            Failure::Disk(_) => self.is_unreadable,
            Failure::Other(_) => false,
        }
    }

    /// Whether a store may hold the commits up to `head`.
    ///
    /// # Errors
    /// The finding.
    pub fn check_head(&self, head: u64, enabled: &Enabled) -> Result<(), Finding> {
        let Known {
            acknowledged,
            served,
            issued,
        } = self.known;
        if head < acknowledged && !self.excuses_loss {
            enabled.object(
                Oracle::Durability,
                format!("commit {acknowledged} was acknowledged, the newest commit is {head}"),
            )?;
        }
        if head < served && !self.excuses_loss {
            enabled.object(
                Oracle::Stability,
                format!("commit {served} was shown after an opening, now the newest is {head}"),
            )?;
        }
        if head > issued {
            enabled.object(
                Oracle::Phantom,
                format!("the newest commit is {head}, only {issued} were asked for"),
            )?;
        }
        Ok(())
    }
}

/// The oracles that are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enabled {
    without: BTreeSet<Oracle>,
}

impl Enabled {
    /// All but these.
    #[must_use]
    pub fn without(oracles: impl IntoIterator<Item = Oracle>) -> Self {
        Self {
            without: oracles.into_iter().collect(),
        }
    }

    /// Objects to a wrong value. On a damaged disk it is [`Oracle::Damage`] that objects,
    /// instead of the oracle that would otherwise, and only if neither is switched off.
    ///
    /// # Errors
    /// The finding.
    pub fn object_to_value(
        &self,
        bounds: Bounds,
        otherwise: Oracle,
        message: impl Into<String>,
    ) -> Result<(), Finding> {
        match bounds.is_damaged && !self.without.contains(&otherwise) {
            true => self.object(Oracle::Damage, message),
            false => self.object(otherwise, message),
        }
    }

    /// Objects, unless the oracle is switched off.
    ///
    /// # Errors
    /// The finding.
    pub fn object(&self, oracle: Oracle, message: impl Into<String>) -> Result<(), Finding> {
        if self.without.contains(&oracle) {
            Ok(())
        } else {
            Err(Finding::new(oracle, message))
        }
    }
}

/// What a check does to the disk, as marks in the log: the same as the actions of
/// [`phase_actions`], so that a crash during a check can be written into a plan.
const PHASE_OPEN: u32 = 0;
const PHASE_SETTLE: u32 = 1;
const PHASE_REOPEN: u32 = 2;
const PHASE_SETTLE_AGAIN: u32 = 3;
/// From here on a check commits what no history holds.
pub(crate) const PHASE_PROBE: u32 = 4;

/// The actions that do what a check does up to and including a phase.
pub(crate) fn phase_actions(phase: u32) -> Vec<Action> {
    let all = [Action::Settle, Action::Reopen, Action::Settle];
    all[..phase.min(3) as usize].to_vec()
}

/// How a check ended that found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The store holds the history up to this commit.
    Sound(u64),
    /// The store says that it is damaged, and it is.
    Refused,
}

/// Judges stores that ran one history.
pub struct Judge<'run> {
    engine: &'run dyn Engine,
    history: &'run History,
    enabled: &'run Enabled,
    references: &'run References,
    is_calm: bool,
}

/// What the layout's details are after a history, in a store to which nothing happened.
/// Kept from judge to judge: the same prefix of commits is asked for again and again.
#[derive(Debug, Default)]
pub struct References {
    known: RefCell<BTreeMap<(u64, String), Option<String>>>,
}

impl<'run> Judge<'run> {
    /// A judge.
    #[must_use]
    pub fn new(
        engine: &'run dyn Engine,
        history: &'run History,
        enabled: &'run Enabled,
        references: &'run References,
    ) -> Self {
        Self {
            engine,
            history,
            enabled,
            references,
            is_calm: false,
        }
    }

    /// Nothing has disturbed the store so far: more holds than after a crash.
    #[must_use]
    pub fn after_calm(self, is_calm: bool) -> Self {
        Self { is_calm, ..self }
    }

    /// Opens the store on `fs` and checks everything, twice: also what a second opening
    /// finds after one more commit. Leaves marks in the log of `fs`, so that crashes
    /// during all of this can be judged in turn.
    ///
    /// # Errors
    /// The first finding.
    pub fn check(&self, fs: &SimFs, bounds: Bounds) -> Result<Outcome, Finding> {
        fs.mark_known(bounds.known);
        fs.mark(Mark::Action(PHASE_OPEN));
        let Some(mut instance) = self.open(fs, bounds)? else {
            return Ok(Outcome::Refused);
        };
        let found = self.check_open(fs, &mut *instance, bounds);
        let Some(head) = self.excuse(found, bounds)? else {
            return Ok(Outcome::Refused);
        };
        // What was served must stay.
        let served = Bounds {
            known: bounds.known.after_showing(head),
            ..bounds
        };
        fs.mark_known(served.known);
        fs.mark(Mark::Action(PHASE_SETTLE));
        let settled = self.check_settled(fs, &mut *instance, head);
        let Some(settled) = self.excuse(settled, bounds)? else {
            return Ok(Outcome::Refused);
        };
        let again = self.check_again(fs, instance, served, &settled);
        Ok(self
            .excuse(again, bounds)?
            .map_or(Outcome::Refused, |()| Outcome::Sound(head)))
    }

    /// Turns refusals that the bounds excuse into `None`.
    fn excuse<T>(&self, outcome: Checked<T>, bounds: Bounds) -> Result<Option<T>, Finding> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Finding(finding)) => Err(finding),
            Err(Stop::Failure(failure)) if bounds.excuses(&failure) => Ok(None),
            Err(Stop::Failure(failure)) => {
                self.enabled.object(Oracle::Errors, failure.to_string())?;
                Ok(None)
            }
        }
    }

    fn open(&self, fs: &SimFs, bounds: Bounds) -> Result<Option<Box<dyn Instance>>, Finding> {
        match self.engine.open(Arc::new(fs.clone())) {
            Ok(instance) => Ok(Some(instance)),
            Err(failure) if bounds.excuses(&failure) => Ok(None),
            Err(failure) => {
                self.enabled.object(Oracle::Opens, failure.to_string())?;
                Ok(None)
            }
        }
    }

    /// What an open store serves, before it has done anything.
    fn check_open(&self, fs: &SimFs, instance: &mut dyn Instance, bounds: Bounds) -> Checked<u64> {
        let head = self.check_head(instance, bounds)?;
        self.check_windows(instance)?;
        if let Some(needed) = instance.files() {
            self.check_dangling(&needed, &present_files(fs))?;
        }
        let state = instance.state_at(head)?;
        let Some(state) = state else {
            self.enabled.object(
                Oracle::TimeTravel,
                format!("the newest commit, {head}, cannot be read"),
            )?;
            return Ok(head);
        };
        self.check_state(&state, head, bounds)?;
        self.check_past(instance, head, bounds)?;
        Ok(head)
    }

    fn check_head(&self, instance: &dyn Instance, bounds: Bounds) -> Checked<u64> {
        let head = instance.head();
        bounds.check_head(head, self.enabled)?;
        Ok(head.min(self.history.head()))
    }

    fn check_state(&self, state: &State, head: u64, bounds: Bounds) -> Checked<()> {
        if state == &**self.history.state(head) {
            return Ok(());
        }
        let kind = kind_of(self.history, head, state);
        let difference = difference(self.history.state(head), state);
        Ok(self.enabled.object_to_value(
            bounds,
            Oracle::State,
            format!("{kind} at commit {head}: {difference}"),
        )?)
    }

    fn check_past(&self, instance: &mut dyn Instance, head: u64, bounds: Bounds) -> Checked<()> {
        for commit in 0..head {
            match instance.state_at(commit)? {
                Some(state) if state == **self.history.state(commit) => {}
                Some(state) => {
                    let difference = difference(self.history.state(commit), &state);
                    self.enabled.object_to_value(
                        bounds,
                        Oracle::TimeTravel,
                        format!("as of commit {commit}, at head {head}: {difference}"),
                    )?;
                }
                None if commit > 0 && self.engine.is_readable(commit, head) == Some(true) => {
                    self.enabled.object(
                        Oracle::TimeTravel,
                        format!("commit {commit} cannot be read at head {head}, and nothing thins it out"),
                    )?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Windows that are not aligned, out of order, or overlapping, at any moment.
    fn check_windows(&self, instance: &dyn Instance) -> Checked<()> {
        if let Some(message) = instance.layout().as_deref().and_then(misplaced) {
            self.enabled.object(Oracle::Layout, message)?;
        }
        Ok(())
    }

    fn check_dangling(&self, needed: &BTreeSet<String>, present: &BTreeSet<String>) -> Checked<()> {
        if let Some(missing) = needed.iter().find(|file| !present.contains(*file)) {
            self.enabled.object(
                Oracle::Dangling,
                format!("the store needs {missing}, which is not there"),
            )?;
        }
        Ok(())
    }

    /// What holds when all background work is done.
    fn check_settled(
        &self,
        fs: &SimFs,
        instance: &mut dyn Instance,
        head: u64,
    ) -> Checked<Settled> {
        if !instance.settle()? {
            self.enabled.object(
                Oracle::Liveness,
                format!("at commit {head} background work does not end"),
            )?;
        }
        self.check_windows(instance)?;
        let history = &self.history.batches()[..head as usize];
        if let Some(message) = misfit(self.engine, instance, history) {
            self.enabled.object(Oracle::Layout, message)?;
        }
        let details = instance.layout_details();
        let reference = self.reference(head);
        if details != reference {
            self.enabled.object(
                Oracle::Confluence,
                format!(
                    "settled at commit {head}, a store that nothing happened to has\n{}and this one has\n{}",
                    reference.unwrap_or_default(),
                    details.clone().unwrap_or_default()
                ),
            )?;
        }
        let state = instance.state_at(head)?;
        if let Some(state) = &state {
            self.check_state(state, head, Bounds::default())?;
        }
        self.check_orphans(fs, instance)?;
        Ok(Settled { details, state })
    }

    fn check_orphans(&self, fs: &SimFs, instance: &dyn Instance) -> Checked<()> {
        let Some(needed) = instance.files() else {
            return Ok(());
        };
        let present = present_files(fs);
        self.check_dangling(&needed, &present)?;
        let is_ours = |file: &&String| !STRAY.contains(&file.as_str());
        if let Some(orphan) = present.difference(&needed).find(is_ours) {
            self.enabled.object(
                Oracle::Orphans,
                format!("{orphan} is there, and nothing needs it"),
            )?;
        }
        Ok(())
    }

    /// One more commit, a close, the physical check, and a second opening.
    fn check_again(
        &self,
        fs: &SimFs,
        mut instance: Box<dyn Instance>,
        served: Bounds,
        settled: &Settled,
    ) -> Checked<()> {
        let head = served.known.issued;
        fs.mark(Mark::Action(PHASE_REOPEN));
        instance.close()?;
        self.check_files(fs, served)?;
        let closed = fs.log_length();
        let Some(reopened) = self.open(fs, served)? else {
            return Ok(());
        };
        instance = reopened;
        if self.is_calm && self.engine.opens_untouched() {
            self.check_untouched(fs, closed)?;
        }
        if instance.head() != head {
            self.enabled.object(
                Oracle::Stability,
                format!(
                    "commit {head} was served, after a second opening the newest is {}",
                    instance.head()
                ),
            )?;
        }
        if let (Some(shown), Some(state)) = (&settled.state, instance.state_at(head)?)
            && state != *shown
        {
            let difference = difference(shown, &state);
            self.enabled.object(
                Oracle::Stability,
                format!("after a second opening at commit {head}: {difference}"),
            )?;
        }
        fs.mark(Mark::Action(PHASE_SETTLE_AGAIN));
        if !instance.settle()? || instance.layout_details() != settled.details {
            self.enabled.object(
                Oracle::Idempotence,
                format!(
                    "settled again after a second opening at commit {head}, the layout is another"
                ),
            )?;
        }
        fs.mark(Mark::Action(PHASE_PROBE));
        let probe = probe();
        fs.mark_known(Known {
            issued: head + 1,
            ..served.known
        });
        let number = instance.commit(std::slice::from_ref(&probe))?;
        instance.sync()?;
        if number != head + 1 {
            self.enabled.object(
                Oracle::Numbers,
                format!("the commit after {head} has number {number}"),
            )?;
        }
        drop(instance);
        let Some(mut instance) = self.open(fs, served)? else {
            return Ok(());
        };
        if instance.head() != head + 1 {
            return Ok(self.enabled.object(
                Oracle::Stability,
                format!(
                    "commit {} was synced after recovery and is not there",
                    head + 1
                ),
            )?);
        }
        let Some(state) = instance.state_at(head + 1)? else {
            return Ok(());
        };
        let mut written = State::new();
        apply(&mut written, &probe);
        if written
            .iter()
            .any(|(key, value)| state.get(key) != Some(value))
        {
            let message = format!("commit {} does not show what it wrote", head + 1);
            self.enabled
                .object_to_value(served, Oracle::State, message)?;
        }
        Ok(())
    }

    /// Opening a store that was settled and closed has nothing to do.
    fn check_untouched(&self, fs: &SimFs, since: usize) -> Checked<()> {
        let log = fs.log();
        let mut later = log.operations()[since..].iter();
        if let Some(operation) = later.find(|operation| operation.is_call()) {
            let text = log.describe(operation).to_string();
            self.enabled.object(
                Oracle::Idempotence,
                format!("opening a settled and closed store does something: {text}"),
            )?;
        }
        Ok(())
    }

    fn check_files(&self, fs: &SimFs, bounds: Bounds) -> Checked<()> {
        match self.engine.check(fs) {
            Ok(()) => Ok(()),
            // What nothing has read yet may be damaged, and is not served.
            Err(failure) if bounds.excuses(&failure) => Ok(()),
            Err(failure) => Ok(self.enabled.object(Oracle::Physical, failure.to_string())?),
        }
    }

    /// The layout's details after `head` commits of a store to which nothing happened.
    fn reference(&self, head: u64) -> Option<String> {
        let last = self.history.batches()[..head as usize].last();
        let key = (head, last.map(Batch::to_string).unwrap_or_default());
        if let Some(known) = self.references.known.borrow().get(&key) {
            return known.clone();
        }
        let details = self.undisturbed(head);
        self.references
            .known
            .borrow_mut()
            .insert(key, details.clone());
        details
    }

    fn undisturbed(&self, head: u64) -> Option<String> {
        let fs = SimFs::new();
        let mut instance = self.engine.open(Arc::new(fs)).ok()?;
        for batch in &self.history.batches()[..head as usize] {
            instance.commit(std::slice::from_ref(batch)).ok()?;
        }
        instance.settle().ok()?;
        instance.layout_details()
    }
}

/// The names that [`crate::simfs::FaultKind::StrayFiles`] leaves in the directory.
const STRAY: [&str; 6] = [
    ".DS_Store",
    "wal-1",
    "wal-000001.tmp",
    "manifest-",
    "segment-18446744073709551615",
    "lost+found",
];

fn present_files(fs: &SimFs) -> BTreeSet<String> {
    fs.list("").unwrap_or_default().into_iter().collect()
}

/// A commit that no history contains.
fn probe() -> Batch {
    Batch {
        writes: vec![Write {
            key: Key {
                keyspace: 0,
                key: 999,
            },
            value: Some(Value {
                length: 9,
                tag: 999_999,
            }),
        }],
    }
}

/// What a settled store shows: what came of the same history must not differ from it
/// later, right or wrong.
struct Settled {
    details: Option<String>,
    state: Option<State>,
}

/// Why a check did not come to its end.
enum Stop {
    Finding(Finding),
    Failure(Failure),
}

type Checked<T> = Result<T, Stop>;

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Finding(finding)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The first thing that is wrong with the windows, if anything.
pub(crate) fn misplaced(layout: &[Piece]) -> Option<String> {
    for piece in layout {
        let width = piece.end - piece.start;
        let is_inside = piece.start < piece.first && piece.last <= piece.end;
        if !is_inside || piece.first > piece.last || !piece.start.is_multiple_of(width) {
            return Some(format!(
                "{piece} is not an aligned window around its commits"
            ));
        }
    }
    layout.windows(2).find_map(|pair| {
        let overlaps = pair[0].keyspace == pair[1].keyspace && pair[0].end > pair[1].start;
        overlaps.then(|| format!("{} overlaps {}", pair[0], pair[1]))
    })
}

/// What is wrong with the layout of a settled store after `history`, if anything.
pub(crate) fn misfit(
    engine: &dyn Engine,
    instance: &dyn Instance,
    history: &[Batch],
) -> Option<String> {
    let (expected, found) = (engine.expected_layout(history)?, instance.layout()?);
    (expected != found).then(|| layout_difference(&expected, &found))
}

/// What differs between two layouts, for people.
fn layout_difference(expected: &[Piece], found: &[Piece]) -> String {
    let (expected, found): (BTreeSet<&Piece>, BTreeSet<&Piece>) =
        (expected.iter().collect(), found.iter().collect());
    let missing = expected
        .difference(&found)
        .map(|piece| format!("missing: {piece}"));
    let extra = found
        .difference(&expected)
        .map(|piece| format!("not by the rule: {piece}"));
    missing.chain(extra).collect::<Vec<_>>().join("; ")
}

/// What is wrong with a state, as far as that can be told.
fn kind_of(history: &History, head: u64, state: &State) -> &'static str {
    if is_torn_batch(history, head, state) {
        return "a torn commit";
    }
    let has_hole = (1..=head).any(|first| {
        (first..head).any(|last| {
            let mut without = State::new();
            for (index, batch) in history.batches()[..head as usize].iter().enumerate() {
                if !(first..=last).contains(&(index as u64 + 1)) {
                    apply(&mut without, batch);
                }
            }
            &without == state
        })
    });
    if has_hole {
        return "a missing commit";
    }
    let model = history.state(head);
    if state.keys().any(|key| !model.contains_key(key)) {
        return "a deleted key";
    }
    "a wrong value"
}

/// Whether everything that differs is what one batch of several writes has not done.
fn is_torn_batch(history: &History, head: u64, state: &State) -> bool {
    if head == 0 {
        return false;
    }
    let model = history.state(head);
    let differing: Vec<_> = model
        .keys()
        .chain(state.keys())
        .filter(|key| model.get(*key) != state.get(*key))
        .collect();
    let batch = &history.batches()[head as usize - 1];
    let before = history.state(head - 1);
    let mut written = State::new();
    apply(&mut written, batch);
    let keys: BTreeSet<_> = batch
        .writes
        .iter()
        .map(|write| (write.key.keyspace_name().to_owned(), write.key.bytes()))
        .collect();
    let changed = keys
        .iter()
        .filter(|key| before.get(*key) != model.get(*key))
        .count();
    let undone: BTreeSet<_> = differing
        .iter()
        .filter(|key| keys.contains(**key) && before.get(**key) == state.get(**key))
        .collect();
    let all: BTreeSet<_> = differing.iter().collect();
    undone.len() == all.len() && undone.len() < changed
}

/// The first key that differs, for people.
fn difference(expected: &State, found: &State) -> String {
    let text = |value: Option<&Vec<u8>>| match value {
        None => "nothing".to_owned(),
        Some(value) => format!("{:?}", String::from_utf8_lossy(value)),
    };
    let mut keys: BTreeSet<_> = expected.keys().collect();
    keys.extend(found.keys());
    let differing: Vec<_> = keys
        .into_iter()
        .filter(|key| expected.get(*key) != found.get(*key))
        .collect();
    match differing.first() {
        None => "no difference".to_owned(),
        Some(key) => format!(
            "{}/{} should be {} and is {} ({} keys differ)",
            key.0,
            String::from_utf8_lossy(&key.1),
            text(expected.get(*key)),
            text(found.get(*key)),
            differing.len()
        ),
    }
}
