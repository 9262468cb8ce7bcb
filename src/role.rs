//! The role of a store on the disk: a file named `replica` makes it a replica.
//!
//! Invariants:
//! - the marker is durable before a replica writes anything: a crash must not leave a primary with
//!   the commits of another store;
//! - a promotion renames the marker before it removes the marker. A power failure can undo a
//!   removal. Without the rename, it could bring the marker back after the store has committed as a
//!   primary. With the rename, the file that comes back has the second name, and the next opening
//!   completes the promotion.

use crate::error::{Error, Result};
use crate::files::{PROMOTED, REPLICA};
use crate::fs::Fs;

/// Makes the store a replica. An existing marker may be in the page cache only, so the directory is
/// always synced.
pub(crate) fn make_replica(fs: &dyn Fs, is_marked: bool) -> Result<()> {
    if !is_marked {
        fs.create(REPLICA).map_err(Error::io("create", REPLICA))?;
    }
    if planted!(ReplicaMarkedLate) {
        return Ok(());
    }
    fs.sync_dir("").map_err(Error::io("sync", ""))
}

/// Gives the marker its second name. [`end_promotion`] must follow.
pub(crate) fn begin_promotion(fs: &dyn Fs) -> Result<()> {
    fs.rename(REPLICA, PROMOTED)
        .map_err(Error::io("rename", REPLICA))
}

/// Makes a store a primary for good: the marker has its second name, and is removed when no crash
/// can bring the first name back. A later opening calls this too, if the process died in between.
pub(crate) fn end_promotion(fs: &dyn Fs) -> Result<()> {
    if !planted!(PromotedBeforeSync) {
        fs.sync_dir("").map_err(Error::io("sync", ""))?;
    }
    // Removed after the sync: otherwise a power failure could bring the first name back after this
    // store has committed as a primary.
    fs.remove(PROMOTED).map_err(Error::io("remove", PROMOTED))
}
