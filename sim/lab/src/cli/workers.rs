//! Distributes numbers over threads until all are done, the time is over, or Ctrl-C is
//! pressed.

#![expect(
    clippy::disallowed_methods,
    reason = "spreads whole seeds over cores, and ends the process on a second Ctrl-C"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::stop::Stop;

/// The exit code that a shell reports for a process that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

/// After this call, Ctrl-C ends the work and not the process, so that the findings so
/// far can be reported. A second Ctrl-C ends the process.
pub fn stop_on_interrupt() -> Stop {
    let signal = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&signal);
    // A user who presses Ctrl-C twice does not want to wait for destructors.
    let handle = move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    };
    // Each command sets the handler once.
    let _ = ctrlc::set_handler(handle);
    Stop::on(signal)
}

/// The range of numbers, and when to stop.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) first: u64,
    /// The distance from one number to the next.
    pub(super) step: u64,
    pub(super) count: u64,
    pub(super) stop: Stop,
    pub(super) jobs: usize,
}

/// Gives numbers to `work`, one at a time to each thread, until `work` returns false or
/// a limit is reached. Returns whether all numbers were done.
pub(super) fn spread<T: Send>(
    limits: &Limits,
    state: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, u64) -> bool + Sync,
    merge: impl Fn(T) + Sync,
) -> bool {
    // Counted from the first number, so that the last number may be the largest `u64`.
    let next = AtomicU64::new(0);
    let stopped = AtomicBool::new(false);
    let merging = Mutex::new(());
    let worker = || {
        let mut state = state();
        loop {
            if limits.stop.is_due() || stopped.load(Ordering::Relaxed) {
                stopped.store(true, Ordering::Relaxed);
                break;
            }
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= limits.count {
                break;
            }
            if !work(&mut state, limits.first + turn * limits.step) {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        let _one_at_a_time = merging.lock();
        merge(state);
    };
    std::thread::scope(|scope| {
        for _ in 1..limits.jobs {
            scope.spawn(worker);
        }
        worker();
    });
    !stopped.load(Ordering::Relaxed)
}

/// The number of threads: the requested number, or one for each core.
pub fn threads(asked: Option<u16>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(cores, usize::from)
}
