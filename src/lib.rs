//! An embeddable, commit-addressed store whose compaction happens at
//! predictable commit numbers.

pub mod align;
pub mod commit;
pub mod fs;
pub mod predict;

pub use commit::Commit;
