//! A ticket: the owner of a submission waits for it.
//!
//! A ticket has one owner and one leader that completes it. The owner may wait, ask, or leave a
//! waker. An owner that waits can also be called to lead: so leadership is handed over without
//! waking any other thread.
//!
//! Invariant: a ticket is completed exactly once, and a visit of a ticket visits nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::shell::{Bells, Monitor, Shell};

/// The reason for which a waiting owner is woken.
#[derive(Debug)]
pub(crate) enum Call<R> {
    /// The owner is to lead the next group.
    Lead,
    /// The result; `None` when the leader of its group panicked.
    Done(Option<R>),
}

/// The owner sleeps here.
const OWNER: usize = 0;

#[derive(Debug)]
struct TicketState<R> {
    call: Option<Call<R>>,
    waker: Option<Waker>,
}

impl<R> TicketState<R> {
    /// Records the call. The caller has to wake the returned waker as well.
    fn call(&mut self, call: Call<R>, bells: &mut Bells) -> Option<Waker> {
        let is_silent = matches!(call, Call::Lead) && planted!(CalledWithoutABell);
        self.call = Some(call);
        if !is_silent {
            bells.ring_one(OWNER);
        }
        self.waker.take()
    }

    /// The result, if it is known; otherwise `waker` is kept.
    fn result_or_keep(&mut self, waker: &Waker) -> Poll<Option<R>> {
        match self.call.take() {
            Some(Call::Done(result)) => Poll::Ready(result),
            Some(Call::Lead) => unreachable!("only an owner who waits is called to lead"),
            None => {
                if self.waker.is_none() || !planted!(FirstWakerKept) {
                    self.waker = Some(waker.clone());
                }
                Poll::Pending
            }
        }
    }
}

/// One submission.
#[derive(Debug)]
pub(crate) struct Ticket<R, K: Shell> {
    state: K::Monitor<TicketState<R>, 1>,
}

impl<R, K: Shell> Ticket<R, K> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Monitor::new(TicketState {
                call: None,
                waker: None,
            }),
        })
    }

    /// Wakes the owner.
    pub(crate) fn call(&self, call: Call<R>) {
        // The waker is called after the visit: foreign code must not run under a lock.
        let waker = self.state.visit(|state, bells| state.call(call, bells));
        if let Some(waker) = waker {
            // A waker is foreign code. Its panic is no failure of the store, and the answers of the
            // other jobs in the group are right.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    /// Waits until the owner is called.
    pub(crate) async fn wait(&self) -> Call<R> {
        self.state.wait(OWNER, |state, _| state.call.take()).await
    }

    /// Whether the result is known and not yet taken.
    pub(crate) fn is_done(&self) -> bool {
        let is_done = |state: &mut TicketState<R>| matches!(state.call, Some(Call::Done(_)));
        self.state.visit(|state, _| is_done(state))
    }

    /// The result, or a promise to wake the task when the result is known.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<R>> {
        let waker = context.waker();
        // The question and the waker share one visit: a result in between would wake no task.
        self.state.visit(|state, _| state.result_or_keep(waker))
    }
}
