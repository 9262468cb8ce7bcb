//! The background thread: when it wakes up, what it does, and who must wait for it.
//!
//! The thread wakes up once in every interval, asks the policy, and compacts. It holds the
//! read lock of the store for the first phase, no lock for the copy and the clean-up, and
//! the write lock for the whole swap. It also does the compactions that callers request, so
//! there is never more than one compaction.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the store as it runs for real, with a thread and a clock"
)]

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use lithify_sim::system::Failure;

use super::order::Phase;
use super::policy::{Decision, Role, decide};
use super::store::{Report, Store};

/// A lock is poisoned when a thread panics while it holds the lock, which is a bug.
pub(super) const POISONED: &str = "no thread panics while it holds the store";

/// The work that the background thread has done.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    pub(super) checks: u64,
    pub(super) decision: Option<Decision>,
    pub(super) compactions: u64,
    pub(super) last: Option<Report>,
    pub(super) failure: Option<Failure>,
}

/// A request to the background thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// A check of the policy, as after an interval.
    Check,
    /// A compaction that does not ask the policy.
    Compact,
}

pub(super) type Answer = Result<Option<Report>, Failure>;

#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) is_closing: bool,
    pub(super) asked: VecDeque<(Ask, SyncSender<Answer>)>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: RwLock<Store>,
    pub(super) mail: Mutex<Mail>,
    pub(super) has_mail: Condvar,
    pub(super) done: Mutex<Done>,
    /// The zero of the clock.
    pub(super) origin: Instant,
}

pub(super) fn closed() -> Failure {
    Failure::Other("the store is closed".to_owned())
}

impl Inner {
    pub(super) fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().expect(POISONED)
    }

    pub(super) fn look(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().expect(POISONED)
    }

    pub(super) fn alone(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().expect(POISONED)
    }

    /// The write lock of the store, unless the store is closed.
    pub(super) fn for_change(&self) -> Result<RwLockWriteGuard<'_, Store>, Failure> {
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

    /// The loop of the background thread.
    pub(super) fn run(&self) {
        let interval = self.look().options().policy.interval;
        let mut due = self.now().saturating_add(interval);
        while let Some(asked) = self.next(due) {
            let ask = asked.as_ref().map_or(Ask::Check, |(ask, _)| *ask);
            let answer = self.serve(ask);
            // A refused request is not a failure of the store.
            if let Err(failure @ (Failure::Disk(_) | Failure::Damage(_))) = &answer {
                self.done.lock().expect(POISONED).failure = Some(failure.clone());
            }
            if let Some((_, sender)) = asked {
                // The caller may have stopped waiting.
                let _ = sender.send(answer);
            } else {
                due = self.now().saturating_add(interval);
            }
        }
        self.mail().asked.clear();
    }

    /// The next work: a request, or `Some(None)` when the interval has passed. `None` when
    /// the store is closing.
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

    /// Runs the four phases. Each phase takes only the lock that it needs.
    fn compact(&self) -> Answer {
        let mut compaction = self.look().begin_compaction(self.now())?;
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
