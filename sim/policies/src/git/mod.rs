//! What git prints, read and written: histories as input for stores.
//!
//! A git history is the kind of input that lithify is made for: numbered commits, keys
//! (paths), values (what `git ls-tree` prints before the tab). The parsers here are
//! strict, since a damaged log that is accepted becomes a wrong store: every error
//! names its line. They read streams, in memory that is bounded by one commit.
//! What passes them is checked once more: a log that contradicts itself ([`checked`])
//! is corrected by the trees, or refused.
//!
//! Only [`process`] starts processes; [`objects`] and [`repository`] ask them, and
//! everything else is text in, values out.

pub mod checked;
pub mod lines;
pub mod objects;
pub mod process;
pub mod quote;
mod raw_change;
pub mod raw_log;
pub mod repository;
pub mod tree;

pub use checked::{CheckedLog, Corrected};
pub use lines::{LineError, Lines};
pub use objects::{Listing, TreeReader};
pub use process::{GitError, GitOutput};
pub use raw_change::FileChange;
pub use raw_log::{LogCommit, RawLog};
pub use repository::Repository;
pub use tree::{Tree, Trees};
