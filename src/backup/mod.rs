//! Backups: a copy of a store as of one commit in another directory, and the restore of a store
//! from a backup.
//!
//! A backup is a directory that can be read as a store but accepts no commits: a marker file named
//! `backup` is in the directory. A backup holds the segment files of the store, and its own log and
//! manifest. Segment files never change and have numbers that no other file has, so the next backup
//! into the same directory copies new segment files only. Then the directory holds the newest
//! backup, with the history that the store had kept at the commit of that backup.
//!
//! Invariants:
//! - a backup holds every commit up to one commit, and no later commit. The store accepts commits
//!   while a backup is made (see `cut`);
//! - every byte is checked before it counts (see `copy`), and durable before the manifest names its
//!   file (see `place`);
//! - an interrupted backup does not change the backup before it;
//! - a directory of backups has a store number of its own, which salts every checksum. So no bytes of
//!   the store, and none of another backup of the store, pass for bytes of the backup;
//! - a backup of a store that is open for writing holds only commits that are durable in the store;
//! - a restored store is a new store: it draws a new store number, which salts every checksum. So
//!   the files and backups of the restored store are never accepted as those of the original store;
//! - until a restored store is complete, a file named `restoring` is in its directory, and opening
//!   is refused.
//!
//! A backup does not read segment files that are in the directory already; `verify` does.

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
use crate::files::{BACKUP, COPY_SUFFIX, IDENTITY, LOCK, NEW_IDENTITY, file_name};
use crate::fs::{Fs, Lock};
use crate::identity::{self, StoreId};
use crate::options::Options;
use crate::recover::{self, Found, lock_exclusively};
use crate::sweep;
use place::Placing;

/// The result of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The last commit in the backup.
    pub commit: Commit,
    /// The number of segment files that were copied.
    pub copied_files: u64,
    /// The bytes of the copied segment files.
    pub copied_bytes: u64,
    /// The number of segment files that were in the directory already.
    pub kept_files: u64,
    /// The bytes of the kept segment files.
    pub kept_bytes: u64,
}

/// A backup in progress: see [`Db::begin_backup`](crate::Db::begin_backup). A drop ends the backup,
/// and the backup before it stays.
///
/// While a value of this type exists, the segment files of its commit stay in the directory of the
/// store, and no other backup can be made in the directory of the backup.
pub struct Backup {
    placing: Placing,
    /// The lock of the directory; `None` when the backup has ended.
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
        let store = own_number(&fs, &cut).map_err(in_backup)?;
        let store = match store {
            Some(store) => store,
            None => identity::create_backup_id(&*fs, cut.store)?,
        };
        remove_leftovers(&*fs)?;
        let placing = Placing::new(cut, fs, store);
        let lock = Some(lock);
        Ok(Self { placing, lock })
    }

    /// The last commit in the backup.
    #[must_use]
    pub fn commit(&self) -> Commit {
        self.placing.commit()
    }

    /// Copies one segment file and returns `None`, or publishes the backup and returns its result.
    ///
    /// # Panics
    /// When the last step was done before.
    ///
    /// # Errors
    /// [`Error::Damage`] when a file of the store is damaged, and any error of the two disks. The
    /// backup has ended then, and the backup before it stays.
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

    /// Does all remaining steps.
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

/// A locked directory for backups.
#[derive(Debug)]
pub(crate) struct Directory {
    fs: Arc<dyn Fs>,
    lock: Box<dyn Lock>,
}

impl Directory {
    /// Locks a directory that is empty or already has the marker of backups, and creates the
    /// marker.
    pub(crate) fn claim(fs: Arc<dyn Fs>) -> Result<Self> {
        must_be_free(&*fs, BACKUP)?;
        let lock = lock_exclusively(&*fs)?;
        // Another process may have changed the directory between the first look and the lock.
        if !must_be_free(&*fs, BACKUP)? {
            fs.create(BACKUP).map_err(Error::io("create", BACKUP))?;
        }
        // An existing marker may be in the page cache only.
        fs.sync_dir("").map_err(Error::io("sync", ""))?;
        Ok(Self { fs, lock })
    }
}

/// Refuses a directory that holds files but no marker. Returns whether the marker is there.
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

/// The store number of the directory; `None` when no backup was begun there. Refuses backups of
/// another store, and a backup of a later commit than the newest commit of the store.
///
/// # Errors
/// [`Error::BackupRefused`], [`Error::Damage`] when files are there and no intact identity, which
/// alone names the store of the backups, and any error of the disk.
fn own_number(to: &Arc<dyn Fs>, cut: &Cut) -> Result<Option<StoreId>> {
    let refuse = |reason: String| Err(Error::BackupRefused { reason });
    let Some((store, origin)) = identity::load_store_and_origin(&**to)? else {
        return match Found::list(&**to)?.unwrap_or_default().files().next() {
            None => Ok(None),
            Some((kind, number)) => Err(Error::damage(
                IDENTITY,
                0,
                "the number of the store whose backups these are",
                format!("none, beside {}", file_name(kind, number)),
            )),
        };
    };
    if origin != cut.store && !planted!(BackupOfAnyStore) {
        let reason = match store == cut.store {
            true => {
                "it has the number of the store itself, as a copy of the store has: take another \
                 directory"
            }
            false => "it holds backups of another store",
        };
        return refuse(reason.to_owned());
    }
    let before = recover::look(Arc::clone(to), Options::default(), false)?;
    let (held, head) = (before.map(|before| before.version.head()), cut.head);
    match held.filter(|held| *held > head) {
        None => Ok(Some(store)),
        Some(held) => refuse(format!(
            "it holds a backup of commit {held}, and the newest commit of the store is {head}: the \
             store was set back since; take another directory"
        )),
    }
}

/// The same error, with the note that the damaged file is a file of the backup.
fn in_backup(error: Error) -> Error {
    match error {
        Error::Damage(mut damage) => {
            damage.file += " of the backup";
            Error::Damage(damage)
        }
        other => other,
    }
}

/// Removes the temporary files of an interrupted backup. After an interrupted rename, a temporary
/// name may belong to a complete file that also has its final name. So such a file is removed and
/// never overwritten.
fn remove_leftovers(fs: &dyn Fs) -> Result<()> {
    let names = fs.list("").map_err(Error::io("list", ""))?;
    let is_leftover = |name: &&String| name.ends_with(COPY_SUFFIX) || *name == NEW_IDENTITY;
    for name in names.iter().filter(is_leftover) {
        fs.remove(name).map_err(Error::io("remove", name))?;
    }
    Ok(())
}

/// Removes the files of an interrupted restore.
fn remove_all(fs: &dyn Fs) -> Result<()> {
    remove_leftovers(fs)?;
    let found = Found::list(fs)?.unwrap_or_default();
    sweep::remove(fs, &found.files().collect::<Vec<_>>())
}
