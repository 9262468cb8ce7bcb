//! Which oracles are asked: one can be switched off, to learn what the others miss.

use std::collections::BTreeSet;

use super::Bounds;
use crate::judge::oracle::{Finding, Oracle};
use crate::panics::caught;

/// The oracles that are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enabled {
    without: BTreeSet<Oracle>,
}

impl Enabled {
    /// All but these.
    #[must_use]
    pub fn without(oracles: impl IntoIterator<Item = Oracle>) -> Self {
        Self {
            without: oracles.into_iter().collect(),
        }
    }

    /// Objects to a wrong value. On a damaged disk it is [`Oracle::Damage`] that objects,
    /// instead of the oracle that would otherwise, and only if neither is switched off.
    ///
    /// # Errors
    /// The finding.
    pub fn object_to_value(
        &self,
        bounds: Bounds,
        otherwise: Oracle,
        message: impl Into<String>,
    ) -> Result<(), Finding> {
        match bounds.is_damaged && !self.without.contains(&otherwise) {
            true => self.object(Oracle::Damage, message),
            false => self.object(otherwise, message),
        }
    }

    /// Objects, unless the oracle is switched off.
    ///
    /// # Errors
    /// The finding.
    pub fn object(&self, oracle: Oracle, message: impl Into<String>) -> Result<(), Finding> {
        if self.without.contains(&oracle) {
            Ok(())
        } else {
            Err(Finding::new(oracle, message))
        }
    }

    /// Turns a panic into a finding.
    ///
    /// # Errors
    /// The finding of `run`, or one of [`Oracle::Panic`].
    pub fn guarded<T: Default>(
        &self,
        run: impl FnOnce() -> Result<T, Finding>,
    ) -> Result<T, Finding> {
        caught(run).unwrap_or_else(|message| {
            self.object(Oracle::Panic, message)?;
            Ok(T::default())
        })
    }
}
