//! What a recording does not hold, by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of gap. Its name is what `--allow` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Operations that a queue carries and no call.
    IoUring,
    /// Stores through a shared mapping.
    Mmap,
    /// Bytes that come from a pipe or a socket without a call that shows them.
    Splice,
    /// Files that share blocks.
    Reflink,
    /// Two names that change places.
    Exchange,
    /// Parts of a file that are cut out or pushed in.
    Collapse,
    /// A name that came from outside of the directory.
    Outside,
    /// Pipes, sockets and devices in the directory.
    Special,
    /// A descriptor that came from nowhere.
    Descriptor,
    /// The directory is not what the recording makes of it.
    Difference,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::IoUring,
        Self::Mmap,
        Self::Splice,
        Self::Reflink,
        Self::Exchange,
        Self::Collapse,
        Self::Outside,
        Self::Special,
        Self::Descriptor,
        Self::Difference,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IoUring => "io-uring",
            Self::Mmap => "mmap",
            Self::Splice => "splice",
            Self::Reflink => "reflink",
            Self::Exchange => "exchange",
            Self::Collapse => "collapse",
            Self::Outside => "outside",
            Self::Special => "special",
            Self::Descriptor => "descriptor",
            Self::Difference => "difference",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One gap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// Its kind.
    pub kind: Kind,
    /// What was seen.
    pub what: String,
}

impl Gap {
    /// A gap.
    #[must_use]
    pub fn new(kind: Kind, what: String) -> Self {
        Self { kind, what }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.what, self.kind.name())
    }
}
