//! Reading: at a snapshot, which is a version and a commit.
//!
//! Nothing here takes a lock or changes anything. A snapshot stays valid, and says
//! the same, while commits, merges and retention go on.

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
