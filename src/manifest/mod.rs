//! The manifest: which segments in files make up the store.
//!
//! It is a log of *edits*. The state after the last intact edit says which segments
//! are in files, and up to which commit (`flushed_through`) they hold everything;
//! what came later is in the WAL. An edit adds outputs and retires inputs in one
//! record, so there is no state in which both or neither are there.
//!
//! The log does not grow for ever: when it has become much longer than its state, a
//! new manifest with the next file number begins with that state, and the old one is
//! removed. The manifest in force is the one with the highest number whose first record is
//! proven to be durable; before any is, the highest one whose first record is intact. There
//! is no pointer file and no rename, so nothing depends on a rename being atomic.

mod edit;
mod log;
mod state;

pub(crate) use edit::{Edit, NewFile};
#[cfg(fuzzing)]
pub(crate) use log::decode_any;
pub(crate) use log::{Manifest, Switch, load, load_whole};
pub(crate) use state::ManifestState;
