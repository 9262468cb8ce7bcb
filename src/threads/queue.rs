//! The group-commit queue: many threads submit, one thread at a time leads.
//!
//! A leader takes the waiting jobs, up to the size of a group, performs them at once, and completes
//! the ticket of each. Then the leader calls the owner of the first job that has come meanwhile to
//! lead. (A late hand-over, with a wake-up for each owner, measured better than an early one, and
//! much better than one condition variable for all owners; see `design/threads.md`.) No thread
//! waits for time to pass. So a single submitter performs its group of one at once, and the longer
//! a group takes, the larger the next group is.
//!
//! A standby thread leads for jobs whose owner does not block, because they were submitted
//! asynchronously.
//!
//! Invariants:
//! - there is at most one leader, so groups are performed one after another, in the order of
//!   submission;
//! - when there is no leader, no job is waiting;
//! - every ticket is completed, also when a leader panics.
//!
//! This module does not depend on the content of a job.

use std::collections::VecDeque;
use std::sync::Arc;

use super::shell::{Bells, Monitor, Shell};
use super::ticket::{Call, Ticket};

/// The most that a group takes, and the most that may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A group ends before the job that would make it larger than this in bytes.
    pub(crate) group_bytes: usize,
    /// Asynchronous submissions wait while this many bytes or more are waiting.
    pub(crate) waiting_bytes: usize,
}

/// The error of a closed queue, which takes no jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// A performer of groups.
pub(crate) trait Perform<J, R> {
    /// Performs jobs and returns one result for each, in order.
    fn perform(&self, jobs: Vec<J>) -> impl Future<Output = Vec<R>>;
}

/// The standby thread sleeps at this bell until it is called, or the queue is closed and empty.
const STANDBY: usize = 0;
/// Asynchronous submitters sleep at this bell until there is room again.
const ROOM: usize = 1;
/// The closing thread sleeps at this bell until the queue is empty and has no leader.
const QUIET: usize = 2;

#[derive(Debug)]
struct Waiting<J, R, K: Shell> {
    job: J,
    bytes: usize,
    /// Whether the owner of the ticket waits, so that the owner can be called to lead.
    can_lead: bool,
    ticket: Arc<Ticket<R, K>>,
}

/// Jobs that are performed together, and their tickets.
type Taken<J, R, K> = (Vec<J>, Vec<Arc<Ticket<R, K>>>);

#[derive(Debug)]
struct QueueState<J, R, K: Shell> {
    limits: Limits,
    waiting: VecDeque<Waiting<J, R, K>>,
    waiting_bytes: usize,
    has_leader: bool,
    /// The standby thread was called to lead and has not begun yet.
    standby_is_called: bool,
    is_closed: bool,
}

impl<J, R, K: Shell> QueueState<J, R, K> {
    /// Takes a job whose owner waits for it. Returns whether the owner leads.
    fn enter(&mut self, waiting: Waiting<J, R, K>) -> Result<bool, Closed> {
        if self.is_closed && !planted!(ClosedQueueTakesJobs) {
            return Err(Closed);
        }
        self.push(waiting);
        // In the same visit as the push: two submitters must not both find the queue without a
        // leader.
        Ok(!std::mem::replace(&mut self.has_leader, true) || planted!(TwoLeaders))
    }

    /// Takes a job whose owner does not wait. `None` when there is no room.
    fn hand_in(
        &mut self,
        waiting: &mut Option<Waiting<J, R, K>>,
        bells: &mut Bells,
    ) -> Option<Result<(), Closed>> {
        if self.is_closed && !planted!(ClosedTakesHandedIn) {
            return Some(Err(Closed));
        }
        if self.waiting_bytes >= self.limits.waiting_bytes {
            return None;
        }
        self.push(waiting.take().expect("it is handed in once"));
        if !std::mem::replace(&mut self.has_leader, true) {
            self.standby_is_called = true;
            bells.ring_one(STANDBY);
        }
        Some(Ok(()))
    }

    fn push(&mut self, waiting: Waiting<J, R, K>) {
        self.waiting_bytes += waiting.bytes;
        self.waiting.push_back(waiting);
    }

    /// Whether the standby thread has to lead now (true) or has to end (false); `None` when it has
    /// to sleep.
    fn stand_by(&mut self) -> Option<bool> {
        if std::mem::take(&mut self.standby_is_called) {
            return Some(true);
        }
        let is_done = self.is_quiet() || planted!(StandbyLeavesEarly);
        (self.is_closed && is_done).then_some(false)
    }

    /// The next group: the waiting jobs, up to the size of a group, and at least one job.
    fn take_group(&mut self, bells: &mut Bells) -> Taken<J, R, K> {
        let (mut jobs, mut tickets, mut bytes) = (Vec::new(), Vec::new(), 0);
        while let Some(next) = self.waiting.front()
            && (jobs.is_empty() || bytes + next.bytes <= self.limits.group_bytes)
        {
            let next = match planted!(GroupTakenFromTheEnd) {
                true => self.waiting.pop_back(),
                false => self.waiting.pop_front(),
            };
            let next = next.expect("it was looked at");
            bytes += next.bytes;
            jobs.push(next.job);
            tickets.push(next.ticket);
        }
        if !planted!(RoomNeverCountedBack) {
            self.waiting_bytes -= bytes;
        }
        if !planted!(RoomNotAnnounced) {
            bells.ring_all(ROOM);
        }
        (jobs, tickets)
    }

    /// Names the next leader, if a job is waiting: an owner to call, or the standby thread.
    fn hand_over(&mut self, bells: &mut Bells) -> Option<Arc<Ticket<R, K>>> {
        match self
            .waiting
            .front()
            .filter(|_| !planted!(QueueLeftWithoutLeader))
        {
            Some(next) if next.can_lead => return Some(Arc::clone(&next.ticket)),
            Some(_) => {
                self.standby_is_called = true;
                if !planted!(StandbyNotCalled) {
                    bells.ring_one(STANDBY);
                }
            }
            None => {
                // In the visit that found the queue empty: the next job sees that its owner has to
                // lead.
                self.has_leader = false;
                if self.is_closed {
                    bells.ring_one(STANDBY);
                    bells.ring_all(QUIET);
                }
            }
        }
        None
    }

    /// Closes the queue to new jobs. Submitters that wait for room are woken, and refused, when the
    /// leader takes the waiting jobs.
    fn close(&mut self, bells: &mut Bells) {
        self.is_closed = true;
        bells.ring_one(STANDBY);
    }

    fn is_quiet(&self) -> bool {
        (!self.has_leader || planted!(CloseDoesNotDrain)) && self.waiting.is_empty()
    }
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue<J, R, K: Shell> {
    state: K::Monitor<QueueState<J, R, K>, 3>,
}

impl<J, R, K: Shell> Queue<J, R, K> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            state: Monitor::new(QueueState {
                limits,
                waiting: VecDeque::new(),
                waiting_bytes: 0,
                has_leader: false,
                standby_is_called: false,
                is_closed: false,
            }),
        }
    }

    /// Submits a job and returns when the job was performed, by another leader or by the caller.
    /// `None` when the leader panicked.
    pub(crate) async fn run(
        &self,
        job: J,
        bytes: usize,
        performer: &impl Perform<J, R>,
    ) -> Result<Option<R>, Closed> {
        let ticket = Ticket::new();
        let waiting = Waiting {
            job,
            bytes,
            can_lead: true,
            ticket: Arc::clone(&ticket),
        };
        if self.state.visit(|state, _| state.enter(waiting))? {
            K::turn().await;
            self.lead(performer).await;
        }
        loop {
            match ticket.wait().await {
                Call::Lead => self.lead(performer).await,
                Call::Done(result) => return Ok(result),
            }
        }
    }

    /// Submits a job and returns at once, unless too many bytes are waiting. The standby thread
    /// performs the job if no other leader does.
    pub(crate) async fn submit(&self, job: J, bytes: usize) -> Result<Arc<Ticket<R, K>>, Closed> {
        let ticket = Ticket::new();
        let mut waiting = Some(Waiting {
            job,
            bytes,
            can_lead: false,
            ticket: Arc::clone(&ticket),
        });
        let attempt =
            |state: &mut QueueState<J, R, K>, bells: &mut Bells| state.hand_in(&mut waiting, bells);
        self.state.wait(ROOM, attempt).await?;
        Ok(ticket)
    }

    /// The program of the standby thread: it leads when it is called, until the queue is closed and
    /// empty.
    pub(crate) async fn stand_by(&self, performer: &impl Perform<J, R>) {
        while self.state.wait(STANDBY, |state, _| state.stand_by()).await {
            self.lead(performer).await;
        }
    }

    /// Closes the queue to new jobs, and returns when all jobs that it has taken are performed.
    pub(crate) async fn close(&self) {
        // Closed before the wait: no job may come while the queue drains.
        self.state.visit(QueueState::close);
        let is_quiet = |state: &mut QueueState<J, R, K>| state.is_quiet().then_some(());
        self.state.wait(QUIET, |state, _| is_quiet(state)).await;
    }

    /// Performs one group, and hands over leadership.
    async fn lead(&self, performer: &impl Perform<J, R>) {
        let (jobs, tickets) = self.state.visit(QueueState::take_group);
        // From here on `Led::drop` completes the tickets, also when the performer panics.
        let mut led = Led {
            queue: self,
            tickets: tickets.into_iter(),
        };
        K::turn().await;
        let mut results = performer.perform(jobs).await;
        if planted!(AnswersSwapped) {
            results.reverse();
        }
        assert_eq!(results.len(), led.tickets.len(), "one result for each job");
        // The followers are woken first, and leadership is handed over after them (by `Led::drop`):
        // owners that were just woken can join the next group.
        for (index, (ticket, result)) in led.tickets.by_ref().zip(results).enumerate() {
            K::turn().await;
            if index > 0 && planted!(OnlyTheFirstIsTold) {
                continue;
            }
            ticket.call(Call::Done(Some(result)));
        }
        K::turn().await;
    }

    /// Calls the next leader, if a job is waiting.
    fn hand_over(&self) {
        if let Some(ticket) = self.state.visit(QueueState::hand_over) {
            ticket.call(Call::Lead);
        }
    }
}

/// A group that is being performed. When its leader panics, the owners are told, and the queue goes
/// on.
struct Led<'a, J, R, K: Shell> {
    queue: &'a Queue<J, R, K>,
    /// The tickets that are not completed yet.
    tickets: std::vec::IntoIter<Arc<Ticket<R, K>>>,
}

impl<J, R, K: Shell> Drop for Led<'_, J, R, K> {
    fn drop(&mut self) {
        for ticket in self.tickets.by_ref() {
            ticket.call(Call::Done(None));
        }
        self.queue.hand_over();
    }
}
