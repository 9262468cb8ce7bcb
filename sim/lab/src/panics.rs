//! Panics of a system under test: caught, and told from the laboratory's own.
//!
//! A panic of a system is a finding with its message in it, so a program may keep quiet
//! about it; any other panic it should print.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// How many calls of [`caught`] this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// What `run` returns, or its panic. What it leaves half done is not to be used again.
///
/// # Errors
/// The message of the panic, or words that say that there is none.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    DEPTH.set(DEPTH.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    DEPTH.set(DEPTH.get() - 1);
    outcome.map_err(|panic| message_of(&*panic))
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
