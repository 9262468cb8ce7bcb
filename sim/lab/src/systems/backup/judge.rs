//! Checks that a backup and a restored store equal the store.

use std::io::ErrorKind;
use std::sync::Arc;

use lithify::backup::restore;
use lithify::files::{FileKind, IDENTITY, RESTORING, parse_file_name};
use lithify::fs::{Fs, MemFs};
use lithify::{Commit, Error, Options, Store};

use super::{BACKUP, RESTORED, TOLD, inside};
use crate::system::Failure;
use crate::systems::lithify::{failure, state_of};

/// What was reported, by the names of files: `backup-7`, `restored-7`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// The newest commit with a reported backup, 0 for none.
    pub(super) backup: u64,
    /// The newest commit of the reported restored store, 0 for none.
    pub(super) restored: u64,
}

impl Told {
    pub(super) fn read(fs: &Arc<dyn Fs>) -> Result<Self, Failure> {
        let newest = |names: &[String], prefix: &str| {
            let commits = names.iter().filter_map(|name| name.strip_prefix(prefix));
            commits.filter_map(|commit| commit.parse().ok()).max()
        };
        let names = names(&*inside(fs, TOLD))?;
        Ok(Self {
            backup: newest(&names, "backup-").unwrap_or(0),
            restored: newest(&names, "restored-").unwrap_or(0),
        })
    }
}

/// Makes a durable report.
pub(super) fn tell(fs: &Arc<dyn Fs>, what: &str, commit: u64) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Disk(format!("cannot tell: {error}"));
    let told = inside(fs, TOLD);
    told.create_dir("").map_err(failed)?;
    match told.create(&format!("{what}-{commit}")) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        outcome => drop(outcome.map_err(failed)?),
    }
    told.sync_dir("").map_err(failed)
}

fn names(fs: &dyn Fs) -> Result<Vec<String>, Failure> {
    match fs.list("") {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(|error| Failure::Disk(format!("cannot list: {error}"))),
    }
}

/// Whether a directory has a store that claims to be intact.
pub(super) fn is_whole(fs: &dyn Fs) -> bool {
    let names = names(fs).unwrap_or_default();
    let is_manifest =
        |name: &String| matches!(parse_file_name(name), Some((FileKind::Manifest, _)));
    names.iter().any(is_manifest) && !names.iter().any(|name| name == RESTORING)
}

/// Whether the operation of `marker` may use a directory: the directory has the marker,
/// or is empty. It refuses a directory with foreign files.
pub(super) fn takes(fs: &Arc<dyn Fs>, place: &'static str, marker: &str) -> bool {
    let names = names(&*inside(fs, place)).unwrap_or_default();
    names.iter().any(|name| name == marker) || names.iter().all(|name| name == "lock")
}

/// Whether there may be a restored store.
fn claims_to_be_restored(fs: &Arc<dyn Fs>) -> bool {
    let names = names(&*inside(fs, RESTORED)).unwrap_or_default();
    let is_ours = |name: &String| name == IDENTITY || parse_file_name(name).is_some();
    names.iter().any(is_ours) && !names.iter().any(|name| name == RESTORING)
}

fn damaged(what: String) -> Failure {
    Failure::Damage(what)
}

/// Opens a store for reading.
fn read(fs: Arc<dyn Fs>) -> Result<Store, Error> {
    let options = Options {
        create: false,
        ..Options::default()
    };
    Store::open_read_only(fs, options)
}

/// Judges the backup, if there is an intact one. Returns its commit.
pub(super) fn backup(fs: &Arc<dyn Fs>, store: &Store, told: Told) -> Result<u64, Failure> {
    let copy = match read(inside(fs, BACKUP)) {
        Ok(copy) => copy,
        Err(Error::NotAStore { .. }) if told.backup == 0 => return Ok(0),
        Err(error) => {
            return Err(match failure(error) {
                Failure::Damage(what) => damaged(format!("the backup: {what}")),
                other => other,
            });
        }
    };
    let held = copy.head();
    if held.get() < told.backup {
        return Err(damaged(format!(
            "the backup is of commit {held}, and somebody was told of one of commit {}",
            told.backup
        )));
    }
    compare("the backup", &copy, store)?;
    drop(copy);
    let restored = MemFs::new();
    restore(inside(fs, BACKUP), Arc::new(restored.clone()), None).map_err(failure)?;
    let restored = read(Arc::new(restored)).map_err(failure)?;
    compare("what is restored", &restored, store)?;
    Ok(held.get())
}

/// Judges the restored store, unless it does not exist or is marked as incomplete.
pub(super) fn restored(fs: &Arc<dyn Fs>, store: &Store, told: Told) -> Result<(), Failure> {
    if told.restored == 0 && !claims_to_be_restored(fs) {
        return Ok(());
    }
    let copy = read(inside(fs, RESTORED)).map_err(failure)?;
    if told.restored > 0 && copy.head().get() != told.restored {
        return Err(damaged(format!(
            "commit {} was restored, and the newest one is {}",
            told.restored,
            copy.head()
        )));
    }
    compare("the restored store", &copy, store)
}

/// A copy must hold a prefix of the store's history.
fn compare(what: &str, copy: &Store, store: &Store) -> Result<(), Failure> {
    let (held, head) = (copy.head(), store.head());
    if held > head {
        return Err(damaged(format!(
            "{what} has commit {held}, and the newest one of the store is {head}"
        )));
    }
    for commit in [held, Commit::new(held.get() / 2)] {
        let state = |store: &Store| {
            let snapshot = store.snapshot_at(commit).map_err(failure)?;
            state_of(&snapshot).map_err(failure)
        };
        if state(copy)? != state(store)? {
            return Err(damaged(format!(
                "{what} reads other values at commit {commit} than the store"
            )));
        }
    }
    Ok(())
}

/// A backup must refuse commits, and a restored store must differ in identity from the
/// original.
pub(super) fn roles(fs: &Arc<dyn Fs>, options: &Options) -> Result<(), Failure> {
    let wrong = |what: String| Err(Failure::Other(what));
    match Store::open(inside(fs, BACKUP), options.clone()) {
        Err(Error::IsBackup) => {}
        Err(error) => return Err(failure(error)),
        // A lying disk can lose the marker, so this counts as damage.
        Ok(_) => return Err(damaged("a backup takes commits".to_owned())),
    }
    let restored: Arc<dyn Fs> = Arc::new(MemFs::new());
    restore(inside(fs, BACKUP), Arc::clone(&restored), None).map_err(failure)?;
    let mut restored = Store::open(restored, options.clone()).map_err(failure)?;
    match restored.begin_backup(inside(fs, BACKUP)) {
        Err(Error::BackupRefused { .. }) => Ok(()),
        Err(error) => Err(failure(error)),
        Ok(_) => wrong("a restored store backs up as the one that it came from".to_owned()),
    }
}
