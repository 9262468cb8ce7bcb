//! `revision-keep`: periodically drops overwritten versions that are older than the
//! newest N commits. Modelled as a rewrite of each keyspace. A store with an index on
//! disk would remove the versions in place.

use super::job::Versions;
use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Job, Policy, Registered, View};

#[derive(Debug)]
struct RevisionKeep {
    revisions: u64,
    every: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "revision-keep",
    about: "keeps the versions of the newest N commits, rewriting everything now and then",
    source: "etcd: auto-compaction by revision",
    parameters: &[
        Parameter {
            name: "revisions",
            default: "1000",
            about: "commits whose versions all stay",
        },
        Parameter {
            name: "every",
            default: "100",
            about: "commits between two rewrites",
        },
    ],
    build: |values| {
        Ok(Box::new(RevisionKeep {
            revisions: values.parse("revisions")?,
            every: values.at_least("every", 1)?,
        }))
    },
};

impl Policy for RevisionKeep {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        if !commit.is_multiple_of(self.every) || commit <= self.revisions {
            return Vec::new();
        }
        let oldest = commit - self.revisions;
        let jobs = (0..view.stream_count()).filter_map(|stream| {
            let inputs: Vec<&Segment> = view
                .segments(stream)
                .filter(|segment| segment.last <= commit)
                .collect();
            (inputs.len() > 1).then(|| {
                let reason = format!("versions before commit {oldest} go");
                Job {
                    versions: Versions::After(oldest),
                    ..Job::merge(&inputs, 1, "revisions", reason)
                }
            })
        });
        jobs.collect()
    }
}
