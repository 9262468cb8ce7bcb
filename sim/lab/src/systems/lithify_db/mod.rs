//! The engine in the hands of several clients: the protocol behind `Db`.
//!
//! `SteppedDb` runs the programs of `Db` without threads. Every client, the standby thread
//! and the compactor are tasks; a turn takes one of them to the next place where another
//! thread could come in between, and the schedule of a plan gives the turns. So each wake-up
//! is delivered when the plan says so, or never, and a client that waits when nothing is left
//! to do is a finding.
//!
//! Reading order: `settings`, `client` (who calls what, and what the call must come to),
//! `instance` (the store, driven), `order`.

mod client;
mod instance;
mod order;
mod settings;
mod transactions;

use std::sync::Arc;

use ::lithify::fs::Fs;
use ::lithify::stepped::SteppedDb;

use super::lithify::{self, Configured, failure};
use crate::history::Batch;
use crate::planted::Planted;
use crate::system::{Engine, Failure, Instance, Piece, Setting, Settings, System};
use instance::Open;
use settings::Chosen;

/// Bugs of the commit protocol that a store with one owner shows as well.
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
            },
            chosen,
        }))
    }

    fn most_keyspaces(&self) -> u16 {
        settings::KEYSPACES as u16
    }

    #[cfg(feature = "planted-bugs")]
    fn reached(&self) -> Vec<(&'static str, u64)> {
        // The others belong to what the store does with one owner, too.
        lithify::marks(|mark| lithify::OF_THREADS.contains(&mark))
    }

    fn bugs(&self) -> Vec<Planted> {
        let mut bugs = lithify::bugs_of("threads");
        bugs.extend(lithify::bugs_of("transaction"));
        // The commit protocol is the one of every driver, and so are the mistakes in it.
        let of_protocol = lithify::bugs_of("wal").into_iter();
        bugs.extend(of_protocol.filter(|bug| PROTOCOL_BUGS.contains(&bug.name)));
        bugs
    }

    fn with_bug(&self, bug: &'static str, run: &mut dyn FnMut()) {
        lithify::Lithify.with_bug(bug, run);
    }
}

/// What a store promises by its files is what it promises to one owner.
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

    /// A call that returns has handed the commit over; what is durable by then says
    /// [`Instance::acknowledged`].
    fn syncs_commits(&self) -> bool {
        false
    }

    /// An error belongs to a call that is told in a later turn, or to the compactor, which
    /// nobody calls. Both have come to their end when settling has.
    fn settling_tells_errors(&self) -> bool {
        true
    }

    fn opens_untouched(&self) -> bool {
        self.files.opens_untouched()
    }

    fn tells_stale_bytes(&self) -> bool {
        true
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
