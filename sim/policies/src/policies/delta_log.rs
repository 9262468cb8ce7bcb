//! `delta-log`: one file for each commit, a checkpoint of the whole state every N commits,
//! and optionally files that combine the commits between checkpoints. Commit n is version n.
//! Version 0, which creates the table, writes nothing.

use lithify::predict::ratio::SnapshotRule;

use super::expectation::{Expectation, Metric};
use super::segment::Segment;
use super::snapshot_truncate::snapshot_law;
use super::spec::Parameter;
use super::{Event, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct DeltaLog {
    checkpoint: u64,
    compact: u64,
    keep: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "delta-log",
    about: "one file for each commit, a checkpoint every N commits, sums of commits in between",
    source: "Delta Lake protocol: checkpointInterval, log compaction",
    parameters: &[
        Parameter {
            name: "checkpoint",
            default: "10",
            about: "commits between two checkpoints",
        },
        Parameter {
            name: "compact",
            default: "0",
            about: "sum up this many commits when (version + 1) is a multiple of it; 0: never",
        },
        Parameter {
            name: "keep",
            default: "0",
            about: "this many commits before the newest stay, for reads of the past",
        },
    ],
    build: |values| {
        let policy = DeltaLog {
            checkpoint: values.at_least("checkpoint", 1)?,
            compact: values.parse("compact")?,
            keep: values.parse("keep")?,
        };
        if policy.compact == 1 || policy.compact >= policy.checkpoint {
            return Err(values.refuse(format!(
                "compact={}: expected 0, or 2 up to checkpoint - 1 = {}",
                policy.compact,
                policy.checkpoint - 1
            )));
        }
        Ok(Box::new(policy))
    },
};

impl Policy for DeltaLog {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let files: Vec<&Segment> = view
            .segments(0)
            .filter(|file| file.last <= commit)
            .collect();
        if commit.is_multiple_of(self.checkpoint) {
            let has_grown = files.iter().any(|file| file.level < 2);
            let reason = format!("version {commit} is a multiple of {}", self.checkpoint);
            return match has_grown {
                true => vec![Job::merge(&files, 2, "checkpoint", reason)],
                false => Vec::new(),
            };
        }
        if self.compact == 0 || !(commit + 1).is_multiple_of(self.compact) {
            return Vec::new();
        }
        let recent = |file: &&&Segment| file.level == 0 && file.first + self.compact > commit;
        let summed: Vec<&Segment> = files.iter().filter(recent).copied().collect();
        let reason = format!("version {commit} + 1 is a multiple of {}", self.compact);
        match summed.len() {
            0 | 1 => Vec::new(),
            _ => vec![Job::merge(&summed, 1, "log compaction", reason)],
        }
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn keeps_input(&self, at: u64, input: &Segment) -> bool {
        input.last.saturating_add(self.keep) > at
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        if self.compact > 0 {
            return Vec::new();
        }
        let mut expected = snapshot_law(profile, self.checkpoint);
        if let Some((keys, _)) = profile.dense_single() {
            let keys = keys.unwrap_or(profile.commits);
            let rule = SnapshotRule::new(self.checkpoint, keys).expect("both are at least 1");
            let files = rule.files(profile.commits);
            expected.push(Expectation::exactly(Metric::LiveSegments, files));
        }
        expected
    }
}
