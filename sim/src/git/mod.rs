//! What git prints, read and written: histories as input for stores.
//!
//! A git history is the kind of input that lithify is made for: numbered commits, keys
//! (paths), values (what `git ls-tree` prints before the tab). The parsers here are
//! strict, since a damaged log that is accepted becomes a wrong store: every error
//! names its line. They read streams, in memory that is bounded by one commit.
//!
//! Only [`repository`] starts processes; everything else is text in, values out.

pub mod lines;
pub mod quote;
mod raw_change;
pub mod raw_log;
pub mod repository;
pub mod tree;

pub use lines::{LineError, Lines};
pub use raw_change::FileChange;
pub use raw_log::{LogCommit, RawLog};
pub use repository::{GitError, GitOutput, Repository};
pub use tree::{Tree, Trees};
