//! The program of the compactor thread: listen, step, report, and sleep when idle.
//!
//! Invariants:
//! - the thread sleeps only in its inbox, and only after a step that found no work;
//! - a step knows every message that was sent before it, so an idle report covers those messages;
//! - when the program ends, for any reason, the gate is told.

use super::gate::{Gate, Progress};
use super::inbox::Inbox;
use super::shell::Shell;

/// Something that is driven by hints and steps.
pub(crate) trait Worker {
    /// A hint for the worker.
    type Hint;

    /// Takes a hint.
    fn hear(&mut self, hint: Self::Hint);

    /// Learns from the version what lost hints have failed to tell.
    fn look(&mut self);

    /// Does a bounded piece of work; false when there was none.
    ///
    /// # Errors
    /// The reason why the worker cannot go on.
    fn step(&mut self) -> Result<bool, String>;

    /// The progress of the worker.
    fn progress(&self) -> Progress;
}

/// Drives `worker` until the inbox is closed or a step fails.
pub(crate) async fn work<W: Worker, K: Shell>(
    worker: &mut W,
    inbox: &Inbox<W::Hint, K>,
    gate: &Gate<K>,
) {
    let mut is_idle = false;
    while let Some(delivery) = inbox.receive(is_idle).await {
        K::turn().await;
        for hint in delivery.messages {
            worker.hear(hint);
        }
        if delivery.must_look {
            worker.look();
        }
        // Hints before the step: an idle report must cover every message that was received before
        // it.
        let step = worker.step();
        K::turn().await;
        match step {
            Ok(has_worked) => is_idle = !has_worked || planted!(SleepsAfterEachStep),
            Err(_) if planted!(CompactorDiesUntold) => return,
            Err(cause) => return gate.stop(&cause),
        }
        // `asked` is the count of this delivery: a request that came during the step is not
        // answered yet.
        gate.report(worker.progress(), is_idle.then_some(delivery.asked));
        K::turn().await;
    }
    gate.stop("the store was closed");
}
