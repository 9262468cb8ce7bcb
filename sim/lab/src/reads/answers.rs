//! Questions and answers as data.

use std::fmt;
use std::ops::{Bound, RangeInclusive};

use crate::history::Key;

/// From which end each item of a scan is taken, again and again in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// Always from the beginning.
    Forward,
    /// Always from the end.
    Backward,
    /// Once from the beginning, once from the end.
    Alternating,
    /// Twice from the end, once from the beginning.
    MostlyBackward,
}

impl Turns {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Forward,
        Self::Backward,
        Self::Alternating,
        Self::MostlyBackward,
    ];

    /// Whether the item of this number is taken from the end.
    #[must_use]
    pub const fn is_from_end(self, number: usize) -> bool {
        match self {
            Self::Forward => false,
            Self::Backward => true,
            Self::Alternating => number % 2 == 1,
            Self::MostlyBackward => number % 3 != 2,
        }
    }
}

/// Something that can be asked of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The value of a key as of a commit.
    Get {
        /// As of which commit.
        at: u64,
        /// Which key.
        key: Key,
    },
    /// The keys and values between two ends.
    Scan {
        /// As of which commit.
        at: u64,
        /// In which keyspace.
        keyspace: &'static str,
        /// Where it begins.
        start: Bound<Vec<u8>>,
        /// Where it ends.
        end: Bound<Vec<u8>>,
        /// From which end items are taken.
        turns: Turns,
    },
    /// The keys that begin with something, and their values.
    Prefix {
        /// As of which commit.
        at: u64,
        /// In which keyspace.
        keyspace: &'static str,
        /// What they begin with.
        prefix: Vec<u8>,
        /// From which end items are taken.
        turns: Turns,
    },
    /// The versions of a key, oldest first, up to a commit.
    Versions {
        /// As of which commit.
        at: u64,
        /// Which key.
        key: Key,
    },
    /// What differs between two commits, either of which may be the later one.
    Diff {
        /// In which keyspace.
        keyspace: &'static str,
        /// The commit on the left.
        from: u64,
        /// The commit on the right.
        to: u64,
    },
    /// What each commit after `since` up to `at` wrote.
    Changes {
        /// The last commit.
        at: u64,
        /// The commit before the first one.
        since: u64,
    },
    /// Which commits can be read: in a keyspace, or in all at once.
    Readable(Option<&'static str>),
    /// The names of the keyspaces.
    Keyspaces,
}

impl Question {
    /// The commit that a snapshot must be of to answer; `None` when any is.
    #[must_use]
    pub fn at(&self) -> Option<u64> {
        match self {
            Self::Get { at, .. }
            | Self::Scan { at, .. }
            | Self::Prefix { at, .. }
            | Self::Versions { at, .. }
            | Self::Changes { at, .. }
            | Self::Diff { to: at, .. } => Some(*at),
            Self::Readable(_) | Self::Keyspaces => None,
        }
    }
}

/// What a key is or was: none for a deletion.
pub type Written = Option<Vec<u8>>;

/// What a commit wrote, sorted by keyspace and key.
pub type Writes = Vec<((String, Vec<u8>), Written)>;

/// What a store says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A value, or none.
    Value(Written),
    /// Keys and values, in key order.
    Pairs(Vec<(Vec<u8>, Vec<u8>)>),
    /// Commits and what they wrote to one key.
    Versions(Vec<(u64, Written)>),
    /// Keys with their values before and after.
    Differences(Vec<(Vec<u8>, Written, Written)>),
    /// Commits and everything that they wrote.
    Commits(Vec<(u64, Writes)>),
    /// Commits that can be read, ascending and disjoint.
    Ranges(Vec<RangeInclusive<u64>>),
    /// Names, in order of first use.
    Names(Vec<String>),
    /// A commit cannot be read any more.
    Thinned {
        /// Which one.
        commit: u64,
        /// The nearest readable one before it.
        before: Option<u64>,
        /// The nearest readable one after it.
        after: Option<u64>,
    },
    /// A commit is not there yet.
    BeyondHead(u64),
}

impl fmt::Display for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |key: &Key| {
            let bytes = key.bytes();
            format!(
                "{}/{}",
                key.keyspace_name(),
                String::from_utf8_lossy(&bytes)
            )
        };
        let edge = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(key) => format!("{} (with it)", String::from_utf8_lossy(key)),
            Bound::Excluded(key) => format!("{} (without it)", String::from_utf8_lossy(key)),
            Bound::Unbounded => "the edge".to_owned(),
        };
        match self {
            Self::Get { at, key } => write!(formatter, "get of {} at {at}", name(key)),
            Self::Scan {
                at,
                keyspace,
                start,
                end,
                turns,
            } => write!(
                formatter,
                "scan of {keyspace} at {at} from {} to {}, {turns:?}",
                edge(start),
                edge(end)
            ),
            Self::Prefix {
                at,
                keyspace,
                prefix,
                turns,
            } => write!(
                formatter,
                "scan of {keyspace} at {at} for keys that begin with {:?}, {turns:?}",
                String::from_utf8_lossy(prefix)
            ),
            Self::Versions { at, key } => write!(formatter, "versions of {} at {at}", name(key)),
            Self::Diff { keyspace, from, to } => {
                write!(formatter, "difference of {keyspace} from {from} to {to}")
            }
            Self::Changes { at, since } => write!(formatter, "changes since {since} up to {at}"),
            Self::Keyspaces => formatter.write_str("keyspaces"),
            Self::Readable(None) => formatter.write_str("readable commits"),
            Self::Readable(Some(keyspace)) => write!(formatter, "readable commits of {keyspace}"),
        }
    }
}
