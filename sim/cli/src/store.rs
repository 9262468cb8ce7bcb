//! Opens a store for a command.
//!
//! Commands that read open the store for reading only and create nothing. A store is
//! not created in a directory with foreign files, such as a source directory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use lithify::files::{FileKind, IDENTITY, NEW_IDENTITY, PROMOTED, REPLICA, parse_file_name};
use lithify::fs::{Fs, OsFs};
use lithify::{Commit, Error, Options, Replica, Snapshot, Store};
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::terminal::tell;

use super::placement::PlacementArguments;
use super::tuning::TuningArguments;

/// The names in a store directory besides the numbered files.
const OWN_NAMES: [&str; 5] = ["lock", IDENTITY, NEW_IDENTITY, REPLICA, PROMOTED];

/// The keyspace that commands use when none is named.
pub(crate) const DEFAULT_KEYSPACE: &str = "default";

/// Which store.
#[derive(Args, Clone, Debug)]
pub(crate) struct StoreArgument {
    /// The directory of the store
    #[arg(long = "store", value_name = "DIRECTORY")]
    pub(crate) path: PathBuf,
}

/// Which store, for commands that read it. Damaged ones can be read, too.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReadArgument {
    #[command(flatten)]
    store: StoreArgument,
    /// Read the undamaged parts of a damaged store. Standard error names each damaged part;
    /// a read that needs one exits with 5. Nothing is written
    #[arg(long)]
    damaged: bool,
}

impl ReadArgument {
    /// Opens the store for reading, and checks that `keyspace` exists.
    pub(crate) fn open_keyspace(&self, keyspace: &KeyspaceArgument) -> Outcome<Store> {
        let store = self.open()?;
        check_keyspace(&store, &keyspace.keyspace)?;
        Ok(store)
    }

    /// Opens the store for reading.
    pub(crate) fn open(&self) -> Outcome<Store> {
        self.store.open_perhaps_damaged(self.damaged)
    }
}

/// Checks that a keyspace exists. The default keyspace always exists, possibly empty.
/// In a damaged store the name may be lost, so the check is left to the read.
pub(crate) fn check_keyspace(store: &Store, name: &str) -> Outcome {
    let is_known = || store.snapshot().keyspaces().iter().any(|it| it == name);
    if name != DEFAULT_KEYSPACE && store.losses().is_empty() && !is_known() {
        return Err(Error::UnknownKeyspace(name.to_owned()).into());
    }
    Ok(())
}

/// Which keyspace.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyspaceArgument {
    /// The name of the keyspace
    #[arg(long, value_name = "NAME", default_value = DEFAULT_KEYSPACE)]
    pub(crate) keyspace: String,
}

/// As of which commit.
#[derive(Args, Clone, Debug)]
pub(crate) struct AtArgument {
    /// Read the state after this commit; 0 is the empty state [default: the newest commit]
    #[arg(long, value_name = "COMMIT")]
    pub(crate) at: Option<u64>,
}

impl AtArgument {
    /// The store as of this commit.
    pub(crate) fn snapshot(&self, store: &Store) -> Outcome<Snapshot> {
        match self.at {
            None => Ok(store.snapshot()),
            Some(number) => Ok(store.snapshot_at(Commit::new(number))?),
        }
    }
}

impl StoreArgument {
    /// Opens the store for reading only.
    pub(crate) fn open(&self) -> Outcome<Store> {
        let options = Options {
            create: false,
            ..Options::default()
        };
        Store::open_read_only(self.fs(), options).map_err(|error| self.open_failure(error))
    }

    /// Opens the store for reading, and refuses a store that somebody writes to: its newest commits may
    /// not be durable yet.
    pub(crate) fn open_unused(&self) -> Outcome<Store> {
        let store = self.open()?;
        let unused = store.must_not_be_beside_writer();
        unused.map_err(|error| self.open_failure(error))?;
        Ok(store)
    }

    /// Opens the store for reading, and checks that `keyspace` exists.
    pub(crate) fn open_keyspace(&self, keyspace: &KeyspaceArgument) -> Outcome<Store> {
        let store = self.open()?;
        check_keyspace(&store, &keyspace.keyspace)?;
        Ok(store)
    }

    /// Opens the store for reading, or the intact part of it.
    pub(crate) fn open_perhaps_damaged(&self, is_damaged: bool) -> Outcome<Store> {
        match is_damaged {
            true => self.open_damaged(),
            false => self.open(),
        }
    }

    /// Opens the intact part of the store for reading only, and reports what is
    /// damaged.
    fn open_damaged(&self) -> Outcome<Store> {
        let options = Options {
            create: false,
            ..Options::default()
        };
        let store = Store::open_damaged(self.fs(), options);
        let store = store.map_err(|error| self.open_failure(error))?;
        for loss in store.losses() {
            tell(&format!("lithify: {}: {loss}", self.path.display()));
        }
        Ok(store)
    }

    /// Opens a store for writing. The store must exist.
    pub(crate) fn open_existing(&self, tuning: &TuningArguments) -> Outcome<Store> {
        self.open_existing_with(tuning.options())
    }

    /// As `open_existing`, with these options.
    pub(crate) fn open_existing_with(&self, options: Options) -> Outcome<Store> {
        let options = Options {
            create: false,
            ..options
        };
        Store::open(self.fs(), options).map_err(|error| self.open_failure(error))
    }

    /// Opens the store for writing, and creates it if it does not exist.
    pub(crate) fn open_or_create(
        &self,
        placement: &PlacementArguments,
        tuning: &TuningArguments,
    ) -> Outcome<Store> {
        let exists = self.holds_manifest()?;
        let mut options = tuning.options();
        if !exists {
            options.placement = Some(placement.over(Default::default()));
        } else if !placement.is_empty() {
            let stored = self.open()?.placement().clone();
            options.placement = Some(placement.over(stored));
        }
        Store::open(self.fs(), options).map_err(|error| self.open_failure(error))
    }

    /// Whether the store only takes commits from a primary.
    pub(crate) fn is_replica(&self) -> bool {
        self.path.join(REPLICA).exists()
    }

    /// Opens the store as a replica. Creates it if it does not exist and the options
    /// allow that.
    pub(crate) fn open_replica(&self, mut options: Options) -> Outcome<Replica> {
        // Refuses a directory with foreign files before anything is created in it.
        options.create &= !self.holds_manifest()?;
        Replica::open(self.fs(), options).map_err(|error| self.open_failure(error))
    }

    /// Runs a check that reads the files without opening the store.
    pub(crate) fn check<T>(&self, check: impl FnOnce(&dyn Fs) -> Result<T, Error>) -> Outcome<T> {
        check(&*self.fs()).map_err(|error| self.open_failure(error))
    }

    fn fs(&self) -> Arc<OsFs> {
        Arc::new(OsFs::new(&self.path))
    }

    /// Whether the directory holds a manifest. Without a manifest, the directory must
    /// be empty or hold only what an interrupted creation leaves.
    pub(crate) fn holds_manifest(&self) -> Outcome<bool> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.failure(Exit::Store, &error.to_string())),
        };
        let mut foreign = None;
        for entry in entries {
            let name = entry
                .map_err(|error| self.failure(Exit::Store, &error.to_string()))?
                .file_name();
            match name.to_str().and_then(parse_file_name) {
                Some((FileKind::Manifest, _)) => return Ok(true),
                None if !OWN_NAMES.iter().any(|own| name == *own) => foreign = Some(name),
                _ => {}
            }
        }
        match foreign {
            None => Ok(false),
            Some(name) => {
                let reason = format!(
                    "not a lithify store, but it holds {name:?}: a store needs a directory of its own"
                );
                Err(self.failure(Exit::Store, &reason))
            }
        }
    }

    fn failure(&self, exit: Exit, reason: &str) -> Failure {
        exit.because(format!("{}: {reason}", self.path.display()))
    }

    /// An error of opening has other exit codes than the same error of a later
    /// operation. A refusal by the system is usually caused by the path or its
    /// permissions. A missing file that the manifest names is damage.
    fn open_failure(&self, error: Error) -> Failure {
        let words = self.path.display().to_string();
        let Error::Io { file, source, .. } = &error else {
            return Failure::from(error).prefixed(&words);
        };
        let exit = match source.kind() {
            ErrorKind::NotFound if !file.is_empty() => Exit::Damage,
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory => Exit::Store,
            _ => Exit::Io,
        };
        exit.because(error).prefixed(&words)
    }
}

/// The files and bytes of a store on disk, by kind of file.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct StoredBytes {
    pub(crate) wal_files: u64,
    pub(crate) wal_bytes: u64,
    pub(crate) manifest_files: u64,
    pub(crate) manifest_bytes: u64,
    pub(crate) segment_files: u64,
    pub(crate) segment_bytes: u64,
}

impl StoredBytes {
    /// Counts the files of the store in this directory.
    pub(crate) fn of(store: &Path) -> Outcome<Self> {
        let failed = |error: std::io::Error| {
            Exit::Io.because(format!("cannot measure {}: {error}", store.display()))
        };
        let mut stored = Self::default();
        for entry in std::fs::read_dir(store).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some((kind, _)) = entry.file_name().to_str().and_then(parse_file_name) else {
                continue;
            };
            let length = entry.metadata().map_err(failed)?.len();
            let (files, bytes) = match kind {
                FileKind::Wal => (&mut stored.wal_files, &mut stored.wal_bytes),
                FileKind::Manifest => (&mut stored.manifest_files, &mut stored.manifest_bytes),
                FileKind::Segment => (&mut stored.segment_files, &mut stored.segment_bytes),
            };
            *files += 1;
            *bytes += length;
        }
        Ok(stored)
    }

    pub(crate) fn files(self) -> u64 {
        self.wal_files + self.manifest_files + self.segment_files
    }

    pub(crate) fn bytes(self) -> u64 {
        self.wal_bytes + self.manifest_bytes + self.segment_bytes
    }
}
