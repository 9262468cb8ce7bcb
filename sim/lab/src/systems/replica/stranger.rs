//! A third store, as long as the replica, with another history from commit 1 on. The
//! replica must not accept the stranger's newest commit as its own, and must not apply
//! the stranger's next commit, although their numbers fit. It must also report where
//! the histories diverge.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Commit, Error, Options, Replica, Store, WriteBatch};

use crate::system::Failure;
use crate::systems::lithify::failure;

/// Offers two commits of a stranger to the replica.
pub(super) fn offer(replica: &mut Replica, options: &Options) -> Result<(), Failure> {
    let head = replica.store().head();
    if head.get() == 0 {
        // Before the first commit, all histories are equal.
        return Ok(());
    }
    let mut batch = WriteBatch::new();
    batch.put("strangers", b"key", b"value");
    let mut stranger = Store::open(Arc::new(MemFs::new()), options.clone()).map_err(failure)?;
    let batches = vec![batch; head.next().get() as usize];
    stranger.commit_group(&batches).map_err(failure)?;
    let trail = stranger.changes_since(head).map_err(failure)?;
    match replica.compare(trail.trail()) {
        Err(Error::Diverged { first, .. }) if first == Commit::new(1) => {}
        Ok(()) => {
            let wrong = "another history is taken for that of the replica";
            return Err(Failure::Other(wrong.to_owned()));
        }
        Err(error @ Error::Diverged { .. }) => {
            return Err(Failure::Other(format!(
                "a store has another history from commit 1 on, and the replica says: {error}"
            )));
        }
        Err(error) => return Err(failure(error)),
    }
    for changes in stranger.changes_since(head.minus(1)).map_err(failure)? {
        match replica.apply(&changes.map_err(failure)?) {
            Err(Error::Diverged { .. }) => {}
            Err(error) => return Err(failure(error)),
            Ok(commit) => {
                return Err(Failure::Other(format!(
                    "the replica took commit {commit} of a store with another history"
                )));
            }
        }
    }
    Ok(())
}
