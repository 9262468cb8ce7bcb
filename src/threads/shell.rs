//! What the protocols of this folder need from a driver: a lock around a state, bells to sleep at,
//! and turns.
//!
//! A protocol is a plain state whose methods decide, and programs that visit the state. The methods
//! ring bells to name the sleepers to wake. The programs are `async`: every wait and every gap
//! between two visits is an `await`. With real threads (`locks`) a wait blocks inside the poll, so
//! no program is ever suspended, and one poll runs it to its end. In the laboratory (`turns`) each
//! `await` is a turn that a schedule gives. So the laboratory runs the same code as `Db`, and only
//! `locks` is left to real threads.
//!
//! Invariants:
//! - a state is changed only inside a visit, and no visit happens inside another visit;
//! - a waiter has asked under the lock before it sleeps, and asks again whenever its bell was rung.

use std::fmt;

/// The bells that a visit has rung. The shell wakes the sleepers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bells {
    one: u8,
    all: u8,
}

impl Bells {
    /// Wakes one of the sleepers at `bell`.
    pub(crate) fn ring_one(&mut self, bell: usize) {
        self.one |= 1 << bell;
    }

    /// Wakes all sleepers at `bell`.
    pub(crate) fn ring_all(&mut self, bell: usize) {
        self.all |= 1 << bell;
    }

    /// Which sleepers to wake at `bell`: all, one, or none.
    pub(crate) fn rung(self, bell: usize) -> Option<Rung> {
        match bell {
            bell if self.all & 1 << bell != 0 => Some(Rung::All),
            bell if self.one & 1 << bell != 0 => Some(Rung::One),
            _ => None,
        }
    }
}

/// The number of sleepers that a ring wakes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rung {
    One,
    All,
}

/// A state behind a lock, with bells.
pub(crate) trait Monitor<S>: fmt::Debug {
    fn new(state: S) -> Self;

    /// Visits the state, alone, and wakes the sleepers whose bell the visit has rung.
    fn visit<T>(&self, work: impl FnOnce(&mut S, &mut Bells) -> T) -> T;

    /// Visits the state again and again until there is an answer, and sleeps at `bell` in between.
    fn wait<T>(
        &self,
        bell: usize,
        attempt: impl FnMut(&mut S, &mut Bells) -> Option<T>,
    ) -> impl Future<Output = T>;
}

/// A way to run the protocols.
pub(crate) trait Shell: fmt::Debug + 'static {
    type Monitor<S, const BELLS: usize>: Monitor<S>;

    /// Other tasks may have their turn here. With real threads this is empty, because other threads
    /// run at any time.
    fn turn() -> impl Future<Output = ()>;
}
