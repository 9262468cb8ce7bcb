//! What the protocols of this folder ask of whoever runs them: a lock around a state,
//! bells to sleep at, and turns.
//!
//! A protocol is a plain state whose methods decide, and programs that visit it. The
//! methods say whom to wake by ringing bells; the programs are `async`, and every wait and
//! every gap between two visits is an `await`. With real threads (`locks`) a wait blocks
//! inside the poll, so that no program is ever suspended and one poll runs it to its end.
//! In the laboratory (`turns`) each `await` is a turn that a schedule gives. So what is
//! simulated is the text that runs, and what only real threads have is `locks`.
//!
//! Invariants:
//! - a state is changed only inside a visit, and nobody visits one state inside another;
//! - whoever waits has asked under the lock, and asks again whenever its bell was rung.

use std::fmt;

/// The bells that a visit has rung. The shell wakes those who sleep there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bells {
    one: u8,
    all: u8,
}

impl Bells {
    /// Wakes one of those who sleep at `bell`.
    pub(crate) fn ring_one(&mut self, bell: usize) {
        self.one |= 1 << bell;
    }

    /// Wakes all who sleep at `bell`.
    pub(crate) fn ring_all(&mut self, bell: usize) {
        self.all |= 1 << bell;
    }

    /// Whom to wake at `bell`: all, one, or nobody.
    pub(crate) fn rung(self, bell: usize) -> Option<Rung> {
        match bell {
            bell if self.all & 1 << bell != 0 => Some(Rung::All),
            bell if self.one & 1 << bell != 0 => Some(Rung::One),
            _ => None,
        }
    }
}

/// How many a bell wakes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rung {
    One,
    All,
}

/// A state behind a lock, with bells.
pub(crate) trait Monitor<S>: fmt::Debug {
    fn new(state: S) -> Self;

    /// Visits the state, alone, and wakes whom the visit has rung for.
    fn visit<T>(&self, work: impl FnOnce(&mut S, &mut Bells) -> T) -> T;

    /// Visits the state again and again until there is an answer, and sleeps at `bell` in
    /// between.
    fn wait<T>(
        &self,
        bell: usize,
        attempt: impl FnMut(&mut S, &mut Bells) -> Option<T>,
    ) -> impl Future<Output = T>;
}

/// A way to run the protocols.
pub(crate) trait Shell: fmt::Debug + 'static {
    type Monitor<S, const BELLS: usize>: Monitor<S>;

    /// Others may have their turn here. Where they have it at any time this is nothing.
    fn turn() -> impl Future<Output = ()>;
}
