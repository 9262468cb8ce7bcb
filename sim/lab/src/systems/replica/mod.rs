//! Two stores on one disk: a primary, and a replica that follows it.
//!
//! Commits go to the primary. What is durable there is *sent*, and messages are delivered
//! one by one, out of order and sometimes never; the replica refuses what it cannot take
//! yet. Now and then the two change roles. A crash takes both at once and leaves any legal
//! image of either, so each may have lost what the other still has.
//!
//! Whenever both are opened, the replica must hold a beginning of the primary's history;
//! when everything was delivered and both have settled, their layouts must be equal, and the
//! replica must refuse the next commit of a store with another history.

mod instance;
mod roles;
mod stranger;
mod wire;

use std::sync::Arc;

use ::lithify::fs::Fs;
use ::lithify::{Durability, Options};

use super::inside::{self, Inside};
#[cfg(feature = "planted-bugs")]
use super::lithify::PROMOTION_ENDED;
use super::lithify::{ROOM, failure, options};
use crate::history::Batch;
use crate::planted::Planted;
use crate::system::{Engine, Failure, Instance, Piece, Setting, Settings, System, Values};
use instance::Pair;

/// The directories of the two stores.
const PLACES: [&str; 2] = ["one", "two"];

const SETTINGS: &[Setting] = &[
    Setting::fixed(
        "divisor",
        "commits of a window, level by level",
        &["2", "3"],
    ),
    Setting::tuning(
        "file-level",
        "lowest level that lives in files",
        &["1", "2"],
    ),
    Setting::tuning(
        "durability",
        "when a commit is acknowledged",
        &["synced", "buffered"],
    ),
    Setting::tuning(
        ROOM,
        "bytes of zeros written at once ahead of the end of a log that is synced",
        &["262144", "200", "0"],
    ),
    Setting::tuning(
        "near-marks",
        "marks of a trail that stand close together",
        &["64", "1", "2"],
    ),
    Setting::tuning(
        "gathered",
        "entries that a stream of changes gathers",
        &["262144", "1", "4"],
    ),
];

const BUGS: &[Planted] = &[
    Planted {
        name: "sent-before-durable",
        pattern: "M22",
        story: "commits are sent to the replica before they are durable, so that after a crash it is ahead of its primary (Electric #2974 in another place)",
        is_thought_equivalent: false,
    },
    Planted {
        name: "promoted-behind",
        pattern: "M21",
        story: "a replica is promoted while commits are still on their way to it, and their numbers are given out again",
        is_thought_equivalent: false,
    },
    Planted {
        name: "both-promoted",
        pattern: "M62",
        story: "the roles are changed by promoting the replica before the old primary is marked as one, so a crash in between leaves two primaries",
        is_thought_equivalent: false,
    },
];

/// The system.
#[derive(Debug)]
pub struct ReplicaSystem;

impl System for ReplicaSystem {
    fn name(&self) -> &'static str {
        "replica"
    }

    fn about(&self) -> &'static str {
        "the engine twice: a primary, and a replica that follows it, with roles that change"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn task_kinds(&self) -> &'static [&'static str] {
        &["deliver", "send", "exchange", "step"]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        Values::new(self, settings)?;
        Ok(Arc::new(Configured {
            options: options(settings)?,
        }))
    }

    #[cfg(feature = "planted-bugs")]
    fn reached(&self) -> Vec<(&'static str, u64)> {
        // The others belong to single stores, which are tried with many more settings.
        super::lithify::marks(|mark| mark == PROMOTION_ENDED)
    }

    fn bugs(&self) -> Vec<Planted> {
        let mut bugs = BUGS.to_vec();
        bugs.extend(super::lithify::bugs_of("replica"));
        bugs
    }

    fn with_bug(&self, bug: &'static str, run: &mut dyn FnMut()) {
        match BUGS.iter().any(|own| own.name == bug) {
            true => crate::planted::with(Some(bug), run),
            false => super::lithify::Lithify.with_bug(bug, run),
        }
    }
}

#[derive(Debug)]
struct Configured {
    options: Options,
}

impl Engine for Configured {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        Ok(Box::new(Pair::open(fs, &self.options)?))
    }

    fn is_stream_known(&self, _since: u64, _head: u64) -> Option<bool> {
        Some(true)
    }

    fn syncs_commits(&self) -> bool {
        self.options.durability == Durability::Synced
    }

    fn tells_stale_bytes(&self) -> bool {
        true
    }

    fn check(&self, fs: &dyn Fs) -> Result<(), Failure> {
        for place in PLACES {
            let inside = inside::Borrowed::new(fs, place);
            let report = ::lithify::verify::verify(&inside).map_err(failure)?;
            if !report.is_sound() {
                return Err(Failure::Damage(report.to_string()));
            }
        }
        Ok(())
    }

    fn expected_layout(&self, history: &[Batch]) -> Option<Vec<Piece>> {
        super::lithify::expected_layout(&self.options, history)
    }

    fn is_readable(&self, _commit: u64, _head: u64) -> Option<bool> {
        Some(true)
    }

    fn is_log(&self, file: &str) -> bool {
        file.contains("wal")
    }
}

/// The part of a disk that belongs to one of the stores.
fn inside(fs: &Arc<dyn Fs>, place: &'static str) -> Arc<dyn Fs> {
    Arc::new(Inside::new(Arc::clone(fs), place))
}
