//! When to stop early: after a time, on a signal, or never.
//!
//! Long work checks between two pieces of work, and ends in good order: it reports what
//! was found so far.

#![expect(
    clippy::disallowed_types,
    reason = "a time after which a search goes no further; it changes nothing that is found before"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// When to stop. Clones share the signal.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    end: Option<Instant>,
    signal: Option<Arc<AtomicBool>>,
}

impl Stop {
    /// Never.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// Stop after this much time.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self::never().within(Some(time))
    }

    /// Stop when `signal` is set.
    #[must_use]
    pub fn on(signal: Arc<AtomicBool>) -> Self {
        Self {
            end: None,
            signal: Some(signal),
        }
    }

    /// Stop also after this much time.
    #[must_use]
    pub fn within(self, time: Option<Duration>) -> Self {
        let end = time.and_then(|time| Instant::now().checked_add(time));
        Self {
            end: match (self.end, end) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            ..self
        }
    }

    /// Whether the work must stop.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let is_signalled = self
            .signal
            .as_ref()
            .is_some_and(|signal| signal.load(Ordering::Relaxed));
        is_signalled || self.end.is_some_and(|end| Instant::now() >= end)
    }
}
