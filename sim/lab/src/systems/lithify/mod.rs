//! The engine of this project as a system under test.
//!
//! The scheduler holds back callbacks and delivers them, and compaction runs in steps.
//! The tuning is small: blocks, WAL files and budgets of a few hundred bytes. So ten
//! commits go through rotations, spills, merges and manifest switches.

mod costs;
mod forecast;
mod forge;
mod instance;
mod placement;
mod reads;
mod remains;
mod settings;

use std::sync::Arc;

use ::lithify::fs::Fs;
use ::lithify::{Error, Options, Store, verify};

use crate::disk::Image;
use crate::history::Batch;
use crate::keyed::Draws;
use crate::planted::Planted;
use crate::system::{
    Engine, Failure, Instance, Piece, Remains, Salvaged, Setting, Settings, System,
};
use instance::Open;
pub(super) use instance::{
    Reader, SETTLE_STEPS, SETTLE_STEPS_OF_A_COMMIT, batch_of, batch_with, counted, pieces_of,
    state_of,
};
pub(super) use reads::{of_snapshots as reads_of_snapshots, of_store as reads_of_store};
pub(super) use settings::{OPEN_FILES, Promise, ROOM, SETTINGS, number, options, promise};

/// The system.
#[derive(Debug)]
pub struct Lithify;

impl System for Lithify {
    fn name(&self) -> &'static str {
        "lithify"
    }

    fn about(&self) -> &'static str {
        "the engine: commits into aligned windows, WAL, manifest, stepwise compaction"
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn task_kinds(&self) -> &'static [&'static str] {
        &["committed", "segment", "step"]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        Ok(Arc::new(Configured {
            options: settings::options(settings)?,
            promise: settings::promise(settings)?,
        }))
    }

    #[cfg(feature = "planted-bugs")]
    fn reached(&self) -> Vec<(&'static str, u64)> {
        // A store that is not a replica is never promoted, and a store with one owner
        // has no threads.
        marks(|mark| mark != PROMOTION_ENDED && !OF_THREADS.contains(&mark))
    }

    #[cfg(feature = "planted-bugs")]
    fn bugs(&self) -> Vec<Planted> {
        bugs(|area| !["replica", "threads", "transaction", "backup"].contains(&area))
    }

    #[cfg(feature = "planted-bugs")]
    fn with_bug(&self, name: &'static str, run: &mut dyn FnMut()) {
        let mut bugs = ::lithify::planted::Bug::ALL.iter();
        let bug = bugs.find(|bug| bug.name() == name).copied();
        ::lithify::planted::with(bug, run);
    }
}

/// The promises of the files, which do not depend on the driver that wrote them.
#[derive(Debug)]
pub(super) struct Configured {
    pub(super) options: Options,
    pub(super) promise: Promise,
}

impl Engine for Configured {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        let mut store = Store::open(fs, self.options.clone()).map_err(failure)?;
        store.hold_events();
        Ok(Box::new(Open::new(store, &self.options, self.promise)))
    }

    fn open_damaged(&self, fs: Arc<dyn Fs>) -> Option<Result<Box<dyn Remains>, Failure>> {
        Some(remains::open(fs, self.options.clone()))
    }

    fn reads_beside(&self) -> bool {
        true
    }

    fn open_beside(&self, fs: Arc<dyn Fs>) -> Result<Option<Box<dyn Instance>>, Failure> {
        match Store::open_read_only(fs, self.options.clone()) {
            Ok(store) => Ok(Some(Box::new(Open::new(
                store,
                &self.options,
                self.promise,
            )))),
            Err(Error::Locked) => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }

    fn salvage(&self, from: Arc<dyn Fs>, to: Arc<dyn Fs>) -> Option<Result<Salvaged, Failure>> {
        Some(remains::salvage(from, to, &self.options))
    }

    fn syncs_commits(&self) -> bool {
        self.promise == Promise::Synced
    }

    fn syncs(&self, batches: &[Batch]) -> bool {
        self.promise.syncs(batches)
    }

    fn opens_untouched(&self) -> bool {
        true
    }

    fn tells_stale_bytes(&self) -> bool {
        true
    }

    fn surfaces_errors(&self) -> bool {
        true
    }

    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        let report = verify::verify(fs).map_err(failure)?;
        if report.is_sound() {
            Ok(())
        } else {
            Err(Failure::Damage(report.to_string()))
        }
    }

    fn checks_what_is_left(&self) -> bool {
        true
    }

    fn forge(&self, image: &Image, draws: &mut Draws) -> Option<(Image, String)> {
        forge::forge(image, &self.options, draws)
    }

    fn is_ambiguous(&self, intact: &Image, damaged: &Image) -> bool {
        forge::names_two_stores(intact, damaged)
    }

    fn report(&self, fs: &dyn Fs) -> Option<String> {
        let report = verify::verify(fs);
        Some(report.map_or_else(|error| error.to_string(), |report| report.to_string()))
    }

    fn expected_layout(&self, history: &[Batch]) -> Option<Vec<Piece>> {
        expected_layout(&self.options, history)
    }

    fn is_readable(&self, commit: u64, head: u64) -> Option<bool> {
        let placement = self.options.placement.as_ref()?;
        let keeps_all = placement.history == ::lithify::History::All;
        (keeps_all || commit == head).then_some(true)
    }

    fn is_stream_known(&self, since: u64, head: u64) -> Option<bool> {
        let placement = self.options.placement.as_ref()?;
        Some(placement::knows_changes_since(placement, since, head))
    }

    /// Other files prove the end of a manifest: the log, and the segments that it
    /// names.
    fn is_log(&self, file: &str) -> bool {
        file.starts_with("wal")
    }
}

/// The mark that only a replica can reach.
#[cfg(feature = "planted-bugs")]
pub(super) const PROMOTION_ENDED: &str = "interrupted-promotion-ended";

/// Marks that only several clients can reach.
#[cfg(feature = "planted-bugs")]
pub(super) const OF_THREADS: [&str; 5] = [
    "inbox-full",
    "leader-waits-for-room",
    "transaction-refused-by-a-conflict",
    "transaction-refused-by-its-own-group",
    "transaction-refused-behind-a-thinned-segment",
];

/// Some of the engine's marks, with how often this thread has reached them.
#[cfg(feature = "planted-bugs")]
pub(super) fn marks(is_meant: impl Fn(&str) -> bool) -> Vec<(&'static str, u64)> {
    let marks = ::lithify::marks::take().into_iter();
    marks.filter(|(mark, _)| is_meant(mark)).collect()
}

/// The bugs of one area of the engine that only another system shows.
pub(super) fn bugs_of(area: &str) -> Vec<Planted> {
    #[cfg(feature = "planted-bugs")]
    let found = bugs(|other| other == area);
    #[cfg(not(feature = "planted-bugs"))]
    let found = {
        let _ = area;
        Vec::new()
    };
    found
}

#[cfg(feature = "planted-bugs")]
fn bugs(is_meant: impl Fn(&str) -> bool) -> Vec<Planted> {
    let bugs = ::lithify::planted::Bug::ALL.iter();
    bugs.filter(|bug| is_meant(bug.about().area))
        .map(|bug| Planted {
            name: bug.name(),
            pattern: bug.about().pattern,
            story: bug.about().story,
            is_thought_equivalent: bug.about().oracle == "none",
        })
        .collect()
}

/// The settled layout after these batches, computed from the rule alone.
pub(super) fn expected_layout(options: &Options, history: &[Batch]) -> Option<Vec<Piece>> {
    let placement = options.placement.as_ref()?;
    Some(placement::expected(placement, history))
}

/// Classifies the engine's errors by what they say about the disk.
pub(super) fn failure(error: Error) -> Failure {
    let message = error.to_string();
    match error {
        Error::Damage(_) | Error::NotAStore { .. } | Error::UnsupportedFormat { .. } => {
            Failure::Damage(message)
        }
        Error::Io { .. } | Error::Poisoned { .. } => Failure::Disk(message),
        _ => Failure::Other(message),
    }
}
