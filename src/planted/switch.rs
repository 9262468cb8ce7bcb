//! The active bug of this thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

use super::Bug;

thread_local! {
    static ACTIVE: Cell<Option<Bug>> = const { Cell::new(None) };
    static PASSED: Cell<u64> = const { Cell::new(0) };
}

/// Runs `run` with `bug` active on this thread, or without a bug, and then restores the previous
/// state, also when `run` panics.
pub fn with<T>(bug: Option<Bug>, run: impl FnOnce() -> T) -> T {
    let _restored = Restore(ACTIVE.replace(bug));
    run()
}

struct Restore(Option<Bug>);

impl Drop for Restore {
    fn drop(&mut self) {
        ACTIVE.set(self.0);
    }
}

pub(crate) fn is_active(bug: Bug) -> bool {
    let is_active = ACTIVE.get() == Some(bug);
    PASSED.set(PASSED.get() + u64::from(is_active));
    is_active
}

/// The number of times that this thread has passed the place of a bug while that bug was active.
#[must_use]
pub fn passed() -> u64 {
    PASSED.get()
}

/// Brings `items` into an order in which a hash map of the standard library might have held them:
/// another order at each call.
pub(crate) fn shuffle<T>(items: &mut VecDeque<T>) {
    if is_active(Bug::HashOrderLeaks) && !items.is_empty() {
        #[allow(clippy::disallowed_types, reason = "the bug is that it is seeded anew")]
        let state = std::hash::RandomState::new();
        let hash = state.build_hasher().finish();
        let first = hash % items.len() as u64;
        items.rotate_left(first as usize);
    }
}
