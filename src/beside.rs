//! Opens a store for reading while its writer goes on.
//!
//! The writer does not know of such a reader: no lease, no list of readers, nothing on the disk. The
//! reader opens every segment file that it needs, and keeps all of them open. A file that the writer
//! removes later stays readable until then.
//!
//! A file that the writer removes before the reader has opened it is missing, and bytes that the writer
//! adds while the reader reads a log can look like damage: the first bytes are from before, the last
//! ones from after. So no failure counts at once. The reader lists the directory again and begins anew.
//! Real damage, and a file that is really missing, fail in the same words twice: what the writer has
//! changed once, it has changed before the next attempt begins.
//!
//! Invariants:
//! - the reader shows every commit that was acknowledged before it began. It may show later ones, also
//!   such that are not acknowledged yet: see `design/decisions/0014-beside.md`;
//! - nothing is written and nothing is locked;
//! - no answer mixes two states of the store: the manifest names all files of one state, and every
//!   commit behind them is in the log files that this manifest needs, or else the attempt fails.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::options::Options;
use crate::recover;
use crate::storage::Storage;

/// The number of attempts. Each one that fails needs a change by the writer, and most changes disturb
/// no reader.
const ATTEMPTS: u32 = 16;

/// Opens the store at the root of `fs`, which somebody has open for writing.
///
/// # Errors
/// [`Error::Locked`] when the writer has changed the store in every attempt, otherwise the errors of
/// opening for reading in [`Error`].
pub(crate) fn open(fs: &Arc<dyn Fs>, options: &Options) -> Result<Storage> {
    let mut before: Option<String> = None;
    for _ in 0..ATTEMPTS {
        let error = match attempt(fs, options) {
            Ok(storage) => return Ok(storage),
            Err(error) => error,
        };
        let words = error.to_string();
        if before.as_ref() == Some(&words) || planted!(FirstFailureBelieved) {
            return Err(error);
        }
        mark!(ReadAgainBesideWriter);
        before = Some(words);
    }
    Err(Error::Locked)
}

fn attempt(fs: &Arc<dyn Fs>, options: &Options) -> Result<Storage> {
    let storage = recover::look(Arc::clone(fs), options.clone(), true)?;
    storage.ok_or_else(|| recover::not_a_store("no manifest is intact"))
}
