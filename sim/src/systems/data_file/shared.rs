//! The store for real: a handle for many threads, and a background thread with a clock.
//!
//! Readers take the store for as long as a look into the index lasts and read the file
//! without it. Writers take it alone, one after the other, until their commit is durable.
//! The background thread wakes up every interval, asks the policy, and compacts; it takes
//! the store as a reader for the first phase, not at all for the copy and the clean-up,
//! and alone for the swap. It also does the compactions that are asked for, so there is
//! never more than one.
//!
//! Closing, or dropping the last handle, wakes the thread up and does not wait for the
//! interval. A copy that is under way is left; the next opening removes it.

use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lithify::fs::Fs;

use super::compaction::Phase;
use super::policy::{Decision, Role, Space, decide};
use super::reader::Reader;
use super::record::Write;
use super::replica::Change;
use super::store::{Options, Report, Store};
use crate::system::Failure;

/// What a store holds and what its background thread has done since it was opened.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// The newest commit.
    pub head: u64,
    /// The commit whose state begins the file.
    pub base: u64,
    /// The chain of the newest commit.
    pub chain: u64,
    /// The number of keys.
    pub keys: usize,
    /// The bytes of the data file.
    pub space: Space,
    /// Whose commits it takes.
    pub role: Role,
    /// How often the policy was asked.
    pub checks: u64,
    /// What it said last.
    pub decision: Option<Decision>,
    /// How many compactions came to their end.
    pub compactions: u64,
    /// What the last of them did.
    pub last: Option<Report>,
    /// Why the last one that failed was given up.
    pub failure: Option<Failure>,
}

/// What the background thread has done.
#[derive(Clone, Debug, Default)]
struct Done {
    checks: u64,
    decision: Option<Decision>,
    compactions: u64,
    last: Option<Report>,
    failure: Option<Failure>,
}

/// What the background thread is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// A check, as when an interval has passed.
    Check,
    /// A compaction, whatever the policy says.
    Compact,
}

type Answer = Result<Option<Report>, Failure>;

#[derive(Debug, Default)]
struct Mail {
    is_closing: bool,
    asked: VecDeque<(Ask, SyncSender<Answer>)>,
}

#[derive(Debug)]
struct Inner {
    store: RwLock<Store>,
    mail: Mutex<Mail>,
    has_mail: Condvar,
    done: Mutex<Done>,
    /// When the clock began.
    origin: Instant,
}

/// Whoever holds one keeps the background thread alive.
#[derive(Debug)]
struct Owner {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// An open store, for many threads. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Shared {
    owner: Arc<Owner>,
}

/// A lock is poisoned when a thread has panicked with it, which is a bug.
const POISONED: &str = "no thread panics while it holds the store";

impl Shared {
    /// Opens the store on `fs`, or creates one, and starts the background thread.
    ///
    /// # Errors
    /// As [`Store::open`], and `Disk` when no thread can be started.
    pub fn open(fs: Arc<dyn Fs>, options: &Options) -> Result<Self, Failure> {
        let inner = Arc::new(Inner {
            store: RwLock::new(Store::open(fs, options)?),
            mail: Mutex::default(),
            has_mail: Condvar::new(),
            done: Mutex::default(),
            origin: Instant::now(),
        });
        // The one thread of the store; its owner joins it, so none outlives the last handle.
        let background = inner.clone();
        let thread = std::thread::Builder::new()
            .name("data-file".to_owned())
            .spawn(move || background.run())
            .map_err(|error| Failure::Disk(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            owner: Arc::new(Owner {
                inner,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    fn inner(&self) -> &Inner {
        &self.owner.inner
    }

    /// Commits batches in order and returns the number of the last.
    ///
    /// # Errors
    /// As [`Store::commit`], and `Other` when the store is closed.
    pub fn commit(&self, batches: &[Vec<Write>]) -> Result<u64, Failure> {
        self.inner().for_change()?.commit(batches)
    }

    /// Takes commits of the primary.
    ///
    /// # Errors
    /// As [`Store::replicate`], and `Other` when the store is closed.
    pub fn replicate(&self, changes: &[Change]) -> Result<u64, Failure> {
        self.inner().for_change()?.replicate(changes)
    }

    /// Turns a replica into a primary.
    pub fn promote(&self) {
        self.inner().alone().promote();
    }

    /// Makes every commit durable.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn sync(&self) -> Result<(), Failure> {
        self.inner().alone().sync()
    }

    /// The newest value of a key.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let found = self.inner().look().find(key);
        found.map(|found| found.value(key)).transpose()
    }

    /// A reader of the newest commit. Copies the index.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.inner().look().reader()
    }

    /// At most `most` of the durable commits behind `commit`.
    ///
    /// # Errors
    /// As [`Store::changes_since`].
    pub fn changes_since(&self, commit: u64, most: usize) -> Result<Vec<Change>, Failure> {
        self.inner().look().changes_since(commit, most)
    }

    /// Does at once what the background thread does when an interval has passed, and
    /// returns what the compaction did, if the policy wanted one.
    ///
    /// # Errors
    /// As [`Shared::compact`], except for replicas, which want none.
    pub fn check(&self) -> Result<Option<Report>, Failure> {
        self.ask(Ask::Check)
    }

    /// Compacts, whatever the policy says, and returns what was done.
    ///
    /// # Errors
    /// `Other` for replicas and closed stores; otherwise whatever the disk says.
    pub fn compact(&self) -> Result<Report, Failure> {
        let report = self.ask(Ask::Compact)?;
        report.ok_or_else(closed)
    }

    fn ask(&self, ask: Ask) -> Answer {
        let (sender, receiver) = sync_channel(1);
        {
            let mut mail = self.inner().mail();
            if mail.is_closing {
                return Err(closed());
            }
            mail.asked.push_back((ask, sender));
        }
        self.inner().has_mail.notify_one();
        // The thread drops what it does not answer when it ends.
        receiver.recv().unwrap_or_else(|_| Err(closed()))
    }

    /// What the store holds and what the background thread has done.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let done = self.inner().done.lock().expect(POISONED).clone();
        let store = self.inner().look();
        Statistics {
            head: store.head(),
            base: store.base(),
            chain: store.chain(),
            keys: store.keys(),
            space: store.space(),
            role: store.options().role,
            checks: done.checks,
            decision: done.decision,
            compactions: done.compactions,
            last: done.last,
            failure: done.failure,
        }
    }

    /// Ends the background thread and makes every commit durable. Later changes, through
    /// any handle, are refused.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn close(&self) -> Result<(), Failure> {
        self.owner.end_thread();
        self.sync()
    }
}

fn closed() -> Failure {
    Failure::Other("the store is closed".to_owned())
}

impl Owner {
    fn end_thread(&self) {
        self.inner.mail().is_closing = true;
        self.inner.has_mail.notify_one();
        let thread = self.thread.lock().expect(POISONED).take();
        if let Some(thread) = thread {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.end_thread();
    }
}

impl Inner {
    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().expect(POISONED)
    }

    fn look(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().expect(POISONED)
    }

    fn alone(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().expect(POISONED)
    }

    /// The store for a change, unless it is closed.
    fn for_change(&self) -> Result<RwLockWriteGuard<'_, Store>, Failure> {
        match self.is_closing() {
            true => Err(closed()),
            false => Ok(self.alone()),
        }
    }

    fn is_closing(&self) -> bool {
        self.mail().is_closing
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The background thread.
    fn run(&self) {
        let interval = self.look().options().policy.interval;
        let mut due = self.now().saturating_add(interval);
        while let Some(asked) = self.next(due) {
            let ask = asked.as_ref().map_or(Ask::Check, |(ask, _)| *ask);
            let answer = self.serve(ask);
            // What was refused has not failed.
            if let Err(failure @ (Failure::Disk(_) | Failure::Damage(_))) = &answer {
                self.done.lock().expect(POISONED).failure = Some(failure.clone());
            }
            if let Some((_, sender)) = asked {
                // Whoever has asked may be gone.
                let _ = sender.send(answer);
            } else {
                due = self.now().saturating_add(interval);
            }
        }
        self.mail().asked.clear();
    }

    /// What to do next: something that was asked for, or nothing when an interval has
    /// passed. `None` when the store is closing.
    fn next(&self, due: Duration) -> Option<Option<(Ask, SyncSender<Answer>)>> {
        let mut mail = self.mail();
        loop {
            if mail.is_closing {
                return None;
            }
            if let Some(asked) = mail.asked.pop_front() {
                return Some(Some(asked));
            }
            let left = due.saturating_sub(self.now());
            if left.is_zero() {
                return Some(None);
            }
            let waited = self.has_mail.wait_timeout(mail, left);
            (mail, _) = waited.expect(POISONED);
        }
    }

    fn serve(&self, ask: Ask) -> Answer {
        let (options, space) = {
            let store = self.look();
            (*store.options(), store.space())
        };
        if ask == Ask::Check {
            let decision = decide(&options.policy, options.role, space);
            let mut done = self.done.lock().expect(POISONED);
            done.checks += 1;
            done.decision = Some(decision);
            if decision != Decision::Compact {
                return Ok(None);
            }
        } else if options.role == Role::Replica {
            return Err(Failure::Other(
                "this store is a replica, which never compacts; promote it first".to_owned(),
            ));
        }
        self.compact()
    }

    /// The four phases, with the store held as little as each of them allows.
    fn compact(&self) -> Answer {
        let mut compaction = self.look().begin_compaction(self.now());
        while compaction.phase() == Some(Phase::Copy) {
            if self.is_closing() {
                return Err(closed());
            }
            compaction.step()?;
        }
        {
            let mut store = self.alone();
            while compaction.phase() == Some(Phase::Swap) {
                compaction.swap_step(&mut store, self.now())?;
            }
        }
        while compaction.phase().is_some() {
            compaction.step()?;
        }
        let report = compaction.report(self.now());
        let mut done = self.done.lock().expect(POISONED);
        done.compactions += 1;
        done.last = Some(report);
        Ok(Some(report))
    }
}
