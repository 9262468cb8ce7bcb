//! `lethe`: a leveled tree with a time limit for deletions. Every tombstone reaches the last
//! level, where it is dropped, before it is `threshold` commits old.
//!
//! The rule is FADE. Level 0 is the buffer, and there are L levels. Level i gets the share `d_i =
//! ratio * d_(i-1)` of the threshold, with `d_0 = threshold * (ratio - 1) / (ratio^(L-1) - 1)`.
//! So the shares of all levels except the last add up to the threshold. When a level is added,
//! the shares change. A level is merged into the next one in two cases: it is larger than
//! `buffer-bytes * ratio^i`, or it contains a tombstone that is older than the shares of this
//! level and the levels above together. If several levels qualify, the smallest one is merged
//! first.
//!
//! In the paper, time is measured by a clock and levels consist of files. Here time is measured
//! in commits, and a level is one file, so there is no choice within a level. Where the paper
//! renames a file into a new last level, this policy writes it again.

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

    /// `ratio^exponent`, or `u128::MAX` if the power does not fit.
    fn power(&self, exponent: u8) -> u128 {
        u128::from(self.ratio).saturating_pow(u32::from(exponent))
    }

    /// The age in commits at which a tombstone must leave this level: the sum of the shares of
    /// this level and the levels above, rounded down.
    fn deadline(&self, level: u8, last: u8) -> u64 {
        let threshold = u128::from(self.threshold);
        // If a tree is so deep that the product does not fit, the shares are too small, so
        // tombstones leave earlier than necessary.
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

    /// The promise of the policy, as a prediction. If merges keep all versions, they keep
    /// tombstones too, and there is no promise.
    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        match profile.keeps_all_versions {
            true => Vec::new(),
            false => vec![Expectation::at_most(
                Metric::OldestTombstone,
                self.threshold - 1,
            )],
        }
    }

    /// The bound holds in every order: the age of a tombstone is counted from its commit.
    fn predict_late(&self, profile: &Profile) -> Vec<Expectation> {
        self.predict(profile)
    }
}
