//! Where a benchmark's files lie: a fresh directory of the build tree, or memory.

use std::sync::Arc;

use lithify::fs::{Fs, MemFs, OsFs};

/// What holds the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// A directory below `target/`, removed afterwards.
    Disk,
    /// Memory.
    Memory,
}

/// A fresh file system.
#[derive(Debug)]
pub(crate) struct Place {
    /// The file system.
    pub(crate) fs: Arc<dyn Fs>,
    /// Removes the directory when dropped.
    _directory: Option<tempfile::TempDir>,
}

impl Device {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Disk, Self::Memory];

    /// How tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disk => "OsFs",
            Self::Memory => "MemFs",
        }
    }

    /// A fresh, empty file system.
    pub(crate) fn fresh(self) -> Place {
        match self {
            Self::Memory => Place {
                fs: Arc::new(MemFs::new()),
                _directory: None,
            },
            Self::Disk => {
                let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
                    .expect("the build directory takes a directory");
                Place {
                    fs: Arc::new(OsFs::new(directory.path())),
                    _directory: Some(directory),
                }
            }
        }
    }
}
