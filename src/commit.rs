//! The commit number: the address of everything in the store.
//!
//! Invariants: numbers are dense, start at 1, and are never reused once they
//! have been acknowledged. [`Commit::ZERO`] is not a commit; it names the empty
//! state before the first one, so that half-open ranges `(start, end]` need no
//! special case. This file does not allocate numbers: the sequencer does.

use std::fmt;

/// The number of a commit, dense from 1. [`Commit::ZERO`] stands for "before
/// the first commit".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Commit(u64);

impl Commit {
    /// The empty state before the first commit.
    pub const ZERO: Self = Self(0);
    /// The largest number that can be represented; never allocated.
    pub const MAX: Self = Self(u64::MAX);

    /// The commit with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, 0 for [`Commit::ZERO`].
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The commit that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The commit `count` before this one, or [`Commit::ZERO`] when there is none.
    #[must_use]
    pub const fn minus(self, count: u64) -> Self {
        Self(self.0.saturating_sub(count))
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.0)
    }
}

impl From<u64> for Commit {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl serde::Serialize for Commit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}
