//! `kafka-dirty`: cleans the log of a keyspace when a share of it is dirty. Dirty bytes
//! are those appended since the last cleaning; the file that receives new records does
//! not count. Tombstones stay for some time, for readers that are behind.

use super::job::Tombstones;
use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Ingest, Job, Policy, Registered, View};

#[derive(Debug)]
struct KafkaDirty {
    percent: u64,
    file_bytes: u64,
    retention: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "kafka-dirty",
    about: "cleans a keyspace's log when so much of it was appended since the last cleaning",
    source: "Apache Kafka: min.cleanable.dirty.ratio, delete.retention.ms, segment.bytes",
    parameters: &[
        Parameter {
            name: "percent",
            default: "50",
            about: "dirty bytes in percent of dirty and clean ones",
        },
        Parameter {
            name: "file-bytes",
            default: "1073741824",
            about: "when a file is full",
        },
        Parameter {
            name: "delete-retention",
            default: "86400",
            about: "seconds for which tombstones stay",
        },
    ],
    build: |values| {
        Ok(Box::new(KafkaDirty {
            percent: values.at_least("percent", 1)?,
            file_bytes: values.at_least("file-bytes", 1)?,
            retention: values.parse("delete-retention")?,
        }))
    },
};

impl Policy for KafkaDirty {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { .. } = event else {
            return Vec::new();
        };
        let jobs = (0..view.stream_count()).filter_map(|stream| {
            let is_full = |file: &&Segment| file.level > 0 || file.bytes >= self.file_bytes;
            let files: Vec<&Segment> = view.segments(stream).filter(is_full).collect();
            let bytes = |clean: bool| -> u64 {
                let files = files.iter().filter(|file| (file.level > 0) == clean);
                files.map(|file| file.bytes).sum()
            };
            let (dirty, clean) = (bytes(false), bytes(true));
            let is_due = dirty > 0
                && u128::from(dirty) * 100 >= u128::from(dirty + clean) * u128::from(self.percent);
            is_due.then(|| {
                let reason = format!("{dirty} dirty bytes, {clean} clean ones");
                let since = view.moment().seconds.saturating_sub(self.retention);
                Job {
                    tombstones: Tombstones::KeepFrom(view.first_commit_from(since)),
                    ..Job::merge(&files, 1, "dirty ratio", reason)
                }
            })
        });
        jobs.collect()
    }

    fn ingest(&self) -> Ingest {
        Ingest::AppendToLog {
            roll_bytes: self.file_bytes,
        }
    }
}
