//! Persistence models: which crash images are legal.
//!
//! A model has three parts:
//! - into which *pieces* operations are divided;
//! - which *order* the pieces keep: a change may be on the disk only if every change
//!   that it requires is on the disk;
//! - what each *barrier* makes durable.
//!
//! Every image holds everything that is durable. Of the pending changes, an image may
//! hold any set that the order allows.
//!
//! The models of file systems promise only what their documentation or published
//! measurements support. The models of other simulators are weaker on purpose: they
//! show which bugs those simulators cannot find.
//!
//! Sources, by the names used in [`Model::source`]: ALICE is Pillai et al., OSDI 2014
//! (with its abstract persistence models and the BOB table); Ferrite is Bornholt et al.,
//! ASPLOS 2016; the ATC study is Rebello et al., USENIX ATC 2020; the flash study is
//! Zheng et al., FAST 2013; POSIX is IEEE 1003.1, `fsync` and its rationale.

use super::oplog::Operation;

/// The order in which appended bytes and the new length of the file reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Append {
    /// In any order: the length may cover bytes that were never written.
    Unordered,
    /// Bytes in newly allocated blocks reach the disk before the length. Bytes in the
    /// last block that was already allocated may reach it before or after the length.
    NewBlocksFirst,
    /// All bytes reach the disk before the length.
    DataFirst,
}

/// Which changes of names keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameOrder {
    /// Changes of one name keep their order. Changes of different names do not.
    PerName,
    /// There is one journal: all changes of names keep their order.
    Journal,
}

/// What a barrier on a file makes durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncScope {
    /// The bytes and the length of the file, but not its name.
    Own,
    /// The bytes and the length of the file, and the names that it was given.
    OwnAndItsNames,
    /// The bytes and the length of the file. If the sync includes metadata, also every
    /// earlier change of names, because the journal is written as a whole.
    OwnAndJournal,
    /// Everything issued before the barrier.
    Everything,
    /// Nothing.
    Nothing,
}

/// What a barrier on a directory makes durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryScope {
    /// The names in this directory.
    Own,
    /// Every earlier change of names.
    Journal,
    /// Everything issued before the barrier.
    Everything,
    /// Nothing.
    Nothing,
}

/// Which kinds of changes are durable as soon as they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// Changes of names.
    pub names: bool,
    /// Changes of lengths.
    pub lengths: bool,
}

/// A named set of rules. See the module documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// The file system or device that it describes, in a sentence.
    pub about: &'static str,
    /// Where its rules come from.
    pub source: &'static str,
    /// The size of the pieces that are written as a whole or not at all. Zero: a whole
    /// write.
    pub piece_bytes: u64,
    /// The length of a long append can stop at multiples of this many bytes. Zero: it
    /// cannot stop inside one write.
    pub length_step_bytes: u64,
    /// Whether a rename may be lost in parts.
    pub splits_renames: bool,
    /// The order of the bytes and the lengths of appends.
    pub append: Append,
    /// What a lost byte below the file's length may read as.
    pub fills: &'static [&'static str],
    /// Whether all changes of one file keep their order.
    pub orders_each_file: bool,
    /// Whether all changes keep their order.
    pub orders_all: bool,
    /// The order of names.
    pub names: NameOrder,
    /// Whether a rename over an existing file waits until the bytes of the new file are
    /// on the disk.
    pub replace_waits: bool,
    /// What `sync` and `sync_data` do.
    pub sync: SyncScope,
    /// What `sync_dir` does.
    pub sync_directory: DirectoryScope,
    /// Which changes need no barrier.
    pub instant: Instant,
    /// Whether every crash loses all pending changes.
    pub drops_all: bool,
    /// Whether barriers can be trusted. If not, the loss of acknowledged commits is not
    /// a finding, but an answer other than a prefix or an error is one.
    pub honest: bool,
    /// Whether this is the rule of another simulator, included for comparison.
    pub is_comparison: bool,
}

const NOT_INSTANT: Instant = Instant {
    names: false,
    lengths: false,
};

/// The guarantees of POSIX: a barrier covers only its own object, and nothing else is
/// ordered.
const POSIX_MIN: Model = Model {
    name: "posix-min",
    about: "what POSIX promises and no more: syncs cover one file or directory, all else may be lost in any combination",
    source: "POSIX; ALICE, default model with atomic renames; 512-byte sectors are written whole",
    piece_bytes: 512,
    length_step_bytes: 512,
    splits_renames: false,
    append: Append::Unordered,
    fills: &["zero", "garbage", "stale"],
    orders_each_file: false,
    orders_all: false,
    names: NameOrder::PerName,
    replace_waits: false,
    sync: SyncScope::Own,
    sync_directory: DirectoryScope::Own,
    instant: NOT_INSTANT,
    drops_all: false,
    honest: true,
    is_comparison: false,
};

const EXT4_ORDERED: Model = Model {
    name: "ext4-ordered",
    about: "ext4 with data=ordered, the default: names in one journal, appended blocks before lengths except in the last block",
    source: "Ferrite, definition 7 and figure 3; Linux documentation, ext4, data=ordered and auto_da_alloc",
    append: Append::NewBlocksFirst,
    length_step_bytes: 4096,
    fills: &["zero"],
    names: NameOrder::Journal,
    sync: SyncScope::OwnAndJournal,
    sync_directory: DirectoryScope::Journal,
    ..POSIX_MIN
};

const COMPARISON: Model = Model {
    length_step_bytes: 0,
    fills: &["zero"],
    is_comparison: true,
    ..POSIX_MIN
};

/// All models; the first is the default.
pub const MODELS: &[Model] = &[
    POSIX_MIN,
    Model {
        name: "paranoid",
        about: "as posix-min, and a rename may be lost in parts: both names, or neither",
        source: "ALICE, default abstract persistence model",
        splits_renames: true,
        ..POSIX_MIN
    },
    EXT4_ORDERED,
    Model {
        name: "ext4-writeback",
        about: "ext4 with data=writeback: as ext4-ordered, but lengths may cover bytes of removed files",
        source: "Linux documentation, ext4, data=writeback; ALICE, table 3",
        append: Append::Unordered,
        fills: &["zero", "stale"],
        ..EXT4_ORDERED
    },
    Model {
        name: "xfs",
        about: "XFS: lengths follow the data, names in one log, a rename may come before the data",
        source: "Linux commit ba87ea69 (length updated when writing has ended); Ferrite, figure 3",
        append: Append::DataFirst,
        ..EXT4_ORDERED
    },
    Model {
        name: "btrfs",
        about: "btrfs: blocks are copied on write, a replacing rename waits for the data, names are not ordered",
        source: "Linux commit 5a3f23d5; Ferrite, figure 3; ALICE, section 2 (names may be reordered)",
        piece_bytes: 4096,
        append: Append::DataFirst,
        length_step_bytes: 0,
        fills: &["zero"],
        replace_waits: true,
        sync: SyncScope::OwnAndItsNames,
        ..POSIX_MIN
    },
    Model {
        name: "apfs",
        about: "APFS with F_FULLFSYNC, which the standard library uses: copy on write, names in transactions",
        source: "Apple, fcntl(2) F_FULLFSYNC; the order of names is an assumption that nothing published contradicts",
        piece_bytes: 4096,
        append: Append::DataFirst,
        length_step_bytes: 0,
        fills: &["zero"],
        names: NameOrder::Journal,
        replace_waits: true,
        sync: SyncScope::OwnAndJournal,
        sync_directory: DirectoryScope::Journal,
        ..POSIX_MIN
    },
    Model {
        name: "strict-ordered",
        about: "every operation reaches the disk whole and in order, as with data=journal",
        source: "ALICE, table 1 (data journalling has no reordering)",
        piece_bytes: 0,
        append: Append::DataFirst,
        length_step_bytes: 0,
        fills: &["zero"],
        orders_all: true,
        sync: SyncScope::Everything,
        sync_directory: DirectoryScope::Everything,
        ..POSIX_MIN
    },
    Model {
        name: "lying-disk",
        about: "a disk whose syncs return without effect; a store must notice or fall back, never answer wrongly",
        source: "the flash study: 13 of 15 devices lost or reordered acknowledged writes",
        sync: SyncScope::Nothing,
        sync_directory: DirectoryScope::Nothing,
        honest: false,
        ..POSIX_MIN
    },
    Model {
        name: "prefix-only",
        about: "for comparison: of each file a prefix of what was not synced survives, names are durable at once",
        source: "the rule of fault-injection layers that cut files at the last sync (RocksDB FaultInjectionTestFS, without its loss of new files)",
        append: Append::DataFirst,
        length_step_bytes: 512,
        orders_each_file: true,
        instant: Instant {
            names: true,
            lengths: false,
        },
        ..COMPARISON
    },
    Model {
        name: "data-only",
        about: "for comparison: cached bytes may be lost, names and lengths are durable at once",
        source: "the rule of page-cache simulators that pass metadata through (LazyFS)",
        instant: Instant {
            names: true,
            lengths: true,
        },
        ..COMPARISON
    },
    Model {
        name: "names-instant",
        about: "for comparison: bytes and lengths as in posix-min, names are durable at once",
        source: "the rule of simulators that model blocks and not directories (FoundationDB AsyncFileNonDurable, per page)",
        instant: Instant {
            names: true,
            lengths: false,
        },
        ..COMPARISON
    },
    Model {
        name: "drop-all",
        about: "for comparison: everything that was not synced is lost, always",
        source: "the rule of strict in-memory file systems (Pebble's, with nothing kept)",
        drops_all: true,
        ..COMPARISON
    },
];

impl Model {
    /// The default: the guarantees of POSIX.
    pub const DEFAULT: &'static Self = &MODELS[0];

    /// The names of all models.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        MODELS.iter().map(|model| model.name)
    }

    /// The model of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.name == name)
    }

    /// Whether a crash before `next` can leave images that no later crash can. Between
    /// two barriers the set of pending changes only grows, so the images just before a
    /// barrier include the images of all operations before it. The end of the log is a
    /// crash point too. If names or lengths need no barrier, every call may make
    /// something durable that later crashes cannot lose, so every call is a crash
    /// point.
    #[must_use]
    pub fn is_crash_point(&self, next: Option<&Operation>) -> bool {
        let needs_no_barrier = self.instant.names || self.instant.lengths;
        next.is_none_or(|next| match needs_no_barrier {
            true => next.is_call(),
            false => next.is_barrier(),
        })
    }

    /// Where the piece that holds the byte at `offset` ends.
    #[must_use]
    pub fn piece_end(&self, offset: u64) -> u64 {
        match self.piece_bytes {
            0 => u64::MAX,
            bytes => (offset / bytes + 1) * bytes,
        }
    }

    /// Whether two offsets are in one piece.
    pub(super) fn same_piece(&self, one: u64, other: u64) -> bool {
        self.piece_bytes == 0 || one / self.piece_bytes == other / self.piece_bytes
    }
}
