//! The effect of damage, as a value that can be printed.

use std::fmt;

use crate::commit::Commit;
use crate::error::Damage;

/// A damaged part of a store, and the data that cannot be read because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The place of the damage.
    pub damage: Damage,
    /// The data that is lost by it.
    pub takes: Takes,
}

/// The lost data. A read that depends on it is refused with
/// [`Error::Damage`](crate::Error::Damage).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: reads do not need the damaged part, or find the same data elsewhere.
    Nothing,
    /// Versions of some keys. Writes of later commits to the same keys can still be read.
    Versions {
        /// The keyspace.
        keyspace: String,
        /// The first commit that may have written one of these versions.
        first: Commit,
        /// The last commit that may have.
        last: Commit,
        /// The first of the keys.
        from: Vec<u8>,
        /// The last of the keys; `None` for all following keys.
        to: Option<Vec<u8>>,
    },
    /// Whole commits, in every keyspace. This includes the names of keyspaces that one of these
    /// commits was the first to write to.
    Commits {
        /// The first of them.
        first: Commit,
        /// The last of them; `None` when their number is unknown. Then the head of the store stands
        /// for all of them.
        last: Option<Commit>,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.damage, self.takes)
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(formatter, "nothing is lost by it"),
            Self::Versions {
                keyspace,
                first,
                last,
                from,
                to,
            } => {
                let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
                write!(
                    formatter,
                    "lost is what commits {first} to {last} wrote to the keys of {keyspace:?} "
                )?;
                match to {
                    Some(to) => write!(formatter, "from {:?} to {:?}", text(from), text(to)),
                    None => write!(formatter, "from {:?} on", text(from)),
                }
            }
            Self::Commits {
                first,
                last: Some(last),
            } => write!(formatter, "lost are the commits {first} to {last}"),
            Self::Commits { first, last: None } => write!(
                formatter,
                "lost are the commits from {first} on, and nobody knows how many there were"
            ),
        }
    }
}
