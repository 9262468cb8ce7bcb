//! The CPU time of a thread.
//!
//! Searches are bounded by CPU time and not by wall-clock time, so that their findings
//! do not depend on the load of the machine.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Measures only the thread that started it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch {
    start: Duration,
}

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub(super) fn start() -> Self {
        Self { start: used() }
    }

    /// The CPU time of this thread since the start.
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
