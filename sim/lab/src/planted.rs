//! Planted bugs of the sample systems: chosen at run time, one at a time, per thread.
//!
//! The engine has its own list behind the feature `planted-bugs`. A sample system asks
//! [`is_active`] at the place where the bug belongs.

use std::cell::Cell;

thread_local! {
    static ACTIVE: Cell<Option<&'static str>> = const { Cell::new(None) };
    static PASSED: Cell<u64> = const { Cell::new(0) };
}

/// What is known about a planted bug before a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Its name: lower case, words joined by hyphens, unique in its system.
    pub name: &'static str,
    /// The pattern or the published bug that it is an instance of.
    pub pattern: &'static str,
    /// What goes wrong, in a sentence.
    pub story: &'static str,
    /// Whether its story says why nothing goes wrong. Only then is a proof by small
    /// histories useful. For any other bug, the proof would only show that the
    /// histories are too small.
    pub is_thought_equivalent: bool,
}

impl Planted {
    /// A bug.
    #[must_use]
    pub const fn new(name: &'static str, pattern: &'static str, story: &'static str) -> Self {
        Self {
            name,
            pattern,
            story,
            is_thought_equivalent: false,
        }
    }
}

/// Whether the bug with this name is planted on this thread.
#[must_use]
pub fn is_active(name: &str) -> bool {
    let is_active = ACTIVE.get() == Some(name);
    PASSED.set(PASSED.get() + u64::from(is_active));
    is_active
}

/// The number of times that this thread has executed the code of a bug while the bug
/// was planted, in the engine or in a sample system.
#[must_use]
pub fn passed() -> u64 {
    #[cfg(feature = "planted-bugs")]
    let in_engine = lithify::planted::passed();
    #[cfg(not(feature = "planted-bugs"))]
    let in_engine = 0;
    in_engine + PASSED.get()
}

/// Runs with a bug planted, and removes the bug afterwards even if `run` panics.
pub fn with<T>(bug: Option<&'static str>, run: impl FnOnce() -> T) -> T {
    struct Restore(Option<&'static str>);
    impl Drop for Restore {
        fn drop(&mut self) {
            ACTIVE.set(self.0);
        }
    }
    let _restore = Restore(ACTIVE.replace(bug));
    run()
}
