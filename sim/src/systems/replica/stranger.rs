//! A third store, as long as the replica and with another history. The replica must not
//! take the commit that it makes next, although its number is the right one.

use std::sync::Arc;

use lithify::fs::MemFs;
use lithify::{Error, Options, Replica, Store, WriteBatch};

use crate::system::Failure;
use crate::systems::lithify::failure;

/// Offers the replica a commit of a stranger.
pub(super) fn offer(replica: &mut Replica, options: &Options) -> Result<(), Failure> {
    let head = replica.store().head();
    if head.get() == 0 {
        // Until the first commit, all histories are the same.
        return Ok(());
    }
    let mut batch = WriteBatch::new();
    batch.put("strangers", b"key", b"value");
    let mut stranger = Store::open(Arc::new(MemFs::new()), options.clone()).map_err(failure)?;
    let batches = vec![batch; head.next().get() as usize];
    stranger.commit_group(&batches).map_err(failure)?;
    for changes in stranger.changes_since(head).map_err(failure)? {
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
