//! What was done to a simulated file system, in order.
//!
//! The log holds every operation that changed something or asked for durability, and
//! the marks that its user put between them. Payloads stand in one arena, so logging
//! costs one copy and no allocation for each write. Reads and listings are not logged.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::fault::FaultKind;

/// The number of a file without its name. Never used twice in one simulation.
pub type InodeId = u32;
/// The number of an interned path.
pub type PathId = u32;

/// Something that the user of the file system wants to find again between operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The client has asked for commits up to this number.
    Issued(u64),
    /// Commits up to this number were acknowledged as durable.
    Acknowledged(u64),
    /// Commits up to this number were shown to a client after an opening.
    Served(u64),
    /// A fault strikes the next operation on this file or directory.
    Fault {
        /// Its kind.
        kind: FaultKind,
        /// What the process asked for: `read`, `sync_data`.
        verb: &'static str,
        /// The name.
        path: PathId,
    },
    /// The numbered action of a plan begins.
    Action(u32),
    /// A number was drawn for a file of this name.
    Draw(PathId),
}

/// How an attempt to make something durable ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// As promised.
    Kept,
    /// Nothing became durable, and nothing was forgotten: a failed sync that leaves
    /// pages dirty, a sync that lies, or a barrier that was taken out on purpose.
    Ignored,
    /// What was pending is forgotten: it will never become durable, although the
    /// process still reads it. What ext4 and XFS do after a failed sync (Rebello et al.,
    /// ATC 2020).
    Dropped,
}

/// One logged operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file came to be.
    Create {
        /// Its name.
        path: PathId,
        /// The file.
        inode: InodeId,
    },
    /// Bytes were written.
    Write {
        /// The file.
        inode: InodeId,
        /// What it was called then, or last.
        path: PathId,
        /// Where, in bytes from its start.
        offset: u64,
        /// The bytes, in the arena of the log.
        bytes: Range<usize>,
        /// The length of the file before.
        before: u64,
    },
    /// The length was set.
    SetLength {
        /// The file.
        inode: InodeId,
        /// What it was called then, or last.
        path: PathId,
        /// The length before.
        before: u64,
        /// The length after.
        after: u64,
    },
    /// A name moved.
    Rename {
        /// The old name.
        from: PathId,
        /// The new one.
        to: PathId,
        /// The file.
        inode: InodeId,
        /// The file that had the new name.
        replaced: Option<InodeId>,
    },
    /// A name went.
    Remove {
        /// The name.
        path: PathId,
        /// The file.
        inode: InodeId,
    },
    /// A directory came to be. Durable at once, by the contract of `Fs`.
    CreateDirectory {
        /// Its name.
        path: PathId,
    },
    /// A file was synced.
    Sync {
        /// The file.
        inode: InodeId,
        /// What it was called then, or last.
        path: PathId,
        /// Whether metadata was left out (`sync_data`).
        data_only: bool,
        /// What came of it.
        barrier: Barrier,
    },
    /// A directory was synced.
    SyncDirectory {
        /// Its name.
        path: PathId,
        /// What came of it.
        barrier: Barrier,
    },
    /// Bytes rotted on the device.
    Rot {
        /// The file.
        inode: InodeId,
        /// What it was called then, or last.
        path: PathId,
        /// Where.
        offset: u64,
        /// The bits that changed.
        mask: u8,
    },
    /// A mark of the user.
    Mark(Mark),
}

impl Operation {
    /// Whether this is something that a process asked of the file system.
    #[must_use]
    pub fn is_call(&self) -> bool {
        !matches!(self, Self::Mark(_) | Self::Rot { .. })
    }

    /// Whether this asks for durability.
    #[must_use]
    pub fn is_barrier(&self) -> bool {
        matches!(self, Self::Sync { .. } | Self::SyncDirectory { .. })
    }
}

/// The log of one simulated file system.
#[derive(Clone, Debug, Default)]
pub struct Log {
    operations: Vec<Operation>,
    arena: Vec<u8>,
    paths: Vec<Arc<str>>,
    /// The first name of each file.
    first_names: Vec<PathId>,
    /// What each file is called now, or was last.
    names: Vec<PathId>,
}

impl Log {
    /// The operations in order.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The bytes that a write has written.
    #[must_use]
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.arena[range.clone()]
    }

    /// The text of a path.
    #[must_use]
    pub fn path(&self, path: PathId) -> &Arc<str> {
        &self.paths[path as usize]
    }

    /// The first name that a file had.
    #[must_use]
    pub fn first_name(&self, inode: InodeId) -> &Arc<str> {
        self.path(self.first_names[inode as usize])
    }

    pub(super) fn first_path(&self, inode: InodeId) -> PathId {
        self.first_names[inode as usize]
    }

    /// How many files there are or were.
    pub(super) fn file_count(&self) -> usize {
        self.first_names.len()
    }

    /// What a file is called at the end of the log, or was called last.
    pub(super) fn last_name(&self, inode: InodeId) -> PathId {
        self.names[inode as usize]
    }

    /// The number of a path. Linear in the number of distinct paths, which is small;
    /// recent ones are found first.
    pub(super) fn intern(&mut self, path: &str) -> PathId {
        if let Some(position) = self.paths.iter().rposition(|known| &**known == path) {
            return position as PathId;
        }
        self.paths.push(path.into());
        (self.paths.len() - 1) as PathId
    }

    pub(super) fn name_inode(&mut self, inode: InodeId, path: PathId) {
        debug_assert_eq!(
            self.names.len(),
            inode as usize,
            "inodes are numbered in order"
        );
        self.first_names.push(path);
        self.names.push(path);
    }

    pub(super) fn push(&mut self, operation: Operation) {
        if let Operation::Rename { to, inode, .. } = &operation {
            self.names[*inode as usize] = *to;
        }
        self.operations.push(operation);
    }

    pub(super) fn push_write(&mut self, inode: InodeId, offset: u64, bytes: &[u8], before: u64) {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.push(Operation::Write {
            inode,
            path: self.last_name(inode),
            offset,
            bytes: start..self.arena.len(),
            before,
        });
    }

    /// Forgets what was done, for long runs in which nobody will crash.
    pub(super) fn clear(&mut self) {
        self.operations.clear();
        self.arena.clear();
    }

    /// One operation as people read it: `sync_data wal-000001`.
    #[must_use]
    pub fn describe<'log>(&'log self, operation: &'log Operation) -> impl fmt::Display + 'log {
        Described {
            log: self,
            operation,
        }
    }
}

struct Described<'log> {
    log: &'log Log,
    operation: &'log Operation,
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.log;
        let note = |barrier: Barrier| match barrier {
            Barrier::Kept => "",
            Barrier::Ignored => " (without effect)",
            Barrier::Dropped => " (forgets)",
        };
        match self.operation {
            Operation::Create { path, .. } => write!(formatter, "create {}", log.path(*path)),
            Operation::Write {
                path,
                offset,
                bytes,
                ..
            } => {
                let end = offset + bytes.len() as u64;
                write!(formatter, "write {}[{offset}..{end}]", log.path(*path))
            }
            Operation::SetLength { path, after, .. } => {
                write!(formatter, "set_len {} {after}", log.path(*path))
            }
            Operation::Rename { from, to, .. } => {
                write!(formatter, "rename {} {}", log.path(*from), log.path(*to))
            }
            Operation::Remove { path, .. } => write!(formatter, "remove {}", log.path(*path)),
            Operation::CreateDirectory { path } => {
                write!(formatter, "create_dir {}", directory(log.path(*path)))
            }
            Operation::Sync {
                path,
                data_only,
                barrier,
                ..
            } => {
                let verb = if *data_only { "sync_data" } else { "sync" };
                write!(formatter, "{verb} {}{}", log.path(*path), note(*barrier))
            }
            Operation::SyncDirectory { path, barrier } => {
                let path = directory(log.path(*path));
                write!(formatter, "sync_dir {path}{}", note(*barrier))
            }
            Operation::Rot { path, offset, .. } => {
                write!(formatter, "rot {}[{offset}]", log.path(*path))
            }
            Operation::Mark(Mark::Issued(commit)) => write!(formatter, "issued {commit}"),
            Operation::Mark(Mark::Acknowledged(commit)) => {
                write!(formatter, "acknowledged {commit}")
            }
            Operation::Mark(Mark::Served(commit)) => write!(formatter, "served {commit}"),
            Operation::Mark(Mark::Fault { kind, verb, path }) => {
                let place = place_of(verb, log.path(*path));
                write!(formatter, "{kind} strikes {place}")
            }
            Operation::Mark(Mark::Action(action)) => write!(formatter, "action {action}"),
            Operation::Mark(Mark::Draw(path)) => {
                write!(formatter, "draw a number for {}", log.path(*path))
            }
        }
    }
}

/// An operation on a file or directory as people read it.
#[must_use]
pub fn place_of(verb: &str, path: &str) -> String {
    format!("{verb} {}", directory(path))
}

/// A directory's name for people: the root is `/`.
fn directory(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}
