//! Real threads: a state behind a mutex, and a condition variable for each bell.
//!
//! All blocking calls, and all code that only the threaded driver has, are in this file. The file
//! decides nothing: it locks, calls, and performs the wake-ups that the call has asked for.
//!
//! Invariant: futures that consist of these waits are ready at their first poll, so [`now`] needs
//! no executor.

use std::fmt;
use std::pin::pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use super::shell::{Bells, Monitor, Rung, Shell};
use super::sync::{Condvar, Mutex, MutexGuard};

/// Real threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Locks;

impl Shell for Locks {
    type Monitor<S, const BELLS: usize> = Locked<S, BELLS>;

    async fn turn() {}
}

/// Runs a program to its end on this thread. The thread blocks where the program waits.
pub(crate) fn now<T>(program: impl Future<Output = T>) -> T {
    match pin!(program).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("every wait blocks inside the poll"),
    }
}

struct Guarded<S, const BELLS: usize> {
    state: S,
    /// The number of sleepers at each bell: a notification costs time even when no thread sleeps.
    sleepers: [usize; BELLS],
}

/// A state that threads share.
pub(crate) struct Locked<S, const BELLS: usize> {
    guarded: Mutex<Guarded<S, BELLS>>,
    bells: [Condvar; BELLS],
}

impl<S, const BELLS: usize> fmt::Debug for Locked<S, BELLS> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Locked").finish_non_exhaustive()
    }
}

impl<S, const BELLS: usize> Locked<S, BELLS> {
    fn lock(&self) -> MutexGuard<'_, Guarded<S, BELLS>> {
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempt<T>(
        &self,
        guarded: &mut Guarded<S, BELLS>,
        work: impl FnOnce(&mut S, &mut Bells) -> T,
    ) -> T {
        let mut bells = Bells::default();
        let result = work(&mut guarded.state, &mut bells);
        for (bell, condition) in self.bells.iter().enumerate() {
            match bells.rung(bell) {
                Some(Rung::One) if guarded.sleepers[bell] > 0 => condition.notify_one(),
                Some(Rung::All) if guarded.sleepers[bell] > 0 => condition.notify_all(),
                _ => {}
            }
        }
        result
    }
}

impl<S, const BELLS: usize> Monitor<S> for Locked<S, BELLS> {
    fn new(state: S) -> Self {
        Self {
            guarded: Mutex::new(Guarded {
                state,
                sleepers: [0; BELLS],
            }),
            bells: std::array::from_fn(|_| Condvar::new()),
        }
    }

    fn visit<T>(&self, work: impl FnOnce(&mut S, &mut Bells) -> T) -> T {
        self.attempt(&mut self.lock(), work)
    }

    async fn wait<T>(
        &self,
        bell: usize,
        mut attempt: impl FnMut(&mut S, &mut Bells) -> Option<T>,
    ) -> T {
        let mut guarded = self.lock();
        loop {
            if let Some(answer) = self.attempt(&mut guarded, &mut attempt) {
                return answer;
            }
            // Counted under the lock, before the wait releases it: otherwise a ring in between
            // would wake no thread.
            guarded.sleepers[bell] += 1;
            let woken = self.bells[bell].wait(guarded);
            guarded = woken.unwrap_or_else(PoisonError::into_inner);
            guarded.sleepers[bell] -= 1;
        }
    }
}
