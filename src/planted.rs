//! Bugs on purpose: each one is a mistake that a storage engine could make, and most of
//! them one that some engine did make. The laboratory runs the engine with one of them
//! active and has to find it; a laboratory that finds nothing proves nothing.
//!
//! Invariants: without the feature `planted-bugs` the macro is the literal `false`, so a
//! normal build holds none of this. With it, at most one bug is active at a time, on
//! the thread that called [`with`], and none of them loops for ever.
//!
//! This file only names the bugs. Where each one is, `planted!(Name)` says.
//!
//! The patterns M.. and R.. and E.. are numbers in the list of known crash
//! vulnerabilities of the field that the lab was built from. M67 stands for what a transaction
//! must not see, lost updates and phantoms (Berenson et al., SIGMOD 1995).

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

/// What there is to know about a bug.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Its number in the list of known patterns.
    pub pattern: &'static str,
    /// What goes wrong, and who has had it.
    pub story: &'static str,
    /// The part of the engine it is in.
    pub area: &'static str,
    /// The oracle that is expected to notice it first.
    pub oracle: &'static str,
    /// The fault that it takes, or `none`, with what the workload must have.
    pub trigger: &'static str,
}
