//! One aligned range of commits, `(start, end]` at a level.
//!
//! A window is a plain value. It does not know the alignment it came from, so
//! nothing here checks that its edges are aligned.

use std::fmt;

use super::Level;
use crate::commit::Commit;

/// The commits `start + 1 ..= end` at a level. Windows order oldest first, and
/// a narrow window comes before a wider one with the same start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Window {
    /// The commit before the first one inside (exclusive edge).
    pub start: Commit,
    /// The last commit inside (inclusive edge); the window closes here.
    pub end: Commit,
    /// The level; 0 for a single commit.
    pub level: Level,
}

impl Window {
    /// Whether the commit lies inside.
    #[must_use]
    pub fn contains(&self, commit: Commit) -> bool {
        self.start < commit && commit <= self.end
    }

    /// Whether every commit of `other` lies inside; true for equal windows.
    /// Levels are not compared.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The number of commits inside.
    #[must_use]
    pub fn width(&self) -> u64 {
        self.end.get().saturating_sub(self.start.get())
    }
}

/// The bounds that the text of a layout has: the first and the last commit inside.
impl serde::Serialize for Window {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut window = serializer.serialize_struct("Window", 3)?;
        window.serialize_field("level", &self.level)?;
        window.serialize_field("first", &self.start.next())?;
        window.serialize_field("last", &self.end)?;
        window.end()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "({}..{}]@{}", self.start, self.end, self.level)
    }
}
