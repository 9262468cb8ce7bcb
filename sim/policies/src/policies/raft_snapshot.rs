//! `raft-snapshot`: writes a snapshot when N entries were logged since the last one.
//! Some entries before the snapshot stay, for followers that are slightly behind.

use lithify::predict::ratio::SnapshotRule;

use super::expectation::{Expectation, Metric};
use super::segment::Segment;
use super::snapshot_truncate::snapshot_law;
use super::spec::Parameter;
use super::{Event, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct RaftSnapshot {
    threshold: u64,
    trailing: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "raft-snapshot",
    about: "writes a snapshot when N entries were logged since the last; keeps trailing ones",
    source: "hashicorp/raft: SnapshotThreshold, TrailingLogs; etcd: 10000, 5000",
    parameters: &[
        Parameter {
            name: "threshold",
            default: "8192",
            about: "log entries since the last snapshot",
        },
        Parameter {
            name: "trailing",
            default: "10240",
            about: "log entries before a snapshot that stay",
        },
    ],
    build: |values| {
        Ok(Box::new(RaftSnapshot {
            threshold: values.at_least("threshold", 1)?,
            trailing: values.parse("trailing")?,
        }))
    },
};

impl Policy for RaftSnapshot {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let files: Vec<&Segment> = view
            .segments(0)
            .filter(|file| file.last <= commit)
            .collect();
        let last = files.iter().rfind(|file| file.level > 0);
        let logged = commit - last.map_or(0, |snapshot| snapshot.last);
        let has_log = files.iter().any(|file| file.level == 0);
        if !has_log || logged < self.threshold {
            return Vec::new();
        }
        let reason = format!("{logged} commits since the last snapshot");
        vec![Job::merge(&files, 1, "snapshot", reason)]
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn reads_through_memory(&self) -> bool {
        true
    }

    fn keeps_input(&self, at: u64, input: &Segment) -> bool {
        input.level == 0 && input.last.saturating_add(self.trailing) > at
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let Some((keys, _)) = profile.dense_single() else {
            return Vec::new();
        };
        let keys = keys.unwrap_or(profile.commits);
        let rule = SnapshotRule::new(self.threshold, keys).expect("both are at least 1");
        let files = Expectation::exactly(Metric::LiveSegments, rule.files(profile.commits));
        let mut expected = snapshot_law(profile, self.threshold);
        expected.push(files);
        expected
    }
}
