//! Who plays a row: an engine, and for lithify which options.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engines::LITHIFY;

/// The options of lithify in a row. Peers have one set of options and know only the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Variant {
    /// `Options::default()`.
    #[default]
    Default,
    /// As much cache as the peers have.
    Cached,
    /// Only the newest version of each key is kept.
    Newest,
    /// Everything stays in memory and one log file.
    OneLog,
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
}

impl fmt::Display for Contestant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.engine)?;
        formatter.write_str(match self.variant {
            Variant::Default => "",
            Variant::Cached => ", cached",
            Variant::Newest => ", newest",
            Variant::OneLog => ", one log",
        })
    }
}
