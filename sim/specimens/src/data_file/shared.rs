//! The store for real: a handle for many threads, and a background thread with a clock.
//!
//! Readers take the store for as long as a look into the index lasts and read the file
//! without it. Writers take it alone, one after the other, until their commit is durable.
//! What the background thread does is told in [`super::background`].
//!
//! Closing, or dropping the last handle, wakes the thread up and does not wait for the
//! interval. A copy that is under way is left; the next opening removes it.

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

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a test of the locks between threads; its scope ends them"
)]
mod tests {
    use lithify::fs::MemFs;

    use super::*;
    use lithify_sim::disk::observed::ObservedFs;

    /// Only a test that fails waits for so long.
    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

    /// The copy begins, so the first phase has ended, while somebody reads in the store.
    /// Were it to take the store alone, the deadline would pass.
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
            // Whoever waited for the reader comes to the gate now.
            let _ = waiter.join().unwrap();
            drop(held);
            compaction.join().unwrap().unwrap();
            assert!(begun.is_ok(), "the copy did not begin beside a reader");
        });
    }
}
