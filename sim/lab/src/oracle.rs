//! The oracles: what is checked, by name.
//!
//! A finding names the oracle that objects, and what is wrong. Shrinking keeps the oracle;
//! what findings with one cause have in common is their [signature](crate::signature).

use std::fmt;

use serde::{Serialize, Serializer};

/// One promise that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oracle {
    /// After a crash without other faults the store opens.
    Opens,
    /// Nothing fails while the disk is healthy, and no answer contradicts another.
    Errors,
    /// An error of the disk is reported by the call that met it.
    Honesty,
    /// Acknowledged commits are there.
    Durability,
    /// No commit is there that nobody asked for.
    Phantom,
    /// Keys and values are those of the newest commit: no commit is missing while a later
    /// one is there, each is there as a whole, and no deleted key comes back.
    State,
    /// Every readable commit reads as it was.
    TimeTravel,
    /// Windows are aligned and do not overlap, settled or not; the settled layout is the
    /// one of the rule.
    Layout,
    /// The settled layout, with entries and bytes, does not depend on schedule, crashes
    /// or restarts.
    Confluence,
    /// Opening again changes nothing that can be seen.
    Idempotence,
    /// What a store has served after opening is there at the next opening.
    Stability,
    /// The physical check agrees.
    Physical,
    /// Every file that the store needs is there.
    Dangling,
    /// No other file is there when the store has settled.
    Orphans,
    /// Damage is reported, or harmless.
    Damage,
    /// Counters of the store, and bytes and syncs that the disk has seen, are what the rule
    /// predicts.
    Counters,
    /// A settled store takes no more than it promises, and opening again and again does not
    /// take more and more.
    Space,
    /// Readers see what they saw when they were opened.
    Snapshots,
    /// Settling ends, at the latest when faults have stopped, and nobody waits for ever.
    Liveness,
    /// Commit numbers go up by one, and none means two things.
    Numbers,
    /// The same plan does the same operations.
    Determinism,
    /// Nothing panics.
    Panic,
    /// Every other read (single ones, scans between ends, versions, differences, streams of
    /// changes) says what the model says at the commits that are called readable, and is
    /// refused at all others.
    Reads,
    /// A store that is opened in spite of damage says what the model says or names the damage,
    /// and writes nothing.
    DamagedReads,
}

impl Oracle {
    /// Every oracle.
    pub const ALL: &[Self] = &[
        Self::Opens,
        Self::Errors,
        Self::Honesty,
        Self::Durability,
        Self::Phantom,
        Self::State,
        Self::TimeTravel,
        Self::Layout,
        Self::Confluence,
        Self::Idempotence,
        Self::Stability,
        Self::Physical,
        Self::Dangling,
        Self::Orphans,
        Self::Damage,
        Self::Counters,
        Self::Space,
        Self::Snapshots,
        Self::Liveness,
        Self::Numbers,
        Self::Determinism,
        Self::Panic,
        Self::Reads,
        Self::DamagedReads,
    ];

    /// The name that traces and the command line use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Opens => "opens",
            Self::Errors => "errors",
            Self::Honesty => "honesty",
            Self::Durability => "durability",
            Self::Phantom => "phantom",
            Self::State => "state",
            Self::TimeTravel => "time-travel",
            Self::Layout => "layout",
            Self::Confluence => "confluence",
            Self::Idempotence => "idempotence",
            Self::Stability => "stability",
            Self::Physical => "physical",
            Self::Dangling => "dangling",
            Self::Orphans => "orphans",
            Self::Damage => "damage",
            Self::Counters => "counters",
            Self::Space => "space",
            Self::Snapshots => "snapshots",
            Self::Liveness => "liveness",
            Self::Numbers => "numbers",
            Self::Determinism => "determinism",
            Self::Panic => "panic",
            Self::Reads => "reads",
            Self::DamagedReads => "damaged-reads",
        }
    }

    /// What it demands, in a sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Opens => "after a crash the store opens",
            Self::Errors => "nothing fails while the disk is healthy",
            Self::Honesty => "an error of the disk is reported by the call that met it",
            Self::Durability => "acknowledged commits survive",
            Self::Phantom => "no commit appears that nobody asked for",
            Self::State => {
                "the newest state is the model's: no hole, no torn commit, no deleted key"
            }
            Self::TimeTravel => "every readable commit reads as it was",
            Self::Layout => "windows are aligned, and the settled layout is that of the rule",
            Self::Confluence => "the settled layout does not depend on schedule, crashes, restarts",
            Self::Idempotence => "opening again changes nothing that can be seen",
            Self::Stability => "what was served after opening stays",
            Self::Physical => "an independent check of the files agrees",
            Self::Dangling => "every file that is needed is there",
            Self::Orphans => "no file is left that nothing needs",
            Self::Damage => "damage is reported or harmless",
            Self::Counters => "counters, and the bytes and syncs of the disk, equal the prediction",
            Self::Space => "a settled store takes no more than it promises, however often it opens",
            Self::Snapshots => "readers keep seeing what they saw",
            Self::Liveness => "settling ends, and nobody waits for ever",
            Self::Numbers => "commit numbers go up by one and mean one thing",
            Self::Determinism => "the same plan does the same operations",
            Self::Panic => "nothing panics",
            Self::DamagedReads => {
                "of a damaged store the rest is read right, all damage is named, and nothing is written"
            }
            Self::Reads => {
                "every public read is the model's where it is readable, and refused elsewhere"
            }
        }
    }

    /// The oracle of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|oracle| oracle.name() == name)
    }
}

impl Serialize for Oracle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which promise.
    pub oracle: Oracle,
    /// What is wrong, with the numbers compared.
    pub message: String,
}

impl Finding {
    /// A finding.
    #[must_use]
    pub fn new(oracle: Oracle, message: impl Into<String>) -> Self {
        Self {
            oracle,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.oracle, self.message)
    }
}
