//! The settings of the system. The values are small, so that ten commits cause several
//! rewrites, and some checks that come too soon.

use lithify_sim::system::{Setting, Settings, Values, unknown_value};

use super::WalRatioSystem;
use super::policy::Policy;
use super::store::Options;

/// No setting is part of the format on disk, so each may change at every opening.
pub(super) const SETTINGS: &[Setting] = &[
    Setting::tuning(
        "threshold",
        "log bytes for each live byte from which on the log is rewritten",
        &["2", "3", "10"],
    ),
    Setting::tuning(
        "check-every",
        "milliseconds of virtual time from check to check",
        &["30", "30", "10"],
    ),
    Setting::tuning(
        "min-interval",
        "the least time from one rewrite to the next, in milliseconds",
        &["30", "0", "70"],
    ),
    Setting::tuning(
        "max-interval",
        "the time after which dead bytes are reason enough, in milliseconds, or off",
        &["off", "off", "100"],
    ),
    Setting::tuning(
        "durability",
        "when a commit is acknowledged",
        &["synced", "synced", "buffered"],
    ),
    Setting::tuning(
        "piece-bytes",
        "bytes of a rewrite that are written at once",
        &["100", "100000"],
    ),
];

/// The settings that the laboratory needs to open a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    pub(super) options: Options,
    /// Whether a commit returns only after it is durable.
    pub(super) syncs_commits: bool,
}

pub(super) fn chosen(settings: &Settings) -> Result<Chosen, String> {
    let values = Values::new(&WalRatioSystem, settings)?;
    let number = |name: &str, least: u64| match values.value(name).parse() {
        Ok(number) if (least..=1 << 40).contains(&number) => Ok(number),
        _ => Err(format!(
            "the setting {name} is {:?}, which is no number from {least} to 2^40",
            values.value(name)
        )),
    };
    let max_interval = match values.value("max-interval") {
        "off" => None,
        _ => Some(number("max-interval", 1)?),
    };
    Ok(Chosen {
        options: Options {
            policy: Policy {
                check_every: number("check-every", 1)?,
                min_interval: number("min-interval", 0)?,
                max_interval,
                threshold: number("threshold", 2)?,
            },
            piece_bytes: number("piece-bytes", 1)? as usize,
        },
        syncs_commits: match values.value("durability") {
            "synced" => true,
            "buffered" => false,
            other => return Err(unknown_value(SETTINGS, "durability", other)),
        },
    })
}
