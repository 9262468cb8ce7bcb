//! A ticket: what one submission to the queue waits for.
//!
//! It has one owner who waits and one who completes it. The owner may block, ask, or
//! leave a waker; a blocked owner can also be called to lead, which is how leadership
//! is handed over without waking anybody else.
//!
//! Invariant: a ticket is completed exactly once, and nobody holds another lock while
//! holding its lock.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use super::sync::{Condvar, Mutex};

/// What a blocked owner is woken for.
#[derive(Debug)]
pub(crate) enum Call<R> {
    /// The owner is to lead the next group.
    Lead,
    /// The result; `None` when the leader of its group panicked.
    Done(Option<R>),
}

#[derive(Debug)]
struct State<R> {
    call: Option<Call<R>>,
    waker: Option<Waker>,
    /// Waking nobody is not free either.
    owner_sleeps: bool,
}

/// One submission on its way.
#[derive(Debug)]
pub(crate) struct Ticket<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
}

impl<R> Ticket<R> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                call: None,
                waker: None,
                owner_sleeps: false,
            }),
            changed: Condvar::new(),
        })
    }

    /// Wakes the owner.
    pub(crate) fn call(&self, call: Call<R>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.call = Some(call);
        let waker = state.waker.take();
        if state.owner_sleeps {
            self.changed.notify_one();
        }
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Blocks until the owner is called.
    pub(crate) fn wait(&self) -> Call<R> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(call) = state.call.take() {
                return call;
            }
            state.owner_sleeps = true;
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.owner_sleeps = false;
        }
    }

    /// Whether the result is there, and was not taken yet.
    pub(crate) fn is_done(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(state.call, Some(Call::Done(_)))
    }

    /// The result, or a promise to wake the task when it is there.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<R>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.call.take() {
            Some(Call::Done(result)) => Poll::Ready(result),
            Some(Call::Lead) => unreachable!("only a blocked owner is called to lead"),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
