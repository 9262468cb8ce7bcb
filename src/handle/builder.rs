//! Options, one call for each, up to an open store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::fs::{MemFs, OsFs};
use crate::options::{Compression, Durability, Options, Placement};
use crate::threads::Db;

/// The way in which a [`Db`] is opened. Options without a call keep the value of
/// [`Options::default`].
///
/// ```
/// use lithify::{Db, Durability, Placement};
///
/// let db = Db::builder("target/stones")
///     .placement(Placement::with_divisor(8)?)
///     .durability(Durability::Buffered)
///     .cache_bytes(64 * 1024 * 1024)
///     .open_in_memory()?;
/// assert_eq!(db.head().get(), 0);
/// # Ok::<(), lithify::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder opens nothing before it is told to"]
pub struct Builder {
    directory: PathBuf,
    options: Options,
}

impl Builder {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            options: Options::default(),
        }
    }

    /// All options at once; later calls change single ones.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The segments that exist after each commit: see [`Options::placement`].
    pub fn placement(mut self, placement: Placement) -> Self {
        self.options.placement = Some(placement);
        self
    }

    /// Whether a store is created when the directory holds none: see [`Options::create`].
    pub fn create(mut self, create: bool) -> Self {
        self.options.create = create;
        self
    }

    /// When a commit is acknowledged: see [`Options::durability`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// See [`Options::cache_bytes`].
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.options.cache_bytes = bytes;
        self
    }

    /// See [`Options::memory_budget_bytes`].
    pub fn memory_budget_bytes(mut self, bytes: usize) -> Self {
        self.options.memory_budget_bytes = bytes;
        self
    }

    /// See [`Options::compression`].
    pub fn compression(mut self, compression: Compression) -> Self {
        self.options.compression = compression;
        self
    }

    /// Opens the store in the directory, or creates one there.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn open(self) -> Result<Db> {
        Db::open_in(Arc::new(OsFs::new(self.directory)), self.options)
    }

    /// Opens the store in the directory for reading: see [`Db::open_read_only`].
    ///
    /// # Errors
    /// As [`Db::open_read_only`].
    pub fn open_read_only(self) -> Result<Db> {
        Db::open_read_only_in(Arc::new(OsFs::new(self.directory)), self.options)
    }

    /// Opens a new store in memory. The store is gone when its last handle is dropped. The
    /// directory is not touched.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn open_in_memory(self) -> Result<Db> {
        Db::open_in(Arc::new(MemFs::new()), self.options)
    }
}
