//! Questions and answers as data.

use std::fmt;
use std::ops::{Bound, RangeInclusive};

use crate::history::Key;

/// The order in which a scan takes items from its two ends, repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// Always from the beginning.
    Forward,
    /// Always from the end.
    Backward,
    /// One item from the beginning, one from the end.
    Alternating,
    /// Two items from the end, one from the beginning.
    MostlyBackward,
}

impl Turns {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::Forward,
        Self::Backward,
        Self::Alternating,
        Self::MostlyBackward,
    ];

    /// Whether the item with this number is taken from the end.
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

/// A question to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The value of a key as of a commit.
    Get {
        /// The commit.
        at: u64,
        /// The key.
        key: Key,
    },
    /// The keys and values between two bounds.
    Scan {
        /// The commit.
        at: u64,
        /// The keyspace.
        keyspace: &'static str,
        /// The lower bound.
        start: Bound<Vec<u8>>,
        /// The upper bound.
        end: Bound<Vec<u8>>,
        /// The ends from which items are taken.
        turns: Turns,
    },
    /// The keys with a prefix, and their values.
    Prefix {
        /// The commit.
        at: u64,
        /// The keyspace.
        keyspace: &'static str,
        /// The prefix.
        prefix: Vec<u8>,
        /// The ends from which items are taken.
        turns: Turns,
    },
    /// The versions of a key up to a commit, the oldest first.
    Versions {
        /// The commit.
        at: u64,
        /// The key.
        key: Key,
    },
    /// The differences between two commits, either of which may be the later one.
    Diff {
        /// The keyspace.
        keyspace: &'static str,
        /// The commit on the left.
        from: u64,
        /// The commit on the right.
        to: u64,
    },
    /// The writes of each commit after `since` up to `at`.
    Changes {
        /// The last commit.
        at: u64,
        /// The commit before the first commit.
        since: u64,
    },
    /// Which commits can be read: in one keyspace, or in all keyspaces at once.
    Readable(Option<&'static str>),
    /// The names of the keyspaces.
    Keyspaces,
}

impl Question {
    /// The commit whose snapshot can answer; `None` if any snapshot can.
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

/// The value of a key; `None` for a deletion.
pub type Written = Option<Vec<u8>>;

/// The writes of a commit, sorted by keyspace and key.
pub type Writes = Vec<((String, Vec<u8>), Written)>;

/// The answer of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A value, or `None`.
    Value(Written),
    /// Keys and values, in key order.
    Pairs(Vec<(Vec<u8>, Vec<u8>)>),
    /// Commits, and what they wrote to one key.
    Versions(Vec<(u64, Written)>),
    /// Keys with their values before and after.
    Differences(Vec<(Vec<u8>, Written, Written)>),
    /// Commits, and everything that they wrote.
    Commits(Vec<(u64, Writes)>),
    /// The commits that can be read, as ascending and disjoint ranges.
    Ranges(Vec<RangeInclusive<u64>>),
    /// Names, in the order of first use.
    Names(Vec<String>),
    /// A commit cannot be read any more.
    Thinned {
        /// The commit.
        commit: u64,
        /// The nearest readable commit before it.
        before: Option<u64>,
        /// The nearest readable commit after it.
        after: Option<u64>,
    },
    /// A commit does not exist yet.
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
