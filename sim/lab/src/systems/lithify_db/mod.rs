//! The engine used by several clients: the protocol behind `Db`.
//!
//! `SteppedDb` runs the programs of `Db` without threads. Every client, the standby
//! thread and the compactor are tasks. A turn takes a task to the next place where
//! another thread could run in between, and the schedule of a plan gives the turns. So
//! each wake-up is delivered when the plan says so, or never. A client that waits when
//! no work is left is a finding.
//!
//! Reading order: `settings`, `client` (the calls of clients and their required
//! outcomes), `transactions`, `view` (what a transaction sees), `instance` (the driven
//! store), `order`.

mod client;
mod instance;
mod order;
mod settings;
mod transactions;
mod view;

use std::sync::Arc;

use ::lithify::fs::Fs;
use ::lithify::stepped::SteppedDb;

use super::lithify::{self, Configured, failure};
use crate::history::Batch;
use crate::planted::Planted;
use crate::system::{Engine, Failure, Instance, Piece, Setting, Settings, System};
use instance::Open;
use settings::Chosen;

/// Bugs of the commit protocol that a store with one owner shows too.
const PROTOCOL_BUGS: [&str; 2] = ["ack-before-sync", "group-commit-unsynced"];

/// The system.
#[derive(Debug)]
pub struct LithifyDb;

impl System for LithifyDb {
    fn name(&self) -> &'static str {
        "lithify-db"
    }

    fn about(&self) -> &'static str {
        "the engine in the hands of several clients: queue, groups, tickets, gate, inbox, close"
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn task_kinds(&self) -> &'static [&'static str] {
        &[
            "commit",
            "sync",
            "settle",
            "refused",
            "conflict",
            "standby",
            "compactor",
        ]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        let chosen = settings::chosen(settings)?;
        Ok(Arc::new(Shared {
            files: Configured {
                options: chosen.options.clone(),
                promise: chosen.promise,
            },
            chosen,
        }))
    }

    fn max_keyspaces(&self) -> u16 {
        settings::KEYSPACES as u16
    }

    #[cfg(feature = "planted-bugs")]
    fn reached(&self) -> Vec<(&'static str, u64)> {
        // The other marks are also reached by a store with one owner.
        lithify::marks(|mark| lithify::OF_THREADS.contains(&mark))
    }

    fn bugs(&self) -> Vec<Planted> {
        let mut bugs = lithify::bugs_of("threads");
        bugs.extend(lithify::bugs_of("transaction"));
        // All drivers use the same commit protocol, so its bugs belong here too.
        let of_protocol = lithify::bugs_of("wal").into_iter();
        bugs.extend(of_protocol.filter(|bug| PROTOCOL_BUGS.contains(&bug.name)));
        bugs
    }

    fn with_bug(&self, bug: &'static str, run: &mut dyn FnMut()) {
        lithify::Lithify.with_bug(bug, run);
    }
}

/// The promises about files are the same as for a store with one owner.
#[derive(Debug)]
struct Shared {
    files: Configured,
    chosen: Chosen,
}

impl Engine for Shared {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        let options = self.chosen.options.clone();
        let db = SteppedDb::open(fs, options, self.chosen.sizes).map_err(failure)?;
        Ok(Box::new(Open::new(db, self.chosen.clone())))
    }

    /// A call returns when the commit was submitted; [`Instance::acknowledged`] says
    /// what is durable.
    fn syncs_commits(&self) -> bool {
        false
    }

    /// Each batch has a client of its own.
    fn commits_together(&self) -> bool {
        false
    }

    /// An error belongs to a call that ends in a later turn, or to the compactor, which
    /// has no caller. Both have ended when settling has ended.
    fn settling_tells_errors(&self) -> bool {
        true
    }

    fn opens_untouched(&self) -> bool {
        self.files.opens_untouched()
    }

    fn tells_stale_bytes(&self) -> bool {
        true
    }

    fn reads_beside(&self) -> bool {
        self.files.reads_beside()
    }

    fn open_beside(&self, fs: Arc<dyn Fs>) -> Result<Option<Box<dyn Instance>>, Failure> {
        self.files.open_beside(fs)
    }

    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        self.files.check(fs)
    }

    fn checks_what_is_left(&self) -> bool {
        self.files.checks_what_is_left()
    }

    fn expected_layout(&self, history: &[Batch]) -> Option<Vec<Piece>> {
        self.files.expected_layout(history)
    }

    fn is_readable(&self, commit: u64, head: u64) -> Option<bool> {
        self.files.is_readable(commit, head)
    }

    fn is_stream_known(&self, since: u64, head: u64) -> Option<bool> {
        self.files.is_stream_known(since, head)
    }

    fn is_log(&self, file: &str) -> bool {
        self.files.is_log(file)
    }
}
