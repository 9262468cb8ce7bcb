//! The store as it runs for real: a handle for many threads, and a background thread with a
//! clock.
//!
//! A reader locks the store only while it looks into the index, and reads the file without a
//! lock. A writer holds the write lock until its commit is durable. [`super::background`]
//! describes the work of the background thread.
//!
//! Closing the store, or dropping the last handle, wakes the thread up and does not wait for
//! the interval. A running copy is abandoned; the next opening removes its file.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the store as it runs for real, with a thread and a clock"
)]

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;

use lithify::fs::Fs;
use lithify_sim::system::Failure;

use super::background::{Answer, Ask, Inner, POISONED, closed};
use super::policy::{Decision, Role, Space};
use super::reader::Reader;
use super::record::Write;
use super::replica::Change;
use super::store::{Options, Report, Store};

/// The state of a store and the work of its background thread since the opening.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// The newest commit.
    pub head: u64,
    /// The commit whose state is in the copied part of the file.
    pub base: u64,
    /// The chain of the newest commit.
    pub chain: u64,
    /// The number of keys.
    pub keys: usize,
    /// The bytes of the data file.
    pub space: Space,
    /// The role of the store.
    pub role: Role,
    /// The number of checks of the policy.
    pub checks: u64,
    /// The result of the last check.
    pub decision: Option<Decision>,
    /// The number of completed compactions.
    pub compactions: u64,
    /// The report of the last completed compaction.
    pub last: Option<Report>,
    /// The reason of the last failure.
    pub failure: Option<Failure>,
}

/// The owner of the background thread. The thread ends when the last handle drops the owner.
#[derive(Debug)]
struct Owner {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// An open store, for many threads. All clones refer to the same store.
#[derive(Clone, Debug)]
pub struct Shared {
    owner: Arc<Owner>,
}

impl Shared {
    /// Opens the store on `fs`, or creates one, and starts the background thread.
    ///
    /// # Errors
    /// As [`Store::open`], and `Disk` if the thread cannot be started.
    pub fn open(fs: Arc<dyn Fs>, options: &Options) -> Result<Self, Failure> {
        let inner = Arc::new(Inner {
            store: RwLock::new(Store::open(fs, options)?),
            mail: Mutex::default(),
            has_mail: Condvar::new(),
            done: Mutex::default(),
            origin: Instant::now(),
        });
        // The only thread of the store. Its owner joins it, so the thread ends before the
        // last handle is dropped.
        let background = inner.clone();
        let thread = std::thread::Builder::new()
            .name("data-file".to_owned())
            .spawn(move || background.run())
            .map_err(|error| Failure::Other(format!("cannot start a thread: {error}")))?;
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

    /// Applies commits of the primary.
    ///
    /// # Errors
    /// As [`Store::replicate`], and `Other` when the store is closed.
    pub fn replicate(&self, changes: &[Change]) -> Result<u64, Failure> {
        self.inner().for_change()?.replicate(changes)
    }

    /// Turns a replica into a primary, durably.
    ///
    /// # Errors
    /// As [`Store::promote`], and `Other` when the store is closed.
    pub fn promote(&self) -> Result<(), Failure> {
        self.inner().for_change()?.promote()
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

    /// At most `most` of the durable commits after `commit`.
    ///
    /// # Errors
    /// As [`Store::changes_since`].
    pub fn changes_since(&self, commit: u64, most: usize) -> Result<Vec<Change>, Failure> {
        self.inner().look().changes_since(commit, most)
    }

    /// Checks the policy now, as the background thread does after an interval. Returns the
    /// report of the compaction, if the policy wanted one.
    ///
    /// # Errors
    /// As [`Shared::compact`], but not for replicas: their policy never wants a compaction.
    pub fn check(&self) -> Result<Option<Report>, Failure> {
        self.ask(Ask::Check)
    }

    /// Compacts without asking the policy, and returns the report.
    ///
    /// # Errors
    /// `Other` for replicas and closed stores. Otherwise errors of the disk.
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
        // When the thread ends, it drops the requests that it has not answered.
        receiver.recv().unwrap_or_else(|_| Err(closed()))
    }

    /// The state of the store and the work of the background thread.
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

    /// Ends the background thread and makes every commit durable. Later changes through any
    /// handle are refused.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn close(&self) -> Result<(), Failure> {
        self.owner.end_thread();
        self.sync()
    }
}

impl Owner {
    fn end_thread(&self) {
        self.inner.mail().is_closing = true;
        self.inner.has_mail.notify_one();
        let thread = self.thread.lock().expect(POISONED).take();
        if let Some(thread) = thread {
            // A panic of the thread was already reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.end_thread();
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a test of the locks between threads; its scope ends them"
)]
mod tests {
    use lithify::fs::MemFs;

    use super::*;
    use lithify_sim::disk::observed::ObservedFs;

    /// Only a failing test waits for this time.
    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

    /// The copy begins, which means that the first phase has ended, while a reader holds the
    /// read lock. If the first phase took the write lock, the deadline would pass.
    #[test]
    fn the_first_phase_needs_the_store_as_a_reader_does() {
        let fs = ObservedFs::new(Arc::new(MemFs::new()));
        let gate = fs.gate().clone();
        let store = Shared::open(Arc::new(fs), &Options::default()).unwrap();
        let write = Write {
            key: b"key".to_vec(),
            value: Some(b"value".to_vec()),
        };
        store.commit(&[vec![write]]).unwrap();
        let held = gate.hold("create data.db.tmp");
        let (sender, begun) = sync_channel(1);
        std::thread::scope(|scope| {
            let reading = store.inner().look();
            let compaction = scope.spawn(|| store.compact());
            let waiter = scope.spawn(move || sender.send(gate.wait_until_held()));
            let begun = begun.recv_timeout(DEADLINE);
            drop(reading);
            // If the compaction has waited for the reader, it reaches the gate now.
            let _ = waiter.join().unwrap();
            drop(held);
            compaction.join().unwrap().unwrap();
            assert!(begun.is_ok(), "the copy did not begin beside a reader");
        });
    }
}
