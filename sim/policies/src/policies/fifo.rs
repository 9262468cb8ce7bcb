//! `fifo`: removes the oldest segments with their records while a keyspace is too large.

use super::arrivals::stream_of;
use super::spec::Parameter;
use super::{Event, Job, Policy, Registered, View};

#[derive(Debug)]
struct Fifo {
    max_bytes: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "fifo",
    about: "drops the oldest segments while a keyspace is too large: a cache, it loses data",
    source: "RocksDB FIFO compaction: max_table_files_size",
    parameters: &[Parameter {
        name: "max-bytes",
        default: "1073741824",
        about: "the most bytes of a keyspace",
    }],
    build: |values| {
        let max_bytes = values.at_least("max-bytes", 1)?;
        Ok(Box::new(Fifo { max_bytes }))
    },
};

impl Policy for Fifo {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Some(stream) = stream_of(event) else {
            return Vec::new();
        };
        let mut bytes: u64 = view.segments(stream).map(|one| one.bytes).sum();
        let mut jobs = Vec::new();
        for oldest in view.segments(stream) {
            if bytes <= self.max_bytes {
                break;
            }
            let reason = format!("{bytes} bytes, at most {} wanted", self.max_bytes);
            jobs.push(Job::drop(oldest, "too large", reason));
            bytes -= oldest.bytes;
        }
        jobs
    }
}
