//! The interface between the laboratory and a system under test.
//!
//! Implement [`System`], [`Engine`] and [`Instance`] for a store. Then every workload,
//! fault, persistence model and oracle, the shrinker and the trace format work for it.
//! Methods for features that a system may lack (layouts, history, files) have defaults
//! that say so, and the oracles that need these methods stay silent.
//!
//! A system must not keep any state outside the given file system: in a crash, the
//! instance is dropped and a new one is opened on another file system.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use lithify::fs::Fs;

use crate::disk::{DiskUse, Image};
use crate::history::{Batch, Key, State};
use crate::keyed::Draws;
use crate::names::suggest;
use crate::planted::{self, Planted};
use crate::reads::{Answer, Question};

/// Why a system could not do what it was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Stored bytes are not the bytes that were written, and the system reports that.
    Damage(String),
    /// An error of the disk, or of an earlier failure that the system remembers.
    Disk(String),
    /// Any other failure: on a healthy disk, it is a finding.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damage(message) | Self::Disk(message) | Self::Other(message) => {
                formatter.write_str(message)
            }
        }
    }
}

/// An option that is chosen when a system is opened.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub about: &'static str,
    /// The values that seeds choose from; the first is the default. Other values may be
    /// valid.
    pub values: &'static [&'static str],
    /// Whether it may differ at each opening. Options that may not differ decide the
    /// layout.
    pub may_change: bool,
}

impl Setting {
    /// A setting that a store keeps from its creation on.
    #[must_use]
    pub const fn fixed(
        name: &'static str,
        about: &'static str,
        values: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            about,
            values,
            may_change: false,
        }
    }

    /// A setting that may differ at each opening.
    #[must_use]
    pub const fn tuning(
        name: &'static str,
        about: &'static str,
        values: &'static [&'static str],
    ) -> Self {
        Self {
            may_change: true,
            ..Self::fixed(name, about, values)
        }
    }
}

/// Settings by name; a missing setting has its default.
pub type Settings = BTreeMap<String, String>;

/// The values of all settings of one system: given values, and defaults for the others.
#[derive(Clone, Copy, Debug)]
pub struct Values<'run> {
    known: &'static [Setting],
    settings: &'run Settings,
}

impl<'run> Values<'run> {
    /// The values of a system with these settings.
    ///
    /// # Errors
    /// One line, for a name that the system does not know.
    pub fn new(system: &dyn System, settings: &'run Settings) -> Result<Self, String> {
        let known = system.settings();
        let is_known = |name: &&String| known.iter().any(|setting| setting.name == name.as_str());
        match settings.keys().find(|name| !is_known(name)) {
            None => Ok(Self { known, settings }),
            Some(name) => {
                let names = known.iter().map(|setting| setting.name);
                let what = format!("the system {} has no setting {name:?}", system.name());
                Err(suggest(&what, name, names))
            }
        }
    }

    /// The value of a setting of the system.
    #[must_use]
    pub fn value(&self, name: &str) -> &'run str {
        let default = self.known.iter().find(|setting| setting.name == name);
        let default = default.map_or("", |setting| setting.values[0]);
        self.settings.get(name).map_or(default, String::as_str)
    }

    /// The value of a setting that has only the listed values.
    ///
    /// # Errors
    /// One line, for another value.
    pub fn choice(&self, name: &str) -> Result<&'run str, String> {
        let value = self.value(name);
        let mut own = self.known.iter().filter(|setting| setting.name == name);
        match own.any(|setting| setting.values.contains(&value)) {
            true => Ok(value),
            false => Err(unknown_value(self.known, name, value)),
        }
    }
}

/// The message for a value that the setting does not have.
#[must_use]
pub fn unknown_value(settings: &[Setting], name: &str, text: &str) -> String {
    let values = settings.iter().filter(|setting| setting.name == name);
    let values: BTreeSet<&str> = values.flat_map(|setting| setting.values).copied().collect();
    let what = format!("the setting {name} has no value {text:?}");
    suggest(&what, text, values.into_iter())
}

/// A kind of store.
pub trait System: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it is, in a sentence.
    fn about(&self) -> &'static str;

    /// The settings of the system.
    fn settings(&self) -> &'static [Setting];

    /// The system with these settings.
    ///
    /// # Errors
    /// One line, for an unknown setting or an invalid value.
    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String>;

    /// The beginnings of the names of its background tasks: see [`Instance::tasks`]. A
    /// schedule may starve one of these kinds.
    fn task_kinds(&self) -> &'static [&'static str] {
        &[]
    }

    /// The number of keyspaces that batches may write to, at least 8.
    fn max_keyspaces(&self) -> u16 {
        Key::KEYSPACES
    }

    /// Situations that the system counts, by name. Each has the number of times that
    /// this thread was in it since the last call. The campaign reports the situations
    /// that were not reached.
    fn reached(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// The bugs that can be planted in the system.
    fn bugs(&self) -> Vec<Planted> {
        Vec::new()
    }

    /// Runs with one of [`System::bugs`] planted.
    fn with_bug(&self, bug: &'static str, run: &mut dyn FnMut()) {
        planted::with(Some(bug), run);
    }
}

/// Runs `run` with one of the [`System::bugs`] planted, and returns its result.
pub fn planted_in<T>(system: &dyn System, bug: &'static str, run: impl FnOnce() -> T) -> T {
    let (mut run, mut outcome) = (Some(run), None);
    system.with_bug(bug, &mut || outcome = run.take().map(|run| run()));
    outcome.expect("with_bug runs what it is given")
}

impl fmt::Debug for dyn System {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A system with chosen settings.
pub trait Engine: Send + Sync {
    /// Opens the store on `fs`, or creates one.
    ///
    /// # Errors
    /// If the store cannot be opened.
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure>;

    /// Opens the intact part of the store on `fs` for reading, and writes nothing.
    /// `None` if the system cannot open damaged stores.
    fn open_damaged(&self, fs: Arc<dyn Fs>) -> Option<Result<Box<dyn Remains>, Failure>> {
        let _ = fs;
        None
    }

    /// Whether a second process can open the store for reading while a writer has it open: see
    /// [`Engine::open_beside`].
    fn reads_beside(&self) -> bool {
        false
    }

    /// Opens the store on `fs` for reading, while another process has it open for writing and changes
    /// the disk between any two calls. Only [`Instance::head`], [`Instance::state_at`] and
    /// [`Instance::ask`] are called.
    /// `None` if the writer has changed the disk in each of 16 attempts or more, so that the reader
    /// gave up.
    ///
    /// # Errors
    /// If the store cannot be opened.
    fn open_beside(&self, fs: Arc<dyn Fs>) -> Result<Option<Box<dyn Instance>>, Failure> {
        let _ = fs;
        unreachable!("a system that reads beside a writer opens the store")
    }

    /// Salvages the store on `from`: writes its intact data into a new store on `to`. Writes nothing
    /// on `from`. `None` if the system has no such call.
    fn salvage(&self, from: Arc<dyn Fs>, to: Arc<dyn Fs>) -> Option<Result<Salvaged, Failure>> {
        let _ = (from, to);
        None
    }

    /// Whether every returned commit is durable. Otherwise only [`Instance::sync`] makes it
    /// durable, or a later commit that [`Engine::syncs`].
    fn syncs_commits(&self) -> bool {
        true
    }

    /// Whether the returned commit of these batches is durable.
    fn syncs(&self, batches: &[Batch]) -> bool {
        let _ = batches;
        self.syncs_commits()
    }

    /// Whether the batches of one call are committed together or not at all. Otherwise a
    /// call that fails may have committed the first ones.
    fn commits_together(&self) -> bool {
        true
    }

    /// Whether every error of the disk fails the call that meets it. A system may also
    /// repair the effect of an error, by writing the data again elsewhere.
    fn surfaces_errors(&self) -> bool {
        false
    }

    /// Whether an error of the disk is reported by the next settling at the latest. For
    /// systems in which the call that met the error may end while another call runs.
    /// Needed only if [`Engine::surfaces_errors`] cannot be promised.
    fn settling_tells_errors(&self) -> bool {
        false
    }

    /// Whether opening a store that was settled and closed changes nothing on the disk.
    fn opens_untouched(&self) -> bool {
        false
    }

    /// Checks the files of a closed store, with code that the store does not use.
    ///
    /// # Errors
    /// The damage that it found.
    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        let _ = fs;
        Ok(())
    }

    /// Whether [`Engine::check`] can tell damage from what a crash may leave, so that
    /// it can run before the store was opened.
    fn checks_what_is_left(&self) -> bool {
        false
    }

    /// The disk of a closed store after a change that contradicts the rest of the disk,
    /// with all checksums right, and a text about the change. [`Engine::check`] must
    /// report it as damage. `None` if the system forges nothing, or if there is nothing
    /// to forge.
    fn forge(&self, image: &Image, draws: &mut Draws) -> Option<(Image, String)> {
        let _ = (image, draws);
        None
    }

    /// Whether damage took what says which of several stores `damaged` holds: a crash left bytes of
    /// another store on `intact`, and only the damaged place told them apart. The system may refuse
    /// such a disk.
    fn is_ambiguous(&self, intact: &Image, damaged: &Image) -> bool {
        let _ = (intact, damaged);
        false
    }

    /// The report of [`Engine::check`], as a text that changes when a bit of the files
    /// changes. `None` if the system has no such check.
    fn report(&self, fs: &dyn Fs) -> Option<String> {
        let _ = fs;
        None
    }

    /// The settled layout after these batches, computed from the rule alone.
    fn expected_layout(&self, history: &[Batch]) -> Option<Vec<Piece>> {
        let _ = history;
        None
    }

    /// Whether a commit can be read when a store with this head is settled. `None` if
    /// the system does not promise it.
    fn is_readable(&self, commit: u64, head: u64) -> Option<bool> {
        let _ = (commit, head);
        None
    }

    /// Whether a store with this head must still know exactly what every commit after
    /// `since` wrote, if `since` can be read. `None` if the system does not promise it.
    fn is_stream_known(&self, since: u64, head: u64) -> Option<bool> {
        let _ = (since, head);
        None
    }

    /// The largest number of bytes that a settled store may use for this state and
    /// history. `None` if the system makes no promise.
    fn space_limit(&self, history: &[Batch], state: &State) -> Option<u64> {
        let _ = (history, state);
        None
    }

    /// The largest number of bytes that one file of a settled store may use, for files
    /// with a stricter limit than [`Engine::space_limit`].
    fn file_limit(&self, file: &str, history: &[Batch], state: &State) -> Option<u64> {
        let _ = (file, history, state);
        None
    }

    /// Whether the system always detects old bytes: bytes of other files, including
    /// earlier files with the same name and files of other stores, and bytes that the
    /// file itself has lost in a crash or has replaced. If so, crash images have such
    /// bytes in the place of lost bytes. Otherwise they only have bytes of the file
    /// that most recently lost its name.
    fn tells_stale_bytes(&self) -> bool {
        false
    }

    /// Whether the end of this file may be lost without notice if its last bytes are
    /// damaged on the device. True for logs, because nothing proves the last record of
    /// a log.
    fn is_log(&self, file: &str) -> bool {
        let _ = file;
        true
    }
}

/// A call of a client that may cost disk operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// This number of batches were committed together.
    Commit(usize),
    /// The client asked for durability.
    Sync,
}

/// A run that was undisturbed since the store was created: what the client asked for,
/// and what the store asked of the disk.
#[derive(Clone, Copy, Debug)]
pub struct Account<'run> {
    /// All batches, commit 1 first.
    pub history: &'run [Batch],
    /// The calls in order: the commits of the batches, and the other calls among them.
    pub calls: &'run [Call],
    /// The use of the disk.
    pub disk: &'run DiskUse,
}

/// A count that a system can predict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equality {
    /// What is counted.
    pub what: &'static str,
    /// The counted number.
    pub counted: u64,
    /// The number that the rule predicts.
    pub expected: u64,
    /// Whether it counts syncs. A superfluous sync only costs time. A crash shows the
    /// effect of a missing sync better, so a missing sync is reported only if no crash
    /// has shown it.
    pub is_of_syncs: bool,
}

impl Equality {
    /// A count of any other kind.
    #[must_use]
    pub const fn new(what: &'static str, counted: u64, expected: u64) -> Self {
        Self {
            what,
            counted,
            expected,
            is_of_syncs: false,
        }
    }

    /// A count of syncs.
    #[must_use]
    pub const fn of_syncs(what: &'static str, counted: u64, expected: u64) -> Self {
        Self {
            is_of_syncs: true,
            ..Self::new(what, counted, expected)
        }
    }
}

impl fmt::Display for Equality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            counted,
            expected,
            ..
        } = self;
        write!(formatter, "{what} should be {expected} and are {counted}")
    }
}

/// A live segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// The keyspace.
    pub keyspace: String,
    /// The level.
    pub level: u32,
    /// The commit before its window.
    pub start: u64,
    /// The last commit of its window.
    pub end: u64,
    /// The first commit that wrote to it.
    pub first: u64,
    /// The last commit that wrote to it.
    pub last: u64,
}

impl fmt::Display for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            keyspace,
            level,
            start,
            end,
            first,
            last,
        } = self;
        write!(
            formatter,
            "{keyspace} level {level} window ({start}..{end}] commits {first}..{last}"
        )
    }
}

/// A reader that keeps its commit while the store goes on.
pub trait Pinned {
    /// The newest commit that this reader could have been opened at. `None` if that is
    /// the head of the store. A store may have taken commits that no reader sees yet.
    fn head(&self) -> Option<u64> {
        None
    }

    /// The state that the reader sees.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn state(&self) -> Result<State, Failure>;

    /// Answers any other question, as of the commit of the reader. `None` if the system
    /// has no such reads.
    ///
    /// # Errors
    /// If the question cannot be answered.
    fn ask(&self, question: &Question) -> Result<Option<Answer>, Failure> {
        let _ = question;
        Ok(None)
    }
}

/// A loss through damage, as reported by a store that was opened in spite of the
/// damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The damage, with the same words with which reads are refused.
    pub damage: String,
    /// The reads that may be refused because of it; `None` if none may.
    pub takes: Option<Taken>,
}

/// The reads that may be refused because of some damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Reads of this keyspace; `None` means all keyspaces.
    pub keyspace: Option<String>,
    /// Reads of this commit or a later one.
    pub from: u64,
    /// Reads of single keys from this key on ...
    pub first_key: Vec<u8>,
    /// ... and up to this key; `None` means all following keys.
    pub last_key: Option<Vec<u8>>,
}

/// The report on a store that was salvaged from a damaged one. Its commits have the numbers of
/// the damaged store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// The newest commit.
    pub head: u64,
    /// Every commit up to this one has the state that it had in the damaged store, except the
    /// thinned ones.
    pub exact_through: u64,
    /// The ranges of commits, first and last, that retention has thinned out.
    pub thinned: Vec<(u64, u64)>,
    /// The writes that may be missing. A key with a missing write has an older value, or none.
    pub gaps: Vec<Gap>,
    /// Whether some commits come from files that no intact manifest names.
    pub is_unproven: bool,
    /// The keyspaces whose names are lost: the new name, and the number of keyspaces that were
    /// written to before.
    pub unnamed: Vec<(String, usize)>,
}

/// Writes that a salvaged store may lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The keyspace; `None` for all keyspaces.
    pub keyspace: Option<String>,
    /// The first commit.
    pub first: u64,
    /// The last commit; `None` if the number of lost commits is unknown.
    pub last: Option<u64>,
    /// The first key.
    pub first_key: Vec<u8>,
    /// The last key; `None` for all following keys.
    pub last_key: Option<Vec<u8>>,
}

/// The intact part of a damaged store.
pub trait Remains {
    /// The newest commit. If commits at the end are lost, the number that stands for
    /// all of them.
    fn head(&self) -> u64;

    /// Whether it is certain that there was no commit after the head.
    fn is_end_known(&self) -> bool;

    /// All damage that was found.
    fn lost(&self) -> Vec<Lost>;

    /// Answers any question: see [`Instance::ask`].
    ///
    /// # Errors
    /// [`Failure::Damage`] if the answer depends on lost data.
    fn ask(&self, question: &Question) -> Result<Option<Answer>, Failure>;
}

/// An open store.
pub trait Instance {
    /// Commits batches in order and returns the number of the last one. Commits are
    /// numbered from 1 without gaps.
    ///
    /// # Errors
    /// After an error it is not known whether the batches were committed.
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure>;

    /// The number of the newest commit.
    fn head(&self) -> u64;

    /// Makes every commit durable.
    ///
    /// # Errors
    /// If the disk returns an error.
    fn sync(&mut self) -> Result<(), Failure>;

    /// All keys and values as of `commit`; `None` if retention has removed the commit.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure>;

    /// Answers any other question through the public interface, as a program would.
    /// `None` if the system has no such reads. A refusal is an answer.
    ///
    /// # Errors
    /// If the question cannot be answered.
    fn ask(&mut self, question: &Question) -> Result<Option<Answer>, Failure> {
        let _ = question;
        Ok(None)
    }

    /// A reader of `commit`, which is the head or another readable commit.
    ///
    /// # Errors
    /// If it cannot be opened. `None` if the system has no such readers.
    fn pin(&mut self, commit: u64) -> Result<Option<Box<dyn Pinned>>, Failure> {
        let _ = commit;
        Ok(None)
    }

    /// The background work that could run now. The name of a task does not depend on
    /// the other waiting tasks, and begins with the kind of the work.
    fn tasks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Runs one of the tasks; unknown names do nothing.
    ///
    /// # Errors
    /// If the disk returns an error.
    fn run(&mut self, task: &str) -> Result<(), Failure> {
        let _ = task;
        Ok(())
    }

    /// The newest commit that a call has reported as durable to a client, if the call
    /// ended while another call ran. 0 if every call of the system ends by itself.
    fn acknowledged(&self) -> u64 {
        0
    }

    /// The errors of the disk that calls of other clients have returned, if these calls
    /// ended while another call ran, since this was last asked. They are no failure of
    /// the call that ran.
    fn take_failures(&mut self) -> Vec<Failure> {
        Vec::new()
    }

    /// The clients that wait although no remaining work can end the wait.
    fn stuck(&self) -> Option<String> {
        None
    }

    /// Loses a callback, if `task` is one.
    fn lose(&mut self, task: &str) {
        let _ = task;
    }

    /// Does all background work, within a bound. False if some work is left.
    ///
    /// # Errors
    /// If the disk returns an error.
    fn settle(&mut self) -> Result<bool, Failure> {
        Ok(true)
    }

    /// The current layout, settled or not: by keyspace, the oldest segment first.
    fn layout(&self) -> Option<Vec<Piece>> {
        None
    }

    /// More about the layout, such as entries and bytes. Equal histories must give
    /// equal texts, however they came about.
    fn layout_details(&self) -> Option<String> {
        None
    }

    /// The progress of background work that neither the disk nor the layout shows. Two
    /// instances that agree in disk, layout and progress must behave alike from then
    /// on. An enumeration treats them as one state and skips the second. If this text
    /// omits something, the enumeration loses states without any message, so there is
    /// no default. A system whose memory holds only what was committed returns an empty
    /// string.
    fn progress(&self) -> String;

    /// The files that the store needs.
    fn files(&self) -> Option<BTreeSet<String>> {
        None
    }

    /// The counts that the rule predicts since this instance was opened on an empty
    /// disk. Called when no background work is left. A counted number may come from the
    /// store, to check that the store knows what it does, or from the disk, to check
    /// that the store does no more. The expected number should come from neither. A
    /// system without such laws promises nothing about its costs.
    fn equalities(&self, account: &Account<'_>) -> Vec<Equality> {
        let _ = account;
        Vec::new()
    }

    /// Closes the store.
    ///
    /// # Errors
    /// If the disk returns an error.
    fn close(self: Box<Self>) -> Result<(), Failure>;
}
