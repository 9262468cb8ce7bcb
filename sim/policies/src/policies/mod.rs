//! Compaction policies: when are which segments merged, in one trait.
//!
//! A policy is a pure function: [`Policy::plan`] sees what a store holds and what it was
//! just told, and answers with jobs. It keeps no state, reads no clock and draws no
//! randomness, so a run is a function of the history, and a trigger that comes twice finds
//! nothing left to do. After its jobs are done the policy is asked again about the same
//! event, until it wants nothing more: that is how merges cascade.
//!
//! Reading order: [`segment`], [`view`], [`job`] (what a policy sees and says), [`profile`]
//! and [`expectation`] (what it can predict), [`spec`] and [`registry`] (names and
//! parameters), then one file for each policy. `sim/examples/own_policy.rs` adds one.
//!
//! What a merge costs and holds is not decided here: `crate::compare` performs the jobs.

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

/// What a policy is told. Callbacks (`SegmentAdded`, `Committed`) may come in any order;
/// `Reached` and `Tick` follow the watermark, and so come in commit order whatever the
/// callbacks did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The level-0 segment of a commit is in the index of this stream.
    SegmentAdded {
        /// The stream.
        stream: usize,
        /// The commit.
        commit: u64,
    },
    /// All segments of this commit were announced by its own caller.
    Committed {
        /// The commit.
        commit: u64,
    },
    /// Every commit up to this one is known. Once for each commit.
    Reached {
        /// The commit.
        commit: u64,
    },
    /// The commit clock moved on, in seconds. Follows each `Reached`.
    Tick {
        /// The time before; 0 before the first commit.
        before: u64,
        /// The time of the commit that was reached.
        now: u64,
    },
}

/// Which commits share a stream of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// Each keyspace has its own.
    PerKeyspace,
    /// There is one for the whole store.
    Global,
}

/// What a commit becomes on disk before any merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingest {
    /// A sorted level-0 segment of its own.
    SegmentPerCommit,
    /// The end of the newest log file, until that has this many bytes.
    AppendToLog {
        /// When a file is full.
        roll_bytes: u64,
    },
}

/// A compaction policy.
pub trait Policy: std::fmt::Debug {
    /// The jobs that this event calls for, given what the store holds. Must be empty after
    /// a bounded number of rounds for one event.
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job>;

    /// Which commits share a stream.
    fn streams(&self) -> Streams {
        Streams::PerKeyspace
    }

    /// What a commit becomes on disk.
    fn ingest(&self) -> Ingest {
        Ingest::SegmentPerCommit
    }

    /// Whether reads find a key through an index in memory, and so open one file.
    fn reads_through_memory(&self) -> bool {
        matches!(self.ingest(), Ingest::AppendToLog { .. })
    }

    /// Whether an input of a merge stays on disk, for reads of the past, now that the
    /// watermark is `at`. Asked at each merge about all inputs that are still there.
    fn keeps_input(&self, _at: u64, _input: &Segment) -> bool {
        false
    }

    /// The same for all inputs of a stream together, for a policy that weighs one against
    /// the other. An answer for each.
    fn kept_inputs(&self, now: Moment, inputs: &[&Segment]) -> Vec<bool> {
        let keeps = |input: &&Segment| self.keeps_input(now.watermark, input);
        inputs.iter().map(keeps).collect()
    }

    /// What can be said beforehand about a run over such a history.
    fn predict(&self, _profile: &Profile) -> Vec<Expectation> {
        Vec::new()
    }
}
