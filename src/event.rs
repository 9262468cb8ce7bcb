//! What the storage layer tells others, after the fact.
//!
//! Events are hints. Whoever receives them may miss some, see them late or in
//! another order, and must still come to the same layout: the version and the
//! manifest are the truth.

use std::sync::Arc;

use crate::align::Window;
use crate::commit::Commit;

/// Something that has happened: the state it speaks of is already visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A level-0 segment joined the index.
    SegmentAdded {
        /// The keyspace's name.
        keyspace: Arc<str>,
        /// Its only commit.
        commit: Commit,
    },
    /// All segments of a commit are in the index.
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
        /// How many segments went in.
        inputs: usize,
        /// How many entries came out.
        entries: u64,
    },
    /// A manifest record made segments in files durable.
    Published {
        /// Every commit up to here lives in files.
        flushed_through: Commit,
    },
    /// A file that nothing needs any more was removed.
    FileRemoved {
        /// Its name.
        file: String,
    },
}
