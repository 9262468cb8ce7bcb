//! `bitcask`: appends to files of bounded size, and merges files with many dead bytes.
//!
//! A file above a trigger starts a merge. The merge takes every file above a lower threshold and
//! every small file. It does not take the file that receives new records.

use super::expectation::{Expectation, Metric};
use super::job::Versions;
use super::log_bounds::ratio_bound;
use super::segment::Segment;
use super::spec::Parameter;
use super::{Event, Ingest, Job, Policy, Profile, Registered, Streams, View};

#[derive(Debug)]
struct Bitcask {
    file_bytes: u64,
    trigger_percent: u64,
    trigger_bytes: u64,
    percent: u64,
    bytes: u64,
    small_bytes: u64,
}

pub(super) const REGISTERED: Registered = Registered {
    name: "bitcask",
    about: "append-only files; those with much dead data are merged when one has very much",
    source: "Riak Bitcask: merge triggers and thresholds",
    parameters: &[
        Parameter {
            name: "file-bytes",
            default: "2147483648",
            about: "when a file is full",
        },
        Parameter {
            name: "trigger-percent",
            default: "60",
            about: "a file with so much dead data starts a merge",
        },
        Parameter {
            name: "trigger-bytes",
            default: "536870912",
            about: "as above, in bytes",
        },
        Parameter {
            name: "percent",
            default: "40",
            about: "a merge takes files with so much dead data",
        },
        Parameter {
            name: "bytes",
            default: "134217728",
            about: "as above, in bytes",
        },
        Parameter {
            name: "small-bytes",
            default: "10485760",
            about: "a merge takes smaller files too",
        },
    ],
    build: |values| {
        Ok(Box::new(Bitcask {
            file_bytes: values.at_least("file-bytes", 1)?,
            trigger_percent: values.at_least("trigger-percent", 1)?,
            trigger_bytes: values.at_least("trigger-bytes", 1)?,
            percent: values.at_least("percent", 1)?,
            bytes: values.at_least("bytes", 1)?,
            small_bytes: values.parse("small-bytes")?,
        }))
    },
};

impl Bitcask {
    fn starts(&self, file: &Segment) -> bool {
        file.dead_bytes() >= self.trigger_bytes || is_dead(file, self.trigger_percent)
    }

    fn takes(&self, file: &Segment) -> bool {
        file.dead_bytes() >= self.bytes
            || file.bytes < self.small_bytes
            || is_dead(file, self.percent)
    }
}

/// Whether at least this percentage of a file is dead.
fn is_dead(file: &Segment, percent: u64) -> bool {
    u128::from(file.dead_bytes()) * 100 >= u128::from(file.bytes) * u128::from(percent)
}

impl Policy for Bitcask {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { .. } = event else {
            return Vec::new();
        };
        let is_full = |file: &&Segment| file.level > 0 || file.bytes >= self.file_bytes;
        let files: Vec<&Segment> = view.segments(0).filter(is_full).collect();
        let Some(worst) = files.iter().find(|file| self.starts(file)) else {
            return Vec::new();
        };
        let reason = format!(
            "{} of {} bytes of the file of commits {}..{} are dead",
            worst.dead_bytes(),
            worst.bytes,
            worst.first,
            worst.last
        );
        let inputs = files
            .iter()
            .filter(|file| self.starts(file) || self.takes(file));
        let inputs: Vec<&Segment> = inputs.copied().collect();
        vec![Job {
            versions: Versions::InIndex,
            ..Job::merge(&inputs, 1, "dead ratio", reason)
        }]
    }

    fn streams(&self) -> Streams {
        Streams::Global
    }

    fn ingest(&self) -> Ingest {
        Ingest::AppendToLog {
            roll_bytes: self.file_bytes,
        }
    }

    /// No full file has enough dead bytes to start a merge, so the total size of full files is
    /// at most a fixed multiple of the live bytes. If a merge takes only files that are
    /// `percent` dead, then the dropped bytes limit the copied bytes, because no byte can be
    /// dropped twice.
    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        let has_tombstones = profile.streams.iter().any(|stream| stream.has_tombstones);
        if has_tombstones {
            return Vec::new();
        }
        let mut expected = Vec::new();
        let volume = &profile.volume;
        if self.trigger_percent < 100 {
            let full = 100 * u128::from(volume.live_bytes) / u128::from(100 - self.trigger_percent);
            let most = full + u128::from(self.file_bytes);
            expected.push(Expectation::at_most(Metric::LiveBytes, most));
        }
        let dead = self.percent.min(self.trigger_percent);
        let by_bytes = volume.bytes() >= self.bytes.min(self.trigger_bytes).into();
        if self.small_bytes == 0 && !by_bytes && dead < 100 {
            let written = ratio_bound(volume.bytes(), (100, 100 - dead));
            expected.push(Expectation::at_most(Metric::BytesWritten, written));
        }
        expected
    }
}
