//! Backups: a store as of one commit, in another directory, and a store made of one.
//!
//! A backup is a directory that can be read as a store and that nobody can commit to: a file named
//! `backup` says so. It holds the segment files of the store as they are, and a log and a manifest
//! of its own. Segment files never change and carry an identity, so the next backup into the same
//! directory copies only those that are new, and the directory holds the newest backup, with the
//! history that the store had kept at its commit.
//!
//! Invariants:
//! - a backup is of one commit: everything up to it, and nothing behind it. Writers go on meanwhile
//!   (see `cut`);
//! - every byte is checked before it counts (see `copy`), and durable before it is named (`place`);
//! - a backup that was interrupted changes nothing of the one before it;
//! - no commit is in a backup that its store can still lose, where the store writes;
//! - what is restored is another store: it draws a number of its own, and every checksum is salted
//!   with it. So its backups, and its files, never pass for those of the store that it came from;
//! - until a restored store is whole, a file named `restoring` is beside it, and nothing opens it.
//!
//! What it does not do: read the segment files that are in the backup already. `verify` does.

mod copy;
mod cut;
mod place;
mod restore;

pub(crate) use cut::Cut;
pub use restore::restore;
pub(crate) use restore::{commit_again, make_store};

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;

use serde::Serialize;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{BACKUP, COPY_SUFFIX, LOCK, NEW_IDENTITY};
use crate::fs::{Fs, Lock};
use crate::identity::{self, StoreId};
use crate::options::Options;
use crate::recover::{self, Found, lock_exclusively};
use crate::sweep;
use place::Placing;

/// What a backup has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The commit that it is of.
    pub commit: Commit,
    /// Segment files that were copied, ...
    pub copied_files: u64,
    /// ... and their bytes.
    pub copied_bytes: u64,
    /// Segment files that were there already, ...
    pub kept_files: u64,
    /// ... and their bytes.
    pub kept_bytes: u64,
}

/// A backup under way: see [`Db::begin_backup`](crate::Db::begin_backup). Dropping it ends it, and
/// the backup before it stays.
///
/// While it lives, the segment files of its commit stay in the store's directory, and nobody else
/// backs up into the same one.
pub struct Backup {
    placing: Placing,
    /// Until it has ended.
    lock: Option<Box<dyn Lock>>,
}

impl fmt::Debug for Backup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.placing.fmt(formatter)
    }
}

impl Backup {
    pub(crate) fn begin(directory: Directory, cut: Cut) -> Result<Self> {
        let Directory { fs, lock } = directory;
        must_be_of(&fs, &cut).map_err(in_backup)?;
        if identity::load_store_id(&*fs)?.is_none() {
            identity::restore_store_id(&*fs, cut.store)?;
        }
        remove_leftovers(&*fs)?;
        let store = cut.store;
        let placing = Placing::new(cut, fs, store);
        let lock = Some(lock);
        Ok(Self { placing, lock })
    }

    /// The commit that it is of.
    #[must_use]
    pub fn commit(&self) -> Commit {
        self.placing.commit()
    }

    /// Copies one segment file, or makes the backup count, and then returns what was done.
    ///
    /// # Panics
    /// Behind the last step.
    ///
    /// # Errors
    /// [`Error::Damage`] when the store's files are not what was written, and whatever the disks
    /// say. The backup has ended then, and the one before it stays.
    pub fn step(&mut self) -> Result<Option<BackedUp>> {
        assert!(
            self.lock.is_some(),
            "the backup of commit {} has ended",
            self.commit()
        );
        if self.placing.place_next()? {
            return Ok(None);
        }
        let done = self.placing.publish()?;
        self.lock = None;
        Ok(Some(done))
    }

    /// Does everything that is left.
    ///
    /// # Errors
    /// As [`Backup::step`].
    pub fn finish(mut self) -> Result<BackedUp> {
        loop {
            if let Some(done) = self.step()? {
                return Ok(done);
            }
        }
    }
}

/// A directory that is for backups, and for nobody else now.
#[derive(Debug)]
pub(crate) struct Directory {
    fs: Arc<dyn Fs>,
    lock: Box<dyn Lock>,
}

impl Directory {
    /// Takes a directory that is empty, or for backups already.
    pub(crate) fn claim(fs: Arc<dyn Fs>) -> Result<Self> {
        must_be_free(&*fs, BACKUP)?;
        let lock = lock_exclusively(&*fs)?;
        // Another process may have worked between the first look and the lock.
        if !must_be_free(&*fs, BACKUP)? {
            fs.create(BACKUP).map_err(Error::io("create", BACKUP))?;
        }
        // A marker that is there may exist in the cache only.
        fs.sync_dir("").map_err(Error::io("sync", ""))?;
        Ok(Self { fs, lock })
    }
}

/// Refuses a directory that holds anything and no marker; says whether the marker is there.
fn must_be_free(fs: &dyn Fs, marker: &str) -> Result<bool> {
    let names = match fs.list("") {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs.create_dir("").map_err(Error::io("create", ""))?;
            Vec::new()
        }
        names => names.map_err(Error::io("list", ""))?,
    };
    if names.iter().any(|name| name == marker) {
        return Ok(true);
    }
    match names.iter().find(|name| *name != LOCK) {
        None => Ok(false),
        Some(name) => Err(Error::BackupRefused {
            reason: format!(
                "it holds {name:?}, and no file named {marker:?}: take a directory that is empty"
            ),
        }),
    }
}

/// Refuses backups of another store, and those of this one as it will not be any more.
fn must_be_of(to: &Arc<dyn Fs>, cut: &Cut) -> Result<()> {
    let refuse = |reason: String| Err(Error::BackupRefused { reason });
    let is_own = |store: StoreId| store == cut.store || planted!(BackupOfAnyStore);
    if identity::load_store_id(&**to)?.is_some_and(|store| !is_own(store)) {
        return refuse("it holds backups of another store".to_owned());
    }
    let Some(before) = recover::look(Arc::clone(to), Options::default())? else {
        return Ok(());
    };
    if !is_own(before.store) {
        return refuse("it holds a backup of another store".to_owned());
    }
    let (held, head) = (before.version.head(), cut.head);
    if held > head {
        return refuse(format!(
            "it holds a backup of commit {held}, and the newest commit of the store is {head}: the \
             store was set back since; take another directory"
        ));
    }
    Ok(())
}

/// The same error, which says that the file is the backup's and not the store's.
fn in_backup(error: Error) -> Error {
    match error {
        Error::Damage(mut damage) => {
            damage.file += " of the backup";
            Error::Damage(damage)
        }
        other => other,
    }
}

/// Removes the copies that an interrupted backup has not finished. A name that a rename has left
/// behind may be that of a finished one, so nobody writes to such a file.
fn remove_leftovers(fs: &dyn Fs) -> Result<()> {
    let names = fs.list("").map_err(Error::io("list", ""))?;
    let is_leftover = |name: &&String| name.ends_with(COPY_SUFFIX) || *name == NEW_IDENTITY;
    for name in names.iter().filter(is_leftover) {
        fs.remove(name).map_err(Error::io("remove", name))?;
    }
    Ok(())
}

/// Removes what an interrupted restoring has left.
fn remove_all(fs: &dyn Fs) -> Result<()> {
    remove_leftovers(fs)?;
    let found = Found::list(fs)?.unwrap_or_default();
    sweep::remove(fs, &found.files().collect::<Vec<_>>())
}
