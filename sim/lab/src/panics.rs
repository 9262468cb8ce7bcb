//! Panics of a system under test: they are caught and told apart from panics of the
//! laboratory.
//!
//! A panic of a system is a finding that contains its message, so a program need not
//! print it. A program should print any other panic. The disk panics with
//! [`Endless`] to end a call that does not end by itself; that is another finding.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::disk::Endless;

thread_local! {
    /// The number of calls of [`caught`] that this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// The result of `run`, or its panic. Objects that a panic leaves half changed must not
/// be used again.
///
/// # Errors
/// The message of the panic, or a text that says that there is none.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    unwound(run).map_err(|unwound| match unwound {
        Unwound::Panicked(message) => message,
        Unwound::Endless(endless) => endless.to_string(),
    })
}

/// Why a call has not returned.
pub(crate) enum Unwound {
    /// It panicked, with this message.
    Panicked(String),
    /// The disk has ended it.
    Endless(Endless),
}

/// The result of `run`, or why there is none.
pub(crate) fn unwound<T>(run: impl FnOnce() -> T) -> Result<T, Unwound> {
    DEPTH.set(DEPTH.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    DEPTH.set(DEPTH.get() - 1);
    outcome.map_err(|panic| match panic.downcast::<Endless>() {
        Ok(endless) => Unwound::Endless(*endless),
        Err(panic) => Unwound::Panicked(message_of(&*panic)),
    })
}

/// Whether a panic of this thread would be caught, for a hook that prints the others.
#[must_use]
pub fn are_caught() -> bool {
    DEPTH.get() > 0
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let message = owned.or(panic.downcast_ref::<&str>().copied());
    message.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_panic_is_kept_in_either_form() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(
            caught(|| panic!("as it is")),
            Err::<(), _>("as it is".to_owned())
        );
        let number = 7;
        assert_eq!(
            caught(|| panic!("number {number}")),
            Err::<(), _>("number 7".to_owned())
        );
        assert!(!are_caught());
        assert_eq!(caught(are_caught), Ok(true));
    }
}
