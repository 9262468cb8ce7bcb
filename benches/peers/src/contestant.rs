//! Who plays a row: an engine, and with which options.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engines::LITHIFY;

/// The options of an engine in a row. All but the last are those of lithify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Variant {
    /// Those that a careful user would begin with.
    #[default]
    Default,
    /// As much cache as the peers have.
    Cached,
    /// Only the newest version of each key is kept.
    Newest,
    /// Everything stays in memory and one log file.
    OneLog,
    /// SurrealKV keeps versions itself, instead of the commit number in the key.
    OwnVersions,
}

/// An engine with its options.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Contestant {
    /// The name of the engine.
    pub(crate) engine: String,
    /// Its options.
    pub(crate) variant: Variant,
}

impl Contestant {
    /// Whether this is the engine that the others are compared with.
    pub(crate) fn is_lithify(&self) -> bool {
        self.engine == LITHIFY
    }

    /// Who makes the store that this one reads: a cache leaves no traces in it.
    pub(crate) fn loader(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            variant: match self.variant {
                Variant::Cached => Variant::Default,
                other => other,
            },
        }
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.engine)?;
        formatter.write_str(match self.variant {
            Variant::Default => "",
            Variant::Cached => ", cached",
            Variant::Newest => ", newest",
            Variant::OneLog => ", one log",
            Variant::OwnVersions => ", own versions",
        })
    }
}
