//! The oracles, by name: the promises that are checked. Each oracle is a row here. The
//! condition of an oracle is in the file that calls it: a file in this directory, or a
//! file in `run::execute` if only a running store can break the promise.
//!
//! A finding names the oracle that objects, and what is wrong. Shrinking keeps the
//! oracle. What findings with one cause have in common is their
//! [signature](crate::finding::signature).

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! oracles {
    ($($(#[$more:meta])* $oracle:ident = $name:literal, $about:literal;)*) => {
        /// One promise that is checked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Oracle {
            $(#[doc = $about] #[doc = ""] $(#[$more])* $oracle,)*
        }

        impl Oracle {
            /// All oracles.
            pub const ALL: &[Self] = &[$(Self::$oracle),*];

            /// The name that traces and the command line use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$oracle => $name,)*
                }
            }

            /// What the oracle demands, in a sentence.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$oracle => $about,)*
                }
            }
        }
    };
}

oracles! {
    Opens = "opens", "after a crash the store opens";
    /// Nothing fails while the disk is healthy, and no answer contradicts another.
    Errors = "errors", "nothing fails while the disk is healthy";
    Honesty = "honesty", "an error of the disk is reported by the call that met it";
    Durability = "durability", "acknowledged commits survive";
    Phantom = "phantom", "no commit appears that nobody asked for";
    /// Keys and values are those of the newest commit: no commit is missing before a
    /// later one, every commit is complete, and no deleted key comes back.
    State = "state", "the newest state is the model's: no hole, no torn commit, no deleted key";
    TimeTravel = "time-travel", "every readable commit reads as it was";
    /// Windows are aligned and do not overlap, settled or not. The settled layout is
    /// the layout of the rule.
    Layout = "layout", "windows are aligned, and the settled layout is that of the rule";
    /// The settled layout, with entries and bytes, does not depend on schedule, crashes
    /// or restarts.
    Confluence = "confluence", "the settled layout does not depend on schedule, crashes, restarts";
    Idempotence = "idempotence", "opening again changes nothing that can be seen";
    /// What a store has served after one opening is still there at the next opening.
    Stability = "stability", "what was served after opening stays";
    Physical = "physical", "an independent check of the files agrees";
    Dangling = "dangling", "every file that is needed is there";
    /// A settled store has no other files.
    Orphans = "orphans", "no file is left that nothing needs";
    Damage = "damage", "damage is reported or harmless";
    /// The counters of the store, and the bytes and syncs that the disk has seen, equal
    /// the prediction of the rule.
    Counters = "counters", "counters, and the bytes and syncs of the disk, equal the prediction";
    /// A settled store uses no more space than it promises, and repeated opening does
    /// not use more and more space.
    Space = "space", "a settled store takes no more than it promises, however often it opens";
    Snapshots = "snapshots", "readers keep seeing what they saw";
    /// Every call ends. Settling ends, at the latest when faults have stopped, and no
    /// client waits for ever.
    Liveness = "liveness", "every call and settling end, and nobody waits for ever";
    Numbers = "numbers", "commit numbers go up by one and mean one thing";
    Determinism = "determinism", "the same plan does the same operations";
    Panic = "panic", "nothing panics";
    /// Every other read (single reads, scans between bounds, versions, differences,
    /// streams of changes) equals the model at the commits that the store calls
    /// readable, and is refused at all others.
    Reads = "reads", "every public read is the model's where it is readable, and refused elsewhere";
    /// A store that is opened in spite of damage answers as the model or names the
    /// damage, and writes nothing.
    DamagedReads = "damaged-reads", "of a damaged store the rest is read right, all damage is named, and nothing is written";
    /// A reader that opens the store while a writer has it open sees every acknowledged commit, each as
    /// it was, for as long as it reads.
    Beside = "beside", "who reads beside a writer sees every acknowledged commit, each as it was";
    /// A store that is made of a damaged one has each commit as it was, or what it lacks is named.
    Salvage = "salvage", "what is salvaged of a damaged store is as it was, or named as lost";
}

impl Oracle {
    /// The names of all oracles.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        Self::ALL.iter().map(|oracle| oracle.name())
    }

    /// The oracle with this name.
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
    /// The broken promise.
    pub oracle: Oracle,
    /// What is wrong, with the compared numbers.
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
