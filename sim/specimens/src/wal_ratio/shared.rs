//! The store as it runs for real: many threads write, and one worker owns the file.
//!
//! The worker is the published flow chart as a loop. It waits for commits or for the
//! next check. It takes all waiting commits as one group. If a check is due, it
//! evaluates the policy. Then it does all operations that the store has to do, one
//! after another, and answers each writer when its commit is durable. During a rewrite
//! the worker does nothing else, so writers wait in the bounded queue, or for a place
//! in it. Readers do not wait: they read the table in memory, which holds the
//! acknowledged commits.
//!
//! The first check happens at the opening. Otherwise a process that always ends before
//! the first check interval has passed would never rewrite its log.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the store as it runs for real, with a thread and a clock"
)]

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use lithify::fs::Fs;
use lithify_sim::system::Failure;

use super::record::Operation;
use super::store::{Counters, Options, RatioStore};
use super::table::Table;

/// The capacity of the queue. Further commits wait for a place in it.
const MAX_WAITING: usize = 1024;

/// A commit for the worker, and the channel on which its writer waits.
struct Request {
    operations: Vec<Operation>,
    reply: SyncSender<Result<u64, Failure>>,
}

/// The future answer to a commit.
#[derive(Debug)]
pub struct Ticket(Receiver<Result<u64, Failure>>);

impl Ticket {
    /// Waits until the commit is durable, and returns its number.
    ///
    /// # Errors
    /// If the commit was refused, or if it is unknown whether it is stored because the
    /// store has stopped.
    pub fn wait(self) -> Result<u64, Failure> {
        self.0.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// The answer, if it has arrived.
    #[must_use]
    pub fn answer(&self) -> Option<Result<u64, Failure>> {
        self.0.try_recv().ok()
    }
}

fn gone() -> Failure {
    Failure::Disk("the store has stopped; open it again".to_owned())
}

/// The size of a store and its work since the opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The length of the log in bytes.
    pub log_bytes: u64,
    /// What the worker has done.
    pub counters: Counters,
    /// Why the last rewrite was abandoned. Cleared when a rewrite completes.
    pub trouble: Option<String>,
}

/// A store for several threads. See the module.
#[derive(Debug)]
pub struct SharedStore {
    /// `None` after the store was closed.
    requests: Option<SyncSender<Request>>,
    table: Arc<RwLock<Table>>,
    status: Arc<Mutex<Status>>,
    worker: Option<JoinHandle<Result<(), Failure>>>,
}

impl SharedStore {
    /// Opens the store on `fs`, or creates one, and starts its worker.
    ///
    /// # Errors
    /// As [`RatioStore::open`]. `Other` if the operating system cannot start a thread.
    pub fn open(fs: Arc<dyn Fs>, options: Options) -> Result<Self, Failure> {
        let clock = Clock(Instant::now());
        let store = RatioStore::open(fs, options, clock.now())?;
        let table = store.table();
        let status = Arc::default();
        let (requests, received) = sync_channel(MAX_WAITING);
        let worker = Worker {
            store,
            check_every: options.policy.check_every,
            next_check: 0,
            clock,
            waiting: VecDeque::new(),
            status: Arc::clone(&status),
        };
        worker.report(None);
        #[allow(
            clippy::disallowed_methods,
            reason = "the one thread that owns the file; no run of the laboratory comes here"
        )]
        let worker = Builder::new()
            .name("wal-ratio".to_owned())
            .spawn(move || worker.run(&received))
            .map_err(|error| Failure::Other(format!("cannot start the worker: {error}")))?;
        Ok(Self {
            requests: Some(requests),
            table,
            status,
            worker: Some(worker),
        })
    }

    /// Submits a commit, which becomes durable as a whole or not at all. Waits only if
    /// the queue is full.
    #[must_use]
    pub fn submit(&self, operations: Vec<Operation>) -> Ticket {
        let (reply, ticket) = sync_channel(1);
        let request = Request { operations, reply };
        // If the worker has ended, it has dropped its end of the ticket's channel, and
        // the ticket returns an error.
        if let Some(requests) = &self.requests {
            let _ = requests.send(request);
        }
        Ticket(ticket)
    }

    /// Sets a key, and returns when the commit is durable.
    ///
    /// # Errors
    /// As [`Ticket::wait`].
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<u64, Failure> {
        self.submit(vec![Operation::Put(key.to_vec(), value.to_vec())])
            .wait()
    }

    /// Deletes a key, which may be absent, and returns when the commit is durable.
    ///
    /// # Errors
    /// As [`Ticket::wait`].
    pub fn delete(&self, key: &[u8]) -> Result<u64, Failure> {
        self.submit(vec![Operation::Delete(key.to_vec())]).wait()
    }

    /// The value of a key. Sees only durable commits. Does not wait for the disk.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.read(|table| table.pairs().get(key).cloned())
    }

    /// Reads the table. Commits wait until `look` returns.
    pub fn read<T>(&self, look: impl FnOnce(&Table) -> T) -> T {
        look(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The size of the store and its work since the opening.
    #[must_use]
    pub fn status(&self) -> Status {
        let status = self.status.lock();
        status.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finishes the work in progress and closes the store.
    ///
    /// # Errors
    /// The reason why the store had stopped, if it had.
    pub fn close(mut self) -> Result<(), Failure> {
        self.join()
    }

    fn join(&mut self) -> Result<(), Failure> {
        self.requests = None;
        match self.worker.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(outcome)) => outcome,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for SharedStore {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // A caller that needs the result calls `close`.
            let _ = self.join();
        }
    }
}

/// Milliseconds since the opening.
struct Clock(Instant);

impl Clock {
    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

struct Worker {
    store: RatioStore,
    check_every: u64,
    next_check: u64,
    clock: Clock,
    /// The writers of the accepted commits, by commit number.
    waiting: VecDeque<(u64, SyncSender<Result<u64, Failure>>)>,
    status: Arc<Mutex<Status>>,
}

impl Worker {
    /// Works until all senders of requests are dropped, or the store stops.
    fn run(mut self, requests: &Receiver<Request>) -> Result<(), Failure> {
        loop {
            let pause = self.next_check.saturating_sub(self.clock.now());
            match requests.recv_timeout(Duration::from_millis(pause)) {
                Ok(first) => {
                    self.accept(first);
                    requests
                        .try_iter()
                        .take(MAX_WAITING)
                        .for_each(|next| self.accept(next));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.store.close(self.clock.now()),
            }
            let now = self.clock.now();
            if now >= self.next_check {
                self.next_check = now.saturating_add(self.check_every);
                self.store.check(now);
            }
            self.work()?;
        }
    }

    fn accept(&mut self, request: Request) {
        match self.store.accept(&request.operations) {
            Ok(commit) => self.waiting.push_back((commit, request.reply)),
            Err(failure) => _ = request.reply.send(Err(failure)),
        }
    }

    /// Does the work in progress: a group, or a whole rewrite.
    fn work(&mut self) -> Result<(), Failure> {
        while self.store.is_busy() {
            match self.store.step(self.clock.now()) {
                Ok(_) => self.report(None),
                Err(failure) => {
                    self.report(Some(&failure));
                    if self.store.has_stopped() {
                        let in_doubt = self.waiting.drain(..);
                        in_doubt.for_each(|(_, reply)| _ = reply.send(Err(failure.clone())));
                        return Err(failure);
                    }
                }
            }
            self.answer();
        }
        Ok(())
    }

    /// Answers the writers whose commits are durable.
    fn answer(&mut self) {
        let acknowledged = self.store.acknowledged();
        while let Some((commit, reply)) = self.waiting.pop_front_if(|it| it.0 <= acknowledged) {
            // The writer may have dropped its ticket.
            let _ = reply.send(Ok(commit));
        }
    }

    fn report(&self, trouble: Option<&Failure>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = self.store.counters();
        if counters.rewrites > status.counters.rewrites {
            status.trouble = None;
        }
        if let Some(failure) = trouble {
            status.trouble = Some(failure.to_string());
        }
        status.log_bytes = self.store.log_bytes();
        status.counters = counters;
    }
}
