//! Two stores on one disk: a primary, and a replica that follows it.
//!
//! Commits go to the primary. Durable commits are *sent*. Messages are delivered one by
//! one, out of order, and some never; the replica refuses a message that comes too
//! early. Sometimes the two stores exchange roles. A crash hits both at once and leaves
//! any legal image of either, so each store may have lost commits that the other still
//! has.
//!
//! Whenever both stores are opened, the replica must hold a prefix of the primary's
//! history. When everything was delivered and both have settled, their layouts must be
//! equal, and the replica must refuse the next commit of a store with another history.

mod instance;
mod roles;
mod stranger;
mod wire;

use std::sync::Arc;

use ::lithify::fs::Fs;

use super::inside::{Borrowed, inside};
#[cfg(feature = "planted-bugs")]
use super::lithify::PROMOTION_ENDED;
use super::lithify::{ROOM, options};
use super::shared_disk::{SharedDisk, must_be_sound};
use crate::planted::Planted;
use crate::system::{Engine, Failure, Setting, Settings, System, Values};
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
        Values::new(self, settings)?.choice("durability")?;
        Ok(Arc::new(SharedDisk {
            options: options(settings)?,
            open: |fs, options| Ok(Box::new(Pair::open(fs, options)?)),
            check,
        }))
    }

    #[cfg(feature = "planted-bugs")]
    fn reached(&self) -> Vec<(&'static str, u64)> {
        // The other marks belong to single stores, which are tested with many more
        // settings.
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

/// Checks both stores.
fn check(fs: &dyn Fs) -> Result<(), Failure> {
    let mut places = PLACES.into_iter();
    places.try_for_each(|place| must_be_sound(&Borrowed::new(fs, place), |damage| damage))
}
