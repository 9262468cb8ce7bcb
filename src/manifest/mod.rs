//! The manifest: the segments in files that make up the store.
//!
//! It is a log of *edits*. The state after the last intact edit lists the segments in files, and
//! the commit (`flushed_through`) up to which they hold everything; later commits are in the WAL.
//! An edit adds outputs and removes inputs in one record, so every state has either the inputs of a
//! merge or its outputs.
//!
//! The length of a manifest is bounded. When a manifest is much longer than its state, a new
//! manifest with the next file number begins with that state, and the old manifest is removed. The
//! manifest in force is the file with the highest number whose first record is proven to be
//! durable; while there is no such file, the highest file whose first record is intact. There is no
//! pointer file and no rename, so nothing depends on an atomic rename.

mod edit;
mod log;
mod state;

pub(crate) use edit::{Edit, NewFile, encode_placement};
#[cfg(fuzzing)]
pub(crate) use log::decode_any;
pub(crate) use log::{Loaded, Manifest, Switch, load, load_whole};
pub(crate) use state::ManifestState;
