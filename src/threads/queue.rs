//! The group-commit queue: many submit, one at a time leads.
//!
//! A leader takes what is waiting, up to the size of a group, performs all of it at
//! once, completes everybody's ticket, and then calls the owner of the first job that
//! has come meanwhile to lead (late hand-over with a wake-up for each owner measured
//! better than early hand-over, and much better than one condition variable for all;
//! see `design/threads.md`). Nobody waits for time to pass, so one submitter alone has
//! its group of one at once, and the longer a group takes, the larger the next one is.
//!
//! A job whose owner does not block, because it was submitted asynchronously, is led by
//! a standby thread.
//!
//! Invariants:
//! - at most one leader, so groups are performed one after another, in the order of
//!   submission;
//! - nothing is waiting when there is no leader;
//! - every ticket is completed, also when a leader panics.
//!
//! This module knows nothing of what a job is.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use super::sync::{Condvar, Mutex};
use super::ticket::{Call, Ticket};

/// How much is taken at once, and how much may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A group ends before the job that would make it larger than this in bytes.
    pub(crate) group_bytes: usize,
    /// Asynchronous submissions wait while this many bytes or more are waiting.
    pub(crate) waiting_bytes: usize,
}

/// A queue that was closed takes no jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

#[derive(Debug)]
struct Waiting<J, R> {
    job: J,
    bytes: usize,
    /// Whether the owner of the ticket is blocked, so that it can be called to lead.
    can_lead: bool,
    ticket: Arc<Ticket<R>>,
}

#[derive(Debug)]
struct State<J, R> {
    waiting: VecDeque<Waiting<J, R>>,
    waiting_bytes: usize,
    has_leader: bool,
    /// The leader is the standby thread, which has not begun yet.
    standby_is_called: bool,
    is_closed: bool,
    /// Submitters that wait for room. Waking nobody is not free either.
    crowd: usize,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue<J, R> {
    limits: Limits,
    state: Mutex<State<J, R>>,
    /// The standby thread is called, or the queue is closed and empty.
    standby: Condvar,
    /// There is room for asynchronous submissions again.
    room: Condvar,
    /// The queue is empty and has no leader.
    quiet: Condvar,
}

impl<J, R> Queue<J, R> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                waiting_bytes: 0,
                has_leader: false,
                standby_is_called: false,
                is_closed: false,
                crowd: 0,
            }),
            standby: Condvar::new(),
            room: Condvar::new(),
            quiet: Condvar::new(),
        }
    }

    /// Submits a job and returns when it was performed: by whoever leads, and that may
    /// be the caller, with `perform`, which returns one result for each job, in order.
    /// `None`: the leader panicked.
    pub(crate) fn run(
        &self,
        job: J,
        bytes: usize,
        mut perform: impl FnMut(Vec<J>) -> Vec<R>,
    ) -> Result<Option<R>, Closed> {
        let ticket = Ticket::new();
        let leads = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.admit()?;
            state.push(job, bytes, true, &ticket);
            !std::mem::replace(&mut state.has_leader, true)
        };
        if leads {
            self.lead(&mut perform);
        }
        loop {
            match ticket.wait() {
                Call::Lead => self.lead(&mut perform),
                Call::Done(result) => return Ok(result),
            }
        }
    }

    /// Submits a job and returns at once, unless too much is waiting already. The
    /// standby thread performs it if nobody else does.
    pub(crate) fn submit(&self, job: J, bytes: usize) -> Result<Arc<Ticket<R>>, Closed> {
        let ticket = Ticket::new();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.admit()?;
        while state.waiting_bytes >= self.limits.waiting_bytes {
            state.crowd += 1;
            let woken = self.room.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.crowd -= 1;
            state.admit()?;
        }
        state.push(job, bytes, false, &ticket);
        if !std::mem::replace(&mut state.has_leader, true) {
            state.standby_is_called = true;
            self.standby.notify_one();
        }
        Ok(ticket)
    }

    /// What the standby thread does: it leads when it is called, until the queue is
    /// closed and empty.
    pub(crate) fn stand_by(&self, mut perform: impl FnMut(Vec<J>) -> Vec<R>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if std::mem::take(&mut state.standby_is_called) {
                drop(state);
                self.lead(&mut perform);
                state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            } else if state.is_closed && state.is_quiet() {
                return;
            } else {
                let woken = self.standby.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Takes no more jobs, and returns when those that were taken are performed.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_closed = true;
        self.standby.notify_one();
        // Who waits for room is woken, and refused, when the leader takes what is waiting.
        while !state.is_quiet() {
            let woken = self.quiet.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Performs one group, and hands over.
    fn lead(&self, perform: &mut impl FnMut(Vec<J>) -> Vec<R>) {
        let (jobs, tickets) = self.take_group();
        let mut led = Led {
            queue: self,
            tickets: tickets.into_iter(),
        };
        let results = perform(jobs);
        assert_eq!(results.len(), led.tickets.len(), "one result for each job");
        for (ticket, result) in led.tickets.by_ref().zip(results) {
            ticket.call(Call::Done(Some(result)));
        }
    }

    fn take_group(&self) -> (Vec<J>, Vec<Arc<Ticket<R>>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut jobs, mut tickets, mut bytes) = (Vec::new(), Vec::new(), 0);
        while let Some(next) = state.waiting.front()
            && (jobs.is_empty() || bytes + next.bytes <= self.limits.group_bytes)
        {
            let next = state.waiting.pop_front().expect("it was looked at");
            bytes += next.bytes;
            jobs.push(next.job);
            tickets.push(next.ticket);
        }
        state.waiting_bytes -= bytes;
        if state.crowd > 0 {
            self.room.notify_all();
        }
        (jobs, tickets)
    }

    /// Calls the next leader, if anything is waiting.
    fn hand_over(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.waiting.front() {
            Some(next) if next.can_lead => {
                let ticket = Arc::clone(&next.ticket);
                drop(state);
                ticket.call(Call::Lead);
            }
            Some(_) => {
                state.standby_is_called = true;
                self.standby.notify_one();
            }
            None => {
                state.has_leader = false;
                if state.is_closed {
                    self.standby.notify_one();
                    self.quiet.notify_all();
                }
            }
        }
    }
}

impl<J, R> State<J, R> {
    fn admit(&self) -> Result<(), Closed> {
        if self.is_closed { Err(Closed) } else { Ok(()) }
    }

    fn push(&mut self, job: J, bytes: usize, can_lead: bool, ticket: &Arc<Ticket<R>>) {
        self.waiting_bytes += bytes;
        self.waiting.push_back(Waiting {
            job,
            bytes,
            can_lead,
            ticket: Arc::clone(ticket),
        });
    }

    fn is_quiet(&self) -> bool {
        !self.has_leader && self.waiting.is_empty()
    }
}

/// A group that is being performed. When its leader panics, its owners are told, and
/// the queue goes on.
struct Led<'a, J, R> {
    queue: &'a Queue<J, R>,
    /// Of those that were not completed yet.
    tickets: std::vec::IntoIter<Arc<Ticket<R>>>,
}

impl<J, R> Drop for Led<'_, J, R> {
    fn drop(&mut self) {
        for ticket in self.tickets.by_ref() {
            ticket.call(Call::Done(None));
        }
        self.queue.hand_over();
    }
}
