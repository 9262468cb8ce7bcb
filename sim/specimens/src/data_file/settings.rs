//! The settings of the system. The sizes are small, so that ten commits cause several
//! compactions.

use std::time::Duration;

use lithify_sim::system::{Setting, Settings, Values, unknown_value};

use super::DataFileSystem;
use super::policy::{Policy, Role, Share};
use super::store::Options;

/// No setting is part of the format on disk, so each may change at every opening.
pub(super) const SETTINGS: &[Setting] = &[
    Setting::tuning(
        "enabled",
        "whether files are compacted",
        &["on", "on", "on", "off"],
    ),
    Setting::tuning("interval", "seconds between two checks", &["3600"]),
    Setting::tuning(
        "threshold",
        "the least share of dead space",
        &["0.3", "0.3", "0.6", "0.1"],
    ),
    Setting::tuning(
        "minimum-size",
        "bytes below which a file is left alone",
        &["200", "0", "600"],
    ),
    Setting::tuning(
        "copy-bytes",
        "bytes that a step of a copy writes",
        &["60", "200", "4000"],
    ),
    Setting::tuning(
        "durability",
        "when a commit is acknowledged",
        &["synced", "synced", "buffered"],
    ),
    Setting::tuning(
        "role",
        "whose commits the store takes",
        &["primary", "primary", "primary", "primary", "replica"],
    ),
];

/// The settings that the laboratory needs to open a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    pub(super) options: Options,
}

pub(super) fn chosen(settings: &Settings) -> Result<Chosen, String> {
    let values = Values::new(&DataFileSystem, settings)?;
    let value = |name: &str| values.value(name);
    let number = |name: &str, least: u64| match value(name).parse() {
        Ok(number) if (least..=1 << 30).contains(&number) => Ok(number),
        _ => Err(format!(
            "the setting {name} is {:?}, which is no number from {least} to 2^30",
            value(name)
        )),
    };
    let choice = |name: &str, no: &str, yes: &str| match value(name) {
        chosen if chosen == yes => Ok(true),
        chosen if chosen == no => Ok(false),
        chosen => Err(unknown_value(SETTINGS, name, chosen)),
    };
    let role = match choice("role", "primary", "replica")? {
        true => Role::Replica,
        false => Role::Primary,
    };
    Ok(Chosen {
        options: Options {
            policy: Policy {
                enabled: choice("enabled", "off", "on")?,
                interval: Duration::from_secs(number("interval", 1)?),
                threshold: Share::parse(value("threshold"))
                    .map_err(|fault| format!("the setting threshold: {fault}"))?,
                minimum_size_bytes: number("minimum-size", 0)?,
            },
            role,
            may_demote: true,
            syncs_commits: choice("durability", "buffered", "synced")?,
            copy_bytes: number("copy-bytes", 1)?,
        },
    })
}
