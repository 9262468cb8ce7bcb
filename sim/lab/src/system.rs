//! What the laboratory needs to know of a system in order to break it.
//!
//! Implement [`System`], [`Engine`] and [`Instance`] for a store, and every workload,
//! fault, persistence model, oracle, the shrinker and the trace format work for it.
//! Methods that a system has no notion of (layouts, history, files) have defaults that
//! say so, and the oracles that need them stay silent.
//!
//! A system must not keep anything outside the given file system: a crash is that the
//! instance is dropped and a new one opened on another file system.

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

/// Why a system did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Stored bytes are not what was written, and the system says so.
    Damage(String),
    /// The disk, or an earlier failure that the system remembers.
    Disk(String),
    /// Anything else: on a healthy disk, a finding.
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

/// One thing that can be chosen when a system is opened.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub about: &'static str,
    /// The values that seeds choose from; the first is the default. Others may be legal.
    pub values: &'static [&'static str],
    /// Whether it may differ at each opening. What may not differ decides the layout.
    pub may_change: bool,
}

impl Setting {
    /// One that a store keeps from its creation on.
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

    /// One that may differ at each opening.
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

/// Settings by name; what is missing has its default.
pub type Settings = BTreeMap<String, String>;

/// The values of one system: what was set, and the defaults for the rest.
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
}

/// What to say of a value that one of these settings does not have.
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

    /// What can be chosen.
    fn settings(&self) -> &'static [Setting];

    /// The system with these settings.
    ///
    /// # Errors
    /// One line, for an unknown setting or an impossible value.
    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String>;

    /// What the names of its background tasks begin with: see [`Instance::tasks`]. A
    /// schedule starves one of these kinds.
    fn task_kinds(&self) -> &'static [&'static str] {
        &[]
    }

    /// How many keyspaces batches may write to, at least 8.
    fn most_keyspaces(&self) -> u16 {
        Key::KEYSPACES
    }

    /// Situations that the system counts, by name, each with how often this thread was in
    /// it since that was asked before. The campaign says which ones stayed dark.
    fn reached(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// The bugs that can be planted in it.
    fn bugs(&self) -> Vec<Planted> {
        Vec::new()
    }

    /// Runs with one of [`System::bugs`] planted.
    fn with_bug(&self, bug: &'static str, run: &mut dyn FnMut()) {
        planted::with(Some(bug), run);
    }
}

/// What `run` returns with one of the [`System::bugs`] planted.
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

/// A system with its settings chosen.
pub trait Engine: Send + Sync {
    /// Opens the store on `fs`, or creates one.
    ///
    /// # Errors
    /// Whatever stops it.
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure>;

    /// Opens what is whole of the store on `fs`, for reading, and writes nothing; `None` when
    /// the system has no such opening.
    fn open_damaged(&self, fs: Arc<dyn Fs>) -> Option<Result<Box<dyn Remains>, Failure>> {
        let _ = fs;
        None
    }

    /// Whether a returned commit is durable; otherwise only [`Instance::sync`] makes it so.
    fn syncs_commits(&self) -> bool {
        true
    }

    /// Whether every error of the disk fails the call that meets it. A system may also
    /// mend what has failed, by writing it again elsewhere.
    fn surfaces_errors(&self) -> bool {
        false
    }

    /// Whether an error of the disk is told at the latest by the next settling, where the call
    /// that it belongs to may come to its end while something else runs. Needed only where
    /// [`Engine::surfaces_errors`] is too much to ask.
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
    /// What it found.
    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        let _ = fs;
        Ok(())
    }

    /// Whether that check tells what a crash may leave from damage, so that it can be asked
    /// before the store was opened.
    fn checks_what_is_left(&self) -> bool {
        false
    }

    /// The disk of a closed store with something changed that contradicts the rest, and all
    /// checksums right, which that check must call damaged; and what was changed. `None` when
    /// the system forges nothing, or there is nothing to forge.
    fn forge(&self, image: &Image, draws: &mut Draws) -> Option<(Image, String)> {
        let _ = (image, draws);
        None
    }

    /// What that check has to say, as a text that changes when a bit of the files does;
    /// `None` when the system has no such check.
    fn report(&self, fs: &dyn Fs) -> Option<String> {
        let _ = fs;
        None
    }

    /// What a settled layout is after these batches, from the rule alone.
    fn expected_layout(&self, history: &[Batch]) -> Option<Vec<Piece>> {
        let _ = history;
        None
    }

    /// Which commits can be read after these batches, when the store is settled; `None`
    /// when the system does not promise any but the newest.
    fn is_readable(&self, commit: u64, head: u64) -> Option<bool> {
        let _ = (commit, head);
        None
    }

    /// Whether a store with this newest commit must still know exactly what every commit
    /// after `since` wrote, if `since` can be read; `None` when it promises no such thing.
    fn is_stream_known(&self, since: u64, head: u64) -> Option<bool> {
        let _ = (since, head);
        None
    }

    /// The most bytes that a settled store may take for this state and history, or
    /// `None` when it makes no promise.
    fn space_limit(&self, history: &[Batch], state: &State) -> Option<u64> {
        let _ = (history, state);
        None
    }

    /// The most bytes that one file of a settled store may take, for files of which more is
    /// known than that all of them keep [`Engine::space_limit`].
    fn file_limit(&self, file: &str, history: &[Batch], state: &State) -> Option<u64> {
        let _ = (file, history, state);
        None
    }

    /// Whether bytes of an earlier time never pass: those of other files, also of earlier ones
    /// of the same name and of other stores, and those that the file itself has lost at a crash
    /// or has replaced. Then crash images have them in the place of lost bytes; otherwise only
    /// bytes of the file that has lost its name last.
    fn tells_stale_bytes(&self) -> bool {
        false
    }

    /// Whether the end of this file may be lost without notice when its last bytes are
    /// damaged on the device: true for logs, whose last record has no witness.
    fn is_log(&self, file: &str) -> bool {
        let _ = file;
        true
    }
}

/// Something that a client asks of a store and that may cost the disk something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// So many batches were committed together.
    Commit(usize),
    /// Durability was asked for.
    Sync,
}

/// A run that nothing has disturbed since the store was created: what the client asked
/// for, and what the store has asked of the disk.
#[derive(Clone, Copy, Debug)]
pub struct Account<'run> {
    /// All batches, commit 1 first.
    pub history: &'run [Batch],
    /// In which calls they came, and the other calls among them, in order.
    pub calls: &'run [Call],
    /// What the disk has seen.
    pub disk: &'run DiskUse,
}

/// Something of which a system knows how often it must have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equality {
    /// What is counted.
    pub what: &'static str,
    /// How often it happened.
    pub counted: u64,
    /// How often the rule says that it happens.
    pub expected: u64,
    /// Whether it counts syncs. One too many is a cost and nothing else; of one too few a
    /// crash says more, so that is reported only when no crash has shown it.
    pub is_of_syncs: bool,
}

impl Equality {
    /// What was counted, next to what the rule says.
    #[must_use]
    pub const fn new(what: &'static str, counted: u64, expected: u64) -> Self {
        Self {
            what,
            counted,
            expected,
            is_of_syncs: false,
        }
    }

    /// The same for syncs.
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
    /// The first commit that wrote into it.
    pub first: u64,
    /// The last one.
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

/// A reader that stays where it is while the store goes on.
pub trait Pinned {
    /// The newest commit that it could have been asked to read; `None` when that is the
    /// newest of the store. A store may have taken commits that no reader sees yet.
    fn head(&self) -> Option<u64> {
        None
    }

    /// What it reads.
    ///
    /// # Errors
    /// Whatever stops it.
    fn state(&self) -> Result<State, Failure>;

    /// Any other read; all are as of the commit of the reader. `None` when there are none.
    ///
    /// # Errors
    /// Whatever stops it.
    fn ask(&self, question: &Question) -> Result<Option<Answer>, Failure> {
        let _ = question;
        Ok(None)
    }
}

/// Something that damage takes, as a store says that was opened in spite of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The damage, in the words with which reads are refused.
    pub damage: String,
    /// Which reads may be refused; `None` when none may.
    pub takes: Option<Taken>,
}

/// Which reads may be refused because of some damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Those of this keyspace, or of all.
    pub keyspace: Option<String>,
    /// Those from this commit on.
    pub from: u64,
    /// Those of single keys from this one on, ...
    pub first_key: Vec<u8>,
    /// ... and up to this one, or of all that follow.
    pub last_key: Option<Vec<u8>>,
}

/// What is whole of a damaged store.
pub trait Remains {
    /// The newest commit, or what stands for all commits that are lost at the end.
    fn head(&self) -> u64;

    /// Whether there was no commit behind the head for sure.
    fn is_end_known(&self) -> bool;

    /// Everything that was found damaged.
    fn lost(&self) -> Vec<Lost>;

    /// Any read: see [`Instance::ask`].
    ///
    /// # Errors
    /// [`Failure::Damage`] when the answer depends on what is lost.
    fn ask(&self, question: &Question) -> Result<Option<Answer>, Failure>;
}

/// An open store.
pub trait Instance {
    /// Commits batches in order and returns the number of the last one. Commits are
    /// numbered from 1 without gaps.
    ///
    /// # Errors
    /// After an error the batches are in doubt.
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure>;

    /// The number of the newest commit.
    fn head(&self) -> u64;

    /// Makes every commit durable.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn sync(&mut self) -> Result<(), Failure>;

    /// All keys and values as of `commit`; `None` when retention has thinned it out.
    ///
    /// # Errors
    /// Whatever stops it.
    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure>;

    /// Any other read, through the public surface as a program would; `None` when the system
    /// has no such reads. A refusal is an answer.
    ///
    /// # Errors
    /// Whatever stops it.
    fn ask(&mut self, question: &Question) -> Result<Option<Answer>, Failure> {
        let _ = question;
        Ok(None)
    }

    /// A reader of `commit`, which is the newest one or one that can be read.
    ///
    /// # Errors
    /// Whatever stops it; `None` when the system has no such readers.
    fn pin(&mut self, commit: u64) -> Result<Option<Box<dyn Pinned>>, Failure> {
        let _ = commit;
        Ok(None)
    }

    /// The background work that could run now, each under a name that does not depend
    /// on what else is waiting. Names begin with what kind of work it is.
    fn tasks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Runs one of them; unknown names do nothing.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn run(&mut self, task: &str) -> Result<(), Failure> {
        let _ = task;
        Ok(())
    }

    /// The newest commit that a client has been told is durable, by a call that came to its
    /// end while something else ran; 0 where every call comes to its end by itself.
    fn acknowledged(&self) -> u64 {
        0
    }

    /// Who waits although nothing is left that could end the wait.
    fn stuck(&self) -> Option<String> {
        None
    }

    /// Loses a callback, if `task` is one.
    fn lose(&mut self, task: &str) {
        let _ = task;
    }

    /// Does all background work, within a bound; false when there is still some.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn settle(&mut self) -> Result<bool, Failure> {
        Ok(true)
    }

    /// The layout now, settled or not: oldest first, by keyspace.
    fn layout(&self) -> Option<Vec<Piece>> {
        None
    }

    /// More about the layout, equal for equal histories however they came about:
    /// entries, bytes.
    fn layout_details(&self) -> Option<String> {
        None
    }

    /// How far background work has come that neither the disk nor the layout shows yet:
    /// two instances that agree in all three go on alike. An enumeration takes them for
    /// one and drops what follows from the second, so what is left out here is lost there
    /// without a sound. That is why there is no default: a system whose memory holds
    /// nothing but what was committed says so, with an empty string.
    fn progress(&self) -> String;

    /// The files that the store needs.
    fn files(&self) -> Option<BTreeSet<String>> {
        None
    }

    /// What must have happened since this instance was opened on an empty disk, asked when
    /// no background work is left. What was counted may come from the store, which is how
    /// it shows that it knows what it does, or from the disk, which is how it shows that
    /// it does no more; what was expected should come from neither. A system without
    /// such laws promises nothing about its costs.
    fn equalities(&self, account: &Account<'_>) -> Vec<Equality> {
        let _ = account;
        Vec::new()
    }

    /// Closes the store.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn close(self: Box<Self>) -> Result<(), Failure>;
}
