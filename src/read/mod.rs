//! Reading: at a snapshot, which is a version and a commit.
//!
//! Nothing here takes a lock or changes anything. A snapshot stays valid, and says
//! the same, while commits, merges and retention go on.

mod history;
mod range;
mod snapshot;

pub use history::{Change, Changes, CommitChanges, KeyVersion, Operation};
pub use range::{KeyRange, Range};
pub use snapshot::Snapshot;
