//! The settings of the system. The values are small, so that ten commits cause
//! rotations, snapshots and truncations.

use lithify_sim::system::{Setting, Settings, Values, unknown_value};

use super::SnapshotLogSystem;
use super::store::Options;

/// No setting is part of the format on disk, so each may change at every opening.
pub(super) const SETTINGS: &[Setting] = &[
    Setting::tuning(
        "segment-bytes",
        "bytes after which a log segment ends",
        &["150", "400", "4000"],
    ),
    Setting::tuning(
        "snapshot-every",
        "commits after which a snapshot is due",
        &["3", "2", "5"],
    ),
    Setting::tuning(
        "durability",
        "when a commit is acknowledged",
        &["synced", "synced", "buffered"],
    ),
    Setting::tuning(
        "index",
        "whether segments have an index beside them",
        &["off", "off", "on"],
    ),
];

/// The settings that the laboratory needs to open a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    pub(super) options: Options,
    pub(super) snapshot_every: u64,
}

pub(super) fn chosen(settings: &Settings) -> Result<Chosen, String> {
    let values = Values::new(&SnapshotLogSystem, settings)?;
    let value = |name: &str| values.value(name);
    let number = |name: &str| match value(name).parse() {
        Ok(number) if (1..=1 << 30).contains(&number) => Ok(number),
        _ => Err(format!(
            "the setting {name} is {:?}, which is no number from 1 to 2^30",
            value(name)
        )),
    };
    let choice = |name: &str, no: &str, yes: &str| match value(name) {
        chosen if chosen == yes => Ok(true),
        chosen if chosen == no => Ok(false),
        chosen => Err(unknown_value(SETTINGS, name, chosen)),
    };
    Ok(Chosen {
        options: Options {
            segment_bytes: number("segment-bytes")?,
            syncs_appends: choice("durability", "buffered", "synced")?,
            keeps_index: choice("index", "off", "on")?,
        },
        snapshot_every: number("snapshot-every")?,
    })
}
