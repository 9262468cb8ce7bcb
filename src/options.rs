//! The options of a store: some are fixed at its creation, others can change.
//!
//! *Placement* options decide which segments exist after each commit and which entries they hold.
//! They are written into the store when it is created and cannot change, because the layout is a
//! pure function of history and placement. *Tuning* options decide where bytes are stored, when
//! work happens and how much of it at once. They may differ at every opening and never change a
//! settled layout.

use serde::{Deserialize, Serialize};

use crate::align::{Alignment, Cascade, Level};
use crate::compress;
use crate::error::{Error, Result};
use crate::limits;
use crate::log::Room;
use crate::segment::FilterRule;
use crate::thresholds::Thresholds;

/// Which versions of a key a merged segment keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// All versions: every commit stays readable.
    #[default]
    All,
    /// All versions of this many commits before the window's right edge, and the newest version
    /// before those commits.
    Last(u64),
    /// The newest version: inside a merged window only the right edge stays readable.
    Newest,
}

/// When the inputs of a merge are removed. Until then they serve reads of commits that the output
/// has thinned out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoveInputs {
    /// Inputs stay for ever.
    Never,
    /// As soon as the output is durable.
    #[default]
    Always,
    /// At once when the level of the input is at most this one; inputs of higher levels stay for
    /// ever.
    UpToLevel(Level),
    /// When the last commit of the input is `keep` or more commits before a closing commit.
    HeadWindow {
        /// The number of commits before the closing commit that are kept.
        keep: u64,
    },
    /// As `HeadWindow`, but only for inputs up to `level`; inputs of higher levels stay for ever.
    HeadWindowUpToLevel {
        /// The number of commits before the closing commit that are kept.
        keep: u64,
        /// The highest level that is ever removed.
        level: Level,
    },
}

/// The segments that exist after each commit, and the entries that they hold. Fixed when the store
/// is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Divisor (or radices) and highest level.
    pub alignment: Alignment,
    /// A closed window with fewer live segments than this is left alone; at least 2.
    pub min_inputs: u32,
    /// Which versions a merged segment keeps.
    pub history: History,
    /// When the inputs of a merge are removed.
    pub remove_inputs: RemoveInputs,
}

/// When a commit is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// After its WAL record was synced.
    #[default]
    Synced,
    /// After its WAL record was written to the operating system. A power failure may lose the
    /// commit, and then also every later commit.
    Buffered,
}

/// The compression of blocks of a segment file. A block that does not shrink is stored
/// uncompressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// No compression.
    #[default]
    None,
    /// LZ4 block format: fast, modest. Feature `lz4`, which is a default.
    Lz4,
    /// Zstandard at level 3: slower, smaller. Feature `zstd`, which is a default and needs a C
    /// compiler.
    Zstd,
}

/// The amount of merging that a commit does before it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pacing {
    /// A bounded amount in proportion to the batch: commits stay fast, and the layout may lag
    /// behind the head.
    #[default]
    Bounded,
    /// All merging: the layout after each commit is the settled layout.
    Settle,
    /// No merging: the caller steps the compactor.
    Manual,
}

/// The options of an opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Placement of a new store; an existing store must have the same. `None` takes the placement
    /// of the store, or the default for a new store.
    pub placement: Option<Placement>,
    /// Create the store when the directory holds none.
    pub create: bool,
    /// How the merges of a commit that closes several levels are performed.
    pub cascade: Cascade,
    /// Merged segments of this level and above are stored in files; below it, in memory and in the
    /// WAL. `None`: the first level whose window is at least [`Options::FILE_WINDOW_COMMITS`]
    /// commits wide.
    pub file_level: Option<Level>,
    /// Bytes of segments in memory above which they move to a file. For [`Db`](crate::Db): above
    /// this number, a commit waits until the compactor thread has read sixteen entries for each
    /// entry of the commit; above twice this number, commits wait until it is lower.
    pub memory_budget_bytes: usize,
    /// A WAL file of this length gets a successor.
    pub wal_file_bytes: u64,
    /// A manifest that is longer than this, and longer than four times its state, is followed by a
    /// new one.
    pub manifest_file_bytes: u64,
    /// Bytes of a block before compression.
    pub block_bytes: usize,
    /// Bytes of decoded blocks kept for reads.
    pub cache_bytes: u64,
    /// Segment files that are open at once, in addition to one for each active reader; at least 1.
    /// Readers that outlive the store keep the files open that they need: closing the store opens
    /// the missing ones, and fails when it cannot. A store has about eight more descriptors: lock,
    /// log, manifest and the files that are being written. A file that is not open is opened again
    /// when it is read.
    pub max_open_files: usize,
    /// Block compression of new segment files.
    pub compression: Compression,
    /// Filter bits for each distinct key of a segment; 0 for no filters.
    pub filter_bits_per_key: u32,
    /// When a commit is acknowledged, unless its batch says otherwise
    /// ([`WriteBatch::durability`](crate::WriteBatch::durability)).
    pub durability: Durability,
    /// The amount of merging that a commit does.
    pub pacing: Pacing,
    /// For [`Db`](crate::Db): commits wait for the compactor thread while more commits than this
    /// have windows to close that the compactor has not begun to close.
    pub max_backlog_commits: u64,
    /// Sizes at which the engine changes its way of working. Only for tests.
    #[doc(hidden)]
    pub thresholds: Thresholds,
}

impl Options {
    /// The rule that decides which runs in memory get a filter.
    pub(crate) fn filter_rule(&self) -> FilterRule {
        FilterRule {
            bits_per_key: self.filter_bits_per_key,
            min_entries: self.thresholds.filtered_run_entries,
            entries_for_a_search: self.thresholds.entries_for_a_search,
        }
    }

    /// The narrowest window that is worth a file, in commits. Files of narrower
    /// windows double the bytes written and halve the speed of ingest (see
    /// `design/decisions/0003-residence.md`).
    pub const FILE_WINDOW_COMMITS: u64 = 4096;

    /// The file level in force under `alignment`.
    #[must_use]
    pub fn file_level_for(&self, alignment: &Alignment) -> Level {
        self.file_level.unwrap_or_else(|| {
            (1..=alignment.max_level())
                .find(|&level| {
                    alignment
                        .width(level)
                        .is_some_and(|width| width >= Self::FILE_WINDOW_COMMITS)
                })
                .unwrap_or(Level::MAX)
        })
    }

    /// The length of the log above which commits move to a file although there is memory for them:
    /// the memory budget, but never less than two files of the log.
    #[must_use]
    pub fn log_budget_bytes(&self) -> u64 {
        (self.memory_budget_bytes as u64).max(self.wal_file_bytes.saturating_mul(2))
    }

    /// The room of the log. A buffered store needs none, because its callers seldom wait for a sync.
    pub(crate) fn log_room(&self) -> Room {
        let is_synced = self.durability == Durability::Synced || planted!(RoomForBuffered);
        Room {
            max_bytes: if is_synced {
                self.thresholds.log_room_bytes
            } else {
                0
            },
            file_bytes: self.wal_file_bytes,
        }
    }

    /// Refuses contradictions.
    ///
    /// # Errors
    /// [`Error::InvalidOptions`] or [`Error::Limit`], naming the option.
    pub fn check(&self) -> Result<()> {
        if let Some(placement) = &self.placement {
            placement.check()?;
        }
        self.thresholds.check()?;
        compress::check(self.compression)?;
        if self.file_level == Some(0) {
            return Err(Error::InvalidOptions(
                "file level is 0, the lowest that can be merged is 1".to_owned(),
            ));
        }
        if self.max_open_files == 0 {
            return Err(Error::InvalidOptions(
                "most open files is 0, the least is 1: a file has to be open to be read".to_owned(),
            ));
        }
        limits::check([(
            "memory budget in bytes",
            self.memory_budget_bytes,
            limits::MEMORY_BUDGET_BYTES,
        )])?;
        if !limits::BLOCK_BYTES.contains(&self.block_bytes) {
            return Err(Error::InvalidOptions(format!(
                "block size is {} bytes, it must be between {} and {}",
                self.block_bytes,
                limits::BLOCK_BYTES.start(),
                limits::BLOCK_BYTES.end()
            )));
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            placement: None,
            create: true,
            cascade: Cascade::default(),
            file_level: None,
            memory_budget_bytes: 32 * 1024 * 1024,
            wal_file_bytes: 16 * 1024 * 1024,
            manifest_file_bytes: 64 * 1024,
            block_bytes: 4096,
            cache_bytes: 32 * 1024 * 1024,
            max_open_files: 32,
            compression: Compression::None,
            filter_bits_per_key: 10,
            durability: Durability::Synced,
            pacing: Pacing::Bounded,
            max_backlog_commits: 4096,
            thresholds: Thresholds::USUAL,
        }
    }
}

impl Placement {
    /// The default placement with another divisor.
    ///
    /// # Errors
    /// When `divisor` is below 2.
    pub fn with_divisor(divisor: u64) -> Result<Self> {
        let alignment = Alignment::uniform(divisor)
            .map_err(|error| Error::InvalidOptions(error.to_string()))?;
        Ok(Self {
            alignment,
            ..Self::default()
        })
    }

    fn check(&self) -> Result<()> {
        if self.min_inputs < 2 {
            return Err(Error::InvalidOptions(format!(
                "min_inputs is {}, the least is 2: a single segment is never rewritten",
                self.min_inputs
            )));
        }
        if self.history == History::Last(0) {
            return Err(Error::InvalidOptions(
                "history keeps the last 0 commits, the least is 1".to_owned(),
            ));
        }
        Ok(())
    }

    /// Compares with the placement that a store was created with.
    pub(crate) fn must_equal(&self, stored: &Self) -> Result<()> {
        // The texts are for messages, and cost more than everything else in this function.
        if self == stored {
            return Ok(());
        }
        let rows: [(&'static str, String, String); 4] = [
            (
                "divisor",
                stored.alignment.to_string(),
                self.alignment.to_string(),
            ),
            (
                "min_inputs",
                stored.min_inputs.to_string(),
                self.min_inputs.to_string(),
            ),
            (
                "history",
                format!("{:?}", stored.history),
                format!("{:?}", self.history),
            ),
            (
                "remove_inputs",
                format!("{:?}", stored.remove_inputs),
                format!("{:?}", self.remove_inputs),
            ),
        ];
        for (option, stored, given) in rows {
            if stored != given {
                return Err(Error::OptionsMismatch {
                    option,
                    stored,
                    given,
                });
            }
        }
        Ok(())
    }
}

impl Default for Placement {
    /// Divisor 4: as cheap to write as 8, with fewer live segments to read.
    fn default() -> Self {
        Self {
            alignment: Alignment::uniform(4).expect("4 is a divisor"),
            min_inputs: 2,
            history: History::All,
            remove_inputs: RemoveInputs::Always,
        }
    }
}
