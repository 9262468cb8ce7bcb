//! What can go wrong while a process runs: one fault is one line of a plan.
//!
//! A fault names a kind, a file by the beginning of its name, and which matching
//! operation it strikes. It fires once, unless it stays until the disk is healed; a bad
//! sector and a full device stay by themselves. What each kind
//! does to the disk is defined, not only the error it returns.

use std::fmt;

use super::skipped::without_numbers;

/// The kinds, with what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// A read fails once.
    ReadError,
    /// A sector cannot be read any more until it is written again.
    LatentSector,
    /// A write fails; half of it has reached the file.
    WriteError,
    /// The device is full from here on, in the middle of a write; removing does not help.
    DiskFull,
    /// Creating, opening, listing, renaming or removing fails; nothing has changed.
    MetadataError,
    /// Creating, renaming or removing reports an error although it was done.
    FalseError,
    /// A read returns fewer bytes than asked for.
    ShortRead,
    /// A write takes fewer bytes than given.
    ShortWrite,
    /// An operation is interrupted before it has done anything.
    Interrupted,
    /// A sync fails and the pages stay dirty.
    SyncErrorDirty,
    /// A sync fails and the pages are marked clean: later syncs succeed, the data is gone.
    SyncErrorClean,
    /// A sync succeeds although writing failed; the next one reports it.
    SyncErrorLate,
    /// A sync succeeds without effect.
    LyingSync,
    /// Syncing a directory fails; the names stay pending.
    DirectorySyncError,
    /// A bit of a file flips on the device, before a read.
    BitRot,
    /// A write goes to another place of the same file; the intended place reads zeros.
    MisdirectedWrite,
    /// A read returns the bytes of another place of the same file, or of the same place
    /// of another file of its kind.
    MisdirectedRead,
    /// A read returns what the place held before the last write to the file.
    StaleRead,
    /// Foreign files and directories appear beside the store's.
    StrayFiles,
}

/// The operations that faults are matched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
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

impl FaultKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::ReadError,
        Self::LatentSector,
        Self::WriteError,
        Self::DiskFull,
        Self::MetadataError,
        Self::FalseError,
        Self::ShortRead,
        Self::ShortWrite,
        Self::Interrupted,
        Self::SyncErrorDirty,
        Self::SyncErrorClean,
        Self::SyncErrorLate,
        Self::LyingSync,
        Self::DirectorySyncError,
        Self::BitRot,
        Self::MisdirectedWrite,
        Self::MisdirectedRead,
        Self::StaleRead,
        Self::StrayFiles,
    ];

    /// The name that traces and the command line use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadError => "read-error",
            Self::LatentSector => "latent-sector",
            Self::WriteError => "write-error",
            Self::DiskFull => "disk-full",
            Self::MetadataError => "metadata-error",
            Self::FalseError => "false-error",
            Self::ShortRead => "short-read",
            Self::ShortWrite => "short-write",
            Self::Interrupted => "interrupted",
            Self::SyncErrorDirty => "sync-error-dirty",
            Self::SyncErrorClean => "sync-error-clean",
            Self::SyncErrorLate => "sync-error-late",
            Self::LyingSync => "lying-sync",
            Self::DirectorySyncError => "directory-sync-error",
            Self::BitRot => "bit-rot",
            Self::MisdirectedWrite => "misdirected-write",
            Self::MisdirectedRead => "misdirected-read",
            Self::StaleRead => "stale-read",
            Self::StrayFiles => "stray-files",
        }
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::ReadError => "a read fails once",
            Self::LatentSector => "a sector cannot be read until it is written again",
            Self::WriteError => "a write fails, and half of it has reached the file",
            Self::DiskFull => {
                "the device is full, from the middle of a write on, until files are removed"
            }
            Self::MetadataError => {
                "creating, opening, listing, renaming or removing fails without effect"
            }
            Self::FalseError => "creating, renaming or removing is done and reports an error",
            Self::ShortRead => "a read returns fewer bytes than asked for",
            Self::ShortWrite => "a write takes fewer bytes than given",
            Self::Interrupted => "an operation is interrupted and must be repeated",
            Self::SyncErrorDirty => "a sync fails and the pages stay dirty",
            Self::SyncErrorClean => "a sync fails and the pages are marked clean",
            Self::SyncErrorLate => "a failed write-back is reported by the next sync only",
            Self::LyingSync => "a sync succeeds without effect",
            Self::DirectorySyncError => "syncing a directory fails, the names stay pending",
            Self::BitRot => "a stored bit flips",
            Self::MisdirectedWrite => "a write goes to another place of its file",
            Self::MisdirectedRead => "a read returns another place, or another file of its kind",
            Self::StaleRead => "a read returns what was there before the last write",
            Self::StrayFiles => "foreign files and directories lie in the directory",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The class of faults that it belongs to: kinds of one class show a store the same
    /// trouble, or trouble that it cannot tell apart.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::ReadError | Self::LatentSector => "unreadable",
            Self::WriteError | Self::DiskFull => "unwritable",
            Self::MetadataError | Self::FalseError => "names",
            Self::ShortRead | Self::ShortWrite | Self::Interrupted => "partial",
            Self::SyncErrorDirty | Self::SyncErrorClean | Self::DirectorySyncError => "sync-errors",
            Self::LyingSync | Self::SyncErrorLate => "lies",
            Self::BitRot | Self::MisdirectedWrite | Self::MisdirectedRead | Self::StaleRead => {
                "corruption"
            }
            Self::StrayFiles => "strays",
        }
    }

    /// Whether stored or returned bytes may be wrong. Then a store may lose what it
    /// has no second copy of, and must say so; it must not answer wrongly.
    #[must_use]
    pub fn corrupts(self) -> bool {
        matches!(
            self,
            Self::LatentSector
                | Self::BitRot
                | Self::MisdirectedWrite
                | Self::MisdirectedRead
                | Self::StaleRead
        )
    }

    /// Whether a store must go on as if nothing had happened.
    #[must_use]
    pub fn is_benign(self) -> bool {
        matches!(
            self,
            Self::ShortRead | Self::ShortWrite | Self::Interrupted | Self::StrayFiles
        )
    }

    /// Whether a device may go on like this for a while.
    #[must_use]
    pub fn may_stay(self) -> bool {
        matches!(
            self,
            Self::ReadError
                | Self::WriteError
                | Self::MetadataError
                | Self::SyncErrorDirty
                | Self::DirectorySyncError
        )
    }

    /// Whether it strikes reads.
    #[must_use]
    pub fn is_of_reads(self) -> bool {
        self.strikes(Class::Read)
    }

    /// Whether the operation that it strikes returns an error.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(
            self,
            Self::ReadError
                | Self::LatentSector
                | Self::WriteError
                | Self::DiskFull
                | Self::MetadataError
                | Self::FalseError
                | Self::SyncErrorDirty
                | Self::SyncErrorClean
                | Self::DirectorySyncError
        )
    }

    /// Whether an acknowledged commit may be lost although the store did all it could.
    #[must_use]
    pub fn excuses_loss(self) -> bool {
        self.corrupts() || matches!(self, Self::LyingSync | Self::SyncErrorLate)
    }

    pub(super) fn strikes(self, class: Class) -> bool {
        match self {
            Self::ReadError
            | Self::LatentSector
            | Self::ShortRead
            | Self::BitRot
            | Self::MisdirectedRead
            | Self::StaleRead => class == Class::Read,
            Self::WriteError | Self::DiskFull | Self::ShortWrite | Self::MisdirectedWrite => {
                class == Class::Write
            }
            Self::MetadataError => matches!(
                class,
                Class::Create | Class::Open | Class::Rename | Class::Remove | Class::List
            ),
            Self::FalseError => {
                matches!(class, Class::Create | Class::Rename | Class::Remove)
            }
            Self::Interrupted => matches!(class, Class::Read | Class::Write),
            Self::SyncErrorDirty | Self::SyncErrorClean | Self::SyncErrorLate | Self::LyingSync => {
                class == Class::Sync
            }
            Self::DirectorySyncError => class == Class::SyncDirectory,
            Self::StrayFiles => class == Class::List,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One planned fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// To which files: those whose names begin with this. Empty: all.
    pub file: String,
    /// At which matching operation, counted from 1 since the fault was armed.
    pub at: u32,
    /// Whether it strikes every matching operation from then on, until the disk is healed.
    pub stays: bool,
}

/// An operation that a fault could have struck.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    class: Class,
    path: String,
}

impl Target {
    /// Whether a fault of this kind in files whose names begin with `file` would strike it.
    #[must_use]
    pub fn is_of(&self, kind: FaultKind, file: &str) -> bool {
        kind.strikes(self.class) && self.path.starts_with(file)
    }

    /// The name of the file or directory.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same of another file of the same kind: what its name has before the first digit.
    #[must_use]
    pub fn without_number(&self) -> Self {
        Self {
            class: self.class,
            path: without_numbers(&self.path),
        }
    }
}

/// A fault and what has become of it.
#[derive(Clone, Debug)]
pub(super) struct Armed {
    pub(super) fault: Fault,
    seen: u32,
    pub(super) fired: bool,
}

/// The faults of a run.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
    /// Armed and not fired: nothing is looked up when there are none.
    waiting: usize,
    fired: Vec<FaultKind>,
    /// What could have been struck, while somebody wants to know.
    targets: Option<Vec<Target>>,
}

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault) {
        self.armed.push(Armed {
            fault,
            seen: 0,
            fired: false,
        });
        self.waiting += 1;
    }

    pub(super) fn disarm(&mut self) {
        self.armed.clear();
        self.waiting = 0;
    }

    /// Notes from now on what could be struck, and returns what was noted before.
    pub(super) fn take_targets(&mut self) -> Vec<Target> {
        self.targets.replace(Vec::new()).unwrap_or_default()
    }

    /// The fault that strikes an operation on `path`, if one does.
    pub(super) fn strike(&mut self, class: Class, path: &str) -> Option<FaultKind> {
        if let Some(targets) = &mut self.targets {
            let path = path.to_owned();
            targets.push(Target { class, path });
        }
        if self.waiting == 0 {
            return None;
        }
        let mut struck = None;
        for armed in &mut self.armed {
            let is_meant = !armed.fired
                && armed.fault.kind.strikes(class)
                && path.starts_with(&armed.fault.file);
            if is_meant {
                armed.seen += 1;
                if armed.seen >= armed.fault.at && struck.is_none() {
                    if !armed.fault.stays {
                        armed.fired = true;
                        self.waiting -= 1;
                    }
                    self.fired.push(armed.fault.kind);
                    struck = Some(armed.fault.kind);
                }
            }
        }
        struck
    }

    /// The faults that have not fired yet.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Fault> {
        let waiting = self.armed.iter().filter(|armed| !armed.fired);
        waiting.map(|armed| &armed.fault)
    }

    /// Whether operations need not be shown to [`Faults::strike`].
    pub(super) fn is_idle(&self) -> bool {
        self.waiting == 0 && self.targets.is_none()
    }

    pub(super) fn fired(&self) -> &[FaultKind] {
        &self.fired
    }
}
