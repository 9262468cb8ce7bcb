//! One thread and a schedule: every wait and every gap between two visits is a turn.
//!
//! This is the counterpart of `locks`. A program that waits leaves its waker at the bell and is not
//! polled before the bell was rung. So a lost wake-up is a task that never runs again, and the
//! schedule can detect that.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::shell::{Bells, Monitor, Rung, Shell};

/// One thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns;

impl Shell for Turns {
    type Monitor<S, const BELLS: usize> = Visited<S, BELLS>;

    async fn turn() {
        let mut has_been_others = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_been_others, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// A state that tasks share.
pub(crate) struct Visited<S, const BELLS: usize> {
    state: RefCell<S>,
    sleepers: RefCell<[VecDeque<Waker>; BELLS]>,
}

impl<S, const BELLS: usize> fmt::Debug for Visited<S, BELLS> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Visited").finish_non_exhaustive()
    }
}

impl<S, const BELLS: usize> Visited<S, BELLS> {
    /// Sleeps until the bell was rung. Only the woken task is polled again.
    async fn sleep(&self, bell: usize) {
        let mut sleeps = false;
        poll_fn(|context| {
            if std::mem::replace(&mut sleeps, true) {
                return Poll::Ready(());
            }
            self.sleepers.borrow_mut()[bell].push_back(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl<S, const BELLS: usize> Monitor<S> for Visited<S, BELLS> {
    fn new(state: S) -> Self {
        Self {
            state: RefCell::new(state),
            sleepers: RefCell::new(std::array::from_fn(|_| VecDeque::new())),
        }
    }

    fn visit<T>(&self, work: impl FnOnce(&mut S, &mut Bells) -> T) -> T {
        work!(LockTaken);
        let mut bells = Bells::default();
        let result = work(&mut self.state.borrow_mut(), &mut bells);
        for (bell, sleepers) in self.sleepers.borrow_mut().iter_mut().enumerate() {
            let woken = match bells.rung(bell) {
                Some(Rung::One) => sleepers.len().min(1),
                Some(Rung::All) => sleepers.len(),
                None => 0,
            };
            for sleeper in sleepers.drain(..woken) {
                work!(ThreadWoken);
                sleeper.wake();
            }
        }
        result
    }

    async fn wait<T>(
        &self,
        bell: usize,
        mut attempt: impl FnMut(&mut S, &mut Bells) -> Option<T>,
    ) -> T {
        loop {
            if let Some(answer) = self.visit(&mut attempt) {
                return answer;
            }
            self.sleep(bell).await;
        }
    }
}
