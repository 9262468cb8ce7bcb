//! `snapshot-truncate`: writes a snapshot of the whole state every N commits, and
//! then removes the log before it.

use lithify::predict::ratio::SnapshotRule;

use super::expectation::{Expectation, Metric};
use super::spec::Parameter;
use super::whole_log::{Log, ONE_FILE};
use super::{Event, Ingest, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct SnapshotTruncate {
    every: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "snapshot-truncate",
    about: "writes a snapshot every N commits and truncates the log",
    source: "the snapshot task",
    parameters: &[Parameter {
        name: "every",
        default: "500",
        about: "commits between two snapshots",
    }],
    build: |values| {
        let every = values.at_least("every", 1)?;
        Ok(Box::new(SnapshotTruncate { every }))
    },
};

/// The costs of a snapshot every `every` commits. The keys are in turn or distinct.
pub(super) fn snapshot_law(profile: &Profile, every: u64) -> Vec<Expectation> {
    // Commits without records need no replay.
    let snapshot = profile.commits - profile.commits % every;
    let touched = profile.streams.iter().flat_map(|stream| &stream.touched);
    let replayed = touched.filter(|touch| touch.0 > snapshot).count();
    let mut expected = vec![Expectation::exactly(
        Metric::ReplayedCommits,
        replayed as u128,
    )];
    if let Some((keys, records)) = profile.dense_single() {
        // There are as many distinct keys as commits.
        let keys = keys.unwrap_or(profile.commits);
        let rule = SnapshotRule::new(every, keys).expect("both are at least 1");
        let written = u128::from(records) * rule.entries_written(profile.commits);
        expected.push(Expectation::exactly(Metric::RecordsWritten, written));
    }
    expected
}

impl Policy for SnapshotTruncate {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let log = Log::of(view);
        if !commit.is_multiple_of(self.every) || !log.has_grown() {
            return Vec::new();
        }
        log.rewrite(
            "snapshot",
            format!("commit {commit} is a multiple of {}", self.every),
        )
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn ingest(&self) -> Ingest {
        ONE_FILE
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        snapshot_law(profile, self.every)
    }
}
