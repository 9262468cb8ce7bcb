//! The events that the storage layer reports, after the fact.
//!
//! Events are hints. A receiver may miss some, or see them late or in another order, and must still
//! reach the same layout: the version and the manifest are the truth.

use std::sync::Arc;

use crate::align::Window;
use crate::commit::Commit;

/// A change that has happened: the new state is already visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A level-0 segment was added to the version.
    SegmentAdded {
        /// The keyspace's name.
        keyspace: Arc<str>,
        /// Its only commit.
        commit: Commit,
    },
    /// All segments of a commit are in the version.
    Committed {
        /// The commit.
        commit: Commit,
    },
    /// A merge output replaced its inputs.
    Merged {
        /// The keyspace's name.
        keyspace: Arc<str>,
        /// The window that the output covers.
        window: Window,
        /// The number of segments that were merged.
        inputs: usize,
        /// The number of entries of the output.
        entries: u64,
    },
    /// A manifest record made segments in files durable.
    Published {
        /// Every commit up to here is in files.
        flushed_through: Commit,
    },
    /// A file that is no longer needed was removed.
    FileRemoved {
        /// Its name.
        file: String,
    },
}
