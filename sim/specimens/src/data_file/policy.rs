//! When to compact: a pure decision based on the lengths of the file and its live data.
//!
//! This code reads no clock: a caller with a clock calls [`decide`] once in every
//! [`Policy::interval`]. The ratio is compared in integers, so that a file exactly at the
//! threshold is compacted, independent of rounding.
//!
//! The threshold gives the law of this family (Redis, Bitcask). A file that the rule has
//! checked and not compacted is shorter than `minimum_size_bytes` or than `live / (1 -
//! threshold)`. The rule writes at most `1 / threshold` bytes for each byte that a client
//! writes.

use std::fmt;
use std::time::Duration;

/// Millionths, the unit of [`Share`].
const MILLION: u32 = 1_000_000;

/// A part of a whole, from 0 to 1, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// A share in millionths.
    ///
    /// # Panics
    /// If it is more than a million.
    #[must_use]
    pub const fn millionths(millionths: u32) -> Self {
        assert!(millionths <= MILLION, "a share is at most the whole");
        Self(millionths)
    }

    /// Parses a text such as `0.3`: a number from 0 to 1 with at most six decimals.
    ///
    /// # Errors
    /// One line, if the text is not such a number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let fits = matches!(whole, "0" | "1") && decimals.len() <= 6 && is_plain(decimals);
        let millionths = format!("{whole}{decimals:0<6}").parse().unwrap_or(u32::MAX);
        if fits && millionths <= MILLION {
            Ok(Self(millionths))
        } else {
            Err(format!(
                "{text:?} is no number from 0 to 1 with at most six decimals"
            ))
        }
    }

    /// The largest length of a file with this number of live bytes whose dead share is below
    /// this share. `None` if there is no limit.
    #[must_use]
    pub fn max_bytes(self, live_bytes: u64) -> Option<u64> {
        // dead * million < share * total, with dead = total - live.
        let live = u128::from(live_bytes) * u128::from(MILLION);
        let rest = u128::from(MILLION - self.0);
        let exclusive = live.checked_div(rest)? + u128::from(!live.is_multiple_of(rest));
        let most = exclusive.saturating_sub(1).max(u128::from(live_bytes));
        Some(u64::try_from(most).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", f64::from(self.0) / f64::from(MILLION))
    }
}

/// Where the commits of a store come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// From the store's own clients.
    Primary,
    /// From another store, the primary. A replica never compacts by itself.
    Replica,
}

/// The settings, with the document's names and defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `COMPACTION_ENABLED`.
    pub enabled: bool,
    /// `COMPACTION_INTERVAL`: the time between checks.
    pub interval: Duration,
    /// `COMPACTION_THRESHOLD`: the least share of dead space.
    pub threshold: Share,
    /// `COMPACTION_MIN_FILE_SIZE`: shorter files are not compacted.
    pub minimum_size_bytes: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_secs(3600),
            threshold: Share::millionths(300_000),
            minimum_size_bytes: 10 << 20,
        }
    }
}

/// The sizes of a data file in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// The bytes that a compaction would keep: the header of the file and the newest record of
    /// each key.
    pub live_bytes: u64,
    /// The length of the file.
    pub total_bytes: u64,
}

impl Space {
    /// The bytes that a compaction would free.
    #[must_use]
    pub fn dead_bytes(self) -> u64 {
        self.total_bytes.saturating_sub(self.live_bytes)
    }

    /// `1 - live / total`, for display. 0 for an empty file.
    #[must_use]
    pub fn dead_ratio(self) -> f64 {
        match self.total_bytes {
            0 => 0.0,
            total => self.dead_bytes() as f64 / total as f64,
        }
    }

    /// Whether the dead share is at least this share. Exact.
    fn is_dead(self, share: Share) -> bool {
        let dead = u128::from(self.dead_bytes()) * u128::from(MILLION);
        dead >= u128::from(share.0) * u128::from(self.total_bytes)
    }
}

/// The result of a check, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Compaction is switched off.
    Disabled,
    /// A replica does not compact.
    Replica,
    /// The file is shorter than the minimum.
    TooSmall,
    /// The dead share is below the threshold.
    BelowThreshold,
    /// Nothing is dead. With a threshold of 0, a compaction would have no effect.
    NothingDead,
    /// Compact.
    Compact,
}

impl fmt::Display for Decision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Disabled => "compaction is switched off",
            Self::Replica => "a replica does not compact",
            Self::TooSmall => "the file is below the minimum size",
            Self::BelowThreshold => "the dead share is below the threshold",
            Self::NothingDead => "nothing is dead",
            Self::Compact => "the file is to be compacted",
        })
    }
}

/// Applies the rule once. Pure.
#[must_use]
pub fn decide(policy: &Policy, role: Role, space: Space) -> Decision {
    if !policy.enabled {
        Decision::Disabled
    } else if role == Role::Replica && !lithify_sim::planted::is_active("replica-compacts") {
        Decision::Replica
    } else if space.total_bytes < policy.minimum_size_bytes
        && !lithify_sim::planted::is_active("minimum-size-ignored")
    {
        Decision::TooSmall
    } else if !space.is_dead(policy.threshold) {
        Decision::BelowThreshold
    } else if space.dead_bytes() == 0 {
        Decision::NothingDead
    } else {
        Decision::Compact
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_read_exactly() {
        for (text, millionths) in [
            ("0", 0),
            ("0.3", 300_000),
            ("1.0", MILLION),
            ("0.000001", 1),
        ] {
            assert_eq!(Share::parse(text), Ok(Share(millionths)), "{text}");
        }
        for text in [
            "",
            ".3",
            "1.1",
            "2",
            "-0.3",
            "0.0000001",
            "0,3",
            "0.3e1",
            "NaN",
        ] {
            assert!(Share::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        /// A file that is not compacted obeys the law, and the law is sharp: a file with one
        /// more byte is compacted.
        #[test]
        fn the_limit_is_the_last_length_that_is_left_alone(
            live in 1_u64..1 << 40,
            millionths in 1..MILLION,
        ) {
            let policy = Policy { threshold: Share(millionths), minimum_size_bytes: 0, ..Policy::default() };
            let most = policy.threshold.max_bytes(live).unwrap();
            let at = |total_bytes| decide(&policy, Role::Primary, Space { live_bytes: live, total_bytes });
            prop_assert!(matches!(at(most), Decision::BelowThreshold));
            prop_assert_eq!(at(most + 1), Decision::Compact);
        }
    }
}
