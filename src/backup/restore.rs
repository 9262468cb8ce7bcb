//! Restores a store from a backup.
//!
//! The newest commit of a backup is restored by a copy of the files, in which each checksum is
//! replaced by a checksum of the new store. An earlier commit is restored by repeating the commits
//! one by one: then the new store has the state and the layout that the original store had at that
//! commit.
//!
//! The file `restoring` is created before the first file of the new store and removed after the
//! last one, so an incomplete store is never opened. A restore that finds this file starts again.

use std::sync::Arc;

use super::cut::Cut;
use super::place::Placing;
use super::{must_be_free, remove_all};
use crate::batch::WriteBatch;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::RESTORING;
use crate::fs::Fs;
use crate::identity;
use crate::options::{Durability, Options, Placement};
use crate::read::CommitChanges;
use crate::recover::{Mode, lock_exclusively};
use crate::replica::batch_of;
use crate::store::Store;

/// The maximum number of commits that are repeated in one group.
const GROUP_COMMITS: usize = 256;
/// A group with at least this number of bytes is committed.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Creates a store from the backup at the root of `from`, as of the newest commit of the backup or
/// as of the earlier commit `at`. The directory `to` of the new store must be missing or empty, or
/// hold an interrupted restore. Returns the newest commit of the new store.
///
/// The new store is another store, and a primary: its commits after `at` may have the same numbers
/// as other commits of the original store. A replica of the original store detects and refuses
/// them.
///
/// `from` may also be a store that is not open for writing.
///
/// # Errors
/// [`Error::NotHeld`] for a commit that the backup does not hold, [`Error::BackupRefused`] for a
/// directory `to` with other files, [`Error::Damage`], and any error of the two disks.
pub fn restore(from: Arc<dyn Fs>, to: Arc<dyn Fs>, at: Option<Commit>) -> Result<Commit> {
    let options = Options {
        create: false,
        ..Options::default()
    };
    let mut backup = Store::open_in_mode(from, options, Mode::ReadOnly)?;
    // Before anything is made: a store that somebody writes to may lose what was restored from it.
    backup.must_not_be_beside_writer()?;
    let head = backup.head();
    let at = at.unwrap_or(head);
    must_hold(&backup, at)?;
    let restored = make_store(&to, |to| match at == head {
        true => copy_files(&mut backup, to),
        false => {
            let changes = backup.snapshot_at(at)?.changes_since(Commit::ZERO)?;
            commit_again(backup.placement(), changes, to)
        }
    })?;
    assert_eq!(restored, at, "the newest commit that was restored");
    Ok(at)
}

/// Creates a store in a directory. The directory cannot be opened as a store before the store is
/// complete.
pub(crate) fn make_store(
    to: &Arc<dyn Fs>,
    make: impl FnOnce(&Arc<dyn Fs>) -> Result<Commit>,
) -> Result<Commit> {
    let is_marked = must_be_free(&**to, RESTORING)?;
    let lock = lock_exclusively(&**to)?;
    if !is_marked && !planted!(RestoredUnmarked) {
        to.create(RESTORING)
            .map_err(Error::io("create", RESTORING))?;
    }
    let sync_names = || to.sync_dir("").map_err(Error::io("sync", ""));
    sync_names()?;
    remove_all(&**to)?;
    // `make` opens a store, which takes the lock again.
    drop(lock);
    let made = make(to)?;
    if !planted!(RestoredUnmarked) {
        to.remove(RESTORING)
            .map_err(Error::io("remove", RESTORING))?;
    }
    sync_names()?;
    Ok(made)
}

/// Refuses a commit that cannot be the newest commit of the new store.
fn must_hold(backup: &Store, at: Commit) -> Result<()> {
    let head = backup.head();
    if at == head {
        return Ok(());
    }
    // The writes of every commit must be known, from the first commit on.
    let first = match backup.changes_since(Commit::ZERO) {
        Ok(_) => Commit::ZERO,
        Err(Error::Thinned { .. }) => head,
        Err(error) => return Err(error),
    };
    match at >= first && at <= head {
        true => Ok(()),
        false => Err(Error::NotHeld {
            commit: at,
            first,
            last: head,
        }),
    }
}

fn copy_files(backup: &mut Store, to: &Arc<dyn Fs>) -> Result<Commit> {
    let _lock = lock_exclusively(&**to)?;
    let cut = Cut::take(backup.storage_mut())?;
    let store = match planted!(RestoredIsTheSame) {
        true => {
            identity::restore_store_id(&**to, cut.store)?;
            cut.store
        }
        false => identity::create_store_id(&**to)?,
    };
    let mut placing = Placing::new(cut, Arc::clone(to), store);
    while placing.place_next()? {}
    Ok(placing.publish()?.commit)
}

/// Begins a store in a directory that [`make_store`] has prepared.
fn begin_store(placement: &Placement, to: &Arc<dyn Fs>) -> Result<Store> {
    let options = Options {
        create: true,
        placement: Some(placement.clone()),
        durability: Durability::Buffered,
        ..Options::default()
    };
    Store::open_in_mode(Arc::clone(to), options, Mode::Restore)
}

/// Settles and closes a store. Returns its newest commit.
fn end_store(mut store: Store) -> Result<Commit> {
    let head = store.head();
    store.settle()?;
    store.close()?;
    Ok(head)
}

/// Repeats these commits, from the first commit on, in a directory that [`make_store`] has
/// prepared.
pub(crate) fn commit_again(
    placement: &Placement,
    changes: impl IntoIterator<Item = Result<CommitChanges>>,
    to: &Arc<dyn Fs>,
) -> Result<Commit> {
    let mut store = begin_store(placement, to)?;
    let mut group = Vec::new();
    let mut bytes = 0;
    for changes in changes {
        let batch = batch_of(&changes?);
        bytes += batch.bytes();
        group.push(batch);
        if group.len() >= GROUP_COMMITS || bytes >= GROUP_BYTES {
            commit(&mut store, &mut group)?;
            bytes = 0;
        }
    }
    commit(&mut store, &mut group)?;
    end_store(store)
}

fn commit(store: &mut Store, group: &mut Vec<WriteBatch>) -> Result<()> {
    if !group.is_empty() {
        store.commit_group(group)?;
        group.clear();
    }
    Ok(())
}
