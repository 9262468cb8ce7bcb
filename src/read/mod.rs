//! Reading at a snapshot, which is a version and a commit.
//!
//! Reads take no lock and change nothing. A snapshot stays valid and returns the same data while
//! commits, merges and retention continue.

mod changes;
mod history;
mod past;
mod range;
mod snapshot;

pub use changes::{Changes, CommitChanges, Operation};
pub use history::{Change, Diff, KeyVersion};
pub use past::{Past, Trail};
pub use range::{KeyRange, Range};
pub use snapshot::Snapshot;
