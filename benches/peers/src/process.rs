//! What the operating system knows about this process. Numbers are `None` where `/proc` is absent.

use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The largest amount of memory that this process has had, in bytes. Pages of mapped files count.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    Some(field("/proc/self/status", "VmHWM:")? * 1024)
}

/// Bytes that this process has sent towards the device, dirty pages of mapped files included.
/// A file system in memory counts none.
pub(crate) fn written_bytes() -> Option<u64> {
    field("/proc/self/io", "write_bytes:")
}

/// Processor time of all threads of this process.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).expect("a process has not used a negative time"),
        u32::try_from(time.tv_nsec).expect("nanoseconds are below a second"),
    )
}

/// Waits until the threads of the engine have nothing to do for 300 ms, at most `most`.
pub(crate) fn wait_until_quiet(most: Duration) {
    const INTERVAL: Duration = Duration::from_millis(100);
    let start = Instant::now();
    let mut quiet_intervals = 0;
    let mut before = processor_time();
    while quiet_intervals < 3 && start.elapsed() < most {
        std::thread::sleep(INTERVAL);
        let now = processor_time();
        // One part in fifty: waking up to look costs some time, too.
        quiet_intervals = if now - before < INTERVAL / 50 {
            quiet_intervals + 1
        } else {
            0
        };
        before = now;
    }
}

/// The number behind `name` in a file of lines.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
