//! The code that several systems share, so that the code of a system contains only
//! its own ideas: a disk whose errors name files, the owner of a directory, entries
//! with checksums, the replacement of files, and a state machine whose payloads are
//! the commits of the laboratory.
//!
//! Every system that uses a part also has the planted bugs of that part.

pub(super) mod batches;
pub(super) mod bugs;
pub(super) mod disk;
pub(super) mod entry;
pub(super) mod identity;
pub(super) mod machine;
pub(super) mod owner;
pub(super) mod replace;
pub(super) mod walk;
