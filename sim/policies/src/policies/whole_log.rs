//! Shared code of the policies that rewrite a whole log: the content of the log, the times of
//! checks, and the ratio law as a prediction.

use lithify::predict::ratio::RatioRule;

use super::expectation::{Expectation, Metric};
use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Ingest, Job, Profile, View};

/// The log of a store with one stream.
pub(super) struct Log<'store> {
    pub(super) files: Vec<&'store Segment>,
    /// The bytes of all records.
    pub(super) bytes: u64,
    /// The bytes that a rewrite would keep.
    pub(super) live_bytes: u64,
}

/// The time between two checks, as a parameter.
pub(super) const CHECK: Parameter = Parameter {
    name: "check",
    default: "1800",
    about: "seconds of the commit clock between two looks at the log; 0: at each commit",
};

/// One file that takes all commits.
pub(super) const ONE_FILE: Ingest = Ingest::AppendToLog {
    roll_bytes: u64::MAX,
};

impl<'store> Log<'store> {
    pub(super) fn of(view: &View<'store>) -> Self {
        let files: Vec<&Segment> = view.segments(0).collect();
        Self {
            bytes: files.iter().map(|file| file.bytes).sum(),
            live_bytes: files.iter().map(|file| file.newest_bytes).sum(),
            files,
        }
    }

    /// Whether there were commits since the last rewrite.
    pub(super) fn has_grown(&self) -> bool {
        self.files.iter().any(|file| file.level == 0)
    }

    /// The output of the last rewrite.
    pub(super) fn rewritten(&self) -> Option<&'store Segment> {
        self.files.iter().rfind(|file| file.level > 0).copied()
    }

    /// A rewrite of the whole log.
    pub(super) fn rewrite(&self, cause: &'static str, reason: String) -> Vec<Job> {
        vec![Job::merge(&self.files, 1, cause, reason)]
    }
}

/// The time of a tick, if a check is due: if a multiple of `every` seconds lies after the
/// previous tick, or always if `every` is 0.
pub(super) fn due(event: Event, every: u64) -> Option<u64> {
    let Event::Tick { before, now } = event else {
        return None;
    };
    let is_due = every == 0 || before / every < now / every;
    is_due.then_some(now)
}

/// The costs of a log that is rewritten as soon as it has `trigger(live)` commits. `live` is
/// the constant number of commits whose records a rewrite keeps. Valid for keys in turn.
pub(super) fn ratio_law(profile: &Profile, trigger: impl Fn(u64) -> u64) -> Vec<Expectation> {
    let Some((keys, records)) = profile.dense_single() else {
        return Vec::new();
    };
    let (commits, records) = (u128::from(profile.commits), u128::from(records));
    let never = Expectation::exactly(Metric::RecordsWritten, records * commits);
    // No record is dead until every key was written once.
    let Some(updates) = keys.and_then(|keys| profile.commits.checked_sub(keys)) else {
        return vec![never];
    };
    let live = profile.commits - updates;
    let Some(rule) = RatioRule::new(live, trigger(live)) else {
        return Vec::new();
    };
    let written = u128::from(live) + rule.entries_written(updates);
    let mut expected = vec![
        Expectation::exactly(Metric::RecordsWritten, records * written),
        Expectation::exactly(
            Metric::LiveRecords,
            records * u128::from(rule.recovery_entries(updates)),
        ),
    ];
    if written > commits {
        expected.push(Expectation::exactly(
            Metric::PeakRecords,
            records * rule.peak_entries(),
        ));
        expected.push(Expectation::exactly(
            Metric::LongestPauseRecords,
            records * u128::from(rule.pause_entries()),
        ));
    }
    expected
}
