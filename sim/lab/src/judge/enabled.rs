//! Which oracles are enabled. An oracle can be switched off, to learn what the other
//! oracles miss.

use std::collections::BTreeSet;

use super::Bounds;
use crate::judge::oracle::{Finding, Oracle};
use crate::panics::{Unwound, unwound};

/// The enabled oracles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enabled {
    without: BTreeSet<Oracle>,
}

impl Enabled {
    /// All oracles except `oracles`.
    #[must_use]
    pub fn without(oracles: impl IntoIterator<Item = Oracle>) -> Self {
        Self {
            without: oracles.into_iter().collect(),
        }
    }

    /// Objects to a wrong value. On a damaged disk [`Oracle::Damage`] objects instead
    /// of `otherwise`, if neither of the two is switched off.
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

    /// Turns a panic, or a call without an end, into a finding.
    ///
    /// # Errors
    /// The finding of `run`, or one of [`Oracle::Panic`] or [`Oracle::Liveness`].
    pub fn guarded<T: Default>(
        &self,
        run: impl FnOnce() -> Result<T, Finding>,
    ) -> Result<T, Finding> {
        unwound(run).unwrap_or_else(|unwound| {
            match unwound {
                Unwound::Panicked(message) => self.object(Oracle::Panic, message)?,
                Unwound::Endless(endless) => self.object(Oracle::Liveness, endless.to_string())?,
            }
            Ok(T::default())
        })
    }
}
