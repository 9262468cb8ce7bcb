//! Compaction policies: a trait that decides which segments are merged, and when.
//!
//! A policy is a pure function: [`Policy::plan`] gets the content of a store and an event,
//! and returns jobs. A policy has no state, reads no clock and draws no random numbers. So
//! a run depends only on the history, and a repeated event leads to no further job. After
//! the jobs of an event are done, the policy is asked again about the same event until it
//! returns no job. In this way merges cascade.
//!
//! Reading order: [`segment`], [`view`], [`job`] (the inputs and outputs of a policy),
//! [`profile`] and [`expectation`] (its predictions), [`spec`] and [`registry`] (names and
//! parameters), then one file for each policy. `sim/examples/own_policy.rs` adds a policy.
//!
//! The costs and the content of a merge are not decided here: `crate::compare` performs the
//! jobs.

mod aligned;
mod aligned_lazy;
mod aligned_leveled;
mod aligned_paced;
mod aligned_predict;
mod aof_growth;
mod arrivals;
mod bitcask;
mod commit_callback;
mod count;
mod dead_ratio;
mod delta_log;
pub mod expectation;
mod fifo;
mod geometric;
mod intent;
pub mod job;
mod kafka;
mod lethe;
mod litestream;
mod log_bounds;
mod none;
pub mod profile;
mod prometheus;
mod raft_snapshot;
pub mod registry;
pub mod retention;
mod revision_keep;
pub mod segment;
mod snapshot_truncate;
pub mod spec;
mod strict;
mod tiered;
mod tiered_retention;
mod time_window;
mod universal;
pub mod view;
mod wal_ratio;
mod whole_log;

pub use expectation::{Expectation, Metric, Value};
pub use job::{Action, Job, Tombstones, Versions};
pub use profile::{Keys, Profile, StreamProfile, Volume};
pub use registry::{POLICIES, Registered};
pub use segment::{Segment, SegmentId};
pub use spec::Spec;
pub use view::{Moment, View};

/// An event for a policy. Callbacks (`SegmentAdded`, `Committed`) may come in any order.
/// `Reached` and `Tick` follow the watermark, so they come in commit order for any order of
/// callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The callback for the level-0 segment of a commit in this stream has come.
    SegmentAdded {
        /// The stream.
        stream: usize,
        /// The commit.
        commit: u64,
    },
    /// The caller of this commit has announced all of its segments.
    Committed {
        /// The commit.
        commit: u64,
    },
    /// Every commit up to this one is known. There is one such event for each commit.
    Reached {
        /// The commit.
        commit: u64,
    },
    /// The commit clock has advanced to a time in seconds. Follows each `Reached`.
    Tick {
        /// The previous time. 0 before the first commit.
        before: u64,
        /// The time of the commit that was reached.
        now: u64,
    },
}

/// Which commits share a stream of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// Each keyspace has its own stream.
    PerKeyspace,
    /// The whole store has one stream.
    Global,
}

/// How a commit is stored before any merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingest {
    /// As a sorted level-0 segment of its own.
    SegmentPerCommit,
    /// At the end of the newest log file, until the file has this number of bytes.
    AppendToLog {
        /// The number of bytes at which a file is full.
        roll_bytes: u64,
    },
}

/// A compaction policy.
pub trait Policy: std::fmt::Debug {
    /// The jobs for this event, given the content of the store. For one event, the answer
    /// must be empty after a bounded number of rounds.
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job>;

    /// Which commits share a stream.
    fn streams(&self) -> Streams {
        Streams::PerKeyspace
    }

    /// How a commit is stored before any merge.
    fn ingest(&self) -> Ingest {
        Ingest::SegmentPerCommit
    }

    /// Whether reads find a key through an index in memory and therefore open only one
    /// file.
    fn reads_through_memory(&self) -> bool {
        matches!(self.ingest(), Ingest::AppendToLog { .. })
    }

    /// Whether an input of a merge stays on disk for reads of the past. `at` is the
    /// watermark. Each merge asks about all inputs that still exist.
    fn keeps_input(&self, _at: u64, _input: &Segment) -> bool {
        false
    }

    /// The same for all inputs of a stream together, for a policy that compares the inputs.
    /// Returns one answer for each input.
    fn kept_inputs(&self, now: Moment, inputs: &[&Segment]) -> Vec<bool> {
        let keeps = |input: &&Segment| self.keeps_input(now.watermark, input);
        inputs.iter().map(keeps).collect()
    }

    /// The predictions about a run of this history in which every callback comes at once.
    fn predict(&self, _profile: &Profile) -> Vec<Expectation> {
        Vec::new()
    }

    /// The predictions that hold in every order of callbacks. A policy that places its merges by
    /// commit numbers has such predictions. A policy that looks at the segments of the moment
    /// has none: a late callback shows it more commits than it was called for.
    fn predict_late(&self, _profile: &Profile) -> Vec<Expectation> {
        Vec::new()
    }

    /// The predictions that hold for the callbacks of this profile.
    fn expectations(&self, profile: &Profile) -> Vec<Expectation> {
        match profile.reordering {
            0 => self.predict(profile),
            _ => self.predict_late(profile),
        }
    }
}
