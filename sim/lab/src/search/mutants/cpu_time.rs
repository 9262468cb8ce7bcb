//! How much time of one core a thread has used.
//!
//! Searches are bounded by this and not by the clock on the wall, so that what they find
//! does not depend on what else the machine does.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Measures the thread that has started it, and no other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch {
    start: Duration,
}

impl Stopwatch {
    /// Begins now.
    #[must_use]
    pub(super) fn start() -> Self {
        Self { start: used() }
    }

    /// The time that this thread has computed since.
    #[must_use]
    pub(super) fn elapsed(self) -> Duration {
        used().saturating_sub(self.start)
    }
}

fn used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}
