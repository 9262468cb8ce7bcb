//! Goal: the threaded driver's protocols have no deadlock, lose no wake-up and no hint,
//! and hold their invariants in every interleaving, not in those that happened to occur.
//!
//! Method: a model checker (loom) runs small programs of two to four threads once for
//! each way in which their lock and condition-variable operations can be interleaved,
//! and reports a deadlock when all threads wait. The files under `src/threads/` that are
//! named here are compiled as they ship, against the `sync` module below: the protocols,
//! which `lithify sim run --system lithify-db` drives without threads, and `locks`, which
//! only threads have and which is what this file is for. What they do not contain is replaced by the least that has the same locks: a storage that is a
//! number of commits, and a compactor that closes two commits at a step, when both are
//! there.
//!
//! The larger programs bound how often a thread is preempted where it could go on. Most
//! mistakes in such protocols need one or two preemptions (Musuvathi and Qadeer, PLDI
//! 2007). `cargo test --test threads_model` takes seconds; `LOOM_MAX_PREEMPTIONS=4` in
//! the environment raises the bound of all of them.

#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "not every part of the driver's files is used here, and models read a setting"
)]

/// No mark is counted here.
macro_rules! mark {
    ($mark:ident) => {};
}

/// No bug is planted here.
#[allow(unused_macros, reason = "only some of the files have places for one")]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

/// What `src/threads/sync.rs` is in the engine.
mod sync {
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
}

#[path = "../src/threads/gate.rs"]
mod gate;
#[path = "../src/threads/inbox.rs"]
mod inbox;
#[path = "../src/threads/locks.rs"]
mod locks;
#[path = "../src/threads/queue.rs"]
mod queue;
#[path = "../src/threads/shell.rs"]
mod shell;
#[path = "../src/threads/ticket.rs"]
mod ticket;
#[path = "../src/threads/worker.rs"]
mod worker;

use std::sync::Arc;

use gate::{Allowance, Progress, Request};
use locks::{Locks, now};
use loom::sync::Mutex;
use loom::thread;
use queue::{Closed, Limits, Perform};
use ticket::Call;
use worker::{Worker, work};

type Gate = gate::Gate<Locks>;
type Inbox<T> = inbox::Inbox<T, Locks>;
type Queue<J, R> = queue::Queue<J, R, Locks>;
type Ticket<R> = ticket::Ticket<R, Locks>;

/// Checks every interleaving with at most this many preemptions; `None`: every one.
fn check(preemptions: Option<usize>, program: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = preemptions;
    }
    builder.max_branches = 10_000;
    builder.check(program);
}

const ALL: Limits = Limits {
    group_bytes: usize::MAX,
    waiting_bytes: usize::MAX,
};
/// Every job is a group of its own, so that leadership is handed over all the time.
const ONE: Limits = Limits {
    group_bytes: 1,
    waiting_bytes: usize::MAX,
};

/// Nobody waits for the compactor, ...
const FREE: Allowance = Allowance {
    backlog_commits: u64::MAX,
    free_memory_bytes: usize::MAX,
    memory_bytes: usize::MAX,
};
/// ... or a thread that comes while there is a commit that it has not closed, ...
const NEVER_BEHIND: Allowance = Allowance {
    backlog_commits: 0,
    ..FREE
};
/// ... or until it has read what such a commit costs.
const PAID: Allowance = Allowance {
    free_memory_bytes: 0,
    ..FREE
};

/// Performs jobs by answering each with itself, and notes them. The notes are only
/// *tried* to be locked: two leaders at a time would collide.
struct Performed(Mutex<Vec<u64>>);

impl Performed {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Vec::new())))
    }

    fn sorted(&self) -> Vec<u64> {
        let mut performed = self.0.lock().unwrap().clone();
        performed.sort_unstable();
        performed
    }
}

impl Perform<u64, u64> for Performed {
    async fn perform(&self, jobs: Vec<u64>) -> Vec<u64> {
        let mut performed = self.0.try_lock().expect("there is one leader at a time");
        performed.extend(&jobs);
        thread::yield_now();
        jobs
    }
}

fn submitters(limits: Limits, threads: u64) {
    let (queue, performed) = (Arc::new(Queue::new(limits)), Performed::new());
    let run = |job: u64| {
        let (queue, performed) = (Arc::clone(&queue), Arc::clone(&performed));
        move || {
            let result = now(queue.run(job, 1, &*performed));
            assert_eq!(result, Ok(Some(job)), "everybody gets their own result");
        }
    };
    let others: Vec<_> = (2..=threads).map(|job| thread::spawn(run(job))).collect();
    run(1)();
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(performed.sorted(), Vec::from_iter(1..=threads));
}

#[test]
fn two_submitters() {
    check(None, || submitters(ALL, 2));
    check(None, || submitters(ONE, 2));
}

#[test]
fn three_submitters() {
    check(Some(2), || submitters(ALL, 3));
    check(Some(2), || submitters(ONE, 3));
}

/// A standby thread, one who blocks and one who does not, and then the queue closes.
fn mixed_submitters(limits: Limits) {
    let (queue, performed) = (Arc::new(Queue::new(limits)), Performed::new());
    let standby = {
        let (queue, performed) = (Arc::clone(&queue), Arc::clone(&performed));
        thread::spawn(move || now(queue.stand_by(&*performed)))
    };
    let blocking = {
        let (queue, performed) = (Arc::clone(&queue), Arc::clone(&performed));
        thread::spawn(move || now(queue.run(1, 1, &*performed)))
    };
    let second = now(queue.submit(2, 1)).expect("the queue is open");
    let third = now(queue.submit(3, 1)).expect("the queue is open");
    assert!(matches!(now(second.wait()), Call::Done(Some(2))));
    now(queue.close());
    assert!(third.is_done(), "closing finishes what was submitted");
    assert!(matches!(now(third.wait()), Call::Done(Some(3))));
    assert_eq!(now(queue.submit(4, 1)).unwrap_err(), Closed);
    let mut expected = vec![2, 3];
    if let Ok(result) = blocking.join().unwrap() {
        assert_eq!(result, Some(1));
        expected.insert(0, 1);
    }
    standby.join().unwrap();
    assert_eq!(performed.sorted(), expected);
}

#[test]
fn a_standby_thread_leads_for_those_who_do_not_block() {
    check(Some(2), || mixed_submitters(ALL));
    check(Some(2), || mixed_submitters(ONE));
}

/// The queue has room for one job that nobody blocks for; a second one waits for room,
/// or for the end.
#[test]
fn who_waits_for_room_is_let_in_or_refused() {
    let limits = Limits {
        group_bytes: 1,
        waiting_bytes: 1,
    };
    check(Some(2), move || {
        let (queue, performed) = (Arc::new(Queue::new(limits)), Performed::new());
        let standby = {
            let (queue, performed) = (Arc::clone(&queue), Arc::clone(&performed));
            thread::spawn(move || now(queue.stand_by(&*performed)))
        };
        let submitter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let tickets = [now(queue.submit(1, 1)), now(queue.submit(2, 1))];
                let done = tickets
                    .into_iter()
                    .flatten()
                    .map(|ticket| now(ticket.wait()));
                done.count()
            })
        };
        now(queue.close());
        let admitted = submitter.join().unwrap();
        standby.join().unwrap();
        assert_eq!(performed.sorted(), Vec::from_iter(1..=admitted as u64));
    });
}

/// An awaited ticket wakes its task, however completing and polling interleave.
#[test]
fn a_task_is_woken() {
    check(None, || {
        let ticket = Ticket::new();
        let other = Arc::clone(&ticket);
        let leader = thread::spawn(move || other.call(Call::Done(Some(7))));
        let result = loom::future::block_on(std::future::poll_fn(|context| ticket.poll(context)));
        assert_eq!(result, Some(7));
        leader.join().unwrap();
    });
}

/// The least storage: the commits that are visible, and how many of them are closed. The
/// others are what takes memory.
#[derive(Debug, Default)]
struct Storage {
    head: u64,
    closed: u64,
}

impl Storage {
    fn memory_bytes(&self) -> usize {
        (self.head - self.closed) as usize
    }
}

/// What `src/threads/shared.rs` is in the engine.
struct Shared {
    storage: Mutex<Storage>,
    queue: Queue<(), u64>,
    inbox: Inbox<u64>,
    gate: Gate,
    allowance: Allowance,
}

impl Shared {
    fn new(limits: Limits, inbox: usize, allowance: Allowance) -> Arc<Self> {
        Arc::new(Self {
            storage: Mutex::default(),
            queue: Queue::new(limits),
            inbox: Inbox::new(inbox),
            gate: Gate::new(),
            allowance,
        })
    }

    fn commit(&self) -> Result<u64, Closed> {
        let outcome = now(self.queue.run((), 1, self));
        outcome.map(|commit| commit.expect("nobody panics here"))
    }

    fn settle(&self) -> Result<(), String> {
        let asked = self.inbox.ask_to_look();
        now(self.gate.wait_until_idle(asked))
    }

    fn stop(&self) {
        now(self.queue.close());
        self.inbox.close();
    }
}

/// Number under the lock, write without it, make visible under it, tell.
impl Perform<(), u64> for Shared {
    async fn perform(&self, jobs: Vec<()>) -> Vec<u64> {
        let (head, memory_bytes) = {
            let storage = self.storage.lock().unwrap();
            (storage.head, storage.memory_bytes())
        };
        let request = Request {
            head,
            memory_bytes,
            price_entries: jobs.len() as u64,
        };
        self.gate.wait_for_room(request, self.allowance).await;
        let before = self.storage.lock().unwrap().head;
        assert_eq!(
            before, head,
            "only leaders commit, and there is one at a time"
        );
        thread::yield_now();
        let commits = before + 1..=before + jobs.len() as u64;
        self.storage.lock().unwrap().head = *commits.end();
        self.inbox.send(commits.clone(), true);
        commits.collect()
    }
}

/// Commits that are closed together. A commit that waits for the rest of its window is
/// behind for as long as no other comes, so an idle compactor must not be waited for.
const WINDOW: u64 = 2;

/// The least compactor: commits are heard of in order, or looked up.
struct Compactor {
    shared: Arc<Shared>,
    known: u64,
    closed: u64,
    /// The step, counted from 1, that fails.
    fails_at: usize,
    steps: usize,
}

impl Worker for Compactor {
    type Hint = u64;

    fn hear(&mut self, commit: u64) {
        if commit == self.known + 1 {
            self.known = commit;
        }
    }

    fn look(&mut self) {
        self.known = self.shared.storage.lock().unwrap().head;
    }

    fn step(&mut self) -> Result<bool, String> {
        self.steps += 1;
        if self.steps == self.fails_at {
            return Err("the disk is gone".to_owned());
        }
        if self.closed + WINDOW > self.known {
            return Ok(false);
        }
        // Plan under the lock, merge without it, install under it.
        let head = self.shared.storage.lock().unwrap().head;
        assert!(self.known <= head, "hints speak of what is visible");
        thread::yield_now();
        self.closed += WINDOW;
        self.shared.storage.lock().unwrap().closed = self.closed;
        Ok(true)
    }

    fn progress(&self) -> Progress {
        Progress {
            known_through: self.known,
            closed_through: self.closed,
            memory_bytes: self.shared.storage.lock().unwrap().memory_bytes(),
            read_entries: self.closed,
        }
    }
}

fn compactor(shared: &Arc<Shared>, fails_at: usize) -> thread::JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut compactor = Compactor {
            shared: Arc::clone(&shared),
            known: 0,
            closed: 0,
            fails_at,
            steps: 0,
        };
        now(work(&mut compactor, &shared.inbox, &shared.gate));
    })
}

const NEVER: usize = 0;

/// Commits from two threads (or one), settling, and the end.
fn store(shared: &Arc<Shared>, here: u64, there: u64) {
    let compactor = compactor(shared, NEVER);
    let other = (there > 0).then(|| {
        let shared = Arc::clone(shared);
        thread::spawn(move || (0..there).for_each(|_| assert!(shared.commit().is_ok())))
    });
    for _ in 0..here {
        shared.commit().unwrap();
    }
    if let Some(other) = other {
        other.join().unwrap();
    }
    shared.settle().unwrap();
    {
        let storage = shared.storage.lock().unwrap();
        assert_eq!(storage.head, here + there);
        let closed = (here + there) / WINDOW * WINDOW;
        assert_eq!(storage.closed, closed, "settled means all is closed");
    }
    shared.stop();
    compactor.join().unwrap();
    assert_eq!(shared.commit(), Err(Closed));
    assert!(
        shared.settle().is_err(),
        "nobody waits for a compactor that has ended"
    );
}

/// First scenario: one commits, the compactor compacts.
#[test]
fn a_commit_and_compaction() {
    check(Some(3), || store(&Shared::new(ALL, 8, FREE), 1, 0));
}

/// Second scenario: several commit at once.
#[test]
fn several_commits() {
    check(Some(2), || store(&Shared::new(ALL, 8, FREE), 1, 1));
    check(Some(2), || store(&Shared::new(ONE, 8, FREE), 1, 1));
}

/// Third scenario: commits come while the compactor works, and have to wait for it: the
/// allowance is nothing at all.
#[test]
fn commits_during_compaction_that_wait_for_it() {
    check(Some(2), || store(&Shared::new(ONE, 8, NEVER_BEHIND), 3, 0));
    check(Some(2), || store(&Shared::new(ONE, 8, NEVER_BEHIND), 1, 2));
}

/// No memory is free, so every commit but the first is paid for, and the compactor reads
/// less than that: those who pay are let through when it has nothing left to read.
#[test]
fn commits_that_are_paid_for() {
    check(Some(2), || store(&Shared::new(ONE, 8, PAID), 3, 0));
    check(Some(2), || store(&Shared::new(ONE, 8, PAID), 1, 2));
    check(Some(2), || store(&Shared::new(ONE, 0, PAID), 2, 0));
}

/// The inbox has no room at all, so every hint is dropped. Commits that wait for the
/// compactor still come through, because it is told to look.
#[test]
fn an_inbox_that_is_always_full_loses_nothing() {
    check(Some(2), || store(&Shared::new(ONE, 0, NEVER_BEHIND), 2, 0));
    check(Some(2), || store(&Shared::new(ONE, 1, NEVER_BEHIND), 1, 1));
}

/// The compactor fails at its first or second step, while a leader may be waiting for
/// it, and another thread for it to settle.
#[test]
fn nobody_waits_for_a_compactor_that_has_failed() {
    let failures = (1..=3).map(|fails_at| (fails_at, NEVER_BEHIND));
    for (fails_at, allowance) in failures.chain([(1, PAID), (2, PAID)]) {
        check(Some(2), move || {
            let shared = Shared::new(ONE, 8, allowance);
            let compactor = compactor(&shared, fails_at);
            let other = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.settle())
            };
            for _ in 0..2 {
                shared.commit().unwrap();
            }
            let _ = other.join().unwrap();
            shared.stop();
            compactor.join().unwrap();
        });
    }
}

/// One thread closes while another commits: the commit is performed or refused.
#[test]
fn closing_during_a_commit() {
    check(Some(2), || {
        let shared = Shared::new(ALL, 8, NEVER_BEHIND);
        let compactor = compactor(&shared, NEVER);
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.commit())
        };
        shared.stop();
        compactor.join().unwrap();
        let committed = other.join().unwrap().is_ok();
        assert_eq!(shared.storage.lock().unwrap().head, u64::from(committed));
    });
}
