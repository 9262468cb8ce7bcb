//! A table in memory with one log, and a policy that decides when the log is rewritten.
//!
//! If a client writes one key a hundred thousand times, only one entry of the log matters.
//! From time to time the worker that writes the log compares its length with the length of
//! the live data. If the ratio is large enough, the worker pauses all commits, flushes the
//! pending batch, and writes the state to a new log. The new log replaces the old one
//! atomically, and commits continue.
//!
//! The same store has three users: the laboratory, with virtual time on simulated disks;
//! [`SharedStore`], with a worker thread and a real clock; and the command `lithify
//! ratio-store`.
//!
//! Reading order: `policy` (when), `record` and `table` (what), `names`, `job` (in which
//! order), `store` (the loop), `group` and `rewrite` (its two kinds of work), `recover`
//! (opening), `check`, `shared` (threads), and `settings`, `commit`, `instance`, `forecast`,
//! `bugs` for the laboratory. Entries and the replacement of files are in `parts`.
//! `design/wal-ratio.md` gives the reasons.

mod bugs;
mod check;
mod commit;
mod forecast;
mod group;
mod instance;
mod job;
mod names;
mod policy;
mod record;
mod recover;
mod rewrite;
mod settings;
mod shared;
mod store;
mod table;

use std::sync::Arc;

use lithify::fs::Fs;
use lithify_sim::history::{Batch, State};
use lithify_sim::planted::Planted;
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};
pub(crate) use names::owns;
pub use policy::{Decision, Policy, View};
pub use record::Operation;
pub use shared::{SharedStore, Status, Ticket};
pub use store::{Counters, Options, RatioStore, commit_bytes};
pub use table::Table;

/// The system.
#[derive(Debug)]
pub struct WalRatioSystem;

impl System for WalRatioSystem {
    fn name(&self) -> &'static str {
        "wal-ratio"
    }

    fn about(&self) -> &'static str {
        "a table in memory behind a log that is rewritten when too little of it is live"
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn task_kinds(&self) -> &'static [&'static str] {
        &["group", "timer", "rewrite"]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        Ok(Arc::new(settings::chosen(settings)?))
    }

    fn bugs(&self) -> Vec<Planted> {
        bugs::BUGS.to_vec()
    }
}

impl Engine for settings::Chosen {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        Ok(Box::new(instance::Open::new(fs, *self)?))
    }

    fn syncs_commits(&self) -> bool {
        self.syncs_commits
    }

    fn tells_stale_bytes(&self) -> bool {
        true
    }

    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        check::check(fs)
    }

    /// A settled store has let the time pass until no check can lead to a rewrite. With a
    /// longest interval, no bytes are dead then. Without one, the ratio is below the
    /// threshold. The limit has no slack, because a settled store gets no commits between
    /// two checks.
    fn space_limit(&self, history: &[Batch], _state: &State) -> Option<u64> {
        let mut live = forecast::Live::default();
        history.iter().for_each(|batch| live.apply(batch));
        let policy = self.options.policy;
        Some(match policy.max_interval {
            Some(_) => live.bytes(),
            None => policy.max_bytes(live.bytes()),
        })
    }

    /// Every log begins under the temporary name, and the laboratory identifies a file by
    /// its first name.
    fn is_log(&self, file: &str) -> bool {
        file == names::TEMPORARY || file.ends_with(".log")
    }
}
