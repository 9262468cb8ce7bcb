//! What the sample systems are built from, so that each of them is only its idea: the
//! disk with errors that name files, whose a directory is, checked entries, the replacement of files, and the state machine whose
//! payloads are the laboratory's commits.
//!
//! The planted bugs of a part belong to every system that is built from it.

pub(super) mod batches;
pub(super) mod bugs;
pub(super) mod disk;
pub(super) mod entry;
pub(super) mod identity;
pub(super) mod machine;
pub(super) mod owner;
pub(super) mod replace;
pub(super) mod walk;
