//! The kinds of faults: one row per kind defines everything about it.
//!
//! A row names the operations that the kind strikes, the harm that it does, and how it
//! is drawn. `judge::excuses` decides what the harm excuses. The effect on the disk is
//! implemented with the operation (`bytes`, `state`). A new kind needs a row here and
//! its effect there.

use std::fmt;

/// The operations that faults are matched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::disk) enum Class {
    Read,
    Write,
    Create,
    Open,
    Rename,
    Remove,
    List,
    Sync,
    SyncDirectory,
}

impl Class {
    /// The name of a call of this class.
    pub(in crate::disk) fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Open => "open",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::List => "list",
            Self::Sync => "sync",
            Self::SyncDirectory => "sync_dir",
        }
    }
}

/// The damage of a fault, as far as a judge of the store has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The store must go on as if nothing had happened.
    Benign,
    /// The operation returned an error. Earlier promises stand.
    Error,
    /// The operation returned an error, and some stored bytes cannot be read any more.
    Unreadable,
    /// The operation succeeded, but did not do what it promises.
    Lie,
    /// A read returned other bytes than the stored bytes.
    WrongRead,
    /// The content that processes see has changed in the cache. The damage reaches the
    /// disk like a write, so a loss of power may undo it.
    WrongInCache,
    /// What the device holds has changed.
    WrongOnDevice,
}

/// The properties of a kind.
struct Row {
    /// The name that traces and the command line use.
    name: &'static str,
    /// What it does, in a sentence.
    about: &'static str,
    /// Kinds of one class cause the same trouble for a store, or trouble that the store
    /// cannot tell apart.
    class: &'static str,
    /// The operations that it strikes.
    strikes: &'static [Class],
    harm: Harm,
    /// Whether later operations may fail because of one operation that it struck.
    shows_later: bool,
    /// Whether the fault may strike every matching operation for a while.
    may_stay: bool,
    /// For a fault that is not aimed: the chance in percent that it may strike any
    /// file.
    any_file: u64,
}

macro_rules! kinds {
    ($($kind:ident { about: $about:literal, $($row:tt)* })*) => {
        /// The kinds of faults.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultKind {
            $(#[doc = $about] $kind,)*
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            fn row(self) -> &'static Row {
                match self {
                    $(Self::$kind => &Row { about: $about, $($row)* },)*
                }
            }
        }
    };
}

kinds! {
    ReadError {
        about: "a read fails once",
        name: "read-error",
        class: "unreadable",
        strikes: &[Class::Read],
        harm: Harm::Error,
        shows_later: false,
        may_stay: true,
        any_file: 30,
    }
    LatentSector {
        about: "a sector cannot be read until it is written again",
        name: "latent-sector",
        class: "unreadable",
        strikes: &[Class::Read],
        harm: Harm::Unreadable,
        shows_later: true,
        may_stay: false,
        any_file: 30,
    }
    WriteError {
        about: "a write fails, and half of it has reached the file",
        name: "write-error",
        class: "unwritable",
        strikes: &[Class::Write],
        harm: Harm::Error,
        shows_later: false,
        may_stay: true,
        any_file: 30,
    }
    DiskFull {
        about: "the device is full, from the middle of a write on, until files are removed",
        name: "disk-full",
        class: "unwritable",
        strikes: &[Class::Write],
        harm: Harm::Error,
        shows_later: true,
        may_stay: false,
        any_file: 30,
    }
    MetadataError {
        about: "creating, opening, listing, renaming or removing fails without effect",
        name: "metadata-error",
        class: "names",
        strikes: &[Class::Create, Class::Open, Class::Rename, Class::Remove, Class::List],
        harm: Harm::Error,
        shows_later: false,
        may_stay: true,
        any_file: 60,
    }
    FalseError {
        about: "creating, renaming or removing is done and reports an error",
        name: "false-error",
        class: "names",
        strikes: &[Class::Create, Class::Rename, Class::Remove],
        harm: Harm::Error,
        shows_later: false,
        may_stay: false,
        any_file: 30,
    }
    ShortRead {
        about: "a read returns fewer bytes than asked for",
        name: "short-read",
        class: "partial",
        strikes: &[Class::Read],
        harm: Harm::Benign,
        shows_later: false,
        may_stay: false,
        any_file: 30,
    }
    ShortWrite {
        about: "a write takes fewer bytes than given",
        name: "short-write",
        class: "partial",
        strikes: &[Class::Write],
        harm: Harm::Benign,
        shows_later: false,
        may_stay: false,
        any_file: 30,
    }
    Interrupted {
        about: "an operation is interrupted and must be repeated",
        name: "interrupted",
        class: "partial",
        strikes: &[Class::Read, Class::Write],
        harm: Harm::Benign,
        shows_later: false,
        may_stay: false,
        any_file: 30,
    }
    SyncErrorDirty {
        about: "a sync fails and the pages stay dirty",
        name: "sync-error-dirty",
        class: "sync-errors",
        strikes: &[Class::Sync],
        harm: Harm::Error,
        shows_later: false,
        may_stay: true,
        any_file: 30,
    }
    // Later syncs succeed, although the data is lost.
    SyncErrorClean {
        about: "a sync fails and the pages are marked clean",
        name: "sync-error-clean",
        class: "sync-errors",
        strikes: &[Class::Sync],
        harm: Harm::Error,
        shows_later: false,
        may_stay: false,
        any_file: 30,
    }
    SyncErrorLate {
        about: "a failed write-back is reported by the next sync only",
        name: "sync-error-late",
        class: "lies",
        strikes: &[Class::Sync],
        harm: Harm::Lie,
        shows_later: true,
        may_stay: false,
        any_file: 30,
    }
    LyingSync {
        about: "a sync succeeds without effect",
        name: "lying-sync",
        class: "lies",
        strikes: &[Class::Sync],
        harm: Harm::Lie,
        shows_later: false,
        may_stay: false,
        any_file: 30,
    }
    DirectorySyncError {
        about: "syncing a directory fails, the names stay pending",
        name: "directory-sync-error",
        class: "sync-errors",
        strikes: &[Class::SyncDirectory],
        harm: Harm::Error,
        shows_later: false,
        may_stay: true,
        // An operation on a directory has no file name.
        any_file: 100,
    }
    BitRot {
        about: "a stored bit flips",
        name: "bit-rot",
        class: "corruption",
        strikes: &[Class::Read],
        harm: Harm::WrongOnDevice,
        shows_later: true,
        may_stay: false,
        any_file: 30,
    }
    // The intended place reads as zeros.
    MisdirectedWrite {
        about: "a write goes to another place of its file",
        name: "misdirected-write",
        class: "corruption",
        strikes: &[Class::Write],
        harm: Harm::WrongInCache,
        shows_later: true,
        may_stay: false,
        any_file: 30,
    }
    MisdirectedRead {
        about: "a read returns another place, or another file of its kind",
        name: "misdirected-read",
        class: "corruption",
        strikes: &[Class::Read],
        harm: Harm::WrongRead,
        shows_later: true,
        may_stay: false,
        any_file: 30,
    }
    StaleRead {
        about: "a read returns what was there before the last write",
        name: "stale-read",
        class: "corruption",
        strikes: &[Class::Read],
        harm: Harm::WrongRead,
        shows_later: true,
        may_stay: false,
        any_file: 30,
    }
    StrayFiles {
        about: "foreign files and directories lie in the directory",
        name: "stray-files",
        class: "strays",
        strikes: &[Class::List],
        harm: Harm::Benign,
        shows_later: false,
        may_stay: false,
        any_file: 100,
    }
}

impl FaultKind {
    /// The name that traces and the command line use.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What the fault does, in a sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.row().about
    }

    /// The names of all kinds.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        Self::ALL.iter().map(|kind| kind.name())
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The class of the kind: kinds of one class cause the same trouble for a store, or
    /// trouble that the store cannot tell apart.
    #[must_use]
    pub fn class(self) -> &'static str {
        self.row().class
    }

    /// The damage when the fault has struck.
    #[must_use]
    pub fn harm(self) -> Harm {
        self.row().harm
    }

    /// Whether later operations may fail because of one operation that it struck.
    #[must_use]
    pub fn shows_later(self) -> bool {
        self.row().shows_later
    }

    /// Whether the fault may strike every matching operation for a while.
    #[must_use]
    pub fn may_stay(self) -> bool {
        self.row().may_stay
    }

    /// For a fault that is not aimed: the chance in percent that it may strike any
    /// file.
    pub(crate) fn any_file(self) -> u64 {
        self.row().any_file
    }

    /// Whether it strikes reads.
    #[must_use]
    pub fn is_of_reads(self) -> bool {
        self.strikes(Class::Read)
    }

    pub(in crate::disk) fn strikes(self, class: Class) -> bool {
        self.row().strikes.contains(&class)
    }
}

impl Harm {
    /// Whether a store must go on as if nothing had happened.
    #[must_use]
    pub fn is_benign(self) -> bool {
        self == Self::Benign
    }

    /// Whether the operation that was struck returned an error.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(self, Self::Error | Self::Unreadable)
    }

    /// Whether stored or returned bytes may be wrong. Then a store may lose data that
    /// it has no second copy of. It must report the loss, and must not answer wrongly.
    #[must_use]
    pub fn corrupts(self) -> bool {
        match self {
            Self::Benign | Self::Error | Self::Lie => false,
            Self::Unreadable | Self::WrongRead | Self::WrongInCache | Self::WrongOnDevice => true,
        }
    }

    /// Whether an acknowledged commit may be lost although the store did everything
    /// right.
    #[must_use]
    pub fn excuses_loss(self) -> bool {
        self.corrupts() || self == Self::Lie
    }
}

impl serde::Serialize for FaultKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for FaultKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("no fault is named {name:?}")))
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
