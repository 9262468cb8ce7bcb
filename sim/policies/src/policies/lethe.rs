//! `lethe`: a leveled tree that deletes in time. Every tombstone reaches the last level, where
//! it goes, before it is `threshold` commits old.
//!
//! The rule is FADE's. Level 0 is the buffer, and there are L levels. Level i is given the
//! share `d_i = ratio * d_(i-1)` of the threshold, with `d_0 = threshold * (ratio - 1) /
//! (ratio^(L-1) - 1)`, so that the shares of all levels but the last add up to the threshold.
//! The shares change when a level is added. A level is merged into the next one when it is
//! larger than `buffer-bytes * ratio^i`, or when it holds a tombstone for which the time of
//! this level and those above is over; the smallest such level comes first.
//!
//! The paper counts time on a clock and looks at files; here time is commits, and a level is
//! one file, so there is nothing to choose within a level. What would be renamed into a new
//! last level is written once more.

use super::expectation::{Expectation, Metric};
use super::segment::Segment;
use super::spec::{Parameter, Values};
use super::{Event, Job, Policy, Profile, Registered, View};

#[derive(Debug)]
struct Lethe {
    threshold: u64,
    ratio: u64,
    buffer_bytes: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "lethe",
    about: "a leveled tree in which every tombstone is gone after N commits",
    source: "Sarkar et al., Lethe, SIGMOD 2020: FADE, with time in commits",
    parameters: &[
        Parameter {
            name: "threshold",
            default: "1000",
            about: "commits after which a deletion is final",
        },
        Parameter {
            name: "ratio",
            default: "10",
            about: "how many times a level is as large as the one above",
        },
        Parameter {
            name: "buffer-bytes",
            default: "4096",
            about: "the size of level 0, whose commits are merged when there is so much",
        },
    ],
    build: |values| Ok(Box::new(Lethe::new(values)?)),
};

impl Lethe {
    fn new(values: &Values) -> Result<Self, String> {
        Ok(Self {
            threshold: values.at_least("threshold", 1)?,
            ratio: values.at_least("ratio", 2)?,
            buffer_bytes: values.at_least("buffer-bytes", 1)?,
        })
    }

    /// `ratio^exponent`, or the largest number there is.
    fn power(&self, exponent: u8) -> u128 {
        u128::from(self.ratio).saturating_pow(u32::from(exponent))
    }

    /// The age in commits at which a tombstone leaves a level: the shares of this level and
    /// those above, rounded down.
    fn deadline(&self, level: u8, last: u8) -> u64 {
        let threshold = u128::from(self.threshold);
        // Where a tree is too deep for the product, the shares come out too small: still in time.
        let share = threshold.saturating_mul(self.power(level + 1) - 1) / (self.power(last) - 1);
        share.min(threshold) as u64
    }

    fn job(&self, view: &View<'_>, stream: usize, commit: u64) -> Option<Job> {
        let segments = view.segments(stream).filter(|one| one.last <= commit);
        let segments: Vec<&Segment> = segments.collect();
        let last = segments.iter().map(|one| one.level).max()?.max(1);
        (0..=last).find_map(|level| {
            let of_level = || segments.iter().filter(|one| one.level == level);
            let bytes: u64 = of_level().map(|one| one.bytes).sum();
            let oldest = of_level().filter_map(|one| one.oldest_tombstone).min();
            let most = u128::from(self.buffer_bytes).saturating_mul(self.power(level));
            let (cause, reason) = if u128::from(bytes) > most {
                let reason = format!("level {level} has {bytes} bytes, at most {most}");
                ("saturation", reason)
            } else {
                let age = commit - oldest.filter(|_| level < last)?;
                let deadline = self.deadline(level, last);
                let reason = format!(
                    "level {level} of {} has a tombstone {age} commits old, its time is {deadline}",
                    last + 1
                );
                (age >= deadline).then_some(("deletion", reason))?
            };
            let is_input = |one: &&&Segment| (level..=level + 1).contains(&one.level);
            let inputs: Vec<&Segment> = segments.iter().filter(is_input).copied().collect();
            Some(Job::merge(&inputs, level + 1, cause, reason))
        })
    }
}

impl Policy for Lethe {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let streams = 0..view.stream_count();
        streams
            .filter_map(|stream| self.job(view, stream, commit))
            .collect()
    }

    /// The promise, as a prediction. Where all versions stay, so do tombstones.
    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        match profile.keeps_all_versions {
            true => Vec::new(),
            false => vec![Expectation::at_most(
                Metric::OldestTombstone,
                self.threshold - 1,
            )],
        }
    }
}
