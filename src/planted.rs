//! Planted bugs: each one is a mistake that a storage engine could make, and most of them are
//! mistakes that a real engine has made. The laboratory runs the engine with one bug active and has
//! to find it. A laboratory that finds no planted bug proves nothing.
//!
//! Invariants: without the feature `planted-bugs` the macro is the literal `false`, so a normal
//! build contains no bug. With the feature, at most one bug is active at a time, on the thread that
//! called [`with`], and no bug loops for ever.
//!
//! This file only names the bugs. The place of each bug is the macro call `planted!(Name)`.
//!
//! The patterns M.., R.. and E.. are numbers in the list of known crash vulnerabilities from which
//! the laboratory was built. M67 stands for anomalies that a transaction must not see: lost updates
//! and phantoms (Berenson et al., SIGMOD 1995).

/// Whether a bug is active here.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is_active($crate::planted::Bug::$bug)
    };
}

/// Whether a bug is active here: never, in a normal build.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

#[cfg(feature = "planted-bugs")]
mod catalogue;
#[cfg(feature = "planted-bugs")]
mod switch;

#[cfg(feature = "planted-bugs")]
pub use catalogue::Bug;
#[cfg(feature = "planted-bugs")]
pub(crate) use switch::{is_active, shuffle};
#[cfg(feature = "planted-bugs")]
pub use switch::{passed, with};

/// The facts about a bug.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Its number in the list of known patterns.
    pub pattern: &'static str,
    /// The mistake, and a system that has had it.
    pub story: &'static str,
    /// The part of the engine that contains it.
    pub area: &'static str,
    /// The oracle that is expected to notice it first.
    pub oracle: &'static str,
    /// The fault that is needed to trigger it, or `none`, and the needed workload.
    pub trigger: &'static str,
}
