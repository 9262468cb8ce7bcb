//! Reading and writing the output of git: histories as input for stores.
//!
//! lithify is made for inputs such as a git history: numbered commits, keys (paths),
//! and values (the text that `git ls-tree` prints before the tab). The parsers are
//! strict, because a damaged log that is accepted would lead to a wrong store. Every
//! error contains the line number. The parsers read streams and need memory for one
//! commit. Parsed logs are checked again: a log that contradicts itself ([`checked`])
//! is corrected from the trees, or refused.
//!
//! Only [`process`] starts processes. [`objects`] and [`repository`] use it, and all
//! other modules convert text to values.

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
